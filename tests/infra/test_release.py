"""The release: what people deploy without the CDK."""

from __future__ import annotations

import hashlib
import json
import re
import tomllib
import zipfile
from pathlib import Path
from typing import Any

import pytest
from ses_reputation.settings import load

from infra import bundle, release

from .conftest import ROOT, linted, of_type

SETTINGS = ROOT / "settings.toml"


@pytest.fixture(scope="session")
def made() -> dict[str, Any]:
    return release.template(SETTINGS)


def test_the_template_needs_no_bucket_and_no_role_of_the_cdk(made: dict[str, Any]) -> None:
    body = json.dumps(made)
    assert "cdk-" not in body and "BootstrapVersion" not in body and "aws:cdk:path" not in body
    code = [function["Code"] for function in of_type(made["Resources"], "AWS::Lambda::Function")]
    assert code == [{"S3Bucket": {"Ref": "CodeBucket"}, "S3Key": {"Ref": "CodeKey"}}] * 2


def test_cfn_lint_finds_nothing(made: dict[str, Any]) -> None:
    assert linted(made) == []


OPTIONS = """
[events]
bus = "default"
run_at_once = true
[pagerduty]
routing_key_parameter = "/ses/pagerduty"
[alarms]
per_target = "warning"
[deployment]
fixed_names = false
encrypt = ["all"]
"""


def test_cfn_lint_finds_nothing_with_options_either(tmp_path: Path) -> None:
    settings = tmp_path / "settings.toml"
    settings.write_text(f'[alerts]\nemails = ["oncall@mail.test"]\n{OPTIONS}')
    assert linted(release.template(settings)) == []


def test_parameters_override_the_settings_in_the_zip(made: dict[str, Any], tmp_path: Path) -> None:
    functions = of_type(made["Resources"], "AWS::Lambda::Function")
    texts = [function["Environment"]["Variables"]["SETTINGS"]["Fn::Sub"][0] for function in functions]
    assert texts[0] == texts[1]
    values = {"List": 'a@mail.test", "b@mail.test', "SlackWebhookParameter": "/team/slack", "ScheduleMinutes": "30"}
    over = re.sub(r"\$\{(\w+)\}", lambda name: values[name[1]], texts[0])
    settings = load(SETTINGS, over)
    assert settings.alerts.emails == ("a@mail.test", "b@mail.test")
    assert settings.slack.webhook.parameter == "/team/slack"
    assert settings.deployment.schedule_minutes == 30
    assert settings.policy == load(SETTINGS).policy


def test_one_parameter_sets_the_schedule_and_its_alarms(made: dict[str, Any]) -> None:
    [schedule] = of_type(made["Resources"], "AWS::Scheduler::Schedule")
    assert schedule["ScheduleExpression"] == {"Fn::Sub": "rate(${ScheduleMinutes} minutes)"}
    seconds = {name: row["Value"] for name, row in made["Mappings"]["ScheduleSeconds"].items()}
    assert seconds == {str(minutes): 60 * minutes for minutes in release.MINUTES}
    watchdog = [r for name, r in made["Resources"].items() if name.startswith("Watchdog")]
    assert len(watchdog) == 2 and json.dumps(watchdog).count("ScheduleSeconds") == 3
    assert '"Period": 900' not in json.dumps(watchdog)


def test_without_slack_no_slack_resource_is_made(made: dict[str, Any]) -> None:
    slack = {name for name, r in made["Resources"].items() if r.get("Condition") == "HasSlack"}
    assert {made["Resources"][name]["Type"] for name in slack} >= {"AWS::Lambda::Function", "AWS::SQS::Queue"}
    for name, resource in made["Resources"].items():
        if name not in slack:
            plain = re.sub(r'\{"Fn::If": \["HasSlack", \{[^}]*\}, ', "", json.dumps(resource))
            assert not [other for other in slack if f'"{other}"' in plain], name
    assert release.ANY_PARAMETER not in json.dumps(made)


def test_each_recipient_is_subscribed_if_given(made: dict[str, Any]) -> None:
    emails = [r for r in made["Resources"].values() if r["Type"] == "AWS::SNS::Subscription" and "Email" in str(r)]
    assert [r["Condition"] for r in emails] == [f"HasEmail{number}" for number in range(1, release.RECIPIENTS + 1)]


def test_the_release_is_reproducible_with_checksums(tmp_path: Path) -> None:
    first, second = (release.release(SETTINGS, tmp_path / name) for name in ("first", "second"))
    assert [path.name for path in first] == ["template.json", "function.zip", "sbom.cdx.json", "SHA256SUMS"]
    assert first[0].stat().st_size <= 51_200  # what CloudFormation takes without a bucket
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]
    for line in first[3].read_text().splitlines():
        digest, name = line.split("  ")
        assert hashlib.sha256((tmp_path / "first" / name).read_bytes()).hexdigest() == digest
    with zipfile.ZipFile(first[1]) as archive:
        assert {"settings.toml", "ses_reputation/entry.py", "botocore/session.py"} <= set(archive.namelist())
        assert tomllib.loads(archive.read("settings.toml").decode()) == tomllib.loads(SETTINGS.read_text())


def test_the_sbom_names_every_package_that_ships_with_its_hash() -> None:
    requirements = bundle.REQUIREMENTS.read_text()
    bom = release.sbom(requirements, bundle.pinned_libraries())
    pinned = dict(re.findall(r"^(\S+)==(\S+)", requirements, re.MULTILINE))
    assert {c["name"]: c["version"] for c in bom["components"]} == {
        name.replace("_", "-"): version for name, version in pinned.items()
    }
    assert all(c["hashes"][0]["content"] in requirements for c in bom["components"])


@pytest.mark.parametrize(
    ("parameter", "good", "bad"),
    [
        ("Emails", ["oncall@mail.test"], ["", "oncall", "Ops <oncall@mail.test>", "a@b"]),
        ("SlackWebhookParameter", ["", "/ses/slack"], ["slack", "/aws/x", "/a/../b c", "https://hooks.slack.com/x"]),
    ],
)
def test_a_parameter_accepts_what_the_settings_accept(
    made: dict[str, Any], parameter: str, good: list[str], bad: list[str]
) -> None:
    pattern = made["Parameters"][parameter]["AllowedPattern"]
    assert [value for value in good + bad if re.fullmatch(pattern, value)] == good
