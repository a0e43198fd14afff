"""resume: end a pause that the monitor has made, and make every window start anew."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from ses_reputation.aws import ses
from ses_reputation.aws.errors import AWS_ERRORS
from ses_reputation.aws.pause import switch
from ses_reputation.aws.session import CONFIG
from ses_reputation.aws.store import Item
from ses_reputation.core import pause_record as stored
from ses_reputation.core.checks.pause import RESETS
from ses_reputation.core.history import iso
from ses_reputation.core.notification import account_in_words
from ses_reputation.core.orders import clean
from ses_reputation.core.pause_level import Part
from ses_reputation.core.pause_record import Pause, Stage
from ses_reputation.core.readings import Unreadable
from ses_reputation.core.target import Target
from ses_reputation.core.wording import when
from ses_reputation.settings import Settings
from ses_reputation.settings.pause import ACTION

from .aws_errors import Call, explain
from .deployed import Deployed, the_deployed, watched
from .exit_codes import USABLE, Unusable
from .orders import zone_of
from .output import as_json, say


def resume(settings: Settings | None, given: argparse.Namespace) -> int:
    """Show the pause, ask, resume and note it. Raises `Unusable`."""
    deployed = the_deployed(settings, given.profile, given.region)
    target, pause = _the_pause(deployed, watched(deployed, given.region, given.account))
    client: Any = deployed.session.client("sesv2", region_name=target.region, config=CONFIG)
    if not given.json:
        _show(target, pause, client, settings)
    if not given.yes:
        _ask()
    try:
        switch(client, pause.part, pause.name, pause.reference, on=True)
    except AWS_ERRORS as error:
        call = Call(deployed.session._session, target.region, ACTION[pause.part], f"There is no {pause.what} any more.")  # noqa: SLF001
        raise Unusable(f"{pause.what.capitalize()} could not be resumed. {explain(error, call)}") from None
    ended = replace(pause, stage=Stage.PAUSED, resumed_at=int(time.time()), resumed_by=_who(deployed))
    deployed.change(stored.key_of(target.id), stored.SCHEMA, lambda item: stored.to_text(_with(ended, item)))
    if given.json:
        as_json(
            {"region": target.region, "part": pause.part.value, "name": pause.name, "resumed_at": iso(int(time.time()))}
        )
    else:
        say(f"Resumed: {pause.what} in {target.region}. Every window starts now: the next run says so.")
    return USABLE


def _the_pause(deployed: Deployed, targets: Sequence[Target]) -> tuple[Target, Pause]:
    """The pause in force. Raises `Unusable` if there is none, or more than one."""
    newest = [(target, pauses[-1]) for target in targets if (pauses := _pauses(deployed, target))]
    found = [(target, pause) for target, pause in newest if pause.in_force or pause.stage is Stage.DUE]
    if not found:
        raise Unusable(f"The monitor has paused nothing in {', '.join(t.region for t in targets)}.")
    if len(found) > 1:
        raise Unusable(f"There are pauses in {', '.join(t.region for t, _ in found)}. Choose with --region.")
    return found[0]


def _pauses(deployed: Deployed, target: Target) -> tuple[Pause, ...]:
    item = deployed.asked(lambda: deployed.store.load(stored.key_of(target.id)))
    deployed.check_version(item, stored.SCHEMA)
    return _decoded(item)


def _decoded(item: Item | None) -> tuple[Pause, ...]:
    try:
        return () if item is None else stored.from_text(item.text)
    except ValueError as bad:
        raise Unusable(f"{bad}. Switch sending on by hand in the SES console.") from None


def _with(ended: Pause, item: Item | None) -> list[Pause]:
    return [*(pause for pause in _decoded(item) if pause.cause != ended.cause), ended]


def _show(target: Target, pause: Pause, client: Any, settings: Settings | None) -> None:
    account = ses.account(client)
    state = f"not known ({account.detail})" if isinstance(account, Unreadable) else account_in_words(account)
    say(f"Paused in {target.region}: {pause.what}, since {when(pause.at, zone_of(settings))}")
    say(f"Why: {pause.why} ({pause.cause})", indent=2)
    say(f"AWS says of the account: {state}", indent=2)
    if pause.part is Part.SET:
        say(RESETS, indent=2)
    say("Every window of our rates starts anew. AWS's own rate and the headroom do not.", indent=2)


def _ask() -> None:
    """Raises `Unusable` unless a person agrees."""
    if not sys.stdin.isatty():
        raise Unusable("Nothing was resumed: there is nobody to ask. Add --yes.")
    if input("Is the cause gone? Resume? [y/N] ").strip().lower() not in ("y", "yes"):
        raise Unusable("Nothing was resumed.")


def _who(deployed: Deployed) -> str:
    """Identity of the user, without an address; nothing if AWS does not say."""
    client: Any = deployed.session.client("sts", region_name=deployed.region, config=CONFIG)
    try:
        return clean(str(client.get_caller_identity()["Arn"]))
    except (*AWS_ERRORS, LookupError):
        return ""
