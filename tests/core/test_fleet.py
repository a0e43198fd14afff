"""Shards, turns, and changes of the list of accounts."""

from __future__ import annotations

import zlib
from base64 import b64encode
from dataclasses import replace
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ses_reputation.core.alert import Sent
from ses_reputation.core.checks import ALL
from ses_reputation.core.checks.base import Context
from ses_reputation.core.decide import decide
from ses_reputation.core.fleet import WHOLE, FleetFacts, Installation, Shard, deploy_role_command, is_turn
from ses_reputation.core.history import BUCKET, DAY, HOUR
from ses_reputation.core.readings import Readings
from ses_reputation.core.roster import (
    Learnt,
    Member,
    Report,
    Roster,
    began,
    changed,
    dismissed,
    facts,
    relisted,
    urgent_first,
)
from ses_reputation.core.rules import Severity, default_policy
from ses_reputation.core.state import BadState, State, record_from, record_text, to_text
from ses_reputation.core.target import Target

NOON = 1_738_411_200
SHOP, BLOG = Member("111111111111", "shop", ("eu-west-1",)), Member("222222222222", "222222222222", ("eu-west-1",))
BOTH = Roster((SHOP, BLOG), "settings", NOON)
PAIRS = ((SHOP.account, "shop"), (BLOG.account, BLOG.account))

accounts = st.from_regex(r"[0-9]{12}", fullmatch=True)


@given(accounts, st.integers(1, 100))
def test_every_account_is_in_exactly_one_shard(account: str, of: int) -> None:
    assert sum(Shard(number, of).has(account) for number in range(of)) == 1


def test_accounts_spread_over_the_shards() -> None:
    sizes = [sum(Shard(number, 8).has(f"{account:012}") for account in range(8_000)) for number in range(8)]
    assert min(sizes) > 800 and max(sizes) < 1_200


@given(accounts, st.sampled_from([300, 900, 1_200, 3_600]), st.integers(0, 4_000))
def test_every_name_has_one_turn_a_day_and_one_an_hour(name: str, every: int, late: int) -> None:
    ticks = range(NOON + late % every, NOON + late % every + DAY, every)
    assert sum(is_turn(name, tick, every) for tick in ticks) == 1
    assert sum(is_turn(name, tick, every, HOUR) for tick in ticks) == 24


def test_a_target_says_which_options_a_command_about_it_needs() -> None:
    assert Target("1" * 12, "eu-west-1").options == "--region eu-west-1"
    assert SHOP.targets[0].options == f"--account {'1' * 12} --region eu-west-1"
    assert Installation("1" * 12, "eu-west-1").id == "fleet/installation"
    assert deploy_role_command("eu-west-1").endswith("--region eu-west-1")
    assert deploy_role_command("eu-west-1", "arn:aws:iam::000000000000:role/monitor").endswith(
        " --parameter-overrides TrustedRoles=arn:aws:iam::000000000000:role/monitor"
    )


def test_the_list_is_stored_and_read_back() -> None:
    report = Report(NOON, NOON + BUCKET, ("111111111111",), ("222222222222/eu-west-1",))
    assert record_from(Roster, record_text(BOTH)) == BOTH and record_from(Report, to_text(report)) == report


def test_a_report_of_the_schema_before_is_read() -> None:
    text = f'{{"first": {NOON}, "tick": {NOON}, "not_set_up": ["111111111111"], "not_reached": []}}'
    assert record_from(Report, text) == Report(NOON, NOON, ("111111111111",))


def test_a_list_of_ten_thousand_accounts_fits_into_an_item() -> None:
    seeded = Random(21)
    regions = ("eu-west-1", "us-east-1", "eu-central-1")
    members = tuple(
        Member(f"{seeded.randrange(10**12):012}", f"team-{seeded.randrange(10**6)}-production", regions, True, 1)
        for _ in range(10_000)
    )
    roster = replace(BOTH, members=members)
    assert len(record_text(roster)) < 390_000 and record_from(Roster, record_text(roster)) == roster
    assert record_text(BOTH) == to_text(BOTH)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "5",
        "AAAA",
        "A",
        b64encode(zlib.compress(b"x" * 30_000_000)).decode(),
        '{"members": 5}',
        '{"members": [{"account": "1"}]}',
        '{"leaving": [[]]}',
        '{"read_at": -1}',
        "[" * 9_999,
    ],
)
def test_an_invalid_list_is_refused(text: str) -> None:
    with pytest.raises(BadState):
        record_from(Roster, text)


def test_knowledge_about_an_account_survives_a_new_list() -> None:
    known = replace(BOTH, members=(replace(SHOP, role=1, swept=True, regions=("eu-west-1", "us-east-1")), BLOG))
    new = relisted(known, PAIRS, None, "settings", NOON + DAY)
    assert new == replace(known, read_at=NOON + DAY)


def test_regions_of_the_settings_replace_others() -> None:
    new = relisted(BOTH, PAIRS, ("us-east-1",), "others", NOON)
    assert [member.regions for member in new.members] == [("us-east-1",)] * 2
    assert [member.targets[0].id for member in new.leaving] == ["111111111111/eu-west-1", "222222222222/eu-west-1"]


def test_a_removed_account_is_leaving_until_closed_or_back() -> None:
    gone = relisted(BOTH, PAIRS[1:], ("eu-west-1",), "others", NOON)
    assert gone.members == (BLOG,) and gone.leaving == (SHOP,)
    still = relisted(gone, PAIRS[1:], ("eu-west-1",), "others", NOON + DAY)
    assert still.leaving == (SHOP,)
    assert changed(gone, {}, {"111111111111/eu-west-1"}, "others").leaving == ()
    assert relisted(gone, PAIRS, ("eu-west-1",), "settings", NOON).leaving == ()


