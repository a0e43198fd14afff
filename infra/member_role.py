"""The role by which the monitor reads another account: a construct, a stack, and `make member-role`, its plain CloudFormation template.

Made for service-managed StackSets, which bring it to each account that joins an organisational unit.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from aws_cdk import (
    App,
    ArnFormat,
    Aws,
    BootstraplessSynthesizer,
    CfnCondition,
    CfnOutput,
    CfnParameter,
    Fn,
    Stack,
    Tags,
)
from aws_cdk import aws_iam as iam
from constructs import Construct
from ses_reputation.core.fleet import ROLE_TAG, ROLE_VERSION, role_tag_value
from ses_reputation.settings import Settings, SettingsError, load
from ses_reputation.settings.cause import ACTIONS as CAUSE_ACTIONS

from .bundle import ROOT
from .grants import READ_TARGET
from .nag_suppressions import ANSWERS, PACKS, REGULATED, acknowledge

OUT = ROOT / "dist" / "member-role.json"

STACK = "SesReputationMember"


class MemberRole(Construct):
    """A role that lets the monitor of another account read what it reads of its own. Attribute: `role`."""

    def __init__(
        self, scope: Construct, construct_id: str, *, settings: Settings, monitor: str, conditions: Mapping[str, Any]
    ) -> None:
        super().__init__(scope, construct_id)
        actions = dict.fromkeys((*READ_TARGET.values(), *CAUSE_ACTIONS[settings.look]))
        name = settings.fleet.role_name
        itself = Stack.of(self).format_arn(
            service="iam", region="", resource="role", resource_name=name, arn_format=ArnFormat.SLASH_RESOURCE_NAME
        )
        read = iam.PolicyDocument(
            statements=[
                iam.PolicyStatement(sid="Read", actions=[*actions], resources=["*"]),
                iam.PolicyStatement(sid="SayVersion", actions=["iam:GetRole"], resources=[itself]),
            ]
        )
        self.role = iam.Role(
            self,
            "Default",
            role_name=name,
            description=f"The SES reputation monitor reads statistics with it. Version {ROLE_VERSION}.",
            assumed_by=iam.PrincipalWithConditions(iam.AccountPrincipal(monitor), conditions),
            inline_policies={"Read": read},
        )
        Tags.of(self.role).add(ROLE_TAG, role_tag_value(settings.look))
        acknowledge(self, ANSWERS)
        for pack in PACKS:
            acknowledge(self, REGULATED, pack)


class MemberRoleStack(Stack):
    """The role alone, for each other account. What the settings say is the default of a parameter; `TrustedRoles` has none."""

    def __init__(self, scope: Construct, construct_id: str, *, settings: Settings) -> None:
        super().__init__(
            scope,
            construct_id,
            synthesizer=BootstraplessSynthesizer(),  # member accounts need no bucket of the CDK
            description=f"Lets the SES reputation monitor of another account read statistics. Version {ROLE_VERSION}.",
        )
        trusted = CfnParameter(
            self,
            "TrustedRoles",
            type="CommaDelimitedList",
            allowed_pattern=r"arn:aws[a-z-]*:iam::[0-9]{12}:role/\S+",
            description="ARN of the monitor's role: the output MonitorRoleArn of its stack. After it, roles of the same account "
            "whose people run `ses-reputation check --all`; * stands for any text.",
        ).value_as_list
        external_id = CfnParameter(
            self,
            "ExternalId",
            default=settings.fleet.external_id,
            description="What the monitor names to assume the role.",
        ).value_as_string
        organization = CfnParameter(
            self,
            "OrganizationId",
            default="",
            allowed_pattern="(o-[a-z0-9]{10,32})?",
            description="Only roles of this organisation may assume it; `aws organizations describe-organization` has its id. Empty: "
            "TrustedRoles and ExternalId alone decide.",
        ).value_as_string
        given = CfnCondition(
            self, "HasOrganization", expression=Fn.condition_not(Fn.condition_equals(organization, ""))
        )
        role = MemberRole(
            self,
            "Role",
            settings=settings,
            monitor=Fn.select(4, Fn.split(":", Fn.select(0, trusted))),
            conditions={
                "ArnLike": {"aws:PrincipalArn": trusted},
                "StringEquals": {
                    "sts:ExternalId": external_id,
                    "aws:PrincipalOrgID": Fn.condition_if(given.logical_id, organization, Aws.NO_VALUE),
                },
            },
        ).role
        CfnOutput(self, "RoleArn", value=role.role_arn, description=f"Version {ROLE_VERSION}.")


def template(settings: Settings) -> dict[str, Any]:
    """The template of the role, without anything of the CDK."""
    context = json.loads((ROOT / "cdk.json").read_text(encoding="utf-8"))["context"]
    app = App(context=context, builtin_cloud_formation_validation=False, analytics_reporting=False)
    MemberRoleStack(app, STACK, settings=settings)
    made: dict[str, Any] = app.synth().get_stack_by_name(STACK).template
    for resource in made["Resources"].values():
        resource.pop("Metadata", None)  # paths in the CDK's tree
    return made


def write(settings: Settings, file: Path = OUT) -> Path:
    """Write the template into `file`."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(template(settings), indent=1) + "\n", encoding="utf-8")
    return file


def main() -> None:
    """Write the template for the settings file that the command line names."""
    try:
        print(write(load(Path(sys.argv[1]))).relative_to(ROOT))
    except SettingsError as problem:
        sys.exit(str(problem))
