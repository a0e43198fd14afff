"""Readings and stored state of a target → what to publish, what to notify, what to store.

The function and `replay` decide with the same code, tick by tick, and never look ahead: each tick advances the truth (`advance`);
at the end of a run the truth is compared with what was sent last (`news`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial

from .alert import PAUSE_BETWEEN, Change, Reason, Sent, Standing, Track, advance, news, only_wanted
from .checks import ALL, BY_NAME
from .checks.base import Check, Context, Failures, News, Seen
from .checks.rate import our_standing
from .checks.sending_facts import paused_by_aws
from .checks.unreadable import FAILURES_BEFORE_ALERT, NOT_KNOWN
from .daily_totals import days_after, with_days
from .evaluation import Evaluation, Evaluator
from .history import BUCKET, DAY, HOUR, LOOKBACK, BadData, History, Instant, Point, distinct, history_from, iso
from .late_events import learn
from .metrics import ESTIMATES, HEADROOM, RATES, VERDICT, VERDICT_VALUES
from .notification import Document, notification
from .onset import onset
from .orders import Orders
from .pause_record import PauseReading
from .plausibility import Witness, believed, contradiction, doubted, newest_of
from .rates import Metric
from .readings import Readings, Trouble, Unreadable
from .rules import Policy, Severity, Verdict
from .state import Delivery, State
from .target import Target

PUBLISHABLE = LOOKBACK - HOUR
"""How far back metrics are filled in: CloudWatch refuses values more than two weeks old, and a run may start late."""

LARGEST_OUTBOX = 40
"""Most notifications that wait for delivery. Each takes up to 6 KB of an item that holds 400 KB."""

TOGETHER = 12 * HOUR
"""Reminders that are due within this time join one of the same target that is due now."""


@dataclass(frozen=True, slots=True)
class Gauge:
    """One value of a CloudWatch metric as of a tick."""

    name: str
    at: Instant
    value: float


@dataclass(frozen=True)
class Plan:
    """Everything to do about a target."""

    target: Target
    verdict: Verdict
    verdicts: Mapping[Metric, Verdict]  # of our own rates, open alerts included
    documents: tuple[Document, ...]  # new notifications; they are in the outbox of `state` too
    state: State
    seen: Seen
    newest: Instant | None = None  # end of the newest bucket with emails in it
    make_gauges: Callable[[], tuple[Gauge, ...]] = field(default=tuple, compare=False, repr=False)

    @cached_property
    def gauges(self) -> tuple[Gauge, ...]:
        """Metrics that CloudWatch does not have yet; worked out only if somebody asks."""
        return self.make_gauges()

    @property
    def unreadable(self) -> Unreadable | None:
        """The trouble with the send statistics."""
        return self.seen.unreadable


Evaluations = Mapping[Metric, Evaluation]


class _Ticks:
    """Evaluations of a history by tick, each made once."""

    def __init__(self, history: History | None, policy: Policy, whole: History | None = None) -> None:
        self._made: dict[Instant, Evaluations] = {}
        self._evaluators = [] if history is None else [Evaluator(history, metric, whole) for metric in policy.metrics]
        self._metrics = [metric.metric for metric in policy.metrics]

    def at(self, now: Instant) -> Evaluations:
        if now not in self._made:
            values = (evaluator.at(now) for evaluator in self._evaluators)
            self._made[now] = dict(zip(self._metrics, values, strict=False))
        return self._made[now]


def decide(
    target: Target,
    readings: Readings,
    before: State | None,
    policy: Policy,
    now: Instant,
    context: Context = Context(),
    pause: PauseReading | None = None,
) -> Plan:
    """Decide what to do about `target` at the tick `now`. The same arguments give the same plan.

    Our own rates are evaluated at every tick since the last evaluated one; everything else as of `now` only.
    """
    stored = State(tick=now - LOOKBACK - BUCKET) if before is None else before
    rearmed = stored.rearmed if pause is None or pause.rearmed is None else min(pause.rearmed, now)
    readings, history, points = _believed(readings, stored, policy, now)
    ticks = _Ticks(_counted_since(rearmed, history, points, stored, policy, now), policy, history)
    seen = Seen(
        target,
        now,
        policy,
        readings,
        history,
        ticks.at(max(now, stored.tick)),
        _failures_after(stored.failures, readings),
        _without_ours(stored.tracks, policy) if rearmed != stored.rearmed else stored.tracks,
        stored.learned,
        pause,
    )
    if now <= stored.tick:  # handled before: a repeated event or a late run must not turn the state back
        return _plan(seen, stored, stored.tracks, (), points, tuple)
    unsaved = stored.tick + BUCKET if before is not None else now
    tracks = _caught_up(seen, ticks, stored) if history is not None and not paused_by_aws(seen) else dict(seen.tracks)
    tracks = _checked(replace(seen, tracks=tracks), min(now, unsaved), stored.tick)
    tracks = _with_starts(seen, tracks, rearmed)
    quieted = tuple(policy.by_metric) if paused_by_aws(seen) else ()
    known = {name: sent for name, sent in stored.sent.items() if not BY_NAME[name].ended_by_settings(policy)}
    sent, changes = _news(known, tracks, now, quieted, partial(_wanted, target, readings.orders, now))
    documents = tuple(_document(check, change, seen, tracks, stored.tracks, context) for check, change in changes)
    state = replace(
        _state_after(stored, seen, points),
        rearmed=rearmed,
        tracks=tracks,
        sent=sent,
        outbox=_bounded((*stored.outbox, *(Delivery(document) for document in documents))),
    )
    return _plan(seen, state, tracks, documents, points, partial(_gauges, seen, ticks, state, tracks))


def _failures_after(stored: Failures, readings: Readings) -> Failures:
    """Count the runs in a row that could not read something."""
    return Failures(
        stored.statistics + 1 if isinstance(readings.statistics, Unreadable) else 0,
        stored.aws + 1 if readings.aws_unreadable else 0,
    )


def _state_after(stored: State, seen: Seen, points: tuple[Point, ...]) -> State:
    """Store what was read at this tick, beside the alerts."""
    history, now, readings = seen.history, seen.now, seen.readings
    readable = not isinstance(readings.statistics, Unreadable)
    looked = history is not None or (readable and not stored.totals)
    return replace(
        stored,
        tick=now,
        evaluated=now if looked and not paused_by_aws(seen) else stored.evaluated,
        first=stored.first if history is None else history.first,
        failures=seen.failures,
        totals=days_after(stored.totals, points, now) if readable else stored.totals,
        witness=_witness(readings, points, stored, now),
        learned=stored.learned if history is None else learn(stored.learned, history, now),
    )


def _believed(
    readings: Readings, stored: State, policy: Policy, now: Instant
) -> tuple[Readings, History | None, tuple[Point, ...]]:
    """The readings, with statistics that cannot be used or cannot be true turned into an explicit unknown."""
    if isinstance(readings.statistics, Unreadable):
        return readings, None, ()
    try:
        points = distinct(readings.statistics)
        if points and points[-1].at > now + DAY:  # a late run may see newer buckets, but none of tomorrow
            raise BadData(f"a bucket starts in the future, at {iso(points[-1].at)}")
        doubt = contradiction(points, stored.witness, readings.known_account, now, stored.tick)
        if doubt is not None:
            return replace(readings, statistics=Unreadable(Trouble.CONTRADICTION, doubt)), None, points
        if not points and isinstance(readings.account, Unreadable):
            return readings, None, ()  # stored totals never stand in for what should have been read
        history = history_from(
            with_days(points, stored.totals, now),
            until=max(now, stored.tick),
            first=stored.first,
            feedback_share=policy.feedback_share,
        )
    except BadData as bad:
        return replace(readings, statistics=Unreadable(Trouble.BAD_ANSWER, str(bad))), None, ()
    return readings, history, points


def _counted_since(
    rearmed: Instant | None,
    history: History | None,
    points: tuple[Point, ...],
    stored: State,
    policy: Policy,
    now: Instant,
) -> History | None:
    """The history that our rates are evaluated over: all, or since a person resumed after a pause."""
    if rearmed is None or history is None:
        return history
    counted = [point for point in with_days(points, stored.totals, now) if point.at >= rearmed]
    return history_from(counted, until=max(now, stored.tick), feedback_share=policy.feedback_share)


def _without_ours(tracks: Mapping[str, Track], policy: Policy) -> dict[str, Track]:
    """`tracks` without those of our own rates, which end when they are armed again."""
    return {name: track for name, track in tracks.items() if name not in policy.by_metric}


def _witness(readings: Readings, points: tuple[Point, ...], stored: State, now: Instant) -> Witness | None:
    """Make the witness that the next answer is held against."""
    account = readings.known_account
    if not isinstance(readings.statistics, Unreadable):
        return believed(points, stored.witness, account, now)
    if readings.statistics.trouble is Trouble.CONTRADICTION:
        return doubted(points, stored.witness, account, now, stored.tick)
    return stored.witness


def _caught_up(seen: Seen, ticks: _Ticks, stored: State) -> dict[str, Track]:
    """The tracks of our own rates at every tick since the last evaluated one, `seen.now` excluded."""
    tracks = dict(seen.tracks)
    for tick in ticks_since(stored.evaluated, seen.history, seen.now):
        if tick < seen.now:
            for metric, evaluation in ticks.at(tick).items():
                _advance(tracks, metric.value, our_standing(evaluation), tick, unsaved=tick)
    return tracks


def _checked(seen: Seen, unsaved: Instant, last: Instant) -> dict[str, Track]:
    """All tracks at `seen.now`. What a check does not know now stays as it is, and as bad."""
    tracks = {name: track for name, track in seen.tracks.items() if not _check_of(name).ended_by_settings(seen.policy)}
    for check in ALL:
        standings = check.standings(seen)
        for name in check.track_names:
            if name in standings:
                own = seen.now if name in seen.policy.by_metric else unsaved
                _advance(tracks, name, standings[name], seen.now, unsaved=own)
            elif name in tracks and tracks[name].severe_at >= last:
                tracks[name] = replace(tracks[name], severe_at=seen.now)
    return tracks


def _advance(tracks: dict[str, Track], name: str, standing: Standing, now: Instant, *, unsaved: Instant) -> None:
    track = advance(tracks.get(name), standing, now, name, unsaved=unsaved)
    if track is None:
        tracks.pop(name, None)
    else:
        tracks[name] = track


def _check_of(track: str) -> Check:
    return BY_NAME[track.partition("/")[0]]


def _with_starts(seen: Seen, tracks: dict[str, Track], rearmed: Instant | None) -> dict[str, Track]:
    """`tracks`, with the estimated beginning of each of our own rates' that has just opened."""
    for metric in Metric:
        track = tracks.get(metric.value)
        if track is not None and seen.history is not None and track.started is None:
            found = onset(seen.history, metric, track.opened_at)
            started = track.opened_at if found is None else found.at
            if rearmed is not None:
                started = max(started, rearmed)
            tracks[metric.value] = replace(track, started=min(started, track.opened_at))
    return tracks


