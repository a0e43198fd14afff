"""Notifications: one versioned document each, with the words for people and the numbers for programs.

docs/notification.schema.json is its type. The outbox stores these documents, and every channel lays out the same one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import tzinfo
from typing import Any

from .alert import Change, Kind, Reason, Sent
from .checks.base import Check, Context, News, Seen
from .checks.drill import DRILL
from .checks.rate import in_words
from .evaluation import Evaluation
from .history import Instant, iso, stamp
from .orders import Mute
from .rates import Metric
from .readings import HEALTHY, PROBATION, SHUTDOWN, Account, AwsRate, Readings
from .rules import Finding, Policy, Severity
from .target import CONSOLES, Target, partition_of
from .wording import duration, percent, when

VERSION = 2
"""Version of the document. It grows when a field goes or changes its meaning."""

SOURCE = "ses-reputation-monitor"

Document = dict[str, Any]
"""One notification as JSON values."""

LONGEST_TEXT = 1_000
"""Longest text of a document in characters; all texts of one are cut to it, so that a document has a largest size."""

METRICS = tuple(metric.value for metric in Metric)


def notification(check: Check, news: News) -> Document:
    """Build the document of one change of an alert."""
    seen, sent, context = news.seen, news.change.sent, news.context
    target = seen.target
    status = status_of(check, news)
    key = "-".join(part for part in (context.stage, target.account, target.region, sent.alert) if part)
    over = status in ("OK", "RECOVERING")
    return {
        "id": f"{key}-{sent.number}",
        "deduplication_key": key,
        "at": iso(news.now),
        "stage": context.stage,
        "account": target.account,
        "account_name": _cut(target.alias),
        "region": target.region,
        "check": check.name,
        "metric": check.name if check.name in METRICS else None,
        "severity": sent.severity.word,
        "status": status,
        "kind": news.reason.kind.value,
        "reason": news.reason.value,
        "alert": sent.alert,
        "number": sent.number,
        "opened_at": iso(sent.opened_at),
        "started_at": iso(news.started),
        "title": _title(status, check.headline(news), target, context),
        "what_is_new": _new(check, news),
        "asks": _asks(status),
        "summary": [_cut(text) for text in (check.resolved(news) if news.resolved else check.summary(news))],
        "cause": None,
        "first_steps": [] if over else [_cut(step) for step in check.first_steps(news)],
        "command": None if over else _command(check, news),
        "links": links(check, news),
        "facts": [{"name": name, "text": _cut(text)} for name, text in _facts(check, news)],
        "numbers": _numbers(news),
        "metrics": {m.value: _metric(seen.evaluations[m], _aws_rate(news, m)) for m in seen.evaluations},
        "aws_account": None if news.account is None else _account(news.account),
    }


def with_cause(document: Document, cause: str, first_steps: Sequence[str]) -> Document:
    """Add to a document who causes it, and what to do first then."""
    return document | {"cause": _cut(cause), "first_steps": [_cut(step) for step in first_steps]}


def status_of(check: Check, news: News) -> str:
    """CRITICAL, WARNING, RECOVERING, UNKNOWN, OK or TEST."""
    if check.name == "test":
        return "TEST"
    if news.resolved:
        return "UNKNOWN" if check.closed(news) else "OK"
    if check.unknown(news):
        return "UNKNOWN"
    if news.reason is Reason.REMINDER and not news.holds:
        return "RECOVERING"
    return news.severity.name


def _title(status: str, headline: str, target: Target, context: Context) -> str:
    """Severity first, then the installation and the account if they have names."""
    stage = f" [{context.stage}]" if context.stage else ""
    account = f" ({target.alias})" if target.alias else ""
    return _cut(f"{status}{stage}: {headline}{account}")


def _new(check: Check, news: News) -> str:
    """Why this notification is sent now."""
    lasted = duration(news.now - news.change.sent.opened_at)
    match news.reason:
        case Reason.OPENED:
            return "Test alert." if check.name == "test" else "New alert."
        case Reason.ESCALATED:
            return f"The alert has become {news.severity.word}."
        case Reason.CHANGED:
            return _cut(check.changed(news))
        case Reason.REMINDER:
            return f"Reminder: open for {lasted}."
    return f"{'Closed' if check.closed(news) else 'Resolved'} after {lasted}."


def _asks(status: str) -> str:
    """Say what the status asks of the reader."""
    return {
        "CRITICAL": "Act now.",
        "WARNING": "Look at it today.",
        "UNKNOWN": "Look at it today.",
        "RECOVERING": "Nothing new to do.",
    }.get(status, "Nothing to do.")


def _command(check: Check, news: News) -> dict[str, str] | None:
    command = check.command(news)
    return None if command is None else {"shows": command.shows, "text": _cut(command.text)}


def links(check: Check, news: News) -> list[dict[str, str]]:
    """Pages to open, by what they are."""
    context = news.context
    pages = {
        "Dashboard": context.dashboard_url,
        "Runbook": f"{context.runbook_url}#{check.anchor}" if context.runbook_url else "",
        "Log": context.log_url,
        "SES console": ses_console(news.region),
    }
    return [{"name": name, "url": url} for name, url in pages.items() if url]


def ses_console(region: str) -> str:
    """Reputation page of the SES console of a region, in its partition."""
    partition = partition_of(region)
    subdomain = f"{region}." if partition == "aws" else ""
    return f"https://{subdomain}{CONSOLES[partition]}/ses/home?region={region}#/reputation"


def _facts(check: Check, news: News) -> list[tuple[str, str]]:
    """Small print: name and text."""
    sent, seen = news.change.sent, news.seen
    facts = [] if check.name == "test" else [_started(news), *check.small_print(news)]
    for metric, evaluation in seen.evaluations.items():
        if metric.value != check.name:
            rate = in_words(evaluation, open_alert=metric.value in seen.tracks)
            aws = _aws_rate(news, metric)
            facts.append(
                (f"{metric.value.capitalize()}s", rate if aws is None else f"{rate}; by AWS {percent(aws.rate)}")
            )
    if news.account is not None and check.name != "enforcement":
        facts.append(("AWS says", account_in_words(news.account)))
    mutes = seen.readings.orders.mutes_in(seen.target, seen.now)
    if mutes:
        facts.append(("Muted", muted_in_words(mutes, news.context.zone)))
    name = f"{seen.target.alias}, " if seen.target.alias not in ("", seen.target.account) else ""
    facts.append(("Account", f"{name}{seen.target.account}, {seen.target.region}"))
    facts.append(("Alert", f"{sent.alert}, message {sent.number}"))
    if news.context.version:
        facts.append(("Monitor", f"version {news.context.version}"))
    return facts


def _started(news: News) -> tuple[str, str]:
    """When the trouble began, by estimate, and when it was detected."""
    opened, zone = news.change.sent.opened_at, news.context.zone
    detected = when(opened, zone)
    if news.started >= opened:
        return "Detected", detected
    started = when(news.started, zone)
    same_day = started[:10] == detected[:10]
    return "Started", f"about {started}, detected {detected[11:16] if same_day else detected}"


def account_in_words(account: Account) -> str:
    """Account state on one line."""
    words = {HEALTHY: "healthy", PROBATION: "under review", SHUTDOWN: "paused by AWS"}
    parts = [words.get(account.enforcement, account.enforcement)]
    if not account.sending:
        parts.append("sending is switched off")
    if not account.production:
        parts.append("in the sandbox")
    if account.used_share is not None:
        parts.append(f"{percent(account.used_share)} of the daily quota used")
    return "; ".join(parts)


def muted_in_words(mutes: Sequence[Mute], zone: tzinfo | None) -> str:
    """Mutes on one line."""
    return "; ".join(mute_in_words(mute, zone) for mute in mutes) if mutes else "nothing"


def mute_in_words(mute: Mute, zone: tzinfo | None) -> str:
    """Mute on one line."""
    what = f"{mute.check} alerts" if mute.check else "all alerts"
    where = "/".join(part for part in (mute.account, mute.region) if part)
    where = f" in {where}" if where else ""
    but = "" if mute.critical else ", unless critical,"
    why = f": {mute.reason}" if mute.reason else ""
    return f"{what}{where}{but} until {when(mute.until, zone)}{why}"


def _aws_rate(news: News, metric: Metric) -> AwsRate | None:
    return news.seen.readings.aws_rate(metric)


def _numbers(news: News) -> Mapping[str, Any]:
    """Numbers behind a rate alert; all None for other checks."""
    finding = news.found if isinstance(news.found, Finding) and news.holds else None
    count = None if finding is None else finding.count
    return {
        "rule": None if finding is None else finding.rule,
        "events": None if count is None else count.events,
        "emails": None if count is None else count.emails,
        "rate": None if count is None else count.rate,
        "window_start": None if count is None else iso(count.start),
        "window_end": None if count is None else iso(count.end),
        "bound": None if finding is None else finding.bound,
        "threshold": None if finding is None else finding.threshold,
        "usual": None if finding is None else finding.usual,
        "own_worst": None if finding is None else finding.own_worst,
    }


def _metric(evaluation: Evaluation, aws: AwsRate | None) -> Mapping[str, Any]:
    left = evaluation.headroom
    return {
        "verdict": evaluation.verdict.value,
        "rate": evaluation.shown.rate,
        "aws_estimate": evaluation.estimate.rate,
        "events_left": None if left is None else left.events_left,
        "hours_left": None if left is None else left.hours_left,
        "clean_emails_needed": None if left is None else left.clean_emails,
        "aws_rate": None if aws is None else aws.rate,
        "aws_rate_at": None if aws is None else iso(aws.at),
    }


def _account(account: Account) -> Mapping[str, Any]:
    return {
        "enforcement": account.enforcement,
        "sending": account.sending,
        "production": account.production,
        "quota": account.quota,
        "used": account.used,
    }


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST_TEXT else f"{text[: LONGEST_TEXT - 1]}…"


def worst_first(documents: Sequence[Document]) -> list[Document]:
    """Documents in the order of a message: the worst first, what is resolved last."""
    rank = {severity.word: -severity for severity in Severity}
    return sorted(
        documents,
        key=lambda d: (
            d["kind"] == Kind.RESOLVED.value,
            rank[d["severity"]],
            d["opened_at"],
            d["account"],
            d["region"],
            d["check"],
        ),
    )


MOST_SINGLE = 10
"""Most notifications of a fleet that people get one by one from one run. Of more they get a summary with the worst of these."""


MOST_NAMED = 40_000
"""Characters for the names of accounts in a summary, which SNS carries three times in 256 KiB; of more there are only the ids."""


def summary_of(documents: Sequence[Document], region: str) -> Document:
    """Very many notifications of one run as one: how many of each kind, the worst, and the accounts of the rest, since a
    subscription may want any of them. `region` is the monitor's own."""
    ordered = worst_first(documents)
    worst, *_ = shown = ordered[:MOST_SINGLE]
    firing, reminders, resolved = (sum(document["kind"] == kind.value for document in documents) for kind in Kind)
    parts = (
        worst.get("stage"),
        "summary",
        worst["at"],
        worst["account"],
        worst["region"],
    )  # shards have a summary each
    key = "-".join(part for part in parts if part)
    return worst | {
        "id": key,
        "deduplication_key": key,
        "title": f"{worst['status']}: {len(documents):,} SES notifications at once",
        "what_is_new": f"{firing:,} to act on, {reminders:,} reminders, {resolved:,} resolved.",
        "summary": [
            *(_cut(f"{place}. {each['title']}, {each['account']}.") for place, each in enumerate(shown, 1)),
            *_others(ordered[MOST_SINGLE:]),
        ],
        "cause": None,
        "first_steps": [
            "Begin with the first. If all began at once, look for what they share: a release, a sender, an outage of AWS."
        ],
        "command": {
            "shows": "See every target, the worst first",
            "text": f"ses-reputation check --all --region {region}",
        },
        "links": [link for link in worst["links"] if link["name"] in ("Dashboard", "Log")],
        "facts": [{"name": "Not shown", "text": f"{len(documents) - len(shown):,} more notifications"}],
        "numbers": dict.fromkeys(worst.get("numbers", ())),
        "metrics": {},
        "aws_account": None,
    }


