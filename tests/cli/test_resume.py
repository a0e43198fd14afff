"""`resume` shows the pause, asks, resumes, and every window starts again."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from ses_reputation.aws.store import Item, Store
from ses_reputation.core import pause_record as stored
from ses_reputation.core.pause_level import Part
from ses_reputation.core.pause_record import Pause, Stage

from cli.main import main
from local_aws.server import LocalAws
from tests.cli.test_orders import SETTINGS, TEMPLATE

Capsys = pytest.CaptureFixture[str]
ARN = "arn:aws:ses:us-east-1:123456789012:tenant/acme/tn-1"
AT = 1_738_368_000


@pytest.fixture(scope="module")
def table(local: LocalAws) -> str:
    template = json.dumps(TEMPLATE).replace('"states"', '"states-resume"')
    local.client("cloudformation").create_stack(StackName="SesReputation-resume", TemplateBody=template)
    return "states-resume"


@pytest.fixture
def store(local: LocalAws, table: str, monkeypatch: pytest.MonkeyPatch, elsewhere: Any) -> Iterator[Store]:
    (elsewhere / "settings.toml").write_text(f'{SETTINGS}[deployment]\nstage = "resume"\n')
    for name, value in local.environment().items():
        monkeypatch.setenv(name, value)
    database = local.client("dynamodb")
    for item in database.scan(TableName=table)["Items"]:
        database.delete_item(TableName=table, Key={"pk": item["pk"]})
    for region in ("eu-west-1", "us-east-1"):
        local.ses(region).sending = False
        local.ses(region).sets = {"newsletter": False}
        local.ses(region).suppression.entities = [
            {"ReputationEntityReference": ARN, "SendingStatusAggregate": "DISABLED"}
        ]
    yield Store(database, table)
    for region in ("eu-west-1", "us-east-1"):
        local.ses(region).sending, local.ses(region).sets, local.ses(region).suppression.entities = True, {}, []


def pause(part: Part, stage: Stage = Stage.PAUSED, **changes: Any) -> Pause:
    name = {Part.SET: "newsletter", Part.TENANT: "acme", Part.ACCOUNT: ""}[part]
    reference = ARN if part is Part.TENANT else ""
    return Pause(stage, part, name, reference, "bounce-20250201T0000Z", "two rules agree", AT, **changes)


def put(store: Store, region: str, *pauses: Pause) -> None:
    store.save(stored.key_of(f"123456789012/{region}"), Item(1, stored.SCHEMA, stored.to_text(pauses)))


def pauses(store: Store, region: str = "us-east-1") -> tuple[Pause, ...]:
    item = store.load(stored.key_of(f"123456789012/{region}"))
    assert item is not None
    return stored.from_text(item.text)


@pytest.mark.parametrize("part", Part)
def test_a_pause_is_shown_resumed_and_noted(store: Store, local: LocalAws, capsys: Capsys, part: Part) -> None:
    before = replace(pause(Part.ACCOUNT, resumed_at=AT), cause="bounce-1")
    put(store, "us-east-1", before, pause(part))
    assert main(["resume", "--region", "us-east-1", "--yes"]) == 0
    printed = " ".join(capsys.readouterr().out.split())
    assert f"Paused in us-east-1: {pause(part).what}, since 2025-02-01 01:00 CET" in printed
    assert "Why: two rules agree" in printed and "sending is switched off" in printed
    assert ("Resuming a configuration set resets its own reputation metrics" in printed) is (part is Part.SET)
    assert "Every window starts now" in printed
    account = local.ses("us-east-1")
    states = {
        Part.ACCOUNT: account.sending,
        Part.SET: account.sets["newsletter"],
        Part.TENANT: account.suppression.entities[0]["SendingStatusAggregate"] == "ENABLED",
    }
    assert states == {other: other is part for other in Part}
    ended = pauses(store)[-1]
    assert pauses(store)[0] == before
    assert abs((ended.resumed_at or 0) - time.time()) < 60 and ended.resumed_by.startswith("arn:aws:")


def test_for_programs_there_is_one_document(store: Store, capsys: Capsys) -> None:
    put(store, "us-east-1", pause(Part.SET))
    assert main(["resume", "--yes", "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert (printed["region"], printed["part"], printed["name"]) == ("us-east-1", "configuration set", "newsletter")


def test_a_started_pause_without_a_note_can_be_resumed(store: Store, local: LocalAws) -> None:
    put(store, "us-east-1", pause(Part.ACCOUNT, Stage.DUE))
    assert main(["resume", "--yes"]) == 0
    assert local.ses("us-east-1").sending is True and not pauses(store)[-1].in_force


def test_without_a_person_to_ask_nothing_is_resumed(store: Store, local: LocalAws, capsys: Capsys) -> None:
    put(store, "us-east-1", pause(Part.ACCOUNT))
    assert main(["resume"]) == 2 and "Add --yes" in capsys.readouterr().err
    assert local.ses("us-east-1").sending is False and pauses(store)[-1].in_force


@pytest.mark.parametrize(("answer", "code"), [("y", 0), ("Yes ", 0), ("", 2), ("n", 2)])
def test_a_person_is_asked(
    store: Store, local: LocalAws, monkeypatch: pytest.MonkeyPatch, answer: str, code: int
) -> None:
    put(store, "us-east-1", pause(Part.ACCOUNT))
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("builtins.input", lambda _: answer)
    assert main(["resume"]) == code
    assert local.ses("us-east-1").sending is (code == 0)


def test_without_a_pause_it_says_so(store: Store, capsys: Capsys) -> None:
    put(store, "us-east-1", pause(Part.ACCOUNT, resumed_at=AT))
    put(store, "eu-west-1", pause(Part.ACCOUNT, Stage.FAILED))
    assert main(["resume", "--yes"]) == 2
    assert "The monitor has paused nothing in eu-west-1, us-east-1." in capsys.readouterr().err


def test_one_of_two_pauses_is_chosen(store: Store, local: LocalAws, capsys: Capsys) -> None:
    for region in ("eu-west-1", "us-east-1"):
        put(store, region, pause(Part.ACCOUNT))
    assert main(["resume", "--yes"]) == 2 and "Choose with --region" in capsys.readouterr().err
    assert main(["resume", "--yes", "--region", "eu-west-1"]) == 0
    assert (local.ses("eu-west-1").sending, local.ses("us-east-1").sending) == (True, False)


def test_a_refusal_by_aws_is_reported_and_the_pause_stays(store: Store, local: LocalAws, capsys: Capsys) -> None:
    put(store, "us-east-1", pause(Part.SET))
    local.ses("us-east-1").sets.clear()
    assert main(["resume", "--yes"]) == 2
    assert "Configuration set newsletter could not be resumed." in capsys.readouterr().err
    assert pauses(store)[-1].in_force


def test_an_unreadable_record_is_reported(store: Store, capsys: Capsys) -> None:
    store.save(stored.key_of("123456789012/us-east-1"), Item(1, 1, "{"))
    assert main(["resume", "--yes"]) == 2 and "cannot be read" in capsys.readouterr().err


def test_a_pause_of_a_newer_version_is_not_resumed(store: Store, local: LocalAws, capsys: Capsys) -> None:
    text = stored.to_text((pause(Part.ACCOUNT),))
    store.save(stored.key_of("123456789012/us-east-1"), Item(1, stored.SCHEMA + 1, text))
    local.ses("us-east-1").sending = False
    assert main(["resume", "--yes"]) == 2 and "newer version" in capsys.readouterr().err
    assert local.ses("us-east-1").sending is False
