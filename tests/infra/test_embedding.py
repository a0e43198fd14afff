"""The monitor in somebody else's CDK app, from the wheel that they install."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
from aws_cdk import App, Environment, PermissionsBoundary, Stack
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sqs as sqs
from aws_cdk.assertions import Annotations, Match, Template
from aws_cdk.aws_lambda import Code

from infra import MonitorStack, SesReputationMonitor, SettingsError

from .conftest import CONTEXT, ROOT

SETTINGS = {"alerts": {"emails": ["oncall@mail.test"]}}


@pytest.fixture
def app() -> App:
    return App(context=CONTEXT, builtin_cloud_formation_validation=False)


@pytest.fixture
def code(tmp_path: Path) -> Code:
    return Code.from_asset(str(tmp_path))


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel as pip installs it, without its dependencies."""
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"  # a build leaves files beside its sources
    for name in ("lambda", "infra", "cli"):
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", source)
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]
    offline = ["--no-deps", "--no-build-isolation", "--no-index"]
    subprocess.run([*pip, "wheel", *offline, "--wheel-dir", str(folder), str(source)], check=True, capture_output=True)
    [wheel] = folder.glob("*.whl")
    target = folder / "site"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(target)
    return target


def test_the_wheel_has_unique_import_names(installed: Path) -> None:
    names = {path.name for path in installed.iterdir() if path.suffix != ".dist-info"}
    assert names == {"ses_reputation", "ses_reputation_cdk", "ses_reputation_cli"}


