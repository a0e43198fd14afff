"""The tables of rights in docs/security.md, read from the synthesised template: `python -m tools.permissions` writes them."""

from __future__ import annotations

import json
import re
import tempfile
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from aws_cdk import App
from aws_cdk.assertions import Template
from aws_cdk.aws_lambda import Code
from ses_reputation.settings import from_tables

from infra import member_role
from infra.stack import MonitorStack

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "security.md"
BEGIN, END = "<!-- Made by `python -m tools.permissions`; a test fails when it is stale. -->\n", "<!-- End. -->\n"

OFF = '[cause]\nlook = "off"\n'
FLEET = "[member_role]\nexternal_id = 'ours'\n"
VARIANTS = {
    "always": OFF,
    'not with `look = "off"`': "",
    'with `look = "samples"`': '[cause]\nlook = "samples"\n',
    "with Slack's webhook": f'{OFF}[slack]\nwebhook_parameter = "/ses/slack"\n',
    "with a secret instead of a parameter": f'{OFF}[slack]\nwebhook_secret = "slack"\n',
    "with PagerDuty": f'{OFF}[pagerduty]\nrouting_key_parameter = "/ses/pagerduty"\n',
    "with Slack or Teams by Amazon Q": f'{OFF}[chat]\nworkspace_id = "T0123ABCD"\nchannel_id = "C0123ABCD"\n',
    "with `[events]`": f'{OFF}[events]\nbus = "team"\nrun_at_once = true\n',
    "with `[[accounts]]`": f"{OFF}{FLEET}[[accounts]]\nid = '111111111111'\n",
    "with units of an organization": f"{OFF}{FLEET}[organization]\nunits = ['ou-ab12-12345678']\n",
    "with a key of your own": f"{OFF}[deployment]\ncustomer_managed_key = true\n",
    'with `[pause] level = "configuration-sets"`': '[pause]\nlevel = "configuration-sets"\n',
    'with `[pause] level = "tenants"`': '[pause]\nlevel = "tenants"\n',
    'with `[pause] level = "account"`': '[pause]\nlevel = "account"\n',
    "in a VPC": f'{OFF}[deployment]\nsubnet_ids = ["subnet-0123456789abcdef0"]\n'
    'security_group_ids = ["sg-0123456789abcdef0"]\n',
}
"""Settings that add rights, each beside those before it."""

OWNERS = {
    "FunctionRole": "the monitor",
    "ScheduleRole": "the schedule",
    "SlackFunctionRole": "the forwarder to Slack",
    "PagerDutyFunctionRole": "the forwarder to PagerDuty",
    "ChatRights": "everybody in the channel of Amazon Q",
}
"""Owner of a policy, by its logical id."""

RESOURCES = {
    "AWS::DynamoDB::Table": "its table",
    "AWS::SNS::Topic": "its topics",
    "AWS::SQS::Queue": "its queue of failed runs or messages",
    "AWS::Logs::LogGroup": "its log",
    "AWS::Lambda::Function": "the monitor",
    "AWS::KMS::Key": "that key",
}

ARNS = {
    ":parameter/": "the parameter that the settings name",
    ":secret:": "the secret that the settings name",
    r":key/\*": "any key",
    r":configuration-set/\*": "any configuration set",
    ":event-bus/": "the bus that the settings name",
    r":iam::\d{12}:role/": "the role that the settings name, in the accounts that they list",
    r":iam::\*:role/": "the role that the settings name, in any account",
}
"""Resources that the stack does not make, by a pattern of their ARN."""

CONDITIONS = {
    "cloudwatch:namespace": "only in the namespace of the monitor",
    "aws:ResourceOrgID": "of its own organization",
    "kms:EncryptionContext:PARAMETER_ARN": "only to read that parameter",
    "kms:EncryptionContext:SecretARN": "only to read that secret",
}

Row = tuple[str, str, str]
"""Owner, action and resource."""


def tables() -> str:
    """Rights by owner, action and resource, with the settings that bring them, as a Markdown table."""
    lines = ["| Who | May | On | When |", "| --- | --- | --- | --- |"]
    known: set[Row] = set()
    for when, toml in VARIANTS.items():
        new = [row for row in _rights(toml) if row not in known]
        known.update(new)
        for who, where in dict.fromkeys((who, where) for who, _, where in new):
            actions = ", ".join(f"`{action}`" for one, action, on in new if (one, on) == (who, where))
            lines.append(f"| {who} | {actions} | {where} | {when} |")
    return "\n".join(lines) + "\n"


def _rights(toml: str) -> Iterator[Row]:
    context = json.loads((ROOT / "cdk.json").read_text(encoding="utf-8"))["context"]
    given = tomllib.loads(f'[alerts]\nemails = ["oncall@mail.test"]\n{toml}')
    with tempfile.TemporaryDirectory() as asset:
        app = App(context=context, builtin_cloud_formation_validation=False)
        stack = MonitorStack(app, "Stack", settings=given, code=Code.from_asset(asset))
        resources: Mapping[str, Any] = Template.from_stack(stack).to_json()["Resources"]
    for name, policy in resources.items():
        if policy["Type"] not in ("AWS::IAM::Policy", "AWS::IAM::ManagedPolicy"):
            continue
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]:
            actions = statement["Action"]
            for action in [actions] if isinstance(actions, str) else actions:
                yield _owner(name), action, _where(statement, resources)
    yield from _rights_in_other_accounts(given)


def _rights_in_other_accounts(given: Mapping[str, Any]) -> Iterator[Row]:
    """Rights of the role in each other account, which has a template of its own."""
    settings = from_tables(given)
    resources = member_role.template(settings)["Resources"].values() if settings.fleet.on else ()
    for role in (resource["Properties"] for resource in resources if resource["Type"] == "AWS::IAM::Role"):
        for statement in (each for policy in role["Policies"] for each in policy["PolicyDocument"]["Statement"]):
            actions, where = statement["Action"], "everything" if statement["Resource"] == "*" else "itself"
            for action in [actions] if isinstance(actions, str) else actions:
                yield "the role in another account", action, where


def _owner(policy: str) -> str:
    """Owner of a policy. Raises `LookupError` for one that `OWNERS` lacks."""
    return OWNERS[re.sub(r"(DefaultPolicy)?[0-9A-F]{8}$", "", policy)]


def _where(statement: Mapping[str, Any], resources: Mapping[str, Any]) -> str:
    """Resource of a statement, and its condition, in words. Raises `LookupError` for an unknown resource or condition."""
    text = json.dumps(statement["Resource"])
    named = [RESOURCES[resources[name]["Type"]] for name in re.findall(r'"(\w+)"', text) if name in resources]
    named += [words for part, words in ARNS.items() if re.search(part, text)]
    conditions = [key for tests in statement.get("Condition", {}).values() for key in tests]
    where = "everything" if text == '"*"' else " and ".join(dict.fromkeys(named))
    if not where:
        raise LookupError(text)
    return ", ".join([where, *(CONDITIONS[key] for key in conditions)])


def page() -> str:
    """The page with new tables; the text around them is written by hand."""
    text = PAGE.read_text(encoding="utf-8")
    before, rest = text.split(BEGIN)
    _, after = rest.split(END)
    return f"{before}{BEGIN}\n{tables()}\n{END}{after}"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