def _wanted(target: Target, orders: Orders, now: Instant, check: Check, before: Sent | None, change: Change) -> bool:
    """Tell if the orders of the team let a change be sent. Who was notified of an alert is notified of its end in any case."""
    if change.reason is Reason.RESOLVED:
        return True
    reminder = change.reason is Reason.REMINDER
    mute = orders.mute_of(check.name, target, now)
    if mute is not None and (mute.critical or reminder or change.sent.severity is not Severity.CRITICAL):
        return False
    return not (reminder and before and orders.acknowledged(target.id, before.alert, before.counted_from))


def _news(
    sent: Mapping[str, Sent],
    tracks: Mapping[str, Track],
    now: Instant,
    quieted: tuple[str, ...] = (),
    wanted: Callable[[Check, Sent | None, Change], bool] = lambda *_: True,
) -> tuple[dict[str, Sent], list[tuple[Check, Change]]]:
    """Compare all open tracks with what was sent, but for checks that are `quieted` and changes that are not `wanted`.

    Reminders of one target go out together.
    """

    def compare(ahead: int) -> tuple[dict[str, Sent], list[tuple[Check, Change]]]:
        after: dict[str, Sent] = {}
        changes: list[tuple[Check, Change]] = []
        for check in ALL:
            own = {name: tracks[name] for name in check.track_names if name in tracks}
            if check.name in quieted:
                after |= {name: record for name, record in sent.items() if name == check.name}
            elif check.name in sent or own:
                last = sent.get(check.name)
                record, found = only_wanted(
                    last, *news(check.name, last, own, now, ahead=ahead), partial(wanted, check, last)
                )
                if record is not None:
                    after[check.name] = record
                changes += [(check, change) for change in found]
        return after, changes

    after, changes = compare(0)
    if any(change.reason is Reason.REMINDER for _, change in changes):
        return compare(TOGETHER)
    return after, changes


