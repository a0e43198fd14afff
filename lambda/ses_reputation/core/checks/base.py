"""The interface of a check, and the values that it looks at and speaks of."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import tzinfo
from typing import NamedTuple

from ..alert import Change, Found, Reason, Standing, Tracks
from ..evaluation import Evaluation
from ..fleet import deploy_role_command
from ..history import BUCKET, History, Instant
from ..late_events import Learned
from ..pause_record import PauseReading
from ..rates import Metric
from ..readings import Account, Readings, Unreadable
from ..rules import Policy, Severity
from ..target import Target


@dataclass(frozen=True, slots=True)
class Failures:
    """Runs in a row, this one included, in which something could not be read."""

    statistics: int = 0
    aws: int = 0


@dataclass(frozen=True, slots=True)
class Seen:
    """Everything known of a target at a tick."""

    target: Target
    now: Instant
    policy: Policy
    readings: Readings
    history: History | None = None  # None: no emails known, or not readable
    evaluations: Mapping[Metric, Evaluation] = field(default_factory=dict)  # empty without a history
    failures: Failures = Failures()
    tracks: Tracks = field(default_factory=dict)  # open before this tick
    learned: Learned = Learned()  # how SES counts late events, before this tick
    pause: PauseReading | None = None  # None: not known, or none can be

    @property
    def unreadable(self) -> Unreadable | None:
        """The trouble with the send statistics."""
        statistics = self.readings.statistics
        return statistics if isinstance(statistics, Unreadable) else None


@dataclass(frozen=True, slots=True)
class Context:
    """Things that words need besides the facts."""

    stage: str = ""  # tells several installations apart
    zone: tzinfo | None = None  # of the times in messages; None: UTC
    dashboard_url: str = ""
    runbook_url: str = ""  # address of the runbook; anchors of its sections are appended
    log_url: str = ""  # the function's log
    version: str = ""  # of the monitor
    own_role: str = ""  # ARN of the function's role, which the roles of other accounts trust
    home: str = ""  # region of the installation, where the stacks of these roles stand; empty: that of the target
    every: int = BUCKET  # seconds from one run to the next


@dataclass(frozen=True, slots=True)
class News:
    """One change of an alert, with all that its words may speak of."""

    seen: Seen
    change: Change
    found: Found | None  # what holds now, or what opened the alert or made it worse; None if an older version stored it
    holds: bool  # something is found now
    tracks: Tracks  # open tracks of the check; those that ended with this change if it is resolved
    context: Context

    @property
    def reason(self) -> Reason:
        return self.change.reason

    @property
    def through_role(self) -> bool:
        """The target is in another account, and read through its role."""
        own = self.context.own_role
        return bool(own) and own.split(":")[4] != self.seen.target.account

    @property
    def resolved(self) -> bool:
        return self.change.reason is Reason.RESOLVED

    @property
    def severity(self) -> Severity:
        return self.change.sent.severity

    @property
    def region(self) -> str:
        return self.seen.target.region

    @property
    def now(self) -> Instant:
        return self.seen.now

    @property
    def started(self) -> Instant:
        """Estimated beginning of the trouble."""
        starts = [track.started for track in self.tracks.values() if track.started is not None]
        return min((*starts, self.change.sent.opened_at))

    @property
    def account(self) -> Account | None:
        return self.seen.readings.known_account


class Command(NamedTuple):
    """A command to paste, and what it is for."""

    shows: str
    text: str


def role_command(news: News, *, missing: bool) -> Command:
    """Return the command for a member account whose role is missing, or old."""
    home = news.context.home if news.context.home else news.region
    text = deploy_role_command(home, news.context.own_role if missing else "")
    return Command("Deploy the role, with the account's credentials", text)


class Check(ABC):
    """One thing that is watched: what it finds, when its alert resolves, and every word about it."""

    name: str
    noun: str  # in a subject that names several alerts
    anchor: str  # section of the runbook
    finds: type | None = None  # what each track finds; None: it has no tracks, or `facts` says it for each

    @property
    def track_names(self) -> tuple[str, ...]:
        return (self.name,)

    @property
    def facts(self) -> Mapping[str, type]:
        """Type of what each track finds."""
        return {} if self.finds is None else dict.fromkeys(self.track_names, self.finds)

    @abstractmethod
    def standings(self, seen: Seen) -> Mapping[str, Standing]:
        """Standing of each track. A track that is left out is not known now and stays as it is."""

    def ended_by_settings(self, policy: Policy) -> bool:
        """Tell if the settings have switched the check off: its alert ends without a message."""
        return False

    @abstractmethod
    def headline(self, news: News) -> str:
        """Say what is wrong, in a few words without the severity; when resolved, what is right again."""

    def unknown(self, news: News) -> bool:
        """Tell if the alert says that something is not known, rather than bad."""
        return False

    def closed(self, news: News) -> bool:
        """Tell if the alert ends without anything being known to be well."""
        return False

    @abstractmethod
    def summary(self, news: News) -> list[str]:
        """Say what happened and how close it is to what, in one to three sentences."""

    def changed(self, news: News) -> str:
        """Say what is new of an open alert that is no worse than before."""
        return "The alert has changed."

    @abstractmethod
    def resolved(self, news: News) -> list[str]:
        """Say what has changed for the better."""

    @abstractmethod
    def first_steps(self, news: News) -> tuple[str, ...]:
        """First steps for the reader."""

    def command(self, news: News) -> Command | None:
        """One command to paste that shows more, with region and window filled in."""
        return Command("See rates, quota and AWS's decision", f"ses-reputation check {news.seen.target.options}")

    def small_print(self, news: News) -> list[tuple[str, str]]:
        """Further facts, each with its name."""
        return []
