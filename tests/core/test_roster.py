"""The list of accounts: how it is stored, how it changes, and what the reports of the shards say about it."""

from __future__ import annotations

import zlib
from base64 import b64encode
from dataclasses import replace
from random import Random

import pytest
from ses_reputation.core.fleet import WHOLE, FleetFacts
from ses_reputation.core.history import BUCKET, DAY
from ses_reputation.core.roster import Learnt, Member, Report, Roster, began, changed, facts, relisted, urgent_first
from ses_reputation.core.state import BadState, record_from, record_text, to_text

NOON = 1_738_411_200
SHOP, BLOG = Member("111111111111", "shop", ("eu-west-1",)), Member("222222222222", "222222222222", ("eu-west-1",))
BOTH = Roster((SHOP, BLOG), "settings", NOON)
PAIRS = ((SHOP.account, "shop"), (BLOG.account, BLOG.account))


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
    assert later.silent_shards == ("shard 1 (numbered 0 to 1)",) and later.not_set_up is None
    assert facts(BOTH, own, [replace(stale, tick=NOON)], NOON, BUCKET).not_set_up == (SHOP.words,)


def test_without_the_list_only_silence_is_known() -> None:
    own, other = Report(NOON, NOON + DAY, (BLOG.account,)), Report(NOON, NOON)
    silent = facts(None, own, [other], NOON + DAY, BUCKET)
    assert silent == FleetFacts(None, None, None, None, ("shard 1 (numbered 0 to 1)",), None)
