"""What was gathered of a target and what is remembered of it → what to publish, what to announce, what to remember.

The function and `replay` decide with the same code, tick by tick, and never look ahead.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from . import account, volume
from .account import AWS_RATE, AWS_UNREADABLE, NOT_ASKED, Account, AwsRate, AwsView, Standing
from .days import DayTotal, days_after, with_days
from .episode import Change, Episode, Kind, Reason, caught_up, step
from .headroom import Headroom, headroom, share_left
from .history import BUCKET, DAY, HOUR, LOOKBACK, BadData, History, Instant, Point, distinct, history_from, stamp
from .rates import AWS_ESTIMATE, SHOWN, Count, Metric, View
from .reading import Statistics, Trouble, Unreadable
from .rules import Finding, MetricPolicy, Policy, Severity, Verdict, findings, is_calm, verdict_of
from .target import Target

UNREADABLE = "unreadable"
"""The concern of a target whose statistics cannot be read: unknown is never healthy."""

FAILURES_BEFORE_TELLING = 2
"""A target that cannot be read is announced after so many ticks in a row, at once when access is denied."""

READABLE_AGAIN = HOUR
"""And is over when it has been readable for so long."""

PUBLISHABLE = LOOKBACK - HOUR
"""How far back metrics are filled in: CloudWatch refuses values more than two weeks old, and a run may start late."""

MOST_PENDING = 40
"""So many announcements wait to be told: each takes up to 4 KB of an item that holds 400 KB, and the rest stays below 100."""

SPARK_HOURS, SPARK_SPAN = 2, DAY
"""Messages show the last day in steps of two hours."""


@dataclass(frozen=True, slots=True)
class MetricState:
    """One metric of a target as a message shows it."""

    metric: Metric
    verdict: Verdict
    shown: Count | None  # over the window that people see as "the rate"; None without any statistics
    estimate: Count | None  # our estimate of what AWS's own rate is made of
    headroom: Headroom | None
    aws: AwsRate | None = None  # AWS's own rate, where CloudWatch has one


@dataclass(frozen=True, slots=True)
class Announcement:
    """One thing to tell, with every number that its words need."""

    at: Instant
    target: Target
    concern: str
    reason: Reason
    severity: Severity  # of the episode: the worst so far
    episode: str
    seq: int  # with the episode it lets a receiver recognise a repeat
    opened_at: Instant
    last_held: Instant
    worst: Finding  # what opened the episode or last made it worse
    found: tuple[Finding, ...]  # what holds now, worst first; empty while it recovers and when it is over
    metrics: tuple[MetricState, ...]
    spark: tuple[Count, ...]  # the last day of the metric it is about, oldest first
    account: Account | None = None  # what SES said of the account at that tick

    @property
    def kind(self) -> Kind:
        return self.reason.kind

    @property
    def cause(self) -> Finding:
        """The finding that the message speaks of: what is worst now, or was."""
        return self.found[0] if self.found else self.worst


@dataclass(frozen=True, slots=True)
class State:
    """What is remembered of a target from one run to the next."""

    tick: Instant  # the last tick that was handled
    judged: Instant | None = None  # the last tick of which the statistics were read and judged
    published: Instant | None = None  # the last tick whose metrics CloudWatch has acknowledged
    first: Instant | None = None  # start of the oldest bucket ever seen
    failures: int = 0  # ticks in a row at which the statistics could not be read
    aws_failures: int = 0  # and AWS's own view of the account
    days: tuple[DayTotal, ...] = ()  # totals beyond what SES remembers, oldest first
    episodes: tuple[Episode, ...] = ()
    pending: tuple[Announcement, ...] = ()  # decided, perhaps not yet announced
    told: tuple[str, ...] = ()  # channel, episode and number of what is pending and told on that channel


@dataclass(frozen=True, slots=True)
class Gauge:
    """One value of a CloudWatch metric "as of this tick"."""

    name: str
    at: Instant
    value: float


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be done about a target."""

    target: Target
    verdict: Verdict
    gauges: tuple[Gauge, ...]
    announcements: tuple[Announcement, ...]  # new ones; they are in `state.pending` too
    state: State
    aws: AwsView
    newest: Instant | None = None  # end of the newest bucket with mail in it
    unreadable: Unreadable | None = None