def test_a_discovered_region_of_an_account_that_returns_is_watched_again() -> None:
    gone = relisted(BOTH, PAIRS[1:], None, "others", NOON)
    back = relisted(gone, PAIRS, None, "settings", NOON + DAY)
    assert back.members == BOTH.members and back.leaving == ()


def test_a_change_affects_only_listed_accounts() -> None:
    learnt = {SHOP.account: Learnt(role=1), "333333333333": Learnt(role=1)}
    assert changed(BOTH, learnt, (), "settings").members == (replace(SHOP, role=1), BLOG)


def test_two_runs_that_learn_of_one_account_add_up() -> None:
    first, second = Learnt(1, True, ("us-east-1",), ()), Learnt(None, None, ("eu-north-1",), ("eu-west-1",))
    both = changed(changed(BOTH, {SHOP.account: first}, (), "settings"), {SHOP.account: second}, (), "settings")
    assert both.members[0] == replace(SHOP, role=1, swept=True, regions=("us-east-1", "eu-north-1"))


def test_what_was_learnt_under_other_settings_changes_no_region() -> None:
    new = relisted(BOTH, PAIRS, ("us-east-1",), "others", NOON + DAY)
    learnt = {SHOP.account: Learnt(1, True, ("eu-west-1",), ("us-east-1",))}
    after = changed(new, learnt, (), "settings")
    assert after.members[0] == replace(new.members[0], role=1) and after.leaving == new.leaving


def test_a_watched_target_is_never_closed() -> None:
    back = changed(replace(BOTH, leaving=(replace(SHOP, regions=("eu-west-1", "us-east-1")),)), {}, (), "settings")
    assert [target.id for member in back.leaving for target in member.targets] == ["111111111111/us-east-1"]
    assert replace(BOTH, leaving=(SHOP,)).closing(WHOLE) == ()


def test_targets_the_last_run_missed_come_first() -> None:
    targets = [*SHOP.targets, *BLOG.targets]
    assert urgent_first(targets, None) == targets
    assert urgent_first(targets, Report(0, 0, (), (BLOG.targets[0].id, "gone/eu-west-1"))) == targets[::-1]


# -- reports of shards


def test_a_report_begins_anew_after_a_time_without_runs() -> None:
    last = Report(NOON, NOON + BUCKET, ("111111111111",))
    assert began(None, NOON, BUCKET) == Report(NOON, NOON)
    assert began(last, NOON + 4 * BUCKET, BUCKET) == replace(last, tick=NOON + 4 * BUCKET)
    assert began(last, NOON + 5 * BUCKET, BUCKET) == Report(NOON + 5 * BUCKET, NOON + 5 * BUCKET)


def test_a_report_of_an_earlier_time_counts_for_nothing() -> None:
    stale = Report(0, NOON - BUCKET, (SHOP.account,), (SHOP.targets[0].id,))
    own = Report(NOON, NOON)
    assert facts(BOTH, own, [stale], NOON, BUCKET) == FleetFacts(None, None, (), (), None, None)
    later = facts(BOTH, replace(own, tick=NOON + 4 * BUCKET), [stale], NOON + 4 * BUCKET, BUCKET)
    assert later.silent_shards == ("shard 1 of 2",) and later.not_set_up is None
    assert facts(BOTH, own, [replace(stale, tick=NOON)], NOON, BUCKET).not_set_up == (SHOP.words,)


def test_without_the_list_only_silence_is_known() -> None:
    own, other = Report(NOON, NOON + DAY, (BLOG.account,)), Report(NOON, NOON)
    silent = facts(None, own, [other], NOON + DAY, BUCKET)
    assert silent == FleetFacts(None, None, None, None, ("shard 1 of 2",), None)


def test_what_is_not_known_leaves_an_open_alert_as_it_is() -> None:
    unknown = FleetFacts(None, None, None, None, None, None)
    assert len(said(FleetFacts(not_set_up=("shop",)), *[unknown] * 9)) == 1


# -- the alert about the fleet


def said(*facts: FleetFacts, step: int = 2 * HOUR, known: State | None = None) -> list[str]:
    """Reason of every notification, and the names in it, of one tick after another."""
    installation, state, made = Installation("000000000000", "eu-west-1"), known, []
    for number, each in enumerate(facts, 1):
        plan = decide(installation, Readings((), fleet=each), state, default_policy(), NOON + number * step, Context())
        state = replace(plan.state, outbox=())
        made += [f"{document['reason']}: {' '.join(document['summary'])}" for document in plan.documents]
    return made


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


def test_open_alerts_of_a_removed_target_close_without_an_ok() -> None:
    sent = {
        check.name: Sent(f"{check.name}-1", Severity.WARNING, (), 3, NOON - DAY, NOON - DAY, NOON - DAY)
        for check in ALL
    }
    plan = dismissed(SHOP.targets[0], State(NOON - BUCKET, sent=sent), default_policy(), NOON, Context())
    assert [document["check"] for document in plan.documents] == [check.name for check in ALL]
    assert {document["status"] for document in plan.documents} == {"UNKNOWN"}
    assert {(document["kind"], document["number"]) for document in plan.documents} == {("resolved", 4)}
    assert plan.state.sent == {} and plan.state.tracks == {} and plan.state.tick == NOON
    assert [delivery.document for delivery in plan.state.outbox] == [*plan.documents]
    again = dismissed(SHOP.targets[0], plan.state, default_policy(), NOON + BUCKET, Context())
    assert again.documents == () and again.state.outbox == plan.state.outbox
