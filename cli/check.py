"""How are the accounts now? Read with the user's own credentials, evaluated as the function evaluates, nothing changed."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, tzinfo
from math import isfinite
from typing import Any

import boto3
from botocore.exceptions import InvalidRegionError
from ses_reputation.aws import cloudwatch, ses
from ses_reputation.aws.errors import AWS_ERRORS, trouble_of
from ses_reputation.aws.session import CONFIG
from ses_reputation.core.decide import overall
from ses_reputation.core.history import Instant, Point, iso
from ses_reputation.core.late_events import in_words
from ses_reputation.core.notification import account_in_words
from ses_reputation.core.rates import AWS_THRESHOLDS, Metric
from ses_reputation.core.readings import Account, AwsRates, Readings, Trouble, Unreadable
from ses_reputation.core.rules import Policy, Verdict, default_policy
from ses_reputation.core.state import BadState
from ses_reputation.core.target import Target
from ses_reputation.core.wording import events_of, percent, when
from ses_reputation.settings import Settings

from .aws import Witness, open_session, region_of, session_for, unknown_regions
from .aws_errors import Call, Explanation, explain
from .deployed import Deployed, find_if_any
from .evaluate import Evaluated, MetricNow, headroom_of
from .evaluate import evaluate as evaluated
from .exit_codes import PLUGIN_UNKNOWN, UNKNOWN, UNUSABLE, USABLE, Unusable
from .feedback_share import complaint_rates, steady_share
from .orders import muted_by_team
from .rules_in_words import nearest_in_words

NEEDS = "ses:GetSendStatistics, ses:GetAccount, cloudwatch:GetMetricData"
"""IAM actions that `check` asks for."""

ACCOUNT, STATISTICS = "account state", "send statistics"
"""Names of what is read, where it is said that it could not be."""

QUESTIONS = 3
"""Questions about a region: the account's state, AWS's own rates, the send statistics."""

PLUGIN_WORDS = ("OK", "WARNING", "CRITICAL", "UNKNOWN")
PLUGIN_CODES = {Verdict.OK: 0, Verdict.WARNING: 1, Verdict.CRITICAL: 2}
"""Exit codes of monitoring plugins; every other verdict is unknown: 3."""


@dataclass(frozen=True, slots=True)
class Unknown:
    """One thing that could not be read, and what to do about it."""

    what: str
    explanation: Explanation


@dataclass(frozen=True, slots=True)
class Report:
    """Everything that `check` says of one target."""

    target: Target
    verdict: Verdict
    account: Account | None
    metrics: tuple[MetricNow, ...]
    unknown: tuple[Unknown, ...]
    headlines: tuple[str, ...]  # of the notifications that a monitor starting now would send
    feedback_share: float | None = None  # suggested, from a steady difference
    learned: tuple[str, ...] = ()  # how SES counts late events here, as the deployed monitor has seen
    muted: tuple[str, ...] = ()  # what the deployed monitor holds back


def check(
    settings: Settings | None,
    profile: str | None,
    region: str | None,
    account: str | None = None,
    *,
    as_json: bool,
    as_plugin: bool,
) -> int:
    """Print the verdict on every region: our rates, AWS's own, headroom, the account's state. Raises `Unusable`."""
    home = open_session(profile, region)
    session = session_for(home, settings, account)
    now = int(time.time())
    deployed = find_if_any(home, settings)
    named = region_of(session)
    watched, note = ((named,), "") if region else _regions(settings, deployed, named, account)
    targets = [Target(account or "", name) for name in watched]
    whose = account or _own_account(home, settings, deployed)
    reports = [
        replace(
            _read(session, target, policy_of(settings, replace(target, account=whose)), now, show_progress=not as_json),
            learned=learned_by_monitor(deployed, target),
            muted=muted,
        )
        for target, muted in zip(targets, muted_by_team(deployed, settings, targets, now), strict=True)
    ]
    if as_json:
        from .output import as_json as print_json

        print_json(_document(reports, note, now))
    else:
        if as_plugin:
            print(plugin_line(reports))
        _print(reports, note, now, UTC if settings is None else settings.alerts.zone)
    return exit_code(reports, as_plugin=as_plugin)


def _regions(
    settings: Settings | None, deployed: Deployed | None, home: str, account: str | None
) -> tuple[Sequence[str], str]:
    """Return the regions to read, and what to say of them if more may be watched: what is discovered only the monitor knows."""
    if settings is None or not settings.targets.discover:
        return settings.targets.regions if settings is not None and settings.targets.regions else (home,), ""
    only = f"Only {home} was read; others can be named with --region."
    if deployed is None:
        return (home,), f"{only} {settings.stack_name}, which knows them, was not found in {home}."
    try:
        roster = deployed.roster()
    except Unusable as error:
        return (home,), f"{only} {error}"
    whose = account or deployed.account
    found = () if roster is None else [member for member in roster.members if member.account == whose]
    if not found:
        return (home,), f"{only} {whose} is not on the list of {deployed.name}."
    regions = found[0].regions
    return (regions, "") if regions else ((home,), f"{only} {deployed.name} knows no region of {whose} that sends.")


def _own_account(session: boto3.Session, settings: Settings | None, deployed: Deployed | None) -> str:
    """Return the user's account if some policy depends on it. Raises `Unusable` if AWS does not say."""
    if settings is None or not any(override.accounts for override in settings.overrides):
        return ""
    from .members import Fleet

    return Fleet(session, settings).own if deployed is None else deployed.account


