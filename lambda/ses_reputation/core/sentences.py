"""What is said of a notification, whatever the channel: its headline, what happened, the facts beside it, its links.

Channels (messages.py, chat.py) lay it out; advice.py has what to do first. Text that comes from outside is passed on as it is, on
one line: escaping belongs to the channel.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import tzinfo

from . import account, trial, volume
from .account import AWS_RATE, AWS_UNREADABLE, ENFORCEMENT, PROBATION, QUOTA, SENDING, SHUTDOWN, AwsRate
from .alert import Kind, Reason
from .plan import MetricState, Notification
from .rates import AWS_THRESHOLDS, Count, Metric
from .readings import UNREADABLE
from .rules import Finding, Verdict
from .trial import TEST
from .volume import REJECTS, SILENCE, SPIKE
from .wording import duration, events_of, headroom_in_words, percent, plain, plural, sparkline, when

SUGGEST_FROM = 10
"""A feedback share is suggested from so many complaints on."""


@dataclass(frozen=True, slots=True)
class Context:
    """What the words need besides the notifications."""

    stage: str
    zone: tzinfo
    dashboard_url: str
    runbook_url: str
    feedback_share: float = 1.0


def headline_of(notification: Notification) -> str:
    """What and how bad, in one line."""
    if notification.check in _METRICS:
        return _rate_headline(notification, _METRICS[notification.check])
    region = notification.target.region
    if _forgotten(notification):
        closed = "Closed, not known" if notification.kind is Kind.RESOLVED else "Still UNKNOWN"
        return f"{closed}: AWS publishes no SES {_AWS_METRICS[notification.check]} rate of its own in {region} now"
    if notification.kind is Kind.RESOLVED:
        return f"OK: {_OVER[notification.check].format(region=region)}"
    still = "Still " if notification.kind is Kind.REMINDER else ""
    if notification.kind is Kind.REMINDER and not notification.found:
        return f"Recovering: {_trouble(notification)} - not over yet"
    return f"{still}{status_of(notification)}: {_trouble(notification)}"


_METRICS = {metric.value: metric for metric in Metric}
_AWS_METRICS = {check: metric for metric, check in AWS_RATE.items()}


def status_of(notification: Notification) -> str:
    """OK, WARNING, CRITICAL, UNKNOWN or TEST."""
    if notification.check == TEST:
        return "TEST"
    if _forgotten(notification):
        return "UNKNOWN"
    if notification.kind is Kind.RESOLVED:
        return "OK"
    if notification.check in (UNREADABLE, AWS_UNREADABLE):
        return "UNKNOWN"
    severity = notification.cause.severity if notification.check == ENFORCEMENT else notification.severity
    return severity.name


def noun_of(notification: Notification) -> str:
    """What it is about, in a word or two."""
    return _NOUNS[notification.check]


_NOUNS = {
    Metric.BOUNCE.value: "bounces",
    Metric.COMPLAINT.value: "complaints",
    UNREADABLE: "unreadable",
    ENFORCEMENT: "account state",
    SENDING: "sending switched off",
    QUOTA: "quota",
    AWS_RATE[Metric.BOUNCE]: "AWS's bounce rate",
    AWS_RATE[Metric.COMPLAINT]: "AWS's complaint rate",
    AWS_UNREADABLE: "account unreadable",
    SILENCE: "silence",
    SPIKE: "spike",
    REJECTS: "rejects",
    TEST: "test",
}

_OVER = {
    UNREADABLE: "SES statistics of {region} can be read again",
    ENFORCEMENT: "AWS calls SES in {region} healthy again",
    SENDING: "SES sending in {region} is switched on again",
    QUOTA: "the SES sending quota in {region} is enough again",
    AWS_RATE[Metric.BOUNCE]: "AWS's own SES bounce rate in {region} is low again",
    AWS_RATE[Metric.COMPLAINT]: "AWS's own SES complaint rate in {region} is low again",
    AWS_UNREADABLE: "what AWS says of SES in {region} can be read again",
    SILENCE: "SES in {region} sends email again",
    SPIKE: "SES email in {region} is back to what is usual",
    REJECTS: "SES in {region} rejects hardly any email now",
}


def _trouble(notification: Notification) -> str:
    region, cause = notification.target.region, notification.cause
    match notification.check:
        case account.ENFORCEMENT:
            if (cause.rule, cause.detail) == (PROBATION, SHUTDOWN):
                return f"AWS lets SES in {region} send again, under review"
            words = {
                PROBATION: f"AWS has put SES in {region} under review",
                SHUTDOWN: f"AWS has paused SES in {region}",
            }
            return words.get(cause.rule, f"AWS calls SES in {region} {plain(cause.rule)}")
        case account.SENDING:
            return f"SES sending in {region} is switched off by the account itself"
        case account.QUOTA:
            used = "" if cause.count is None or cause.count.rate is None else f"{percent(cause.count.rate)} of "
            return f"{used}the SES sending quota in {region} used"
        case account.AWS_UNREADABLE:
            what = "SES account state" if notification.account is None else "AWS's own SES rates"
            return f"{what} of {region} cannot be read ({cause.rule})"
        case volume.SILENCE:
            span = "" if cause.count is None else f" for {duration(cause.count.end - cause.count.start)}"
            return f"no email from SES in {region}{span}"
        case volume.SPIKE:
            return f"SES email in {region} far beyond anything known"
        case volume.REJECTS:
            return f"SES in {region} rejects email"
        case trial.TEST:
            return f"alerts of the SES reputation monitor in {region} reach you"
        case check if check in _AWS_METRICS:
            metric = _AWS_METRICS[check]
            review = AWS_THRESHOLDS[metric].review
            rate = "" if cause.bound is None else f" {percent(cause.bound, review)}"
            return f"AWS's own SES {metric} rate{rate} in {region} - AWS reviews at {percent(review)}"
    return f"SES statistics of {region} cannot be read ({cause.rule})"


def _rate_headline(notification: Notification, metric: Metric) -> str:
    region, lines = notification.target.region, AWS_THRESHOLDS[metric]
    if notification.kind is Kind.RESOLVED:
        lasted = duration(notification.at - notification.opened_at)
        return f"OK: SES {metric} rate in {region} is low again ({lasted} after the first warning)"
    count = count_of(notification)
    rate = "" if count is None or count.rate is None else f" {percent(count.rate, lines.review, lines.pause)}"
    if notification.kind is Kind.REMINDER and not notification.found:
        return f"Recovering: SES {metric} rate{rate} in {region} - not over yet"
    word = notification.severity.name
    head = f"Still {word}" if notification.kind is Kind.REMINDER else word
    return f"{head}: SES {metric} rate{rate} in {region} - AWS reviews at {percent(lines.review)}"


def count_of(notification: Notification) -> Count | None:
    """The numbers that the message speaks of: of what holds now, else of the rate as it is now."""
    if notification.found:
        return notification.found[0].count
    return next((state.shown for state in notification.metrics if state.metric.value == notification.check), None)


def summary_of(notification: Notification, context: Context) -> list[str]:
    """What happened and what it means, in a few sentences."""
    if notification.check in _METRICS:
        return list(_rate_summary(notification, _METRICS[notification.check], context))
    if _forgotten(notification):
        return list(_no_rate(notification, context))
    if notification.kind is Kind.RESOLVED:
        return [_OVER_SUMMARY.get(notification.check, "It is over.")]
    said = list(_SUMMARIES[notification.check](notification, context))
    if not notification.found:
        said.append("Nothing of it is found at this moment; it is over when that has lasted for a day.")
    return said


def _forgotten(notification: Notification) -> bool:
    """Whether it is about a rate of AWS's own that AWS publishes no more."""
    metric = _AWS_METRICS.get(notification.check)
    return metric is not None and all(state.aws is None for state in notification.metrics if state.metric is metric)


