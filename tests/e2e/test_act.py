"""Orders of the team, and pauses of the monitor itself, with the deployed permissions."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from ses_reputation.core import pause_record as record
from ses_reputation.core.orders import SCHEMA, Ack, Mute, Orders, to_text
from ses_reputation.core.pause_record import Pause
from ses_reputation.team_orders import KEY

from cli.main import main
from local_aws import stack
from local_aws.server import ACCOUNT, LocalAws
from tests.e2e.conftest import HOUR, NOW, QUARTER, Deployment, points, within_a_day

IRELAND, OHIO = "eu-west-1", "us-east-2"
MILD, BAD = 18, 90
"""Bounces of 400 emails that make a warning, and a critical alert."""

TENANT = "arn:aws:ses:eu-west-1:123456789012:tenant/acme/tn-1"

TOML = f"""
[alerts]
emails = ["oncall@mail.test"]
[targets]
regions = ["{IRELAND}", "{OHIO}"]
[pause]
level = "account"
"""


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("settings") / "act.toml"
    file.write_text(TOML)
    return file


@pytest.fixture(scope="module")
def deployed(local: LocalAws, settings: Path) -> Iterator[Deployment]:
    monitor = Deployment.of(local, stack.deploy(local, settings))
    yield monitor
    monitor.function.close()


@pytest.fixture(autouse=True)
def _fresh(monitor: Deployment) -> Iterator[None]:
    """Both regions as new."""
    for region in (IRELAND, OHIO):
        account = monitor.local.ses(region)
        account.points, account.sending = points(NOW), True
        account.sets = {"newsletter": True, "other": True}
        account.suppression.entities, account.suppression.gap = [], 0
        account.suppression.lists = {"": {}}
    yield
    at_level(monitor, "account")


def order(monitor: Deployment, *mutes: Mute, acks: tuple[Ack, ...] = ()) -> None:
    """Store orders, as the commands do, at any time."""
    monitor.local.client("dynamodb").put_item(
        TableName=monitor.outputs["StateTableName"],
        Item={
            "pk": {"S": KEY},
            "version": {"N": "1"},
            "schema": {"N": str(SCHEMA)},
            "state": {"S": to_text(Orders(mutes, acks))},
        },
    )


def bad_points(until: int, bounces: int = BAD, bad_from: int = NOW) -> list[dict[str, Any]]:
    """A sender who is bad from `bad_from` on."""
    made = points(until, bad_from=bad_from)
    return [point | {"Bounces": bounces} if point["Bounces"] == 60 else point for point in made]


def play(
    monitor: Deployment, start: int, end: int, bounces: int = MILD, *, step: int = HOUR, ok: bool = True
) -> list[tuple[str, str]]:
    """Return the messages of the ticks from `start` up to `end`, about a sender who is bad from `NOW` on."""
    before = len(monitor.notifications())
    for tick in range(start, end, step):
        at = within_a_day(tick)
        monitor.local.ses(OHIO).points = points(at)
        monitor.local.ses().points = bad_points(at, bounces)
        result = monitor.tick(at)
        assert result.ok is ok, result
    return [(a["reason"], a["severity"]) for a in monitor.notifications()[before:]]


def logged(monitor: Deployment, region: str) -> list[dict[str, Any]]:
    """Lines of the log about a region."""
    events = monitor.local.client("logs").filter_log_events(
        logGroupName=f"/aws/lambda/{monitor.outputs['FunctionName']}"
    )["events"]
    lines = [json.loads(event["message"]) for event in events if event["message"].startswith("{")]
    return [line for line in lines if line["message"] == "watched" and line["target"].endswith(region)]


def test_a_muted_alert_is_silent_breaks_through_as_critical_and_is_sent_when_the_mute_ends(monitor: Deployment) -> None:
    mute = Mute(NOW, NOW + 12 * HOUR, "bounce", "eu-west-1", "list clean-up")
    order(monitor, mute)
    assert play(monitor, NOW, NOW + 6 * HOUR) == []
    assert monitor.metric("Verdict", within_a_day(NOW + 5 * HOUR)) == [1]
    assert logged(monitor, IRELAND)[-1]["muted"].startswith("bounce alerts in eu-west-1, unless critical, until")
    assert play(monitor, NOW + 6 * HOUR, NOW + 11 * HOUR, BAD)[:1] == [("opened", "critical")]
    assert "Muted" in {fact["name"] for fact in monitor.notifications()[-1]["facts"]}


def test_a_mute_that_ends_while_the_monitor_is_away_is_over_when_it_is_back(monitor: Deployment) -> None:
    order(monitor, Mute(NOW, NOW + 12 * HOUR, critical=True))
    assert play(monitor, NOW, NOW + 8 * HOUR, BAD) == []
    assert play(monitor, NOW + 20 * HOUR, NOW + 21 * HOUR, BAD) == [("opened", "critical")]


def test_an_acknowledged_alert_is_not_reminded_of(monitor: Deployment) -> None:
    assert play(monitor, NOW, NOW + 4 * HOUR) == [("opened", "warning")]
    [opened] = monitor.notifications()
    at = int(datetime.fromisoformat(opened["at"]).timestamp())
    order(monitor, acks=(Ack(f"{ACCOUNT}/{IRELAND}", opened["alert"], at),))
    assert play(monitor, NOW + 22 * HOUR, NOW + 30 * HOUR) == []
    order(monitor)
    assert play(monitor, NOW + 30 * HOUR, NOW + 31 * HOUR) == [("reminder", "warning")]


def test_orders_that_nobody_should_have_written_hold_nothing_back(monitor: Deployment) -> None:
    order(monitor, Mute(NOW, NOW + 31 * 24 * HOUR))
    assert play(monitor, NOW, NOW + 4 * HOUR, ok=False) == [("opened", "warning")]


def test_a_table_that_cannot_be_read_mutes_nothing(monitor: Deployment) -> None:
    order(monitor, Mute(NOW, NOW + 12 * HOUR))
    assert play(monitor, NOW, NOW + HOUR) == []
    monitor.local.ses().points = points(NOW + 2 * HOUR, bad_from=NOW)
    monitor.local.ses(OHIO).points = points(NOW + 2 * HOUR)
    monitor.local.faults.plant("dynamodb", "GetItem", times=3)  # the client's own attempts at the first thing it reads
    first, *_ = monitor.schedule.fire(within_a_day(NOW + 2 * HOUR))
    assert not first.ok and "so nothing is muted" in str(first.payload)
    assert monitor.sent() == [("bounce", "opened")]


def on_the_command_line(monitor: Deployment, settings: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Options of every command, in an environment that leads to the local AWS."""
    for name, value in monitor.local.environment().items():
        monkeypatch.setenv(name, value)
    return ["--settings", str(settings)]


