"""Evidence for AWS as one page: what happened, the numbers, who caused it, what was done, what is left. Works offline and prints."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from html import escape
from math import nan
from pathlib import Path
from string import Template

from ses_reputation.core.cause_words import Cause
from ses_reputation.core.history import BUCKET, DAY, HOUR, Instant
from ses_reputation.core.metrics import RECENT
from ses_reputation.core.notification import account_in_words
from ses_reputation.core.rates import AWS_THRESHOLDS, Count, Metric
from ses_reputation.core.readings import AwsRate
from ses_reputation.core.state import State
from ses_reputation.core.wording import duration, headroom_in_words, percent, plural

from .evaluate import Sent
from .markup import Html, Part, day, joined, moment, table, tag, visible
from .picture import BLUE, GREY, PURPLE, SKY, Panel, Series, inline_svg
from .replay_courses import courses, in_words
from .replay_picture import levels_of, marks_and_spans
from .report_figures import FEWEST_EMAILS, MOST_ROWS, Evidence, Figures, Missing, Row, started

MOST_POINTS = 1_000
"""Points of a line: of more, each stretch shows its highest."""

NOUNS = {Metric.BOUNCE: "Bounces", Metric.COMPLAINT: "Complaints"}


def unknown(missing: Missing) -> Html:
    """Say in its place that something could not be read."""
    fix = [tag("span", f" {missing.fix}", class_="advice")] if missing.fix else []
    return tag("p", tag("strong", "Unknown. "), missing.why, *fix, class_="unknown")


def page(evidence: Evidence) -> str:
    """Lay out the whole page."""
    target = evidence.target
    where = f"account {target.account if target.account else 'unknown'}, {target.region if target.region else 'region unknown'}"
    title = f"{evidence.heading}: {where}"
    header = tag(
        "header",
        tag("h1", evidence.heading),
        tag("p", f"AWS {where}. From ", moment(evidence.since), " to ", moment(evidence.until), "."),
        tag(
            "p",
            "Made ",
            moment(evidence.made),
            " by ses-reputation-monitor. Times are in UTC. Rates are events divided by the emails behind them.",
            class_="soft",
        ),
    )
    links = (tag("li", tag("a", heading, href=f"#{key}")) for key, heading, _ in SECTIONS)
    sections = (
        tag(
            "section",
            tag("h2", heading, id=f"{key}-heading"),
            *parts(evidence),
            id=key,
            aria_labelledby=f"{key}-heading",
        )
        for key, heading, parts in SECTIONS
    )
    body = (
        header,
        tag("nav", tag("ul", *links), aria_label="Sections"),
        tag("main", *sections, id="content", tabindex="-1"),
    )
    template = Template(Path(__file__).with_name("report_page.html").read_text(encoding="utf-8"))
    return template.substitute(title=escape(visible(title)), body="\n".join(body))


def _without_numbers(evidence: Evidence) -> Html | None:
    """Say why there are no figures; None if there are."""
    if isinstance(evidence.played, Missing):
        return unknown(evidence.played)
    if not any(figures.slots for figures in evidence.metrics.values()):
        return tag("p", "No email is in the statistics of this period.")
    return None


def _overview(evidence: Evidence) -> Iterator[Html]:
    none = _without_numbers(evidence)
    if none is not None:
        yield none
    else:
        columns = (
            "Metric",
            "Emails",
            "Events",
            "Rate",
            "AWS reviews from",
            "AWS's own rate, latest",
            "Alerts",
            "At the end:",
        )
        yield table("The period at a glance", columns, map(_glance, evidence.metrics.values()))
        total = evidence.metrics[Metric.BOUNCE].total
        yield tag(
            "p",
            "The statistics reach from ",
            moment(total.start),
            " to ",
            moment(total.end),
            "; nothing else is known here.",
        )
    if isinstance(evidence.account, Missing):
        yield tag("p", "AWS's decision on the account:")
        yield unknown(evidence.account)
    else:
        yield tag(
            "p", "AWS account status when this page was made: ", tag("strong", account_in_words(evidence.account)), "."
        )


def _glance(figures: Figures) -> Sequence[Part]:
    return (
        NOUNS[figures.metric],
        f"{figures.total.emails:,}",
        f"{figures.total.events:,}",
        _percent(figures, figures.total.rate),
        percent(AWS_THRESHOLDS[figures.metric].review),
        _latest(figures),
        f"{len(figures.alerts):,}",
        figures.state.verdict.value,
    )


def _happened(evidence: Evidence) -> Iterator[Html]:
    none = _without_numbers(evidence)
    if none is not None:
        yield none
    else:
        for figures in evidence.metrics.values():
            yield tag("h3", NOUNS[figures.metric])
            yield _rates_figure(figures)
            yield _by_day(figures)
            yield from _alerts(figures)
        first = evidence.metrics[Metric.BOUNCE]
        yield tag("h3", "Emails sent")
        yield _volume_figure(first)
        yield _volume_by_day(first)
    if evidence.monitor is not None:
        yield tag("h3", "Alerts that the deployed monitor has open")
        yield _open_alerts(evidence.monitor)


def _rates_figure(figures: Figures) -> Html:
    times = [figures.history.time(slot + 1) for slot in figures.slots]
    series = [
        _line("rate now", times, [now for now, _ in figures.counts], BLUE),
        _line("our estimate of AWS's rate", times, [estimate for _, estimate in figures.counts], PURPLE),
    ]
    if figures.published:
        series.append(_published_line(figures.published))
    marks, spans = marks_and_spans(figures.sent, figures.metric, figures.until)
    start, end = times[0], times[-1]
    shown = [mark for mark in marks if start <= mark.at <= end]
    inside = [type(s)(max(s.start, start), min(s.end, end), s.color) for s in spans if s.end > start and s.start < end]
    name = f"{figures.metric.capitalize()} rate"
    panel = Panel(name, series, levels_of(figures.metric, figures.policy.warning), shown, inside)
    total = figures.total
    said = (
        f"{NOUNS[figures.metric]}: {total.events:,} of {plural(total.emails, 'email')}, {_percent(figures, total.rate)}. "
        f"Highest rate: {_rate_of(figures, total.highest)}. Highest estimate of AWS's rate: "
        f"{_rate_of(figures, total.estimate)}. The table below has the figures."
    )
    step = _step(figures.slots) * BUCKET
    peaks = "" if step == BUCKET else f" Each point of our lines is the highest of {duration(step)}."
    return _figure(figures.metric.value, said, panel, f"Our rate is over {_window(figures.metric)}. {ESTIMATE}{peaks}")


ESTIMATE = "Our estimate of AWS's rate is over the last 10,000 emails, or a day's if that is more."


def _window(metric: Metric) -> str:
    return "the last 400 emails, or four hours' if that is more" if metric is Metric.BOUNCE else "the last 24 h"


def _step(points: Sequence[object]) -> int:
    return -(-len(points) // MOST_POINTS)


def _line(label: str, times: Sequence[Instant], counts: Sequence[Count], color: str) -> Series:
    """Make a line of at most `MOST_POINTS`; each shows the highest of its stretch."""
    step = _step(counts)
    values = [nan if count.emails < FEWEST_EMAILS or count.rate is None else count.rate for count in counts]
    parts = [values[at : at + step] for at in range(0, len(values), step)]
    highest = [max((value for value in part if value == value), default=nan) for part in parts]  # noqa: PLR0124  NaN is not
    return Series(label, list(times[::step]), highest, color)


def _published_line(rates: Sequence[AwsRate]) -> Series:
    """Make the line of AWS's own rate; it has a gap where AWS has published none for longer than it usually takes."""
    times, values = list[int](), list[float]()
    for rate in rates:
        if times and rate.at - times[-1] > RECENT:
            times.append(rate.at)
            values.append(nan)
        times.append(rate.at + HOUR)
        values.append(rate.rate)
    return Series("AWS's own rate", times, values, SKY, dashed=True)