def _others(documents: Sequence[Document]) -> list[str]:
    """Name the account of each document, in lines that are short enough."""
    regions: dict[str, dict[str, None]] = {}
    names: dict[str, str] = {}
    for document in documents:
        account, name = document["account"], document.get("account_name", "")
        regions.setdefault(account, {})[document["region"]] = None
        names[account] = account if name in ("", account) else f"{name} ({account})"
    words = [f"{names[account]} in {', '.join(where)}" for account, where in regions.items()]
    if sum(map(len, words)) > MOST_NAMED:
        words = list(regions)
    lines: list[str] = []
    for word in words:
        if lines and len(lines[-1]) + len(word) + 3 <= LONGEST_TEXT:
            lines[-1] += f"; {word}"
        else:
            lines.append(f"Also: {word}")
    return [f"{line}." for line in lines]


def envelope(documents: Sequence[Document], context: Context) -> Document:
    """One message for programs: as many notifications as go into one, the worst first."""
    return {
        "version": VERSION,
        "source": SOURCE,
        "stage": context.stage,
        "dashboard_url": context.dashboard_url,
        "monitor_version": context.version,
        "notifications": worst_first(documents),
    }


def attributes(documents: Sequence[Document]) -> Mapping[str, Sequence[str]]:
    """Words that a subscription's filter policy may ask for: each a list of those that occur."""
    return {
        name: sorted({document[name] for document in documents})
        for name in ("severity", "check", "kind", "account", "region")
    }


