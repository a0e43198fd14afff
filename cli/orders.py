"""mute, unmute, mutes and ack: what the team orders, written beside the states of the deployed monitor."""

from __future__ import annotations

import argparse
import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, tzinfo
from typing import Any

from ses_reputation.aws.store import Item
from ses_reputation.core import orders as stored
from ses_reputation.core import state as states
from ses_reputation.core.alert import Sent
from ses_reputation.core.fleet import Installation
from ses_reputation.core.history import Instant, iso
from ses_reputation.core.notification import mute_in_words
from ses_reputation.core.orders import LONGEST_MUTE, MOST_ACKS, MOST_MUTES, Ack, Mute, Orders, Window, clean
from ses_reputation.core.target import Target
from ses_reputation.settings import Settings
from ses_reputation.settings.mutes import DAYS
from ses_reputation.team_orders import CHECKS, KEY, TeamOrders, decoded, load

from .deployed import Deployed, the_deployed, unwatched, watched
from .exit_codes import USABLE, Unusable

UNITS = {"m": 60, "h": 3_600, "d": 86_400}


def mute(settings: Settings | None, given: argparse.Namespace) -> int:
    """Hold back alerts for a while. Raises `Unusable`."""
    now = int(time.time())
    reason = clean(given.reason).strip()
    if not reason:
        raise Unusable('--reason is empty. Say why, like --reason "list clean-up": others read it in every message.')
    if given.check not in (None, *CHECKS):
        raise Unusable(f"There is no check {clean(given.check)}. There are: {', '.join(CHECKS)}")
    new = Mute(
        now,
        now + seconds(given.duration),
        given.check or "",
        given.region or "",
        reason,
        given.all,
        given.account or "",
    )
    deployed = _deployed(settings, given)
    warning = unwatched(deployed, settings, given.region, given.account)

    def changed(orders: Orders) -> Orders:
        others = tuple(mute for mute in orders.mutes if not _same(mute, new))
        if len(others) >= MOST_MUTES:
            raise Unusable(f"There are {MOST_MUTES} mutes already. See them: ses-reputation mutes")
        return replace(orders, mutes=(*others, new))

    ignored = _change(deployed, changed, now)
    zone = zone_of(settings)
    lines = [
        f"Muted: {mute_in_words(new, zone)}",
        "What is still open then is sent once."
        if new.critical
        else "What becomes critical is sent all the same. What is still open at the end is sent once.",
        f"To end it: ses-reputation unmute{_options(new)}",
        *filter(None, [warning]),
    ]
    document = {"mute": _document(new), "warning": warning or None, "ignored": [*ignored]}
    return _answer(given, document, [*lines, *ignored])


def unmute(settings: Settings | None, given: argparse.Namespace) -> int:
    """End a mute. Raises `Unusable` if there is none."""
    now, deployed = int(time.time()), _deployed(settings, given)
    ended: list[Mute] = []

    def changed(orders: Orders) -> Orders:
        ended[:] = [mute for mute in orders.mutes if given.everything or _same(mute, given)]
        if not ended:
            there = "".join(f"\n  ses-reputation unmute{_options(mute)}" for mute in orders.mutes)
            raise Unusable(f"There is no such mute.{f' These there are:{there}' if there else ' Nothing is muted.'}")
        return replace(orders, mutes=tuple(mute for mute in orders.mutes if mute not in ended))

    ignored = _change(deployed, changed, now)
    lines = [f"Ended: {mute_in_words(mute, zone_of(settings))}" for mute in ended]
    document = {"ended": [_document(mute) for mute in ended], "ignored": [*ignored]}
    return _answer(given, document, [*lines, "What is open is sent at the next run.", *ignored])


def mutes(settings: Settings | None, given: argparse.Namespace) -> int:
    """List what is muted and acknowledged, and the windows of the settings. Raises `Unusable`."""
    now, zone, deployed = int(time.time()), zone_of(settings), _deployed(settings, given)
    item = deployed.asked(lambda: deployed.store.load(KEY))
    known = TeamOrders() if item is None else decoded(item.schema, item.text)
    current = _current(known.orders, now)
    windows = () if settings is None else settings.mutes
    lines = [mute_in_words(mute, zone) for mute in current.mutes]
    lines += [f"every {_window(window)}" for window in windows]
    lines = lines if lines else ["Nothing is muted."]
    lines += [f"acknowledged: {ack.alert} in {_place(ack)}" for ack in current.acks]
    document = {
        "mutes": [_document(mute) for mute in current.mutes],
        "windows": [_window(window) for window in windows],
        "acknowledged": [{"alert": ack.alert, "target": ack.target, "at": iso(ack.at)} for ack in current.acks],
        "ignored": [*known.ignored],
    }
    return _answer(given, document, [*lines, *known.ignored])