VERDICT_VALUES = {
    Verdict.OK: 0,
    Verdict.WARNING: 1,
    Verdict.CRITICAL: 2,
    Verdict.TOO_LITTLE_MAIL: -1,
    Verdict.NO_DATA: -1,
    Verdict.UNKNOWN: -1,
}
"""The metric `Verdict`: what is not known is below zero, never the zero of a healthy sender."""

GAUGES = (
    "Verdict",
    "Headroom",
    "BounceRate",
    "ComplaintRate",
    "EstimatedAwsBounceRate",
    "EstimatedAwsComplaintRate",
)
"""Every metric of a target, by name. CloudWatch bills each per target and month, so they are few."""

Episodes = Mapping[str, Episode]
"""The open episodes of a target, by concern."""


def decide(
    target: Target,
    statistics: Statistics,
    remembered: State | None,
    policy: Policy,
    now: Instant,
    aws: AwsView = NOT_ASKED,
) -> Plan:
    """What to do about `target` at the tick `now`. The same arguments give the same plan.

    Our own rates are judged at every tick since the last judged one; what AWS says of the account, and the amount of mail, as
    of `now` only. While AWS has paused the account its rates are not judged: they add nothing, and are caught up with after.
    """
    before = State(tick=now - LOOKBACK - BUCKET) if remembered is None else remembered
    if isinstance(statistics, Unreadable):
        return _unread(target, statistics, before, policy, now, aws)
    try:
        points = distinct(statistics)
        history = history_from(
            with_days(points, before.days),
            until=max(now, before.tick),
            first=before.first,
            feedback_share=policy.feedback_share,
        )
    except BadData as bad:
        return _unread(target, Unreadable(Trouble.BAD_ANSWER, str(bad)), before, policy, now, aws)
    episodes = _by_concern(before.episodes)
    if now <= before.tick:  # handled before: a repeated event or a late run must not turn the state back
        states = metric_states(history, policy, before.tick, episodes, aws)
        verdict = overall((*(state.verdict for state in states), *_besides(episodes, now, aws)))
        return Plan(target, verdict, (), (), before, aws, newest(history))
    rates = {concern: episode for concern, episode in episodes.items() if concern in _JUDGED}
    off = volume.switched_off(policy.volume)
    others = {concern: episode for concern, episode in _others(episodes).items() if concern not in off}
    kept: dict[str, Episode] = rates
    changes: list[Change] = []
    if not aws.shut_down:
        after: Episodes = rates
        ended: dict[str, int] = {}
        for tick in _ticks_since(before.judged, history, now):
            after, said = judge(history, policy, tick, after)
            ended |= {change.episode.id: change.episode.seq for change in said if change.ended}
        if remembered is None:  # nobody was told anything yet
            after = {concern: replace(episode, seq=1) for concern, episode in after.items()}
        kept, changes = _told_once(rates, after, now, ended)
    failures = before.aws_failures + 1 if aws.unreadable else 0
    found = _standings(aws, policy, history, now, {**others, **kept}, failures)
    kept, besides = _stepped(found, {**others, **kept}, now, before.tick)
    states = metric_states(history, policy, now, kept, aws)
    new = tuple(
        _announcement(target, change, history, policy, states, now, aws, _found(found, change))
        for change in (*besides, *changes)
    )
    state = State(
        tick=now,
        judged=before.judged if aws.shut_down else now,
        published=before.published,
        first=before.first if history is None else history.first,
        aws_failures=failures,
        days=days_after(before.days, points, now),
        episodes=tuple(kept.values()),
        pending=_waiting(before.pending + new),
        told=before.told,
    )
    oldest = now - PUBLISHABLE
    unpublished = _ticks_since(oldest if before.published is None else max(before.published, oldest), history, now)
    unknown = aws if aws.unreadable else NOT_ASKED
    gauges = tuple(
        gauge
        for tick in unpublished
        for gauge in _gauges(history, policy, tick, kept, unknown if tick == now else NOT_ASKED)
    )
    verdict = overall((*(state.verdict for state in states), *_besides(kept, now, aws)))
    return Plan(target, verdict, gauges, new, state, aws, newest(history))