def _document(
    check: Check,
    change: Change,
    seen: Seen,
    tracks: Mapping[str, Track],
    before: Mapping[str, Track],
    context: Context,
) -> Document:
    source = before if change.reason is Reason.RESOLVED else tracks
    own = {name: source[name] for name in check.track_names if name in source}
    worst = max(own.values(), key=lambda track: (track.held_at, track.severity), default=None)
    holding = [] if change.reason is Reason.RESOLVED else [t for t in own.values() if t.held_at == seen.now]
    lead = max(holding, key=lambda track: track.severity, default=worst)
    found = None if lead is None else lead.worst
    if holding and lead is not None:
        name = next(name for name, track in own.items() if track is lead)
        now_found = check.standings(replace(seen, tracks=before)).get(name)
        if now_found is not None and now_found.found:
            found = now_found.found[0]
    return notification(check, News(seen, change, found, bool(holding), own, context))


def _bounded(outbox: tuple[Delivery, ...]) -> tuple[Delivery, ...]:
    """Deliveries that wait. Of too many keep only the newest of each alert, which says more than those before it.

    A state that no longer fits into its item would hold all of them back.
    """
    if len(outbox) <= LARGEST_OUTBOX:
        return outbox
    newest = {delivery.document["alert"]: delivery for delivery in outbox}
    return tuple(sorted(newest.values(), key=lambda delivery: str(delivery.document["at"])))[-LARGEST_OUTBOX:]