def ack(settings: Settings | None, given: argparse.Namespace) -> int:
    """Stop the reminders of an open alert until it gets worse. Raises `Unusable` for one that is not open."""
    now, deployed = int(time.time()), _deployed(settings, given)
    targets = (*watched(deployed, given.region, given.account), *_fleet_as_a_whole(deployed, given))
    sent = {target: _sent(deployed, target) for target in targets}
    having = [target for target, alerts in sent.items() if given.alert in alerts]
    if not having:
        there = sorted({alert for alerts in sent.values() for alert in alerts})
        known = f" Open are: {', '.join(there)}" if there else " No alert is open."
        known += " Of another account: add --account and --region." if deployed.several else ""
        raise Unusable(f"No alert {clean(given.alert)} is open: it is resolved, muted, or was never there.{known}")
    if len(having) > 1:
        raise Unusable(f"{given.alert} is open in {', '.join(t.region for t in having)}. Choose with --region.")
    new = Ack(having[0].id, given.alert, sent[having[0]][given.alert].counted_from)

    def changed(orders: Orders) -> Orders:
        others = tuple(each for each in orders.acks if (each.target, each.alert) != (new.target, new.alert))
        return replace(orders, acks=(*others, new)[-MOST_ACKS:])

    ignored = _change(deployed, changed, now)
    said = f"Acknowledged: {new.alert} in {having[0].region}. No reminders until it gets worse; its end is sent."
    return _answer(given, {"alert": new.alert, "target": new.target, "ignored": [*ignored]}, [said, *ignored])


def muted_by_team(
    deployed: Deployed | None, settings: Settings | None, targets: Sequence[Target], now: Instant
) -> list[tuple[str, ...]]:
    """Say what the deployed monitor holds back of each target; nothing if there is none here, or its table is not readable."""
    if deployed is None:
        return [()] * len(targets)
    zone = zone_of(settings)
    known = load(deployed.store, () if settings is None else settings.mutes, zone, now)
    if known.failures:
        return [()] * len(targets)

    def said(target: Target) -> tuple[str, ...]:
        mutes = known.orders.mutes_in(replace(target, account=target.account or deployed.account), now)
        return (*(f"Muted: {mute_in_words(mute, zone)}" for mute in mutes), *known.ignored)

    return [said(target) for target in targets]


def seconds(text: str) -> int:
    """How long 30m, 48h or 7d are. Raises `Unusable`."""
    found = re.fullmatch(r"([0-9]{1,5})([mhd])", text)
    length = int(found[1]) * UNITS[found[2]] if found else 0
    if not 0 < length <= LONGEST_MUTE:
        raise Unusable(
            f"--for {clean(text)}: write a time like 30m, 48h or 7d, at most 30d: muted alerts get overlooked."
        )
    return length


def _deployed(settings: Settings | None, given: argparse.Namespace) -> Deployed:
    deployed = the_deployed(settings, given.profile, given.region)
    watched(deployed, given.region, given.account)
    return deployed


def _fleet_as_a_whole(deployed: Deployed, given: argparse.Namespace) -> Iterator[Target]:
    """Yield the target of alerts about all accounts, which is under the account and region of the stack."""
    home = given.region in (None, deployed.region) and given.account in (None, deployed.account)
    if deployed.several and home:
        yield Installation(deployed.account, deployed.region)


def _change(deployed: Deployed, changed: Any, now: Instant) -> tuple[str, ...]:
    """Store changed orders, without those that have ended. Return what was stored but is no order; it is removed."""
    ignored: tuple[str, ...] = ()

    def text(item: Item | None) -> str:
        nonlocal ignored
        known = TeamOrders() if item is None else decoded(item.schema, item.text)
        ignored = known.ignored
        return stored.to_text(changed(_current(known.orders, now)))

    deployed.change(KEY, stored.SCHEMA, text)
    return ignored


def _current(orders: Orders, now: Instant) -> Orders:
    return replace(orders, mutes=tuple(mute for mute in orders.mutes if now < mute.until))


def _sent(deployed: Deployed, target: Target) -> dict[str, Sent]:
    """Alerts of a target that were sent and are open, by id. Raises `Unusable`."""
    item = deployed.asked(lambda: deployed.store.load(target.id))
    try:
        state = None if item is None else states.from_text(item.text, schema=item.schema)
    except states.BadState as bad:
        raise Unusable(f"The state of {target.region} cannot be read: {bad}") from None
    return {} if state is None else {sent.alert: sent for sent in state.sent.values()}


def _same(mute: Mute, other: Any) -> bool:
    """Tell if a mute has the check and region of another, or of options."""
    return (mute.check, mute.region, mute.account) == (other.check or "", other.region or "", other.account or "")


def _options(mute: Mute) -> str:
    given = {"check": mute.check, "account": mute.account, "region": mute.region}
    return "".join(f" --{name} {value}" for name, value in given.items() if value)


def _place(ack: Ack) -> str:
    return "the fleet" if ack.target == Installation("", "").id else ack.target.rpartition("/")[2]


def _window(window: Window) -> str:
    begin, end = (f"{minute // 60:02}:{minute % 60:02}" for minute in (window.start, window.end))
    what = f"{window.check} alerts" if window.check else "all alerts"
    where = f" in {', '.join(window.regions)}" if window.regions else ""
    but = "" if window.critical else ", unless critical"
    why = f": {window.reason}" if window.reason else ""
    return f"{DAYS[window.weekday].capitalize()} {begin} to {end}, {what}{where}{but}{why}"


def _document(mute: Mute) -> dict[str, Any]:
    return {
        "check": mute.check,
        "account": mute.account,
        "region": mute.region,
        "from": iso(mute.start),
        "until": iso(mute.until),
        "reason": mute.reason,
        "critical_too": mute.critical,
    }


def zone_of(settings: Settings | None) -> tzinfo:
    """The time zone of words."""
    return UTC if settings is None else settings.alerts.zone


def _answer(given: argparse.Namespace, document: dict[str, Any], lines: list[str]) -> int:
    from .output import as_json, say

    if given.json:
        as_json(document)
    else:
        for line in lines:
            say(line)
    return USABLE