_JUDGED = (*(metric.value for metric in Metric), UNREADABLE)
"""The concerns that are judged tick by tick, from the statistics alone."""

CONCERNS = frozenset((*_JUDGED, *account.CONCERNS, *volume.CONCERNS))
"""Everything that an episode can be about."""


def _waiting(pending: tuple[Announcement, ...]) -> tuple[Announcement, ...]:
    """What waits to be told. Of too many only the newest of each episode, which says more than those before it, and of
    those the newest: a memory that no longer fits into its item would hold all of them back."""
    if len(pending) <= MOST_PENDING:
        return pending
    newest = {announcement.episode: announcement for announcement in pending}
    return tuple(sorted(newest.values(), key=lambda announcement: announcement.at))[-MOST_PENDING:]


def _others(episodes: Episodes) -> Episodes:
    return {concern: episode for concern, episode in episodes.items() if concern not in _JUDGED}


def _standings(
    aws: AwsView, policy: Policy, history: History | None, now: Instant, episodes: Episodes, failures: int
) -> dict[str, Standing]:
    """Every concern besides our own rates that can be judged now."""

    def said(metric: Metric, severity: Severity) -> bool:
        ours = episodes.get(metric.value)
        return AWS_RATE[metric] not in episodes and ours is not None and ours.severity >= severity

    found = account.standings(aws, policy.account, history, now, said)
    for metric, concern in AWS_RATE.items():
        if concern in found and metric.value in episodes:  # whose messages, and reminders, show AWS's own rate
            found[concern] = replace(found[concern], remind=False)
    found |= volume.standings(history, policy.volume, now, sends=aws.sends)
    if aws.account is not None or aws.rates is not None:
        denied = any(unread.trouble is Trouble.DENIED for unread in aws.unreadable)
        tell = denied or failures >= FAILURES_BEFORE_TELLING or AWS_UNREADABLE in episodes
        worst = aws.unreadable[:1] if tell else ()
        detail = "; ".join(unread.detail for unread in aws.unreadable)
        holds = tuple(Finding(unread.trouble.value, Severity.WARNING, detail=detail) for unread in worst)
        found[AWS_UNREADABLE] = Standing(holds, quiet=READABLE_AGAIN)
    return found


def _stepped(
    found: Mapping[str, Standing], before: Episodes, now: Instant, last: Instant
) -> tuple[dict[str, Episode], list[Change]]:
    """The episodes after what was `found` now; those of which nothing is known stay as they are.

    One that opens is named after the full hour, if there was one since the tick `last`: a run without a memory tells what AWS
    says at full hours, so that its message and the one of the next run with a memory are known for the same.
    """
    hour = now // HOUR * HOUR
    kept = dict(before)
    changes = []
    for concern, standing in found.items():
        episode, change = step(
            before.get(concern),
            concern,
            standing.found,
            standing.may_end,
            now,
            standing.quiet,
            remind=standing.remind,
        )
        if episode is not None and change is not None and change.reason is Reason.OPENED and last < hour:
            episode = replace(episode, id=f"{concern}-{stamp(hour)}")
            change = replace(change, episode=episode)
        if episode is not None:
            kept[concern] = episode
        else:
            kept.pop(concern, None)
        if change is not None:
            changes.append(change)
    return kept, changes


def _found(found: Mapping[str, Standing], change: Change) -> tuple[Finding, ...]:
    standing = found.get(change.episode.concern)
    return () if standing is None else standing.found


