"""Records stored besides the states of targets: the list of accounts, and a report of each shard."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from .aws.errors import AWS_ERRORS, code_of
from .aws.store import Item, Overtaken
from .core.roster import REPORT_SCHEMA, SCHEMA, Report, Roster
from .core.state import BadState, record_from, record_text
from .run import Store

T = TypeVar("T", Roster, Report)

SCHEMAS: Mapping[type, int] = {Roster: SCHEMA, Report: REPORT_SCHEMA}

TRIES = 3
"""Most times that a record is changed anew when another run has written meanwhile."""


@dataclass
class FleetStore:
    """Records of one run, read and written through the store. What fails is noted in `failures`, and stops nothing."""

    store: Store
    failures: list[str] = field(default_factory=list)
    _versions: dict[str, int | None] = field(default_factory=dict)  # as loaded; None: must not be written

    def load(self, key: str, kind: type[T]) -> T | None:
        """Load a record; None if there is none, or none that can be read."""
        self._versions[key] = None
        try:
            item = self.store.load(key)
        except AWS_ERRORS as error:
            self.failures.append(f"{key} could not be loaded ({code_of(error)})")
            return None
        if item is not None and item.schema > SCHEMAS[kind]:
            self.failures.append(f"{key} was written by a newer version (schema {item.schema})")
            return None
        self._versions[key] = 0 if item is None else item.version
        try:
            return None if item is None else record_from(kind, item.text)
        except BadState as error:
            self.failures.append(f"{key} was unreadable and is made anew ({error})")
            return None

    def may_write(self, key: str) -> bool:
        """Tell if a record was loaded, or there is none that can be read: it may be written."""
        return self._versions[key] is not None

    def save(self, key: str, record: Roster | Report) -> bool:
        """Store a record over what was loaded. Tell if nothing else has written meanwhile."""
        version = self._versions[key]
        if version is None:
            return True
        try:
            self.store.save(key, Item(version + 1, SCHEMAS[type(record)], record_text(record)))
            self._versions[key] = version + 1
        except Overtaken:
            return False
        except AWS_ERRORS as error:
            self.failures.append(f"{key} could not be stored ({code_of(error)})")
        return True

    def change(self, key: str, kind: type[T], made: Callable[[T], T]) -> None:
        """Change a record as it is stored now, whatever other runs have written meanwhile."""
        for _ in range(TRIES):
            record = self.load(key, kind)
            if record is None or (new := made(record)) == record or self.save(key, new):
                return
        self.failures.append(f"{key} could not be stored (something else has written)")