# -- verdicts and gauges


def _plan(
    seen: Seen,
    state: State,
    tracks: Mapping[str, Track],
    documents: tuple[Document, ...],
    points: Sequence[Point],
    make_gauges: Callable[[], tuple[Gauge, ...]],
) -> Plan:
    verdicts = _verdicts(seen, seen.evaluations, tracks, seen.now)
    verdict = overall((*verdicts.values(), *_other_verdicts(seen, tracks, seen.now)))
    return Plan(seen.target, verdict, verdicts, documents, state, seen, newest_of(points), make_gauges)


def _verdicts(seen: Seen, evaluations: Evaluations, tracks: Mapping[str, Track], at: Instant) -> dict[Metric, Verdict]:
    """Verdict on each metric. An open alert is at least a warning until it is resolved."""
    if not evaluations:
        none = Verdict.UNKNOWN if seen.unreadable is not None else Verdict.NO_DATA
        return dict.fromkeys(Metric, none)
    verdicts = {}
    for metric, evaluation in evaluations.items():
        track = tracks.get(metric.value)
        open_alert = track is not None and track.opened_at <= at and not evaluation.found
        verdicts[metric] = Verdict.WARNING if open_alert else evaluation.verdict
        if verdicts[metric] is Verdict.OK and not seen.readings.statistics:  # only stored totals say so
            verdicts[metric] = Verdict.NO_DATA
    return verdicts


def _other_verdicts(seen: Seen, tracks: Mapping[str, Track], at: Instant) -> Iterator[Verdict]:
    """Verdicts of everything but our own rates: open alerts, and what could not be read."""
    for name, track in tracks.items():
        check = _check_of(name)
        if name not in seen.policy.by_metric and track.opened_at <= at and check.name not in NOT_KNOWN:
            yield Verdict[track.severity.name] if track.severe_at >= at else Verdict.WARNING
    if seen.readings.aws_unreadable and at == seen.now:
        yield Verdict.UNKNOWN


_WORST_FIRST = (
    Verdict.CRITICAL,
    Verdict.WARNING,
    Verdict.UNKNOWN,
    Verdict.NO_DATA,
    Verdict.TOO_FEW_EMAILS,
    Verdict.OK,
)


def overall(verdicts: Iterable[Verdict]) -> Verdict:
    """The worst of the verdicts; what is not known comes before what is well."""
    return min(verdicts, key=_WORST_FIRST.index)


def _gauges(seen: Seen, ticks: _Ticks, state: State, tracks: Mapping[str, Track]) -> tuple[Gauge, ...]:
    """The metrics of every tick that CloudWatch does not have yet."""
    if seen.unreadable is not None:
        verdict = overall((Verdict.UNKNOWN, *_other_verdicts(seen, tracks, seen.now)))
        return (Gauge(VERDICT, seen.now, VERDICT_VALUES[verdict]),)
    oldest = seen.now - PUBLISHABLE
    since = oldest if state.published is None else max(state.published, oldest)
    return tuple(
        gauge
        for tick in ticks_since(since, seen.history, seen.now)
        for gauge in _gauges_at(seen, ticks.at(tick), tracks, tick)
    )