def _besides(episodes: Episodes, now: Instant, aws: AwsView) -> Iterator[Verdict]:
    """The verdicts of everything but our own rates: open episodes, and what could not be read."""
    for episode in _others(episodes).values():
        if episode.opened_at <= now and episode.concern != AWS_UNREADABLE:
            yield Verdict[episode.severity.name] if episode.last_held >= now else Verdict.WARNING
    if aws.unreadable:
        yield Verdict.UNKNOWN


def _unread(
    target: Target, unread: Unreadable, before: State, policy: Policy, now: Instant, aws: AwsView = NOT_ASKED
) -> Plan:
    """The plan for a target whose statistics could not be read: nothing is known of its rates, and that is said."""
    if now <= before.tick:
        return Plan(target, Verdict.UNKNOWN, (), (), before, aws, unreadable=unread)
    failures = before.failures + 1
    aws_failures = before.aws_failures + 1 if aws.unreadable else 0
    episodes = _by_concern(before.episodes)
    tell = unread.trouble is Trouble.DENIED or failures >= FAILURES_BEFORE_TELLING or UNREADABLE in episodes
    holds = (Finding(unread.trouble.value, Severity.WARNING, detail=unread.detail),) if tell else ()
    found = _standings(aws, policy, None, now, episodes, aws_failures)
    if tell:
        found = {UNREADABLE: Standing(holds, quiet=READABLE_AGAIN), **found}
    kept, changes = _stepped(found, episodes, now, before.tick)
    states = metric_states(None, policy, now, kept, aws, unknown=True)
    new = tuple(
        _announcement(target, change, None, policy, states, now, aws, _found(found, change)) for change in changes
    )
    state = replace(
        before,
        tick=now,
        failures=failures,
        aws_failures=aws_failures,
        episodes=tuple(kept.values()),
        pending=_waiting(before.pending + new),
    )
    verdict = overall((Verdict.UNKNOWN, *_besides(kept, now, aws)))
    gauges = (Gauge("Verdict", now, VERDICT_VALUES[verdict]),)
    return Plan(target, verdict, gauges, new, state, aws, unreadable=unread)


def recalled(
    target: Target,
    statistics: Statistics,
    policy: Policy,
    now: Instant,
    aws: AwsView = NOT_ASKED,
    every: int = BUCKET,
) -> State:
    """What would be remembered before the tick `now`, one of those that come `every` so many seconds, had nothing ever failed,
    worked out from what was read now.

    With it a monitor whose memory fails still announces what changes at this tick, once. Where the statistics fail too
    there is nothing to tell apart, and that is taken as told: the failing run is what speaks then. What AWS says has no past to
    be worked out: it is taken as told but for the first tick of every hour, and so told every hour rather than never.
    """
    last = now - every
    if not isinstance(statistics, Unreadable):
        try:
            history = history_from(statistics, until=now, feedback_share=policy.feedback_share)
        except BadData as bad:
            statistics = Unreadable(Trouble.BAD_ANSWER, str(bad))
        else:
            episodes: dict[str, Episode] = {}
            for tick in _ticks_since(None, history, last):
                episodes, _ = judge(history, policy, tick, episodes)
            if now % HOUR >= every:
                found = _standings(aws, policy, history, last, episodes, FAILURES_BEFORE_TELLING)
                episodes, _ = _stepped(found, episodes, last, last)
            first = None if history is None else history.first
            told = FAILURES_BEFORE_TELLING
            return State(last, last, last, first, aws_failures=told, episodes=tuple(episodes.values()))
    before = State(tick=last - every, failures=FAILURES_BEFORE_TELLING, judged=last, published=last)
    if now % HOUR < every:
        aws = NOT_ASKED
    state = _unread(target, statistics, before, policy, last, aws).state
    return replace(state, aws_failures=FAILURES_BEFORE_TELLING, pending=())


