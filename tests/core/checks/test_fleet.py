"""The alert about the fleet: every new name is news, and what is not known changes nothing."""

from __future__ import annotations

from dataclasses import replace

import pytest
from ses_reputation.core.checks.base import Context
from ses_reputation.core.decide import decide
from ses_reputation.core.fleet import FleetFacts, Installation
from ses_reputation.core.history import BUCKET, HOUR
from ses_reputation.core.readings import Readings
from ses_reputation.core.rules import default_policy
from ses_reputation.core.state import State, to_text

from tests.core.test_roster import NOON


def said(*facts: FleetFacts, step: int = 2 * HOUR, known: State | None = None) -> list[str]:
    """Reason of every notification, and the names in it, of one tick after another."""
    installation, state, made = Installation("000000000000", "eu-west-1"), known, []
    for number, each in enumerate(facts, 1):
        plan = decide(installation, Readings((), fleet=each), state, default_policy(), NOON + number * step, Context())
        state = replace(plan.state, outbox=())
        made += [f"{document['reason']}: {' '.join(document['summary'])}" for document in plan.documents]
    return made


def test_what_is_not_known_leaves_an_open_alert_as_it_is() -> None:
    unknown = FleetFacts(None, None, None, None, None, None)
    assert len(said(FleetFacts(not_set_up=("shop",)), *[unknown] * 9)) == 1


@pytest.mark.parametrize("kind", ["not_set_up", "unread", "old_roles", "silent_shards", "not_reached"])
def test_another_name_is_news_of_an_open_alert(kind: str) -> None:
    one, both = FleetFacts(**{kind: ("shop",)}), FleetFacts(**{kind: ("blog", "shop")})
    opened, changed = said(one, one, both, both, one, both)
    assert opened.startswith("opened: ") and changed.startswith("changed: ")
    assert "blog" not in opened and "blog, shop" in changed


def test_another_name_waits_for_an_hour_and_comes_with_all_others() -> None:
    names = [tuple(f"account {number}" for number in range(count)) for count in range(1, 7)]
    messages = said(*(FleetFacts(not_set_up=each) for each in names), step=BUCKET)
    assert [message.partition(":")[0] for message in messages] == ["opened", "changed"]
    assert "account 4" in messages[1]


def test_thousands_of_names_fit_into_the_state() -> None:
    many = tuple(f"account {number}" for number in range(20_000))
    assert len(said(FleetFacts(not_set_up=many), FleetFacts(not_set_up=("more", *many)))) == 1
    plan = decide(
        Installation("0" * 12, "eu-west-1"),
        Readings((), fleet=FleetFacts(not_reached=many)),
        None,
        default_policy(),
        NOON,
    )
    assert len(to_text(plan.state)) < 20_000


def test_an_alert_that_an_older_version_opened_goes_on_without_a_message() -> None:
    facts = FleetFacts(not_set_up=("shop",))
    plan = decide(Installation("0" * 12, "eu-west-1"), Readings((), fleet=facts), None, default_policy(), NOON)
    older = {name: replace(track, mark="") for name, track in plan.state.tracks.items()}
    sent = {
        name: replace(each, signs=tuple(track.id for track in older.values())) for name, each in plan.state.sent.items()
    }
    state = replace(plan.state, tracks=older, sent=sent, outbox=())
    assert said(facts, known=state) == []
    assert len(said(FleetFacts(not_set_up=("blog", "shop")), known=state)) == 1