def _no_rate(notification: Notification, context: Context) -> Iterator[str]:
    yield (
        f"AWS has published no {_AWS_METRICS[notification.check]} rate of its own since "
        f"{when(notification.last_held, context.zone)}, so that nobody knows what it is now."
    )
    if notification.kind is Kind.RESOLVED:
        yield "This is closed, and is told anew if AWS publishes a rate as high."
    else:
        yield "There may be none while no email goes out. This is closed when there has been none for 14 days."


_OVER_SUMMARY = {
    UNREADABLE: "The send statistics have been readable for an hour; the rates are judged again.",
    ENFORCEMENT: "AWS's enforcement status is HEALTHY. Rates are judged as always.",
    SENDING: "The account's own sending switch is on again.",
    AWS_UNREADABLE: "The account state and AWS's own rates have been readable for an hour.",
    SILENCE: "Email has been going out again for an hour.",
}


def _rate_summary(notification: Notification, metric: Metric, context: Context) -> Iterator[str]:
    lines = AWS_THRESHOLDS[metric]
    count = count_of(notification)
    if count is not None:
        yield f"{events_of(metric, count, lines.review, lines.pause)}."
    if notification.kind is not Kind.RESOLVED and notification.found:
        yield _why(notification.cause)
    elif notification.kind is not Kind.RESOLVED:
        yield (
            "No rule holds at this moment. It is over when that has lasted for 24 hours and the rates are low, also over "
            "the email that AWS counts."
        )
    if metric is Metric.COMPLAINT and context.feedback_share != 1:
        share = percent(context.feedback_share)
        yield f"Emails are counted at the {share} whose receivers report complaints (feedback_share)."
    yield (
        f"AWS reviews accounts at {percent(lines.review)} and may pause sending at {percent(lines.pause)}, "
        "by its own count (see below)."
    )


