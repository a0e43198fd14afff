"""An upgrade from version 0.1.0, as it was deployed and had stored its state."""

from __future__ import annotations

import json
from pathlib import Path

from local_aws import stack
from local_aws.server import LocalAws
from tests.e2e.conftest import HOUR, QUARTER, Deployment, points
from tests.infra.test_upgrade import SAME

RELEASE = json.loads((Path(__file__).parents[1] / "inputs" / "release-0.1.0.json").read_text(encoding="utf-8"))
BEGAN = 1_739_786_400  # 2025-02-17T10:00:00Z, when the bounces in the stored state began
RUN = BEGAN + HOUR
"""The last run of the old version."""


def subscriptions(local: LocalAws) -> set[str]:
    return {each["SubscriptionArn"] for each in local.client("sns").list_subscriptions()["Subscriptions"]}


def test_open_alerts_go_on_and_nobody_has_to_subscribe_again(local: LocalAws, tmp_path: Path) -> None:
    stacks = local.client("cloudformation")
    body = json.dumps(RELEASE["template"])
    stacks.create_stack(StackName="SesReputation", TemplateBody=body, Capabilities=["CAPABILITY_IAM"])
    table = stack.outputs_of(local, "SesReputation")["MemoryTableName"]
    local.client("dynamodb").put_item(TableName=table, Item=RELEASE["item"])
    before = subscriptions(local)
    assert len(before) == 2  # a person and the forwarder to Slack

    settings = tmp_path / "settings.toml"
    settings.write_text(f'[alerts]\nemails = ["oncall@mail.test"]\n{SAME}')
    outputs = stack.deploy(local, settings)
    assert outputs["StateTableName"] == table and subscriptions(local) == before
    monitor = Deployment.of(local, outputs)
    local.ses().points = points(RUN + QUARTER, bad_from=BEGAN)
    assert monitor.tick(RUN + QUARTER).ok
    assert ("bounce", "opened") not in monitor.sent()
    local.ses().points = points(RUN + 30 * HOUR, bad_from=BEGAN, good_from=RUN + QUARTER)
    assert monitor.tick(RUN + 30 * HOUR).ok
    assert {notification["alert"] for notification in monitor.notifications()} == {"bounce-20250217T1030Z"}
    monitor.function.close()