def replay(
    target: Target, points: Sequence[Point], policy: Policy, *, until: Instant | None = None
) -> Iterator[tuple[Instant, tuple[Announcement, ...], Mapping[str, Episode]]]:
    """What a monitor that ran from the first bucket on would have announced: every tick, what it said, what was open.

    Ticks come every quarter of an hour from the end of the first bucket to the end of the last, or to `until`, also where
    no mail was sent. Raises `BadData` when the points span too long a time.
    """
    if not points:
        return
    end = max(point.at for point in points) + BUCKET if until is None else until
    history = history_from(points, until=end, feedback_share=policy.feedback_share)
    if history is None:
        return
    episodes: Episodes = {}
    for index in range(1, history.slots + 1):
        now = history.time(index)
        episodes, changes = judge(history, policy, now, episodes)
        if changes:
            states = metric_states(history, policy, now, episodes)
            said = tuple(_announcement(target, change, history, policy, states, now) for change in changes)
            yield now, said, episodes
        else:
            yield now, (), episodes


def judge(
    history: History | None, policy: Policy, now: Instant, before: Episodes
) -> tuple[dict[str, Episode], list[Change]]:
    """The episodes after the tick `now`, and what changed, as known at that tick."""
    after: dict[str, Episode] = {}
    changes: list[Change] = []
    for metric in policy.metrics:
        concern = metric.metric.value
        episode, change = _judge_metric(history, metric, now, before.get(concern))
        if episode is not None:
            after[concern] = episode
        if change is not None:
            changes.append(change)
    if UNREADABLE in before:
        episode, change = step(before[UNREADABLE], UNREADABLE, (), lambda: True, now, quiet=READABLE_AGAIN)
        if episode is not None:
            after[UNREADABLE] = episode
        if change is not None:
            changes.append(change)
    return after, changes


def _judge_metric(
    history: History | None, policy: MetricPolicy, now: Instant, previous: Episode | None
) -> tuple[Episode | None, Change | None]:
    if history is None:
        return step(previous, policy.metric.value, (), lambda: False, now)
    view = View(history, policy.metric, history.closed(now))
    return step(previous, policy.metric.value, findings(view, policy), lambda: is_calm(view, policy), now)


def _by_concern(episodes: Iterable[Episode]) -> dict[str, Episode]:
    return {episode.concern: episode for episode in episodes}