def _why(finding: Finding) -> str:
    if finding.bound is None or finding.threshold is None:
        return finding.detail
    normal = "" if finding.usual is None else f"; your own normal is {percent(finding.usual)}"
    return (
        f'Rule "{finding.rule}": the rate is surely above {percent(finding.bound, finding.threshold)}, '
        f"the line is {percent(finding.threshold)}{normal}."
    )


def _unreadable(notification: Notification, _: Context) -> Iterator[str]:
    cause = notification.cause
    yield f"The send statistics cannot be read: {cause.rule} ({plain(cause.detail)})."
    yield "Until they can, nobody is told of bounces or complaints here. Unknown is not healthy."


def _enforcement(notification: Notification, _: Context) -> Iterator[str]:
    match notification.cause.rule:
        case account.PROBATION:
            sends = notification.account is None or notification.account.sending
            still = "It still sends; AWS may pause it." if sends else "AWS may pause it; its own sending switch is off."
            yield f"AWS reviews this account (enforcement status PROBATION). {still}"
            yield "The reason is in AWS's notice to the email address of the account's root user. It need not be a rate."
        case account.SHUTDOWN:
            yield "AWS has paused this account (enforcement status SHUTDOWN): no email leaves it in this region."
            yield "Only AWS can lift that. The reason is in its notice to the email address of the account's root user."
            yield "While it lasts nothing is said of bounces and complaints here: they add nothing."
        case word:
            yield f"AWS gives an enforcement status that this monitor does not know: {plain(word)}."
            yield "It is not the word for a healthy account; the SES console says what it means."
    if notification.cause.detail:
        yield f"The status before was {plain(notification.cause.detail)}."


def _sending(_: Notification, __: Context) -> Iterator[str]:
    yield "The account's own sending switch is off: no email leaves it in this region."
    yield "AWS has not done this; somebody, or something automatic, in this account has."


def _quota(notification: Notification, context: Context) -> Iterator[str]:
    cause = notification.cause
    if cause.count is not None and cause.count.rate is not None:
        used = percent(cause.count.rate)
        yield f"{cause.count.events:,} of the {cause.count.emails:,} emails that may be sent in 24 hours are sent: {used}."
    if cause.until is None and all(state.shown is None for state in notification.metrics):
        yield "When it is used up is not known here: there are no send statistics."
    elif cause.until is None:
        yield "At the pace of the last three hours it lasts for the next day."
    elif cause.until <= notification.at:
        yield "It is used up: Amazon SES refuses email until older email is more than a day old."
    else:
        yield (
            f"At the pace of the last three hours it is used up at {when(cause.until, context.zone)}, "
            f"in {duration(cause.until - notification.at)}. Amazon SES then refuses email."
        )


