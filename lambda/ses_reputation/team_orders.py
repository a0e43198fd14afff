"""Orders of the team as a run needs them: those in the store, and the windows of the settings that are open now."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import tzinfo
from typing import NamedTuple

from .aws.errors import AWS_ERRORS, code_of
from .core import orders as stored
from .core.checks import ALL
from .core.history import Instant
from .core.orders import Orders, Window
from .run import Store

EARLY = 15 * 60
"""Seconds by which the clock of who mutes may be ahead; a later mute would begin where another ends, without an end."""

KEY = "orders"
"""Key of their item, beside the states, whose keys are the ids of targets."""

CHECKS = tuple(check.name for check in ALL)


class TeamOrders(NamedTuple):
    """Orders in force, and what was wrong with the stored ones. What cannot be read orders nothing."""

    orders: Orders = Orders()
    failures: tuple[str, ...] = ()  # the store could not be asked
    ignored: tuple[str, ...] = ()  # stored, but no order


def load(store: Store, windows: Sequence[Window], zone: tzinfo, now: Instant) -> TeamOrders:
    """Load the orders, with one call."""
    known = TeamOrders()
    try:
        item = store.load(KEY)
    except AWS_ERRORS as error:
        known = TeamOrders(
            failures=(f"the orders of the team could not be read, so nothing is muted ({code_of(error)})",)
        )
    else:
        if item is not None:
            known = decoded(item.schema, item.text)
    mutes = [mute for window in windows for mute in window.mutes_at(now, zone)]
    whole = not known.failures and not known.ignored
    return known._replace(orders=Orders((*known.orders.mutes, *mutes), known.orders.acks, whole))


def decoded(schema: int, text: str) -> TeamOrders:
    """Decode the stored item."""
    if schema > stored.SCHEMA:
        return TeamOrders(ignored=(f"the stored orders are of a newer version (schema {schema}); they are ignored",))
    orders, ignored = stored.from_text(text, CHECKS)
    mutes = tuple(mute for mute in orders.mutes if mute.start <= time.time() + EARLY)
    if mutes != orders.mutes:
        ignored = (*ignored, "stored mutes that start in the future are ignored")
    return TeamOrders(replace(orders, mutes=mutes), ignored=ignored)
