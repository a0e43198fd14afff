"""`ses-reputation check`: rates, AWS's own rates, headroom, account, and what is unknown."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from botocore.exceptions import EndpointConnectionError
from botocore.stub import Stubber
from ses_reputation.aws import cloudwatch, ses
from ses_reputation.core.history import HOUR, Point, history_from
from ses_reputation.core.late_events import Booked, Learned
from ses_reputation.core.rates import Metric
from ses_reputation.core.readings import Account, AwsRate, Readings, Trouble, Unreadable
from ses_reputation.core.state import SCHEMA, State, to_text
from ses_reputation.core.target import Target

from cli import check as command
from cli.deployed import find_if_any
from cli.feedback_share import DAYS, EVERY, complaint_rates, steady_share
from cli.main import main

NOW = int(datetime.now(UTC).timestamp())
HEALTHY = Account("HEALTHY", sending=True, production=True, quota=50_000, used=8_000)
UNUSED = replace(HEALTHY, used=0)
QUIET = Readings((), HEALTHY, {})

Capsys = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def _keys(keys: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "find_if_any", lambda session, settings: None)


def answers(
    monkeypatch: pytest.MonkeyPatch,
    reading: tuple[Point, ...] | Unreadable,
    aws: Readings = QUIET,
    theirs: Sequence[Any] = (),
) -> None:
    monkeypatch.setattr(ses, "send_statistics", lambda client: reading)
    monkeypatch.setattr(ses, "account", lambda client: aws.account)
    monkeypatch.setattr(cloudwatch, "reputation_rates", lambda client, now: aws.rates)
    monkeypatch.setattr(command, "complaint_rates", lambda client, now: list(theirs))


def steady(bounces: int = 5, complaints: int = 0, hours: int = 200) -> tuple[Point, ...]:
    return tuple(Point(NOW - hour * HOUR, 1_000, bounces, complaints) for hour in range(1, hours))


def words(capsys: Capsys) -> str:
    return " ".join(capsys.readouterr().out.split())


def test_a_healthy_sender_is_ok_with_headroom_and_account(capsys: Capsys, monkeypatch: pytest.MonkeyPatch) -> None:
    answers(monkeypatch, steady())
    assert main(["check"]) == 0
    printed = words(capsys)
    assert "eu-west-1 OK" in printed and "A monitor would send nothing." in printed
    assert "Bounces AWS's 5% review threshold: " in printed and "Complaints AWS's 0.1% review" in printed
    assert printed.count("Nearest warning: rule ") == printed.count("Nearest critical: rule ") == 2
    assert "16% of the daily quota used" in printed


def test_our_rate_awss_rate_and_awss_decision_are_side_by_side(capsys: Capsys, monkeypatch: pytest.MonkeyPatch) -> None:
    review = replace(HEALTHY, enforcement="PROBATION")
    answers(monkeypatch, steady(), Readings((), review, {Metric.BOUNCE: AwsRate(0.052, NOW - HOUR)}))
    assert main(["check"]) == 0
    printed = words(capsys)
    assert "eu-west-1 CRITICAL" in printed and "Account: under review" in printed
    assert "bounces OK 0.5% 5.2% (" in printed and "complaints OK 0% not published" in printed
    assert "A monitor would send: CRITICAL: AWS has put SES in eu-west-1 under review" in printed
    assert "A monitor would send: CRITICAL: SES bounce rate is high in eu-west-1" in printed


@pytest.mark.parametrize(
    ("reading", "account", "verdict", "code"),
    [
        (steady(), HEALTHY, "OK", 0),
        (steady(bounces=35), HEALTHY, "WARNING", 1),
        (steady(bounces=150), HEALTHY, "CRITICAL", 2),
        (Unreadable(Trouble.FAILED, "GetSendStatistics: Code"), HEALTHY, "UNKNOWN", 3),
        ((), UNUSED, "NO_DATA", 3),
        ((), HEALTHY, "UNKNOWN", 3),
        ((Point(NOW - HOUR, 3),), UNUSED, "TOO_FEW_EMAILS", 3),
    ],
    ids=["ok", "warning", "critical", "unreadable", "no email", "no email but a used quota", "too few emails"],
)
def test_as_a_monitoring_plugin_the_exit_code_is_the_verdict(
    capsys: Capsys,
    monkeypatch: pytest.MonkeyPatch,
    reading: tuple[Point, ...] | Unreadable,
    account: Account,
    verdict: str,
    code: int,
) -> None:
    answers(monkeypatch, reading, Readings((), account, {}))
    assert main(["check", "--exit-code"]) == code
    printed = words(capsys)
    assert f"eu-west-1 {verdict}" in printed
    assert printed.startswith(
        f"{('OK', 'WARNING', 'CRITICAL', 'UNKNOWN')[code]}: SES reputation of eu-west-1 {verdict}"
    )


def test_an_error_is_unknown_for_a_plugin_and_never_critical(capsys: Capsys, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    assert (main(["check"]), main(["check", "--exit-code"])) == (2, 3)
    assert main(["check", "--exit-code", "--settings", "no-such.toml"]) == 3
    assert capsys.readouterr().out.startswith("UNKNOWN: ")


def test_for_programs_it_is_one_document(capsys: Capsys, monkeypatch: pytest.MonkeyPatch) -> None:
    answers(monkeypatch, steady(complaints=2), Readings((), HEALTHY, {Metric.COMPLAINT: AwsRate(0.0021, NOW - HOUR)}))
    assert main(["check", "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    [region] = printed["regions"]
    bounce, complaint = region["metrics"]
    assert (printed["verdict"], region["region"], bounce["metric"], bounce["rate"]) == (
        region["verdict"],
        "eu-west-1",
        "bounce",
        0.005,
    )
    assert complaint["aws_rate"] == 0.0021 and complaint["aws_review"] == 0.001 and complaint["events_left"] == 0
    assert region["account"]["status"] == "HEALTHY" and region["unknown"] == []


def test_unreadable_data_is_unknown_with_a_next_step(capsys: Capsys, monkeypatch: pytest.MonkeyPatch) -> None:
    denied = Unreadable(Trouble.DENIED, "GetAccount: AccessDeniedException")
    answers(monkeypatch, steady(), Readings((), denied, {}))
    assert main(["check"]) == 1
    printed = words(capsys)
    assert "eu-west-1 UNKNOWN" in printed and "bounces OK" in printed and "What to do: " in printed
    assert "UNKNOWN account state: Access denied: GetAccount" in printed


@pytest.mark.parametrize("trouble", list(Trouble))
def test_every_trouble_has_a_next_step_and_no_ok(
    capsys: Capsys, monkeypatch: pytest.MonkeyPatch, trouble: Trouble
) -> None:
    answers(monkeypatch, Unreadable(trouble, "GetSendStatistics: Code"))
    assert main(["check"]) == 1
    printed = capsys.readouterr().out
    assert "UNKNOWN  send statistics: " in printed and "What to do: " in printed and "OK" not in printed


def test_the_error_itself_is_explained(capsys: Capsys, monkeypatch: pytest.MonkeyPatch) -> None:
    made: dict[str, Any] = {
        name: boto3.client(name, region_name="eu-west-1") for name in ("ses", "sesv2", "cloudwatch")
    }
    monkeypatch.setattr(boto3.Session, "client", lambda self, name, region_name, config: made[name])
    with Stubber(made["ses"]) as one, Stubber(made["sesv2"]) as two, Stubber(made["cloudwatch"]) as three:
        one.add_client_error("get_send_statistics", "SubscriptionRequiredException")
        two.add_client_error("get_account", "AccessDeniedException")
        three.add_response("get_metric_data", {"MetricDataResults": [{"Id": "bounce", "StatusCode": "InternalError"}]})
        assert main(["check", "--json"]) == 1
    [region] = json.loads(capsys.readouterr().out)["regions"]
    problems = {unknown["what"]: unknown["problem"] for unknown in region["unknown"]}
    assert "not signed up for Amazon SES in eu-west-1" in problems["send statistics"]
    assert problems["account state"] == "These credentials may not call GetAccount (AccessDeniedException)."
    assert "GetMetricData: InternalError" in problems["AWS's own rates"]


@pytest.mark.parametrize("region", ["not a region", "Ireland", "EU-WEST-1", "eu-west", "https://x", "eu-west-1\n"])
def test_an_invalid_region_name_is_refused(capsys: Capsys, region: str) -> None:
    assert main(["check", "--region", region]) == 2
    printed = capsys.readouterr()
    assert printed.out == "" and f'"{region}" is not the name of an AWS region. Write it like eu-west-1.' in printed.err


def test_a_region_that_does_not_exist_cannot_be_used(capsys: Capsys, monkeypatch: pytest.MonkeyPatch) -> None:
    def unreachable(self: object, name: str, region_name: str, config: object) -> Any:
        raise EndpointConnectionError(endpoint_url=f"https://email.{region_name}.amazonaws.com")

    monkeypatch.setattr(boto3.Session, "client", unreachable)
    assert main(["check", "--region", "eu-wst-1"]) == 2
    assert "There is no Amazon SES in the region eu-wst-1" in words(capsys)
    assert main(["check", "--region", "eu-wst-1", "--exit-code"]) == 3
    assert main(["check", "--region", "eu-west-1"]) == 1  # it exists, but AWS cannot be reached


def test_one_trouble_everywhere_is_reported_once(capsys: Capsys, monkeypatch: pytest.MonkeyPatch) -> None:
    def unreachable(self: object, name: str, region_name: str, config: object) -> Any:
        raise EndpointConnectionError(endpoint_url="https://x")

    monkeypatch.setattr(boto3.Session, "client", unreachable)
    assert main(["check"]) == 1
    printed = words(capsys)
    assert "UNKNOWN account state, AWS's own rates, send statistics: AWS cannot be reached" in printed
    assert printed.count("What to do: ") == 1


def test_without_credentials_it_is_not_ok(capsys: Capsys, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    assert main(["check"]) == 2
    printed = capsys.readouterr()
    assert printed.out == "" and "No AWS credentials were found" in printed.err


def test_each_region_of_the_settings_is_read_unless_one_is_named(
    capsys: Capsys, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    answers(monkeypatch, steady())
    (tmp_path / "settings.toml").write_text(
        '[alerts]\nemails = ["oncall@mail.test"]\n[targets]\nregions = ["eu-west-1", "us-east-2"]\n'
    )
    main(["check", "--json"])
    assert [region["region"] for region in json.loads(capsys.readouterr().out)["regions"]] == ["eu-west-1", "us-east-2"]
    main(["check", "--json", "--region", "eu-north-1"])
    assert [region["region"] for region in json.loads(capsys.readouterr().out)["regions"]] == ["eu-north-1"]


def test_an_alert_that_is_still_open_is_shown(capsys: Capsys, monkeypatch: pytest.MonkeyPatch) -> None:
    quiet = [Point(NOW - hours * HOUR, 1_000, 5) for hours in range(12, 200)]
    bad = [Point(NOW - hours * HOUR, 1_000, 120) for hours in range(8, 12)]
    good = [Point(NOW - hours * HOUR, 1_000, 5) for hours in range(1, 8)]
    answers(monkeypatch, (*quiet, *bad, *good))
    assert main(["check"]) == 0
    assert "bounces WARNING" in words(capsys)


@pytest.mark.parametrize("columns", [40, 60, 80, 132])
def test_no_line_is_wider_than_the_terminal(capsys: Capsys, monkeypatch: pytest.MonkeyPatch, columns: int) -> None:
    answers(monkeypatch, steady(bounces=50), Readings((), HEALTHY, {Metric.BOUNCE: AwsRate(0.052, NOW - HOUR)}))
    monkeypatch.setitem(os.environ, "COLUMNS", str(columns))
    assert main(["check"]) == 0
    assert max(map(len, capsys.readouterr().out.splitlines())) <= columns


WEEK = [NOW - DAYS * 24 * HOUR + number * EVERY for number in range(28)]
HISTORY = history_from([Point(NOW - hour * HOUR, 2_000, 0, 1) for hour in range(1, 14 * 24)], until=NOW)


@pytest.mark.parametrize(
    ("rates", "share"),
    [
        ([0.001] * 28, 0.5),
        ([0.001] * 19, None),
        ([0.0005] * 28, None),
        ([0.00052] * 28, None),
        ([0.001] * 14 + [0.002] * 14, None),
        ([0.0] * 28, None),
        ([0.0001] * 28, None),
        ([], None),
    ],
    ids=["twice ours, for days", "too few", "the same", "nearly the same", "unsteady", "none", "lower", "not known"],
)
def test_a_feedback_share_is_suggested_from_a_steady_difference_only(rates: list[float], share: float | None) -> None:
    assert HISTORY is not None
    assert steady_share(HISTORY, list(zip(WEEK, rates, strict=False)), 1.0) == share


def test_the_suggestion_is_shown_by_check(capsys: Capsys, monkeypatch: pytest.MonkeyPatch) -> None:
    points = tuple(Point(NOW - hour * HOUR, 2_000, 0, 1) for hour in range(1, 14 * 24))
    answers(monkeypatch, points, theirs=[(at, 0.001) for at in WEEK])
    assert main(["check"]) == 0
    assert "feedback_share = 0.5" in capsys.readouterr().out


def test_awss_complaint_rate_of_the_week_is_read_every_six_hours() -> None:
    client = boto3.client("cloudwatch", region_name="eu-west-1")
    at = datetime.fromtimestamp(NOW, UTC)
    with Stubber(client) as stub:
        stub.add_response("get_metric_data", {"MetricDataResults": [{"Timestamps": [at], "Values": [0.001]}]})
        assert complaint_rates(client, NOW) == [(NOW + EVERY // 2, 0.001)]


class Deployed:
    """A session in whose account a monitor is deployed, with a stored state."""

    region_name = "eu-west-1"

    def __init__(self, text: str) -> None:
        self.text = text

    def client(self, name: str, **_: Any) -> Any:
        return self

    def describe_stacks(self, **_: Any) -> Any:
        outputs = [{"OutputKey": "StateTableName", "OutputValue": "table"}]
        return {"Stacks": [{"StackId": "arn:aws:cloudformation:eu-west-1:123456789012:stack/x/y", "Outputs": outputs}]}

    def get_item(self, **call: Any) -> Any:
        assert call["Key"] == {"pk": {"S": "123456789012/eu-west-1"}}
        return {"Item": {"version": {"N": "1"}, "schema": {"N": str(SCHEMA)}, "state": {"S": self.text}}}


def learned_of(session: Any) -> tuple[str, ...]:
    return command.learned_by_monitor(find_if_any(session, None), Target("", "eu-west-1"))


def test_values_learned_by_the_deployed_monitor_are_shown() -> None:
    state = State(NOW, learned=Learned(bounces=Booked(new=40, grown=(30, 0, 0))))
    bounces, complaints = learned_of(Deployed(to_text(state)))
    assert bounces.startswith("SES counts late bounces with their email in this account: 30 of 40 new bounces")
    assert complaints.startswith("In which bucket SES counts late complaints is not known yet")


def test_an_invalid_stored_state_shows_nothing() -> None:
    assert learned_of(Deployed("{}")) == ()