def _ticks_since(last: Instant | None, history: History | None, now: Instant) -> Iterable[Instant]:
    """The ticks after `last` up to and with `now`, oldest first, as far back as the statistics reach."""
    if history is None:
        return (now,)
    since = max(now - LOOKBACK if last is None else last, now - LOOKBACK, history.origin)
    return range(now - (now - since - 1) // BUCKET * BUCKET, now + 1, BUCKET)


def _told_once(
    before: Episodes, after: Episodes, now: Instant, ended: Mapping[str, int]
) -> tuple[dict[str, Episode], list[Change]]:
    """The episodes to remember and what to say: the difference that all judged ticks made, however many they were."""
    kept: dict[str, Episode] = {}
    changes: list[Change] = []
    for concern in {**before, **after}:
        episode, told = caught_up(before.get(concern), after.get(concern), now, ended)
        if episode is not None:
            kept[concern] = episode
        changes += told
    return kept, changes


def metric_states(
    history: History | None,
    policy: Policy,
    now: Instant,
    episodes: Episodes,
    aws: AwsView = NOT_ASKED,
    *,
    unknown: bool = False,
) -> tuple[MetricState, ...]:
    """Each metric at the tick `now`. An open episode is at least a warning until its all-clear."""
    states = []
    for metric in policy.metrics:
        rate = aws.known_rates.get(metric.metric)
        if history is None:
            verdict = Verdict.UNKNOWN if unknown else Verdict.NO_DATA
            states.append(MetricState(metric.metric, verdict, None, None, None, rate))
        else:
            view = View(history, metric.metric, history.closed(now))
            verdict = _verdict(view, metric, now, episodes)
            shown, estimate = view.count(SHOWN[metric.metric]), view.count(AWS_ESTIMATE)
            states.append(MetricState(metric.metric, verdict, shown, estimate, headroom(view), rate))
    return tuple(states)


def _verdict(view: View, policy: MetricPolicy, now: Instant, episodes: Episodes) -> Verdict:
    worst = max((finding.severity for finding in findings(view, policy)), default=Severity.NONE)
    episode = episodes.get(policy.metric.value)
    if episode is not None and episode.opened_at <= now:
        worst = max(worst, Severity.WARNING)
    return verdict_of(view, policy, worst)


_WORST_FIRST = (
    Verdict.CRITICAL,
    Verdict.WARNING,
    Verdict.UNKNOWN,
    Verdict.NO_DATA,
    Verdict.TOO_LITTLE_MAIL,
    Verdict.OK,
)


def overall(verdicts: Iterable[Verdict]) -> Verdict:
    """The worst of the metrics' verdicts; what is not known comes before what is well."""
    return min(verdicts, key=_WORST_FIRST.index)


def newest(history: History | None) -> Instant | None:
    """The end of the newest bucket with mail in it."""
    if history is None:
        return None
    last = history.slots
    while last > 0 and history.attempts[last] == history.attempts[last - 1]:
        last -= 1
    return history.time(last)


def _gauges(history: History | None, policy: Policy, now: Instant, episodes: Episodes, aws: AwsView) -> Iterator[Gauge]:
    """The metrics of a target as of the tick `now`; a rate of no mail is left out.

    A tick at which the target could not be read is filled in later: its unknown `Verdict` (below zero) is then joined by
    the true one, and the larger of the two is right.
    """
    besides = tuple(_besides(episodes, now, aws))
    if history is None:
        yield Gauge("Verdict", now, VERDICT_VALUES[overall((Verdict.NO_DATA, *besides))])
        return
    views = [View(history, metric.metric, history.closed(now)) for metric in policy.metrics]
    verdicts = [_verdict(view, metric, now, episodes) for view, metric in zip(views, policy.metrics, strict=True)]
    yield Gauge("Verdict", now, VERDICT_VALUES[overall((*verdicts, *besides))])
    left = [share for share in map(share_left, views) if share is not None]
    if left:
        yield Gauge("Headroom", now, min(left))
    for view, prefix in zip(views, ("Bounce", "Complaint"), strict=True):
        for window, name in (
            (SHOWN[view.metric], f"{prefix}Rate"),
            (AWS_ESTIMATE, f"EstimatedAws{prefix}Rate"),
        ):
            events, mails = view.measure(window)
            if mails:
                yield Gauge(name, now, min(1.0, events / mails))


def _announcement(
    target: Target,
    change: Change,
    history: History | None,
    policy: Policy,
    states: tuple[MetricState, ...],
    now: Instant,
    aws: AwsView = NOT_ASKED,
    found: tuple[Finding, ...] = (),
) -> Announcement:
    episode = change.episode
    spark: tuple[Count, ...] = ()
    for metric in policy.metrics:
        if history is not None and metric.metric.value == episode.concern:
            view = View(history, metric.metric, history.closed(now))
            found = tuple(findings(view, metric))
            spark = tuple(_spark(view))
    return Announcement(
        at=now,
        target=target,
        concern=episode.concern,
        reason=change.reason,
        severity=episode.severity,
        episode=episode.id,
        seq=episode.seq,
        opened_at=episode.opened_at,
        last_held=episode.last_held,
        worst=episode.worst,
        found=found,
        metrics=states,
        spark=spark,
        account=aws.known_account,
    )


def _spark(view: View) -> Iterator[Count]:
    """The last day's events and mails in steps of `SPARK_HOURS`, oldest first; plain counts of the same hours."""
    step_slots = SPARK_HOURS * HOUR // BUCKET
    history = view.history
    for start in range(view.end - SPARK_SPAN // BUCKET, view.end, step_slots):
        a, b = max(0, start), max(0, start + step_slots)
        yield Count(
            view.events[b] - view.events[a],
            view.attempts[b] - view.attempts[a],
            history.time(start),
            history.time(start + step_slots),
        )