def _gauges_at(seen: Seen, evaluations: Evaluations, tracks: Mapping[str, Track], at: Instant) -> Iterator[Gauge]:
    """The metrics as of one tick; a rate of no emails is left out.

    A tick at which the target could not be read is filled in later: its unknown `Verdict` (below zero) is then joined by
    the true one, and the larger of the two is right.
    """
    verdicts = _verdicts(seen, evaluations, tracks, at)
    verdict = overall((*verdicts.values(), *_other_verdicts(seen, tracks, at)))
    yield Gauge(VERDICT, at, VERDICT_VALUES[verdict])
    left = [e.share_left for e in evaluations.values() if e.share_left is not None]
    if left:
        yield Gauge(HEADROOM, at, min(left))
    for metric, evaluation in evaluations.items():
        for name, rate in ((RATES[metric], evaluation.shown.rate), (ESTIMATES[metric], evaluation.estimate.rate)):
            if rate is not None:
                yield Gauge(name, at, rate)


def ticks_since(last: Instant | None, history: History | None, now: Instant) -> Iterable[Instant]:
    """Ticks after `last` up to and with `now`, oldest first, as far back as the statistics reach."""
    if history is None:
        return (now,)
    since = max(now - LOOKBACK if last is None else last, now - LOOKBACK, history.origin)
    return range(now - (now - since - 1) // BUCKET * BUCKET, now + 1, BUCKET)


# -- without a state that can be written


def assumed(
    target: Target,
    readings: Readings,
    stored: State | None,
    policy: Policy,
    now: Instant,
    every: int = BUCKET,
) -> State:
    """The state before the tick `now` of a run that cannot store its own, if the runs before it had sent everything.

    With it such a run notifies of what changes at this tick, once. What AWS says and the volume have no past to work out: they
    are notified at the first run that fails, and after that at full hours: every hour rather than never. Nothing waits for
    `PAUSE_BETWEEN`: the tick at which it would be sent then has no way to know.
    """
    last = now - every
    if stored is not None and stored.tick >= last:
        return stored
    hourly = now % HOUR < every
    enough_failures = Failures(FAILURES_BEFORE_ALERT, FAILURES_BEFORE_ALERT)
    base = replace(State(tick=last - every) if stored is None else stored, failures=enough_failures)
    if isinstance(readings.statistics, Unreadable) and stored is not None and hourly:
        return base
    seen_then = readings if stored is not None and not hourly else readings.without_aws
    fresh = stored is None and not isinstance(readings.statistics, Unreadable)
    state = decide(target, _until(seen_then, last), None if fresh else base, policy, last).state
    unsaved = state.tick if stored is None else stored.tick  # a track that opens now is named after it
    sent = {check: replace(record, at=min(record.at, now - PAUSE_BETWEEN)) for check, record in state.sent.items()}
    return replace(state, tick=unsaved, sent=sent, failures=enough_failures, outbox=base.outbox)


def _until(readings: Readings, last: Instant) -> Readings:
    if isinstance(readings.statistics, Unreadable):
        return readings
    return replace(readings, statistics=tuple(point for point in readings.statistics if point.at < last))


# -- replay


def replay(
    target: Target,
    points: Sequence[Point],
    policy: Policy,
    *,
    until: Instant | None = None,
    context: Context = Context(),
) -> Iterator[tuple[Instant, tuple[Document, ...], Mapping[str, Track]]]:
    """Play a monitor that ran from the first bucket on: every tick, its notifications, the open tracks.

    Ticks come every quarter of an hour from the end of the first bucket to the end of the last, or to `until`, also while no
    emails were sent. Raise `BadData` when the points span too long a time.
    """
    if not points:
        return
    end = max(point.at for point in points) + BUCKET if until is None else until
    history = history_from(points, until=end, feedback_share=policy.feedback_share)
    if history is None:
        return
    readings = Readings(tuple(points))
    ticks = _Ticks(history, policy)
    tracks: dict[str, Track] = {}
    sent: dict[str, Sent] = {}
    for index in range(1, history.slots + 1):
        now = history.time(index)
        evaluations = ticks.at(now)
        before = dict(tracks)
        for metric, evaluation in evaluations.items():
            _advance(tracks, metric.value, our_standing(evaluation), now, unsaved=now)
        documents: tuple[Document, ...] = ()
        if sent or tracks:
            seen = Seen(target, now, policy, readings, history, evaluations, tracks=before)
            tracks = _with_starts(seen, tracks, None)
            sent, changes = _news(sent, tracks, now)
            documents = tuple(_document(check, change, seen, tracks, before, context) for check, change in changes)
        yield now, documents, tracks
