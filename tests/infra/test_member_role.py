"""The role in each other account: its rights, its trust policy, and its plain template for StackSets."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from aws_cdk import App, Validations
from cdk_nag import AwsSolutionsChecks, HIPAASecurityChecks, NIST80053R5Checks
from ses_reputation.core.fleet import ROLE_TAG, ROLE_VERSION, deploy_role_command, role_tag_value
from ses_reputation.settings import Settings, parse

from infra import member_role, release
from infra.grants import READ_TARGET
from tests.infra.conftest import CONTEXT, RECIPIENT, Resources, linted, of_type
from tests.infra.test_stack import actions, statements

ACCOUNTS = """
[[accounts]]
id = "111111111111"
name = "shop"
[member_role]
external_id = "ours"
"""


def settings(more: str = "") -> Settings:
    return parse(RECIPIENT + ACCOUNTS + more)


@pytest.fixture(scope="module")
def made() -> dict[str, Any]:
    return member_role.template(settings())


@pytest.fixture(scope="module")
def role(made: dict[str, Any]) -> dict[str, Any]:
    [found] = of_type(made["Resources"], "AWS::IAM::Role")
    return found


@pytest.mark.parametrize("look", ["off", "domains", "samples"])
def test_the_member_role_may_read_what_the_monitor_reads(synth: Callable[[str], dict[str, Any]], look: str) -> None:
    toml = f'{ACCOUNTS}[cause]\nlook = "{look}"\n'
    [member] = of_type(member_role.template(parse(RECIPIENT + toml))["Resources"], "AWS::IAM::Role")
    read, version = member["Policies"][0]["PolicyDocument"]["Statement"]
    hub: Resources = synth(toml)["Resources"]
    own = {a for s in statements(hub) if s.get("Sid") in (*READ_TARGET, "FindCause") for a in actions(s)}
    assert read["Effect"] == "Allow" and read["Resource"] == "*" and set(read["Action"]) == own
    assert version["Action"] == "iam:GetRole"
    assert json.dumps(version["Resource"]).count(":role/SesReputationMember") == 1
    assert len(member["Policies"]) == 1 and "ManagedPolicyArns" not in member


def test_the_member_role_trusts_only_the_named_roles(
    role: dict[str, Any],
) -> None:
    [trust] = role["AssumeRolePolicyDocument"]["Statement"]
    account = {"Fn::Select": [4, {"Fn::Split": [":", {"Fn::Select": [0, {"Ref": "TrustedRoles"}]}]}]}
    [*_, principal, _] = trust["Principal"]["AWS"]["Fn::Join"][1]
    assert trust["Action"] == "sts:AssumeRole" and principal == account
    assert trust["Condition"] == {
        "ArnLike": {"aws:PrincipalArn": {"Ref": "TrustedRoles"}},
        "StringEquals": {
            "sts:ExternalId": {"Ref": "ExternalId"},
            "aws:PrincipalOrgID": {"Fn::If": ["HasOrganization", {"Ref": "OrganizationId"}, {"Ref": "AWS::NoValue"}]},
        },
    }


def test_its_version_is_in_its_tag_and_description(made: dict[str, Any], role: dict[str, Any]) -> None:
    assert {"Key": ROLE_TAG, "Value": role_tag_value("domains")} in role["Tags"]
    assert f"Version {ROLE_VERSION}." in role["Description"] and f"Version {ROLE_VERSION}." in made["Description"]


def test_roles_with_other_rights_have_other_tags() -> None:
    rights: dict[str, set[str]] = {}
    for look in ("off", "domains", "samples"):
        [member] = of_type(member_role.template(settings(f'[cause]\nlook = "{look}"\n'))["Resources"], "AWS::IAM::Role")
        [tag] = [tag["Value"] for tag in member["Tags"] if tag["Key"] == ROLE_TAG]
        rights[tag] = {a for s in member["Policies"][0]["PolicyDocument"]["Statement"] for a in actions(s)}
    assert len(rights) == 3 == len({frozenset(each) for each in rights.values()})


def test_only_the_trusted_account_must_be_given(made: dict[str, Any]) -> None:
    defaults = {name: parameter.get("Default") for name, parameter in made["Parameters"].items()}
    assert defaults == {"TrustedRoles": None, "ExternalId": "ours", "OrganizationId": ""}
    named = member_role.template(settings('name = "Reader"\n'))
    assert of_type(named["Resources"], "AWS::IAM::Role")[0]["RoleName"] == "Reader"


def test_the_template_suits_a_stack_set(made: dict[str, Any]) -> None:
    assert {r["Type"] for r in made["Resources"].values()} == {"AWS::IAM::Role"}
    body = json.dumps(made)
    assert "Transform" not in made and "cdk" not in body.lower() and len(body) < 51_200
    assert linted(made) == []


def test_the_repair_command_names_the_written_file_and_stack(tmp_path: Path) -> None:
    command = deploy_role_command("eu-west-1")
    assert f"--template-file {member_role.OUT.name} " in command and f"--stack-name {member_role.STACK} " in command
    file = member_role.write(settings(), tmp_path / "made" / "member-role.json")
    assert json.loads(file.read_text()) == member_role.template(settings())


def test_cdk_nag_finds_nothing_unexplained(tmp_path: Path) -> None:
    app = App(context=CONTEXT, outdir=str(tmp_path), builtin_cloud_formation_validation=True)
    for pack in (AwsSolutionsChecks, HIPAASecurityChecks, NIST80053R5Checks):
        Validations.of(app).add_plugins(pack(app))
    member_role.MemberRoleStack(app, member_role.STACK, settings=settings())
    with contextlib.suppress(RuntimeError):
        app.synth()
    report = json.loads((tmp_path / "validation-report.json").read_text())
    assert [v["ruleName"] for pack in report["pluginReports"] for v in pack["violations"]] == []


def test_the_release_includes_the_member_role(tmp_path: Path) -> None:
    file = tmp_path / "settings.toml"
    file.write_text(RECIPIENT + ACCOUNTS)
    written = release.release(file, tmp_path / "dist")
    assert "member-role.json" in [path.name for path in written]
    assert "member-role.json" in (tmp_path / "dist" / "SHA256SUMS").read_text()


def test_the_outputs_name_whom_the_role_must_trust(synth: Callable[[str], dict[str, Any]]) -> None:
    assert "MonitorRoleArn" in synth(ACCOUNTS)["Outputs"]
    assert "MonitorRoleArn" not in synth("")["Outputs"]