def exit_code(reports: Sequence[Report], *, as_plugin: bool) -> int:
    """How `check` ends after these reports."""
    if as_plugin:
        return PLUGIN_CODES.get(overall(report.verdict for report in reports), PLUGIN_UNKNOWN)
    if unknown_regions(report.target.region for report in reports if len(report.unknown) == QUESTIONS):
        return UNUSABLE
    return UNKNOWN if any(report.unknown for report in reports) else USABLE


def plugin_line(reports: Sequence[Report]) -> str:
    """The line that a monitoring host shows: the worst, and the verdict on each target that is not well, at most ten."""
    words = PLUGIN_WORDS[exit_code(reports, as_plugin=True)]
    ill = [report for report in reports if report.verdict is not Verdict.OK]
    named = [
        f"{'/'.join(filter(None, (report.target.account, report.target.region))) or report.target.alias} {report.verdict.value}"
        for report in (ill or reports)[:10]
    ]
    return f"{words}: SES reputation of {', '.join(named)}"


def policy_of(settings: Settings | None, target: Target) -> Policy:
    """The policy that a target is evaluated by."""
    return default_policy() if settings is None else settings.policy_for(target.account, target.region)


def _read(session: boto3.Session, target: Target, policy: Policy, now: Instant, *, show_progress: bool) -> Report:
    reader = Reader(session, target.region, now)
    if not show_progress:
        return evaluate(target, reader, policy)
    from .output import waiting

    with waiting(f"Reading {target.region} ..."):
        return evaluate(target, reader, policy)


def learned_by_monitor(deployed: Deployed | None, target: Target) -> tuple[str, ...]:
    """Say what the deployed monitor has seen from run to run; nothing if there is none here, or its state is not readable."""
    try:
        state = None if deployed is None else deployed.state_of(target)
    except (*AWS_ERRORS, BadState):
        return ()
    return () if state is None else tuple(in_words(state.learned, metric) for metric in Metric)