def _aws_rate(notification: Notification, context: Context) -> Iterator[str]:
    metric = _AWS_METRICS[notification.check]
    lines, rate = AWS_THRESHOLDS[metric], notification.cause.bound
    state = next(state for state in notification.metrics if state.metric is metric)
    if rate is not None:
        yield (
            f"AWS's own {metric} rate is {percent(rate, lines.review, lines.pause)}. AWS reviews accounts at "
            f"{percent(lines.review)} and may pause sending at {percent(lines.pause)}."
        )
    if rate is not None and state.estimate is not None and state.estimate.rate is not None:
        beside_it = "lower" if state.estimate.rate < rate else "no lower"
        yield f"Ours is {beside_it}: {_lower_first(events_of(metric, state.estimate, lines.review))}."
    yield _DIFFERENCE[metric] + _hint(state, context)


def _lower_first(text: str) -> str:
    return text[:1].lower() + text[1:]


_DIFFERENCE = {
    Metric.BOUNCE: "AWS counts only email to domains that you have not verified, over a span of email that it does not publish "
    "and that can be months long.",
    Metric.COMPLAINT: "AWS sets complaints only against email to providers that report them, over a span of email that it does "
    "not publish and that can be months long.",
}
"""Why AWS's own rate can differ from ours (SES enforcement FAQ)."""


def _aws_unreadable(notification: Notification, _: Context) -> Iterator[str]:
    cause = notification.cause
    if notification.account is not None:
        yield f"AWS's own bounce and complaint rates cannot be read: {cause.rule} ({plain(cause.detail)})."
        yield "Until they can, nobody is told where they are higher than ours. Our own rates and the account's state are still judged."
        return
    yield f"What AWS says of this account cannot be read: {cause.rule} ({plain(cause.detail)})."
    yield "Until it can, nobody is told here of a review, a pause, or a quota that runs out. Our own rates are still judged."


def _silence(notification: Notification, context: Context) -> Iterator[str]:
    count = notification.cause.count
    if count is not None:
        span = duration(count.end - count.start)
        but = f", but for {plural(count.events, 'email')}" if count.events else ""
        yield f"Nothing has been sent since {when(count.start, context.zone)}, for {span}{but}."
        yield f"That is not this account's habit; in the 24 hours before it sent {plural(count.emails, 'email')}."
    yield "A sender who sends nothing has perfect rates: look whether the email is stuck."


def _spike(notification: Notification, _: Context) -> Iterator[str]:
    count = notification.cause.count
    if count is not None:
        yield (
            f"{plural(count.events, 'email')} in three hours; the most that "
            f"{notification.cause.detail or 'any three hours of the last two weeks'} brought is {count.emails:,}."
        )
    yield "If nobody planned this, somebody may be sending with stolen credentials."


def _rejects(notification: Notification, _: Context) -> Iterator[str]:
    count = notification.cause.count
    if count is not None:
        yield f"Amazon SES rejected {count.events:,} emails in the last 24 hours, beside {plural(count.emails, 'email')} sent."
    yield "It rejects email in which it finds a virus: a sender, or an account of one, may be in foreign hands."


def _trial(_: Notification, __: Context) -> Iterator[str]:
    yield "Somebody asked for a test alert. Nothing is wrong, and nothing is to be done."
    yield "A real one looks like this, and says what happened, how bad it is and what to do first."


_SUMMARIES: dict[str, Callable[[Notification, Context], Iterator[str]]] = {
    UNREADABLE: _unreadable,
    ENFORCEMENT: _enforcement,
    SENDING: _sending,
    QUOTA: _quota,
    AWS_RATE[Metric.BOUNCE]: _aws_rate,
    AWS_RATE[Metric.COMPLAINT]: _aws_rate,
    AWS_UNREADABLE: _aws_unreadable,
    SILENCE: _silence,
    SPIKE: _spike,
    REJECTS: _rejects,
    TEST: _trial,
}


def facts_of(notification: Notification, context: Context) -> list[tuple[str, str]]:
    """What stands beside the summary, each with its name."""
    if notification.check == TEST:
        return [("Sent", when(notification.at, context.zone))]
    ago = notification.at - notification.opened_at
    since = when(notification.opened_at, context.zone)
    facts = [("Since", f"{since}, {duration(ago)} ago" if ago else since), ("What is new", _new(notification))]
    for state in sorted(notification.metrics, key=lambda state: state.metric.value != notification.check):
        if state.metric.value == notification.check:
            facts.append(("Headroom", headroom_in_words(state.headroom)))
            facts.append(("Last 24 h", sparkline(notification.spark)))
            if state.aws is not None:
                facts.append(("AWS's own", beside(state, state.aws, context)))
        else:
            facts.append((f"{state.metric.value.capitalize()}s", _other(state)))
    if notification.account is not None and notification.check != ENFORCEMENT:
        facts.append(("Account", account_in_words(notification.account)))
    return facts


