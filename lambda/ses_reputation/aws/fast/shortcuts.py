"""Hooks that botocore offers to everybody, used to start faster. docs/performance.md has what each one saves."""

from __future__ import annotations

from contextlib import suppress

from botocore.session import Session

from .connections import share_connections
from .loader import read_less_data
from .parsers import parse_faster


def take_shortcuts(session: Session, connect: float, read: float) -> None:
    """Make `session` start and answer faster, with `connect` and `read` seconds for the halves of an attempt."""
    with suppress(AttributeError, TypeError):  # another botocore, without this hook, works all the same
        read_less_data(session)
    with suppress(AttributeError, TypeError):
        parse_faster(session)
    with suppress(AttributeError, TypeError):
        share_connections(session, connect, read)