def test_the_commands_reach_the_deployed_monitor(
    monitor: Deployment, settings: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    where = on_the_command_line(monitor, settings, monkeypatch)
    assert main(["mute", "--check", "bounce", "--for", "2h", "--reason", "clean-up", "--all", *where]) == 0
    now = int(time.time()) // QUARTER * QUARTER + QUARTER  # a tick may be so far ahead of the clock
    monitor.local.ses().points = points(now, bad_from=now - 2 * HOUR)
    monitor.local.ses(OHIO).points = points(now)
    monitor.tick(now)
    assert ("bounce", "opened") not in monitor.sent()
    assert main(["mutes", *where]) == 0 and "clean-up" in capsys.readouterr().out
    assert main(["unmute", "--check", "bounce", *where]) == 0
    assert main(["ack", "bounce-20250101T0000Z", *where]) == 2
    assert "No alert bounce-20250101T0000Z is open" in capsys.readouterr().err


# -- the guarded pause

TICK = (NOW // HOUR + 8) * HOUR + QUARTER
"""When a critical alert is a few hours old, and no hour is full within the next two ticks."""

Plant = Callable[[Deployment], None]


def at_level(monitor: Deployment, level: str) -> None:
    """Run the function under another level, with the same role."""
    variables = monitor.function.configuration["Environment"]["Variables"]
    wanted = {} if level == "account" else {"SETTINGS": f'[pause]\nlevel = "{level}"\n'}
    if variables.get("SETTINGS") != wanted.get("SETTINGS"):
        variables.pop("SETTINGS", None)
        variables |= wanted
        monitor.function.stop()


def publish(monitor: Deployment, region: str, name: str, value: float, **dimensions: str) -> None:
    """A metric of AWS's own, a while before the first tick."""
    given = [{"Name": f"ses:{key.replace('_', '-')}", "Value": text} for key, text in dimensions.items()]
    moment = datetime.fromtimestamp(TICK - HOUR, UTC)
    datum = {"MetricName": name, "Timestamp": moment, "Value": value, "Dimensions": given}
    monitor.local.client("cloudwatch", region).put_metric_data(Namespace="AWS/SES", MetricData=[datum])


def by_newsletter(monitor: Deployment) -> None:
    publish(monitor, IRELAND, "Bounce", 2_500, configuration_set="newsletter")


def by_acme(monitor: Deployment) -> None:
    known = monitor.local.ses().suppression
    known.entities = [
        {"ReputationEntityReference": TENANT, "ReputationEntityType": "RESOURCE", "ReputationImpact": "HIGH"}
    ]
    known.lists["acme"] = {}
    for number in range(999):
        at = TICK - HOUR + number * 3
        known.event(f"person{number}@dead-{number}.example", at, f"m-{number}", tenant="acme")


def nobody(_: Deployment) -> None:
    """The cause is not clear."""


def fire(monitor: Deployment, *ticks: int, regions: tuple[str, ...] = (IRELAND,), **bad: int) -> None:
    """Ticks of a monitor that has been away since `NOW`, when the bad list began."""
    if not logged(monitor, IRELAND):
        monitor.tick(NOW)
        for region in regions:
            publish(monitor, region, "Reputation.BounceRate", 0.031)
    for tick in ticks:
        for region in (IRELAND, OHIO):
            monitor.local.ses(region).points = bad_points(tick, **bad) if region in regions else points(tick)
        monitor.tick(tick)


def reports(monitor: Deployment, region: str = IRELAND) -> list[tuple[str, str]]:
    """Return the messages about pauses of a region."""
    return [
        (a["reason"], a["title"].partition(": ")[2])
        for a in monitor.notifications()
        if a["check"] == "pause" and a["region"] == region
    ]


def switched_off(monitor: Deployment, region: str = IRELAND) -> set[str]:
    account = monitor.local.ses(region)
    found = {name for name, on in account.sets.items() if not on}
    found |= {e["ReputationEntityReference"] for e in account.suppression.entities if "CustomerManagedStatus" in e}
    return found if account.sending else found | {"account"}


def pauses(monitor: Deployment, region: str = IRELAND) -> tuple[Pause, ...]:
    key = {"pk": {"S": record.key_of(f"{ACCOUNT}/{region}")}}
    item = monitor.local.client("dynamodb").get_item(TableName=monitor.outputs["StateTableName"], Key=key).get("Item")
    return () if item is None else record.from_text(item["state"]["S"])


def messages(what: str) -> list[tuple[str, str]]:
    return [
        ("opened", f"The monitor will pause {what} in {IRELAND}"),
        ("changed", f"The monitor has paused {what} in {IRELAND}"),
    ]


LEVELS: dict[str, tuple[str, Plant, set[str], list[tuple[str, str]]]] = {
    "off": ("off", by_newsletter, set(), []),
    "dry run": ("dry-run", by_newsletter, set(), [("opened", f"Dry run: a pause of a configuration set in {IRELAND}")]),
    "a set": ("configuration-sets", by_newsletter, {"newsletter"}, messages("a configuration set")),
    "no set is named": ("configuration-sets", nobody, set(), []),
    "a tenant": ("tenants", by_acme, {TENANT}, messages("a tenant")),
    "a set before the account": ("account", by_newsletter, {"newsletter"}, messages("a configuration set")),
    "the account": ("account", nobody, {"account"}, messages("the account")),
}


@pytest.mark.parametrize("case", LEVELS)
def test_each_level_pauses_what_it_may_and_the_cause_names(monitor: Deployment, case: str) -> None:
    level, plant, off, sent = LEVELS[case]
    at_level(monitor, level)
    plant(monitor)
    bad: dict[str, Any] = (
        {"bounces": 400, "bad_from": TICK - HOUR} if plant is by_acme else {}
    )  # not more than one page of addresses
    fire(monitor, TICK, **bad)
    assert switched_off(monitor) == set() and reports(monitor) == sent[:1]
    fire(monitor, TICK + QUARTER, TICK + 2 * QUARTER, **bad)
    assert (switched_off(monitor), reports(monitor)) == (off, sent)
    assert [pause.in_force for pause in pauses(monitor)] == [True] * bool(off)
    assert ("sending", "opened") not in monitor.sent() and switched_off(monitor, OHIO) == set()
    line = logged(monitor, IRELAND)[-1]
    assert line["failures"] == [] and (bool(off) or level in ("off", "dry-run") or "names no part" in line["pause"])


def test_a_denied_pause_is_reported_and_done_once_allowed(monitor: Deployment) -> None:
    fire(monitor, TICK)
    role = monitor.function.configuration["Role"].rsplit("/", 1)[1]
    denied = {"Effect": "Deny", "Action": "ses:PutAccountSendingAttributes", "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [denied]})
    iam = monitor.local.client("iam")
    iam.put_role_policy(RoleName=role, PolicyName="denied", PolicyDocument=document)
    try:
        monitor.local.ses().points = bad_points(TICK + QUARTER)
        monitor.local.ses(OHIO).points = points(TICK + QUARTER)
        first, *_ = monitor.schedule.fire(TICK + QUARTER)
    finally:
        iam.delete_role_policy(RoleName=role, PolicyName="denied")
    assert not first.ok and "all sending could not be paused (" in str(first.payload)
    assert reports(monitor)[1:] == [("changed", f"The monitor could not pause the account in {IRELAND}")]
    assert switched_off(monitor) == set()
    fire(monitor, TICK + 2 * QUARTER)
    assert switched_off(monitor) == {"account"} and reports(monitor)[2:] == messages("the account")[1:]


@pytest.mark.parametrize("before", [True, False], ids=["before the call", "after the call"])
def test_a_run_that_is_killed_at_the_pause_is_completed(monitor: Deployment, before: bool) -> None:
    fire(monitor, TICK)
    monitor.local.faults.plant(
        "ses", "PutAccountSendingAttributes", strike=monitor.function.kill, before=before, times=1
    )
    fire(monitor, TICK + QUARTER, TICK + 2 * QUARTER)
    assert switched_off(monitor) == {"account"} and reports(monitor) == messages("the account")
    assert [pause.in_force for pause in pauses(monitor)] == [True]


def test_two_targets_pause_at_once_and_each_for_itself(monitor: Deployment) -> None:
    by_newsletter(monitor)
    fire(monitor, TICK, TICK + QUARTER, regions=(IRELAND, OHIO))
    assert (switched_off(monitor), switched_off(monitor, OHIO)) == ({"newsletter"}, {"account"})
    assert len(reports(monitor)) == len(reports(monitor, OHIO)) == 2


def test_a_test_alert_pauses_nothing(monitor: Deployment) -> None:
    fire(monitor, TICK)
    assert monitor.function.invoke({"test_alert": True}).ok
    assert switched_off(monitor) == set() and pauses(monitor) == ()


def test_a_mute_of_the_pause_calls_it_off(monitor: Deployment) -> None:
    fire(monitor, TICK)
    order(monitor, Mute(TICK, TICK + HOUR, "pause"))
    fire(monitor, TICK + QUARTER, TICK + 2 * QUARTER)
    assert switched_off(monitor) == set() and "the team has muted it" in logged(monitor, IRELAND)[-1]["pause"]


def test_a_person_resumes_and_every_window_starts_anew(
    monitor: Deployment, settings: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fire(monitor, TICK, TICK + QUARTER)
    assert switched_off(monitor) == {"account"}
    where = on_the_command_line(monitor, settings, monkeypatch)
    assert main(["resume", "--region", IRELAND, "--yes", *where]) == 0
    assert "Resumed: all sending in eu-west-1" in capsys.readouterr().out and switched_off(monitor) == set()
    resumed = TICK + 5 * HOUR
    moved = replace(pauses(monitor)[-1], resumed_at=resumed)  # to the time that is played
    table, key = monitor.outputs["StateTableName"], {"pk": {"S": record.key_of(f"{ACCOUNT}/{IRELAND}")}}
    monitor.local.client("dynamodb").update_item(
        TableName=table,
        Key=key,
        UpdateExpression="SET #s = :s",
        ExpressionAttributeNames={"#s": "state"},
        ExpressionAttributeValues={":s": {"S": record.to_text((moved,))}},
    )
    after = resumed + 2 * QUARTER
    clean = [
        point | {"Bounces": 3} if point["Timestamp"].timestamp() >= resumed else point for point in bad_points(after)
    ]
    monitor.local.ses().points, monitor.local.ses(OHIO).points = clean, points(after)
    assert monitor.tick(after).ok
    assert reports(monitor)[-1] == ("resolved", f"The pause of the account in {IRELAND} is over")
    titles = [a["title"] for a in monitor.notifications()]
    assert f"OK: SES bounce rate is counted anew in {IRELAND}" in titles
    assert monitor.metric("Verdict", after) != [2] and monitor.metric("Headroom", after) == [0]