_NEW = {
    Reason.OPENED: "this is the first message about it",
    Reason.ESCALATED: "it has become {word}",
    Reason.CHANGED: "it is another status than before",
    Reason.STILL: "nothing: this is a reminder, it is not over",
    Reason.RECOVERED: "it is over",
}


def _new(notification: Notification) -> str:
    if notification.check in _METRICS and notification.reason is Reason.RECOVERED:
        return "it is over: for the last 24 hours no rule has held, and the rates are low"
    if _forgotten(notification) and notification.reason is Reason.RECOVERED:
        return "it is closed, though nobody knows the rate"
    if notification.check in _AWS_METRICS and notification.reason is Reason.CHANGED:
        return "it is over the line at which AWS may pause sending"
    return _NEW[notification.reason].format(word=notification.severity.word)


def _other(state: MetricState) -> str:
    words = {
        Verdict.OK: "fine",
        Verdict.TOO_FEW_EMAILS: "too little email to tell",
        Verdict.NO_DATA: "no email",
        Verdict.UNKNOWN: "not known",
    }
    word = words.get(state.verdict, state.verdict.value.lower())
    aws = (
        ""
        if state.aws is None
        else f"; AWS's own rate is {percent(state.aws.rate, AWS_THRESHOLDS[state.metric].review)}"
    )
    if state.shown is None or state.shown.rate is None:
        return word + aws
    return f"{word}: {events_of(state.metric, state.shown, AWS_THRESHOLDS[state.metric].review)}{aws}"


def beside(state: MetricState, aws: AwsRate, context: Context) -> str:
    """AWS's own rate beside our estimate of it, and why they differ."""
    review = AWS_THRESHOLDS[state.metric].review
    said = f"{percent(aws.rate, review)} at {when(aws.at, context.zone)}"
    if state.estimate is None or state.estimate.rate is None:
        return said
    ours = percent(state.estimate.rate, review)
    return f"{said}; our estimate of it is {ours}. {_DIFFERENCE[state.metric]}{_hint(state, context)}"


def _hint(state: MetricState, context: Context) -> str:
    share = suggested_share(state, context.feedback_share)
    return "" if share is None else f" feedback_share = {share:g} in settings.toml would make ours agree."


def suggested_share(state: MetricState, present: float) -> float | None:
    """The `feedback_share` that would bring our estimate of AWS's complaint rate to AWS's own; None where that is not known."""
    estimate, aws = state.estimate, state.aws
    if state.metric is not Metric.COMPLAINT or estimate is None or estimate.rate is None or aws is None:
        return None
    if estimate.events < SUGGEST_FROM or aws.rate <= 0:
        return None
    share = round(present * estimate.rate / aws.rate, 2)
    return share if 0.05 <= share <= 1 and abs(share - present) >= 0.1 * present else None


def account_in_words(known: account.Account) -> str:
    """What Amazon SES says of the account, on one line."""
    words = {account.HEALTHY: "AWS calls it healthy", PROBATION: "under review by AWS", SHUTDOWN: "paused by AWS"}
    parts = [words.get(known.enforcement, f"AWS calls it {plain(known.enforcement)}")]
    if not known.sending:
        parts.append("sending is switched off")
    if not known.production:
        parts.append("it is in the sandbox")
    if known.used_share is not None:
        parts.append(f"{percent(known.used_share)} of the 24-hour quota is used")
    return "; ".join(parts)


def links_of(notification: Notification, context: Context) -> dict[str, str]:
    """Pages to open, by what they are."""
    links = {"dashboard": context.dashboard_url, "ses_console": ses_console(notification.target.region)}
    return links | {"runbook": context.runbook_url} if context.runbook_url else links


def ses_console(region: str) -> str:
    """The reputation page of the SES console of a region, in its partition."""
    if region.startswith("cn-"):
        host = "console.amazonaws.cn"
    elif region.startswith("us-gov-"):
        host = "console.amazonaws-us-gov.com"
    else:
        host = f"{region}.console.aws.amazon.com"
    return f"https://{host}/ses/home?region={region}#/reputation"