def _figure(key: str, description: str, panel: Panel, note: str) -> Html:
    return tag("figure", Html(inline_svg(key, description, panel)), tag("figcaption", note))


def _by_day(figures: Figures) -> Html:
    noun, own = NOUNS[figures.metric], not isinstance(figures.own_rates, Missing)
    columns = [_first_column(figures), "Emails", noun, "Rate", "Highest rate", "Highest estimate of AWS's rate"]

    def cells(row: Row) -> Sequence[Part]:
        said = (
            f"{row.emails:,}",
            f"{row.events:,}",
            _percent(figures, row.rate),
            _rate_of(figures, row.highest),
            _rate_of(figures, row.estimate),
        )
        return (*said, _own(figures, row.aws)) if own else said

    rows = [(day(row.start), *cells(row)) for row in figures.rows]
    columns += ["AWS's own rate, highest"] if own else []
    return table(f"{noun} by {_unit(figures)}", columns, rows, ("Whole period", *cells(figures.total)))


def _unit(figures: Figures) -> str:
    return "day" if len(figures.slots) * BUCKET <= MOST_ROWS * DAY else "week"


def _first_column(figures: Figures) -> str:
    return "Day" if _unit(figures) == "day" else "Week from"


def _volume_figure(figures: Figures) -> Html:
    history, slots = figures.history, figures.slots
    step = 4 * max(1, -(-len(slots) // (4 * MOST_POINTS)))
    starts = range(slots.start, slots.stop, step)
    sums = [history.attempts[min(at + step, slots.stop)] - history.attempts[at] for at in starts]
    name = "Emails an hour" if step * BUCKET == HOUR else f"Emails in each {duration(step * BUCKET)}"
    panel = Panel(name, [Series("emails", [history.time(at) for at in starts], sums, GREY, bars=True)], percent=False)
    said = f"{plural(figures.total.emails, 'email')} in the period, at most {max(sums):,} within {duration(step * BUCKET)}."
    return _figure("volume", said, panel, "Emails that Amazon SES tried to deliver.")


def _volume_by_day(figures: Figures) -> Html:
    rejects = figures.history.rejects

    def cells(row: Row) -> Sequence[Part]:
        first, last = (figures.history.closed(at) for at in (row.start, row.end))
        return f"{row.emails:,}", f"{rejects[last] - rejects[first]:,}"

    rows = [(day(row.start), *cells(row)) for row in figures.rows]
    columns = (_first_column(figures), "Emails", "Rejected by SES")
    return table(f"Emails by {_unit(figures)}", columns, rows, ("Whole period", *cells(figures.total)))


def _alerts(figures: Figures) -> Iterator[Html]:
    noun = figures.metric.value
    if not figures.alerts:
        yield tag("p", f"No {noun} alert in this period.")
        return
    columns = ("Started about", "Detected:", "Critical:", "Resolved:", "At detection:", "Rule:")
    yield table(f"{noun.capitalize()} alerts", columns, (_alert(figures, alert) for alert in figures.alerts))
    for course in courses(figures.history, figures.sent):
        yield tag("p", f"{in_words(course)} (by our estimate of AWS's count).")


def _alert(figures: Figures, alert: Sequence[Sent]) -> Sequence[Part]:
    first = alert[0]
    critical = next((n.at for n in alert if n.kind == "firing" and n.severity == "critical"), None)
    over = next((n.at for n in alert if n.kind == "resolved"), None)
    return (
        moment(started(first)),
        moment(first.at),
        "never" if critical is None else moment(critical),
        "still open" if over is None else moment(over),
        _detected(figures, first),
        first.rule,
    )


def _detected(figures: Figures, first: Sent) -> str:
    if first.events is None or first.emails is None:
        return "unknown"
    return f"{first.events:,} of {plural(first.emails, 'email')}, {_percent(figures, first.rate)}"


def _open_alerts(state: State | Missing) -> Html:
    if isinstance(state, Missing):
        return unknown(state)
    if not state.tracks:
        return joined((tag("p", "None, as of its run at ", moment(state.tick), "."),))
    columns = ("Alert", "Severity:", "Started about:", "Detected:", "Notifications", "Last notification:")
    rows = []
    for name, track in state.tracks.items():
        sent = state.sent.get(name.partition("/")[0])
        rows.append(
            (
                track.id,
                track.severity.word,
                moment(track.opened_at if track.started is None else track.started),
                moment(track.opened_at),
                "none yet" if sent is None else f"{sent.number:,}",
                "none yet" if sent is None else moment(sent.at),
            )
        )
    as_of = tag("p", "As of its run at ", moment(state.tick), ".")
    return joined((table("Open alerts as stored", columns, rows), as_of))


def _numbers(evidence: Evidence) -> Iterator[Html]:
    none = _without_numbers(evidence)
    if none is not None:
        yield none
    else:
        figures = list(evidence.metrics.values())
        rows = ((name, *(value(each) for each in figures)) for name, value in NUMBERS.items())
        yield table("Rates and thresholds", ("Number", *(f"{NOUNS[each.metric]}:" for each in figures)), rows)
    yield tag(
        "p",
        "AWS says that its own rates cannot be computed from these statistics: it counts a representative volume of email to "
        "domains that are not verified, and complaints only where mailbox providers report them. The reputation page of the "
        "SES console has AWS's own.",
    )
    if isinstance(evidence.account, Missing):
        yield unknown(evidence.account)
        return
    known = evidence.account
    quota = "no limit" if known.quota < 0 else f"{known.used:,.0f} of {known.quota:,.0f} recipients"
    facts = (
        ("AWS's decision (EnforcementStatus)", known.enforcement),
        ("Sending enabled by the account", "yes" if known.sending else "no"),
        ("Production access", "yes" if known.production else "no: in the sandbox"),
        ("24-hour quota used", quota),
    )
    yield table("The account when this page was made", ("Fact", "Value:"), facts)


def _day_before_end(figures: Figures) -> str:
    slots = figures.slots
    return _row_in_words(figures, figures.row(range(max(slots.start, slots.stop - DAY // BUCKET), slots.stop)))


def _before_alert(figures: Figures) -> str:
    if not figures.alerts:
        return "no alert"
    first = max(figures.slots.start, min(figures.slots.stop, figures.history.closed(started(figures.alerts[0][0]))))
    return _row_in_words(figures, figures.row(range(figures.slots.start, first)))


def _row_in_words(figures: Figures, row: Row) -> str:
    return f"{row.events:,} of {plural(row.emails, 'email')}, {_percent(figures, row.rate)}"


def _count_in_words(figures: Figures, count: Count | None) -> Part:
    if count is None or not count.emails:
        return "too few emails"
    said = f"{_percent(figures, count.rate)}: {count.events:,} of {plural(count.emails, 'email')}, "
    return joined((said, moment(count.start), " to ", moment(count.end)))


def _latest(figures: Figures) -> Part:
    if not figures.published:
        return _own(figures, None)
    last = figures.published[-1]
    return joined((f"{_percent(figures, last.rate)}, ", moment(last.at)))


def _own(figures: Figures, rate: float | None) -> str:
    if isinstance(figures.own_rates, Missing):
        return "unknown"
    return "not published" if rate is None else _percent(figures, rate)


def _rate_of(figures: Figures, count: Count | None) -> str:
    return "too few emails" if count is None else _percent(figures, count.rate)


def _percent(figures: Figures, rate: float | None) -> str:
    thresholds = AWS_THRESHOLDS[figures.metric]
    return "no email" if rate is None else percent(rate, thresholds.review, thresholds.pause)


NUMBERS: Mapping[str, Callable[[Figures], Part]] = {
    "Whole period": lambda figures: _row_in_words(figures, figures.total),
    "Before the first alert's start": _before_alert,
    "Last 24 h of the period": _day_before_end,
    "Highest rate": lambda figures: _count_in_words(figures, figures.total.highest),
    "Our estimate of AWS's rate, at the end": lambda figures: _count_in_words(
        figures, figures.state.evaluation.estimate
    ),
    "Our estimate of AWS's rate, highest": lambda figures: _count_in_words(figures, figures.total.estimate),
    "AWS's own rate, latest": _latest,
    "AWS's own rate, highest": lambda figures: _own(figures, figures.total.aws),
    "AWS advises to stay below": lambda figures: percent(AWS_THRESHOLDS[figures.metric].advised),
    "AWS reviews from": lambda figures: percent(AWS_THRESHOLDS[figures.metric].review),
    "AWS may pause from": lambda figures: percent(AWS_THRESHOLDS[figures.metric].pause),
    "Our warning threshold": lambda figures: percent(figures.policy.warning),
}


def _who(evidence: Evidence) -> Iterator[Html]:
    if isinstance(evidence.played, Missing):
        yield unknown(Missing("The statistics could not be read, so there is no alert to look for the cause of."))
        return
    for metric in Metric:
        yield tag("h3", NOUNS[metric])
        cause = evidence.causes.get(metric)
        if cause is None:
            yield tag("p", f"No {metric.value} alert in this period, so nothing was looked for.")
        elif isinstance(cause, Missing):
            yield unknown(cause)
        else:
            yield from _cause(cause, *evidence.metrics[metric].looked_at)


def _cause(cause: Cause, start: Instant, end: Instant) -> Iterator[Html]:
    yield tag("p", tag("strong", cause.line))
    yield tag("p", "Looked for from ", moment(start), " to ", moment(end), ".", class_="soft")
    if cause.domains:
        rows = (
            (row.domain, f"{row.now:,}", "unknown" if row.usual is None else f"{round(row.usual):,}")
            for row in cause.domains
        )
        caption = "New entries of the suppression list by recipient domain"
        yield table(caption, ("Domain", "Entries", "Usual for as long a time"), rows)
    for sentence in filter(None, (cause.uncertainty, *cause.details)):
        yield tag(
            "p", f"{sentence.removesuffix('.')}.", class_="advice" if "`" in sentence else "detail"
        )  # a command is for the reader


QUESTIONS = (
    ("What was the root cause?", "Which send, which list or form, which system; how you know."),
    ("Which changes have you made?", "Only what is done already, each with its date. AWS does not count plans."),
    ("How do these changes keep it from happening again?", "Also for the next campaign, list or customer."),
    ("How do you track bounces and complaints?", "Who gets them, how soon addresses are removed."),
    ("How do you make sure that new recipients exist and want your email?", "Sign-up, confirmation, unsubscribing."),
)
"""Questions that AWS asks in a review (Amazon SES, "Sending review process FAQs"), and what helps to answer it."""


def _done(_: Evidence) -> Iterator[Html]:
    how = "These are AWS's questions. Write into the boxes, then print or save as PDF; a reload empties them."
    yield tag("p", how, class_="advice")
    for number, (question, hint) in enumerate(QUESTIONS, 1):
        name, help_text = f"question-{number}", f"hint-{number}"
        box = tag(
            "div",
            class_="answer",
            contenteditable="true",
            role="textbox",
            aria_multiline="true",
            aria_labelledby=name,
            aria_describedby=help_text,
        )
        asked = tag("h3", question, id=name), tag("p", hint, id=help_text, class_="soft advice")
        yield tag("div", *asked, box, class_="question")


def _left(evidence: Evidence) -> Iterator[Html]:
    none = _without_numbers(evidence)
    if none is not None:
        yield none
        return
    columns = (
        "Metric",
        "Left before AWS's review threshold:",
        "Events left",
        "Clean emails needed",
        "Our estimate of AWS's rate:",
    )
    yield tag(
        "p",
        "As of ",
        moment(evidence.until),
        ", by our estimate of AWS's count. A forecast at the present pace, not a promise.",
    )
    yield table("Headroom and forecast", columns, map(_headroom, evidence.metrics.values()))


def _headroom(figures: Figures) -> Sequence[Part]:
    evaluation = figures.state.evaluation
    left = evaluation.headroom
    if left is None:
        return NOUNS[figures.metric], "unknown: no email", "unknown", "unknown", "no email"
    return (
        NOUNS[figures.metric],
        f"{percent(left.threshold)}: {headroom_in_words(left)}",
        f"{left.events_left:,}",
        "none" if left.clean_emails is None else f"{left.clean_emails:,}",
        _count_in_words(figures, evaluation.estimate),
    )


def _sources(evidence: Evidence) -> Iterator[Html]:
    unread = (f"Could not be read: {name}. {missing.why}" for name, missing in evidence.unread.items())
    yield tag("ul", *(tag("li", sentence) for sentence in (*evidence.sources, *unread)))


Parts = Callable[[Evidence], Iterable[Html]]

SECTIONS: Sequence[tuple[str, str, Parts]] = (
    ("overview", "At a glance", _overview),
    ("happened", "What happened", _happened),
    ("numbers", "The numbers", _numbers),
    ("cause", "Who caused it", _who),
    ("done", "What was done", _done),
    ("headroom", "Headroom and forecast", _left),
    ("sources", "Where the numbers come from", _sources),
)


def write(path: Path, evidence: Evidence) -> None:
    """Write the page. Raises OSError if it cannot be written."""
    path.write_text(page(evidence), encoding="utf-8")