def test_the_example_app_builds_the_function_from_the_wheel(installed: Path, tmp_path: Path) -> None:
    example = tmp_path / "app.py"
    example.write_text((ROOT / "examples" / "cdk_app" / "app.py").read_text())
    environment = {**os.environ, "PYTHONPATH": str(installed), "CDK_OUTDIR": str(tmp_path / "out")}
    environment |= {"CDK_CONTEXT_JSON": json.dumps({"aws:cdk:enable-path-metadata": False}), "TMPDIR": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-S", "-c", _WITHOUT_THE_REPOSITORY, str(example)],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    for region in ("eu-west-1", "us-east-1"):
        resources = json.loads((tmp_path / "out" / f"Email-{region}.template.json").read_text())["Resources"]
        kinds = [resource["Type"] for resource in resources.values()]
        assert kinds.count("AWS::Lambda::Function") == 1 and kinds.count("AWS::SQS::Queue") == 2
    [asset] = [path for path in (tmp_path / "out").glob("asset.*") if path.is_dir()]  # one for both regions
    assert (asset / "ses_reputation" / "entry.py").exists() and (asset / "botocore").exists()
    assert "oncall@example.org" in (asset / "settings.toml").read_text()


_WITHOUT_THE_REPOSITORY = f"""
import runpy, site, sys
site.addsitedir({str(next(Path(p) for p in sys.path if p.endswith("site-packages")))!r})
sys.meta_path[:] = [finder for finder in sys.meta_path if "editable" not in getattr(finder, "__module__", str(finder))]
runpy.run_path(sys.argv[1], run_name="__main__")
"""


def test_an_app_can_have_monitors_in_two_regions(app: App, tmp_path: Path) -> None:
    stacks = {}
    for region in ("eu-west-1", "us-east-1"):
        stacks[region] = stack = Stack(app, f"Email-{region}", env=Environment(region=region))
        sqs.Queue(stack, "Other")
        SesReputationMonitor(stack, "Reputation", settings=SETTINGS, code=Code.from_asset(str(tmp_path)))
    for region, stack in stacks.items():
        template = Template.from_stack(stack)
        template.resource_count_is("AWS::Lambda::Function", 1)
        template.has_resource_properties("AWS::CloudWatch::Dashboard", {"DashboardName": f"SesReputation-{region}"})
        template.has_resource("AWS::DynamoDB::Table", {"DeletionPolicy": "Retain"})


def test_resources_to_extend_are_attributes(app: App, code: Code) -> None:
    settings = {**SETTINGS, "slack": {"webhook_parameter": "/ses/slack"}}
    stack = Stack(app, "Email")
    monitor = SesReputationMonitor(stack, "Reputation", settings=settings, code=code)
    assert monitor.slack is not None and monitor.chat_topic is None
    assert [alarm.node.path.split("/")[2] for alarm in monitor.alarms] == [
        "Watchdog",
        "Watchdog",
        "FailedRuns",
        "Slack",
    ]
    for attribute in (
        monitor.topic,
        monitor.function,
        monitor.role,
        monitor.table,
        monitor.schedule,
        monitor.dashboard,
    ):
        assert attribute.node.path.startswith("Email/Reputation/")


def test_the_apps_own_topic_and_key_are_used(app: App, code: Code) -> None:
    stack = Stack(app, "Email")
    topic, key = sns.Topic(stack, "Topic"), kms.Key(stack, "Key")
    settings = {**SETTINGS, "deployment": {"encrypt": ["queues", "logs", "table", "environment"]}}
    SesReputationMonitor(stack, "Reputation", settings=settings, code=code, topic=topic, key=key)
    template = Template.from_stack(stack)
    template.resource_count_is("AWS::SNS::Topic", 1)
    template.resource_count_is("AWS::KMS::Key", 1)
    arn = {"Fn::GetAtt": [Match.any_value(), "Arn"]}
    template.has_resource_properties("AWS::Logs::LogGroup", {"KmsKeyId": arn})
    template.has_resource_properties("AWS::SQS::Queue", {"KmsMasterKeyId": arn})
    template.has_resource_properties("AWS::DynamoDB::Table", {"SSESpecification": {"KMSMasterKeyId": arn}})
    template.has_resource_properties("AWS::Lambda::Function", {"KmsKeyArn": arn})


def test_an_organisations_rules_reach_every_role_and_function(app: App, code: Code) -> None:
    rules = {
        "subnet_ids": ["subnet-0123456789abcdef0"],
        "security_group_ids": ["sg-0123456789abcdef0"],
        "permissions_boundary": "Boundary",
        "role_path": "/team/",
        "log_class": "INFREQUENT_ACCESS",
        "topic_arn": "arn:aws:sns:eu-west-1:123456789012:alerts",
    }
    settings: dict[str, Any] = {
        **SETTINGS,
        "slack": {"webhook_parameter": "/ses/slack"},
        "chat": {"workspace_id": "T0123ABCD", "channel_id": "C0123ABCD"},
        "deployment": rules,
    }
    stack = MonitorStack(app, "Ses", settings=settings, code=code, env=Environment(region="eu-west-1"))
    template = Template.from_stack(stack)
    roles = template.find_resources("AWS::IAM::Role")
    assert len(roles) == 4
    for role in roles.values():
        assert role["Properties"]["Path"] == "/team/"
        assert "policy/Boundary" in json.dumps(role["Properties"]["PermissionsBoundary"])
    network = {"SubnetIds": rules["subnet_ids"], "SecurityGroupIds": rules["security_group_ids"]}
    for function in template.find_resources("AWS::Lambda::Function").values():
        assert function["Properties"]["VpcConfig"] == network
    for group in template.find_resources("AWS::Logs::LogGroup").values():
        assert group["Properties"]["LogGroupClass"] == "INFREQUENT_ACCESS"
    template.has_resource_properties("AWS::SNS::Subscription", {"TopicArn": rules["topic_arn"], "Protocol": "email"})


def test_the_stack_takes_every_stack_property(app: App, code: Code) -> None:
    boundary = PermissionsBoundary.from_name("Boundary")
    stack = MonitorStack(
        app,
        "Ses",
        settings=SETTINGS,
        code=code,
        env=Environment(account="123456789012", region="eu-west-1"),
        permissions_boundary=boundary,
        termination_protection=True,
    )
    assert (stack.region, stack.termination_protection) == ("eu-west-1", True)
    roles = Template.from_stack(stack).find_resources("AWS::IAM::Role")
    assert all("PermissionsBoundary" in role["Properties"] for role in roles.values())


def test_wrong_settings_are_refused_with_every_problem(app: App) -> None:
    with pytest.raises(SettingsError, match="settings has 2 problems"):
        MonitorStack(app, "Ses", settings={"bounce": {"warning": 5}})


ELSEWHERE = {
    "topic": {"deployment": {"topic_arn": "arn:aws:sns:us-east-1:123456789012:alerts"}},
    "key": {
        "deployment": {"kms_key_arn": "arn:aws:kms:us-east-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"}
    },
    "bus": {"events": {"bus": "arn:aws:events:us-east-1:123456789012:event-bus/ours"}},
}


@pytest.mark.parametrize("given", ELSEWHERE.values(), ids=ELSEWHERE)
def test_a_resource_of_another_region_is_refused(app: App, code: Code, given: dict[str, Any]) -> None:
    where = Environment(account="123456789012", region="eu-west-1")
    MonitorStack(app, "Ses", settings=SETTINGS | given, code=code, env=where)
    with pytest.raises(RuntimeError, match=r" is not in eu-west-1, the region of the stack"):
        app.synth()


@pytest.mark.parametrize(("region", "warnings"), [("eu-west-1", 1), ("us-east-1", 0), ("", 0)])
def test_a_region_that_only_the_cdks_command_knows_is_warned_of(
    app: App, code: Code, region: str, warnings: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CDK_DEFAULT_REGION", region)
    stack = MonitorStack(app, "Ses", settings=SETTINGS | ELSEWHERE["topic"], code=code)
    app.synth()
    said = Annotations.from_stack(stack).find_warning("*", Match.string_like_regexp("is not in eu-west-1"))
    assert len(said) == warnings


def test_a_setting_that_surely_does_nothing_is_a_warning_at_synth(app: App) -> None:
    targets = {"regions": ["eu-west-1", "eu-west-9"]}
    override = {"regions": ["us-east-1"], "bounce": {"warning": 0.02}}
    stack = MonitorStack(app, "Ses", settings={**SETTINGS, "targets": targets, "overrides": [override]})
    said = Annotations.from_stack(stack)
    assert (
        len(said.find_warning("*", Match.string_like_regexp('Region "eu-west-9": the installed aws-cdk-lib knows')))
        == 1
    )
    assert len(said.find_warning("*", Match.string_like_regexp("us-east-1 is not watched"))) == 1
    assert len(said.find_warning("*", Match.any_value())) == 2


@pytest.mark.parametrize("given", [{}, {"settings": SETTINGS, "settings_file": ROOT / "settings.toml"}])
def test_exactly_one_source_of_settings_is_asked_for(app: App, given: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="either settings or settings_file"):
        MonitorStack(app, "Ses", **given)