@dataclass
class Reader:
    """Reads a region and keeps what could not be read, with its explanation."""

    session: boto3.Session
    region: str
    now: Instant
    unknown: list[Unknown] = field(default_factory=list)
    client: Callable[[str], Any] | None = None  # opens a client of a service; None: one of the session

    @property
    def call(self) -> Call:
        return Call(self.session._session, self.region, NEEDS)  # noqa: SLF001  boto3 has no name for it

    def believed(self, target: Target, policy: Policy) -> tuple[Readings, Evaluated]:
        """Read what the function reads at a tick, and evaluate it; statistics that cannot be true are unreadable."""
        account: Account | Unreadable = self.ask(ACCOUNT, "sesv2", ses.account)
        rates: AwsRates | Unreadable = self.ask(
            "AWS's own rates", "cloudwatch", lambda client: cloudwatch.reputation_rates(client, self.now)
        )
        statistics: tuple[Point, ...] | Unreadable = self.ask(STATISTICS, "ses", ses.send_statistics)
        readings = Readings(statistics, account, rates)
        found = evaluated(target, readings, policy, self.now)
        if found.unreadable is not None and not isinstance(statistics, Unreadable):
            self.unknown.append(Unknown(STATISTICS, _explained(found.unreadable, None, self.call)))
            readings = replace(readings, statistics=found.unreadable)
        return readings, found

    def complaint_rates(self) -> list[tuple[Instant, float]]:
        """Return AWS's own complaint rate of the last days, for a suggestion; without it there is none."""
        try:
            return complaint_rates(self._open("cloudwatch"), self.now)
        except AWS_ERRORS:
            return []

    def _open(self, service: str) -> Any:
        if self.client is not None:
            return self.client(service)
        made: Any = self.session.client
        return made(service, region_name=self.region, config=CONFIG)

    def ask(self, what: str, service: str, read: Callable[[Any], Any]) -> Any:
        """Read with a client of `service`; explain the very error that made an answer `Unreadable`."""
        witness = Witness(None)
        try:
            witness.client = self._open(service)
            answer = read(witness)
        except AWS_ERRORS as error:
            answer, witness.error = Unreadable(trouble_of(error), type(error).__name__), error
        except ValueError:  # botocore's answer to a region that cannot be part of an address
            witness.error = InvalidRegionError(region_name=self.region)
            answer = Unreadable(Trouble.FAILED, "InvalidRegionError")
        if isinstance(answer, Unreadable):
            self.unknown.append(Unknown(what, _explained(answer, witness.error, self.call)))
        return answer


def _explained(unread: Unreadable, error: Exception | None, call: Call) -> Explanation:
    if error is not None and isinstance(error, AWS_ERRORS):
        return explain(error, call)
    problem = f"{unread.trouble.value.capitalize()}: {unread.detail}"
    fix = _FIXES.get(unread.trouble, "Try again. If it lasts, a proxy between you and AWS may be in the way.")
    return Explanation(problem, fix)


_FIXES = {
    Trouble.CONTRADICTION: "AWS's answers do not agree: try again in a few minutes, and compare with the SES console.",
}


def evaluate(target: Target, reader: Reader, policy: Policy, *, tune: bool = True) -> Report:
    """Evaluate a target as a monitor does that has run all the time and starts to speak now; `tune` asks for a suggestion too."""
    readings, found = reader.believed(target, policy)
    share = None
    if tune and found.history is not None and readings.known_rates is not None:
        share = steady_share(found.history, reader.complaint_rates(), policy.feedback_share)
    unknown = tuple(reader.unknown)
    account = readings.known_account
    return Report(target, found.verdict, account, found.metrics, unknown, found.headlines, share)


# --- For people ----------------------------------------------------------------------------------------------------


def _print(reports: Sequence[Report], note: str, now: Instant, zone: tzinfo) -> None:
    from .output import heading, say, table

    say(f"As of {when(now, zone)}")
    if note:
        say(note)
    for report in reports:
        say()
        heading(" ".join(filter(None, (report.target.account, report.target.region))), report.verdict.value)
        if report.metrics:
            table(_COLUMNS, (_row(state, zone) for state in report.metrics), right=_COLUMNS[2:4])
        if any(state.aws is not None for state in report.metrics):
            say(_WHY, indent=2)
        for state in report.metrics:
            say(f"{state.metric.capitalize()}s", indent=2)
            for text in (headroom_of(state), *nearest_in_words(state.evaluation)):
                say(text, indent=4)
        if report.account is not None:
            say(f"Account: {account_in_words(report.account)}", indent=2)
        for text in (*report.learned, *report.muted, *_remarks(report)):
            say(text, indent=2)