_TEXTS = (
    "id",
    "deduplication_key",
    "at",
    "check",
    "severity",
    "status",
    "kind",
    "reason",
    "alert",
    "title",
    "what_is_new",
    "asks",
    "account",
    "region",
    "opened_at",
)


def problem_of(document: object) -> str | None:  # noqa: PLR0912  one branch for each thing that can be wrong
    """Why a stored document cannot be laid out, or None."""
    if not isinstance(document, dict):
        return "a notification is not an object"
    for name in _TEXTS:
        if not isinstance(document.get(name), str):
            return f"a notification has no text {name!r}"
    if document["severity"] not in [severity.word for severity in Severity]:
        return "a notification has an unknown severity"
    if document["kind"] not in [kind.value for kind in Kind]:
        return "a notification has an unknown kind"
    for name in ("summary", "first_steps"):
        if not isinstance(document.get(name), list) or not all(isinstance(text, str) for text in document[name]):
            return f"a notification has no list of texts {name!r}"
    for name, inner in (("links", ("name", "url")), ("facts", ("name", "text"))):
        members = document.get(name)
        if not isinstance(members, list) or not all(
            isinstance(member, dict) and all(isinstance(member.get(key), str) for key in inner) for member in members
        ):
            return f"a notification has no list {name!r}"
    if not {"command", "cause"} <= document.keys():
        return "a notification has no command or no cause"
    command = document["command"]
    if command is not None and not (
        isinstance(command, dict) and all(isinstance(command.get(key), str) for key in ("shows", "text"))
    ):
        return "a notification has an invalid command"
    if not isinstance(document.get("cause"), str | None):
        return "a notification has an invalid cause"
    if type(document.get("number")) is not int:
        return "a notification has no number"
    return None


def key_of(document: Document) -> str:
    """Key that distinguishes a notification from every other of the same target."""
    return f"{document['alert']} {document['number']}"


def drill_notification(target: Target, now: Instant, policy: Policy, context: Context) -> Document:
    """A test alert: sent on every channel like any other, stored nowhere."""
    sent = Sent(f"test-{stamp(now)}", Severity.WARNING, (), 1, now, now, now)
    seen = Seen(target, now, policy, Readings(()))
    return notification(DRILL, News(seen, Change(Reason.OPENED, sent), None, False, {}, context))
