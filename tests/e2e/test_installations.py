"""A second installation in the same account, watching two regions, beside the first; and what stays when it goes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from local_aws.cdk import cdk, deploy
from local_aws.runtime import DeployedFunction
from local_aws.schedule import DeployedSchedule
from local_aws.server import LocalAws
from tests.e2e.conftest import HOUR, NOW, QUARTER, SETTINGS, Deployment, points

TWO = """
[alerts]
emails = ["oncall@mail.test"]
[targets]
regions = ["eu-west-1", "us-east-2"]
[deployment]
stage = "two"
"""


THREE = """
[alerts]
emails = ["oncall@mail.test"]
[deployment]
stage = "three"
log_retention_days = 30
"""


@pytest.fixture(scope="module")
def two(local: LocalAws, deployed: Deployment, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    settings = tmp_path_factory.mktemp("settings") / "two.toml"
    settings.write_text(TWO)
    outputs, printed = deploy(local, settings)
    function = DeployedFunction(local, outputs["FunctionName"])
    yield Deployment(local, outputs, printed, function, DeployedSchedule(local, outputs["ScheduleName"], function))
    function.close()
    cdk(local, "destroy", "--force", settings=settings)
    names = [s["StackName"] for s in local.client("cloudformation").list_stacks()["StackSummaries"]]
    assert names.count("SesReputation") == 1  # the first installation is still there


def test_each_region_is_read_judged_and_announced_on_its_own(two: Deployment) -> None:
    local = two.local
    local.ses("us-east-2").points = points(NOW)
    local.ses("eu-west-1").points = points(NOW)
    assert set(two.tick(NOW).payload.values()) == {"OK"}
    local.faults.plant("ses", "GetSendStatistics", region="eu-west-1", status=403, code="AccessDenied")
    tick = NOW + 4 * QUARTER
    local.ses("us-east-2").points = points(tick, bad_from=NOW)
    payload = two.tick(tick).payload
    assert payload == {"123456789012/eu-west-1": "UNKNOWN", "123456789012/us-east-2": "WARNING"}
    assert [(a["region"], a["metric"]) for a in two.announcements()] == [
        ("us-east-2", "bounce"),
        ("eu-west-1", "unreadable"),
    ]
    [mail] = local.sent(two.outputs["PeopleTopicArn"])
    assert mail.subject.startswith("[two] 1 WARNING, 1 UNKNOWN")
    local.faults.clear()


def test_a_region_that_hangs_holds_up_no_other_and_the_run_ends_in_time(two: Deployment) -> None:
    local, tick = two.local, NOW + 8 * QUARTER
    two.forget()
    for region in ("eu-west-1", "us-east-2"):
        local.ses(region).points = points(tick)
    two.tick(tick)
    local.faults.plant("ses", "GetSendStatistics", region="eu-west-1", hang=5.5)
    local.ses("us-east-2").points = points(tick + HOUR, bad_from=tick)
    result = two.tick(tick + HOUR)
    assert result.payload == {"123456789012/eu-west-1": "UNKNOWN", "123456789012/us-east-2": "WARNING"}
    assert "GetSendStatistics: ReadTimeoutError" in result.log
    assert [(a["region"], a["metric"]) for a in two.announcements()] == [("us-east-2", "bounce")]
    local.faults.clear()


def test_two_installations_share_nothing(two: Deployment, deployed: Deployment) -> None:
    for name in ("FunctionName", "MemoryTableName", "PeopleTopicArn", "ScheduleName", "DashboardUrl"):
        assert two.outputs[name] != deployed.outputs[name]


def test_deploying_the_same_again_changes_nothing(deployed: Deployment) -> None:
    printed = cdk(deployed.local, "deploy", "--require-approval=never", "--method=direct", settings=SETTINGS)
    assert "(no changes)" in printed


def test_nothing_differs_right_after_a_deployment(deployed: Deployment) -> None:
    printed = cdk(deployed.local, "diff", "--method=template", settings=SETTINGS)
    assert "Number of stacks with differences: 0" in printed


def test_other_settings_keep_the_memory_and_what_stays_when_an_installation_goes_is_that(
    local: LocalAws, deployed: Deployment, tmp_path: Path
) -> None:
    settings = tmp_path / "three.toml"
    settings.write_text(THREE)
    outputs, printed = deploy(local, settings)
    function = DeployedFunction(local, outputs["FunctionName"])
    three = Deployment(local, outputs, printed, function, DeployedSchedule(local, outputs["ScheduleName"], function))
    local.ses().points = points(NOW + HOUR, bad_from=NOW)
    assert three.tick(NOW + HOUR).ok and three.told() == [("bounce", "opened")]
    function.close()

    settings.write_text(THREE.replace("log_retention_days = 30", "log_retention_days = 60\n[bounce]\nwarning = 0.025"))
    upgraded, printed = deploy(local, settings)
    assert upgraded == outputs
    function = DeployedFunction(local, outputs["FunctionName"])
    assert "warning = 0.025" in (function.root / "settings.toml").read_text()
    after = Deployment(local, outputs, printed, function, DeployedSchedule(local, outputs["ScheduleName"], function))
    local.ses().points = points(NOW + HOUR + QUARTER, bad_from=NOW)
    assert after.tick(NOW + HOUR + QUARTER).ok
    assert after.told().count(("bounce", "opened")) == 1
    function.close()

    cdk(local, "destroy", "--force", settings=settings)
    assert outputs["MemoryTableName"] in local.client("dynamodb").list_tables()["TableNames"]
    functions = local.client("lambda").list_functions()["Functions"]
    assert outputs["FunctionName"] not in [function["FunctionName"] for function in functions]
    topics = local.client("sns").list_topics()["Topics"]
    assert outputs["PeopleTopicArn"] not in [topic["TopicArn"] for topic in topics]
