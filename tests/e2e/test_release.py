"""The release, deployed without the CDK: plain CloudFormation calls, a bucket of anybody's, and an upgrade."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.release import release
from local_aws import stack
from local_aws.server import LocalAws
from tests.e2e.conftest import HOUR, NOW, QUARTER, Deployment, points

ROOT = Path(__file__).parents[2]
BUCKET = "our-releases"
STACK = "Reputation"
RECIPIENTS = ("oncall@mail.test", "boss@mail.test")


@pytest.fixture(scope="module")
def local() -> Iterator[LocalAws]:
    """An AWS that was never bootstrapped for the CDK."""
    with LocalAws() as server:
        where = {"LocationConstraint": server.region}
        server.client("s3").create_bucket(Bucket=BUCKET, CreateBucketConfiguration=where)
        yield server


def upload(local: LocalAws, settings: Path, version: str) -> dict[str, object]:
    """Make a release, upload it, and return what CreateStack and UpdateStack need of it."""
    template, zip_file, *_ = release(settings, settings.parent / version)
    local.client("s3").put_object(Bucket=BUCKET, Key=f"{version}.zip", Body=zip_file.read_bytes())
    given = {"Emails": ",".join(RECIPIENTS), "CodeBucket": BUCKET, "CodeKey": f"{version}.zip", "ScheduleMinutes": "15"}
    return {
        "StackName": STACK,
        "TemplateBody": template.read_text(),
        "Capabilities": ["CAPABILITY_IAM"],
        "Parameters": [{"ParameterKey": key, "ParameterValue": value} for key, value in given.items()],
    }


def deployed(local: LocalAws) -> Deployment:
    return Deployment.of(local, stack.outputs_of(local, STACK))


def subscriptions(monitor: Deployment) -> dict[str, str]:
    """ARN of each subscription by its address."""
    listed = monitor.local.client("sns").list_subscriptions_by_topic(TopicArn=monitor.outputs["PeopleTopicArn"])
    return {each["Endpoint"]: each["SubscriptionArn"] for each in listed["Subscriptions"]}


def test_it_alerts_and_an_upgrade_keeps_open_alerts_and_subscriptions(local: LocalAws, tmp_path: Path) -> None:
    settings = tmp_path / "settings.toml"
    settings.write_text((ROOT / "settings.toml").read_text())
    stacks = local.client("cloudformation")
    stacks.create_stack(**upload(local, settings, "0.2.0"))
    first = deployed(local)
    local.ses().points = points(NOW + HOUR, bad_from=NOW)
    assert first.tick(NOW + HOUR).ok and first.sent() == [("bounce", "opened")]
    before = subscriptions(first)
    assert sorted(before) == sorted(RECIPIENTS)
    first.function.close()

    settings.write_text(settings.read_text().replace("warning = 0.03 ", "warning = 0.025 "))
    stacks.update_stack(**upload(local, settings, "0.3.0"))
    second = deployed(local)
    assert "warning = 0.025" in (second.function.root / "settings.toml").read_text()
    assert second.outputs == first.outputs and subscriptions(second) == before
    local.ses().points = points(NOW + HOUR + QUARTER, bad_from=NOW)
    assert second.tick(NOW + HOUR + QUARTER).ok
    assert second.sent().count(("bounce", "opened")) == 1
    second.function.close()

    stacks.delete_stack(StackName=STACK)
    assert local.client("dynamodb").list_tables()["TableNames"] == [first.outputs["StateTableName"]]
    assert local.client("lambda").list_functions()["Functions"] == []