_WHY = (
    "AWS's own rates differ from ours: AWS counts over months, only email to domains that you have not verified, and "
    "complaints only where mailbox providers report them."
)

_COLUMNS = ("Metric", "Verdict", "Rate now", "AWS's own rate", "Counted")


def _row(state: MetricNow, zone: tzinfo) -> tuple[str, ...]:
    review = AWS_THRESHOLDS[state.metric].review
    shown = state.evaluation.shown
    counted = "no email" if shown.rate is None else events_of(state.metric, shown)
    return (
        f"{state.metric.value}s",
        state.verdict.value,
        "-" if shown.rate is None else percent(shown.rate, review),
        "not published" if state.aws is None else f"{percent(state.aws.rate, review)} ({when(state.aws.at, zone)})",
        counted,
    )


def _remarks(report: Report) -> Iterator[str]:
    for explanation in dict.fromkeys(unknown.explanation for unknown in report.unknown):
        of_what = ", ".join(unknown.what for unknown in report.unknown if unknown.explanation == explanation)
        yield f"UNKNOWN  {of_what}: {explanation.problem}"
        yield f"What to do: {explanation.fix}"
    for headline in report.headlines:
        yield f"A monitor would send: {headline}"
    if not report.headlines and not report.unknown:
        yield "A monitor would send nothing."
    if report.feedback_share is not None:
        yield (
            f"Tuning: AWS's complaint rate has differed from our estimate by the same factor for days. "
            f"With feedback_share = {report.feedback_share:g} under [complaint] in settings.toml both would agree."
        )


# --- For programs --------------------------------------------------------------------------------------------------


def _document(reports: Sequence[Report], note: str, now: Instant) -> dict[str, Any]:
    return {
        "at": iso(now),
        "verdict": overall(report.verdict for report in reports).value,
        "note": note or None,
        "regions": [region_document(report) for report in reports],
    }


def region_document(report: Report) -> dict[str, Any]:
    known = report.account
    return {
        "region": report.target.region,
        "verdict": report.verdict.value,
        "metrics": [_metric_document(state) for state in report.metrics],
        "account": None
        if known is None
        else {
            "status": known.enforcement,
            "sending": known.sending,
            "production": known.production,
            "quota": known.quota,
            "quota_used": known.used,
        },
        "unknown": [
            {"what": unknown.what, "problem": unknown.explanation.problem, "fix": unknown.explanation.fix}
            for unknown in report.unknown
        ],
        "would_send": list(report.headlines),
        "suggested_feedback_share": report.feedback_share,
        "learned": list(report.learned),
        "muted": list(report.muted),
    }


def _metric_document(state: MetricNow) -> dict[str, Any]:
    shown, estimate, left = state.evaluation.shown, state.evaluation.estimate, state.evaluation.headroom
    thresholds = AWS_THRESHOLDS[state.metric]
    return {
        "metric": state.metric.value,
        "verdict": state.verdict.value,
        "events": shown.events,
        "emails": shown.emails,
        "rate": shown.rate,
        "estimated_aws_rate": estimate.rate,
        "aws_rate": None if state.aws is None else state.aws.rate,
        "aws_rate_at": None if state.aws is None else iso(state.aws.at),
        "aws_review": thresholds.review,
        "aws_pause": thresholds.pause,
        "events_left": None if left is None else left.events_left,
        "hours_left": None if left is None else left.hours_left,
        "rules": [
            {
                "rule": now.rule.name,
                "severity": now.rule.severity.word,
                "threshold": now.threshold if isfinite(now.threshold) else None,
                "why": now.reason,
                "usual": now.usual,
                "own_worst": now.own_worst,
                "rate": now.count.rate,
                "bound": now.bound,
            }
            for now in state.evaluation.thresholds
        ],
    }
