"""The report page: every figure matches the data, unknown is never fine, and everybody can read it, also in a browser."""

from __future__ import annotations

import base64
import json
import re
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from ses_reputation.core.cause import Shape
from ses_reputation.core.cause_words import Cause, DomainCount
from ses_reputation.core.history import BUCKET, DAY, HOUR
from ses_reputation.core.rates import Metric
from ses_reputation.core.readings import Account, AwsRate
from ses_reputation.core.rules import default_policy
from ses_reputation.core.target import Target

from cli.evaluate import play
from cli.main import main
from cli.recorded_statistics import read
from cli.report_figures import Evidence, Missing
from cli.report_page import MOST_POINTS, QUESTIONS, SECTIONS, page

from .browser import CHROMIUM, Page, browser

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "bad-list.json"
DATA = sorted(json.loads(EXAMPLE.read_text())["SendDataPoints"], key=lambda point: point["Timestamp"])
POINTS = sorted(read([str(EXAMPLE)]), key=lambda point: point.at)
SINCE, UNTIL = POINTS[0].at, POINTS[-1].at + BUCKET
HOSTILE = "<script>alert(1)</script>&\"'\x1b[31m"

HEALTHY = Account("HEALTHY", sending=True, production=True, quota=50_000, used=8_000)
RATES = {Metric.BOUNCE: [AwsRate(0.0123, SINCE + HOUR), AwsRate(0.0512, SINCE + 2 * HOUR)], Metric.COMPLAINT: []}
CAUSE = Cause(
    Shape.REFUSED,
    "Likely refused by acme.example.",
    "Stop email to it.",
    "Run `aws sesv2 something`.",
    (DomainCount("acme.example", 40, 2.2), DomainCount("others", 3, None)),
    ("Also this.",),
    40,
    events=40,
    command="",
)


def evidence(**changes: Any) -> Evidence:
    policy = default_policy()
    target = Target("123456789012", "eu-west-1")
    made = Evidence(
        "Amazon SES sending report",
        target,
        UNTIL,
        SINCE,
        UNTIL,
        policy,
        play(target, POINTS, policy, UNTIL, lambda: None),
        RATES,
        HEALTHY,
        None,
        {Metric.BOUNCE: CAUSE, Metric.COMPLAINT: Missing("Nobody knows.")},
        ("A source.",),
        {},
    )
    return replace(made, **changes)


class Seen(HTMLParser):
    """Parts of a page that the tests look at."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.tables: dict[str, list[list[str]]] = {}
        self._rows: list[list[str]] = []
        self._caption, self._in = "", ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag == "tr":
            self._rows.append([])
        if tag in ("td", "th"):
            self._rows[-1].append("")
        if tag in ("td", "th", "caption"):
            self._in = tag

    def handle_endtag(self, tag: str) -> None:
        if tag == self._in:
            self._in = ""
        if tag == "table":
            self.tables[self._caption], self._rows, self._caption = self._rows, [], ""

    def handle_data(self, data: str) -> None:
        if self._in == "caption":
            self._caption += data
        elif self._in:
            self._rows[-1][-1] += data

    def all(self, name: str) -> list[str]:
        """Values of an attribute, wherever it is."""
        return [str(attributes[name]) for _, attributes in self.tags if name in attributes]


def shown(**changes: Any) -> Seen:
    return Seen(page(evidence(**changes)))


# --- Figures -------------------------------------------------------------------------------------------------------


def sums(points: Sequence[Mapping[str, Any]], name: str) -> int:
    return sum(point.get(name, 0) for point in points)


def by_day() -> dict[str, list[Mapping[str, Any]]]:
    days: dict[str, list[Mapping[str, Any]]] = {}
    for point in DATA:
        days.setdefault(datetime.fromisoformat(point["Timestamp"]).astimezone(UTC).strftime("%Y-%m-%d"), []).append(
            point
        )
    return days


def check_figures(tables: Mapping[str, list[list[str]]]) -> None:
    """Compare every count of the tables by day with the raw statistics, and the rates with the counts."""
    days = by_day()
    for caption, name in (("Bounces by day", "Bounces"), ("Complaints by day", "Complaints")):
        head, *rows, total = tables[caption]
        assert head[:4] == ["Day", "Emails", name, "Rate"] and [row[0] for row in rows] == list(days)
        for row, points in zip((*rows, total), (*days.values(), DATA), strict=True):
            emails, events = sums(points, "DeliveryAttempts"), sums(points, name)
            assert row[1:3] == [f"{emails:,}", f"{events:,}"]
            assert float(row[3].rstrip("%")) / 100 == pytest.approx(events / emails, rel=0.051)
    head, *rows, total = tables["Emails by day"]
    for row, points in zip((*rows, total), (*days.values(), DATA), strict=True):
        assert row[1:] == [f"{sums(points, name):,}" for name in ("DeliveryAttempts", "Rejects")]


def test_every_count_matches_the_data() -> None:
    check_figures(shown().tables)


def test_the_highest_rates_match_the_evaluations() -> None:
    made = evidence()
    for metric, figures in made.metrics.items():
        every = [now for now, _ in figures.counts if now.emails >= 100]
        assert figures.total.highest is not None and figures.total.highest.rate == max(now.rate or 0 for now in every)
        assert figures.total.estimate is not None
        numbers = {row[0]: row[1:] for row in Seen(page(made)).tables["Rates and thresholds"]}
        column = list(made.metrics).index(metric)
        found = figures.total.highest
        assert f"{found.events:,} of {found.emails:,} emails" in numbers["Highest rate"][column]
        assert numbers["AWS reviews from"][column] == ("5%", "0.1%")[column]
        final = figures.state.evaluation.estimate
        assert f"{final.events:,} of {final.emails:,}" in numbers["Our estimate of AWS's rate, at the end"][column]


def test_earlier_and_latest_rates_match_the_data() -> None:
    made = evidence()
    first = made.metrics[Metric.BOUNCE].alerts[0][0]
    numbers = {row[0]: row[1:] for row in Seen(page(made)).tables["Rates and thresholds"]}
    before = [p for p in DATA if p["Timestamp"] < first.document["started_at"]]
    last = [p for p in POINTS if p.at >= UNTIL - DAY]
    expected = f"{sums(before, 'Bounces'):,} of {sums(before, 'DeliveryAttempts'):,} emails"
    assert numbers["Before the first alert's start"][0].startswith(expected)
    expected = f"{sum(p.complaints for p in last):,} of {sum(p.attempts for p in last):,} emails"
    assert numbers["Last 24 h of the period"][1].startswith(expected)


def test_awss_own_rates_are_shown_as_published() -> None:
    tables = shown().tables
    numbers = {row[0]: row[1:] for row in tables["Rates and thresholds"]}
    assert numbers["AWS's own rate, highest"] == ["5.1%", "not published"]
    assert numbers["AWS's own rate, latest"][0].startswith("5.1%, 20")
    assert tables["Bounces by day"][1][-1] == "5.1%" and tables["Bounces by day"][2][-1] == "not published"


def test_each_alert_has_its_times_and_its_numbers() -> None:
    made = evidence()
    tables = Seen(page(made)).tables
    for metric, caption in ((Metric.BOUNCE, "Bounce alerts"), (Metric.COMPLAINT, "Complaint alerts")):
        _, row = tables[caption]
        sent = made.metrics[metric].sent
        critical = next(n for n in sent if n.severity == "critical")
        times = (
            sent[0].document["started_at"],
            sent[0].document["at"],
            critical.document["at"],
            sent[-1].document["at"],
        )
        assert row[:4] == [time[:16].replace("T", " ") for time in times]
        assert row[4].startswith(f"{sent[0].events:,} of {sent[0].emails:,} emails") and row[5] == sent[0].rule


def test_a_part_of_the_period_counts_that_part_only() -> None:
    since, until = SINCE + 3 * DAY, SINCE + 5 * DAY
    made = evidence(since=since, until=until, causes={})
    inside = [point for point in POINTS if since <= point.at < until]
    total = made.metrics[Metric.BOUNCE].total
    assert (total.emails, total.events) == (sum(p.attempts for p in inside), sum(p.bounces for p in inside))
    assert made.metrics[Metric.BOUNCE].alerts == []
    assert "No bounce alert in this period." in page(made)


def test_a_long_period_has_a_row_a_week_and_keeps_its_peaks() -> None:
    policy, start = default_policy(), SINCE // (7 * DAY) * 7 * DAY
    points = [replace(point, at=start + number * HOUR) for number, point in enumerate(POINTS)]
    until = points[-1].at + BUCKET
    made = evidence(
        since=start, until=until, played=play(Target("", ""), points, policy, until, lambda: None), rates={}
    )
    figures = made.metrics[Metric.BOUNCE]
    assert sum(row.emails for row in figures.rows) == figures.total.emails == sum(p.attempts for p in points)
    assert all((row.start - 4 * DAY) // (7 * DAY) == (row.end - 1 - 4 * DAY) // (7 * DAY) for row in figures.rows)
    assert len(figures.slots) > 2 * MOST_POINTS and "Bounces by week" in Seen(page(made)).tables


def test_the_headroom_matches_the_evaluation() -> None:
    made = evidence()
    for row, figures in zip(Seen(page(made)).tables["Headroom and forecast"][1:], made.metrics.values(), strict=True):
        left = figures.state.evaluation.headroom
        assert left is not None and row[2] == f"{left.events_left:,}" and row[3] == "none"


# --- Nothing unknown is fine ---------------------------------------------------------------------------------------


def test_missing_data_is_reported_in_its_place() -> None:
    why = Missing("It was refused.", "Ask somebody.")
    text = page(evidence(played=why, rates=why, account=why, monitor=why, causes={}, unread={"statistics": why}))
    assert text.count('class="unknown"') >= 6 and "Could not be read: statistics. It was refused." in text
    assert "<td" not in text and "<svg" not in text and "healthy" not in text
    assert "No bounce alert" not in text


def test_awss_rates_that_could_not_be_read_are_unknown() -> None:
    tables = shown(rates=Missing("No.")).tables
    numbers = {row[0]: row[1:] for row in tables["Rates and thresholds"]}
    assert numbers["AWS's own rate, latest"] == ["unknown", "unknown"]
    assert "AWS's own rate, highest" not in tables["Bounces by day"][0]


def test_a_period_without_email_says_so() -> None:
    empty = play(Target("", ""), [], default_policy(), UNTIL, lambda: None)
    text = page(evidence(played=empty, causes={}))
    assert text.count("No email is in the statistics of this period.") == 4 and "<svg" not in text


def test_hostile_text_is_escaped() -> None:
    made = evidence()
    played = made.played
    assert not isinstance(played, Missing)
    sent = tuple(replace(notification, rule=HOSTILE) for notification in played.sent)
    text = page(
        evidence(
            heading=HOSTILE,
            target=Target(HOSTILE, HOSTILE),
            played=replace(played, sent=sent),
            account=replace(HEALTHY, enforcement=HOSTILE),
            monitor=Missing(HOSTILE, HOSTILE),
            causes={
                Metric.BOUNCE: replace(
                    CAUSE,
                    line=HOSTILE,
                    uncertainty=HOSTILE,
                    domains=(DomainCount(HOSTILE, 3, None),),
                    details=(HOSTILE,),
                ),
                Metric.COMPLAINT: Missing(HOSTILE),
            },
            sources=(HOSTILE,),
            unread={HOSTILE: Missing(HOSTILE)},
        )
    )
    assert "<script" not in text and "\x1b" not in text
    assert text.count("&lt;script&gt;alert(1)&lt;/script&gt;&amp;&quot;&#x27;") >= 12


# --- Everybody can read it -----------------------------------------------------------------------------------------


def test_the_page_needs_no_other_file() -> None:
    text = page(evidence())
    addresses = set(re.findall(r"https?://[^\s\"'<)]+", text))
    assert addresses <= {"http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"}
    assert "<script" not in text and "@import" not in text and "url(http" not in text
    assert "default-src 'none'" in text
    names = [name for name, _ in Seen(text).tags]
    assert not {"script", "img", "iframe", "object", "embed", "base", "form"} & set(names)


def test_headings_landmarks_and_names_are_complete() -> None:
    seen = shown()
    names = [name for name, _ in seen.tags]
    assert names.count("h1") == names.count("main") == names.count("nav") == names.count("header") == 1
    levels = [int(name[1]) for name in names if re.fullmatch(r"h[1-6]", name)]
    assert levels[0] == 1 and all(after <= before + 1 for before, after in pairwise(levels))
    assert names.count("section") == len(SECTIONS)
    assert names.count("table") == names.count("caption") == len(seen.tables)
    ids = seen.all("id")
    assert len(ids) == len(set(ids))
    referred = " ".join(seen.all("aria-labelledby") + seen.all("aria-describedby")).split()
    referred += [link[1:] for link in (*seen.all("href"), *seen.all("xlink:href")) if link.startswith("#")]
    referred += re.findall(r"url\(#([^)]+)\)", " ".join(seen.all("clip-path")))
    assert referred and set(referred) <= set(ids)


def test_each_chart_has_a_title_a_description_and_a_table_beneath() -> None:
    text = page(evidence())
    assert text.count("<svg ") == text.count("<desc ") == text.count('role="img"') == 3
    for chart, after in zip(re.findall(r"<svg .*?</svg>", text, re.DOTALL), text.split("</figure>")[1:], strict=True):
        assert re.search(r"<title [^>]*>[^<]+</title><desc [^>]*>[^<]+</desc>", chart)
        assert after.startswith('<div class="scroll"')
        assert not re.search(r"#[0-9a-fA-F]{6}[;\"]", chart), "a colour that does not follow the page's"


def test_the_page_asks_the_questions_of_aws() -> None:
    boxes = [attributes for _, attributes in shown().tags if attributes.get("contenteditable") == "true"]
    assert len(boxes) == len(QUESTIONS) and all(box["role"] == "textbox" and box["aria-labelledby"] for box in boxes)


def test_a_replay_makes_the_same_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["replay", str(EXAMPLE), "--html", "page.html", "--region", "eu-west-1"]) == 0
    text = Path("page.html").read_text(encoding="utf-8")
    check_figures(Seen(text).tables)
    assert "account unknown, eu-west-1" in text and "Recorded statistics do not say who caused it." in text
    assert "deployed monitor has open" not in text and "AWS account status" not in text


def test_without_matplotlib_it_says_what_to_install(
    keys: None, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("report", "report_page", "picture", "replay_picture"):
        monkeypatch.delitem(sys.modules, f"cli.{module}", raising=False)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    for command in (["report"], ["replay", str(EXAMPLE), "--html", "x.html"]):
        assert main(command) == 2
        assert "a page needs matplotlib, which is not installed" in capsys.readouterr().err


def test_awss_rate_after_the_last_bucket_is_not_lost() -> None:
    late = {Metric.BOUNCE: [AwsRate(0.01, SINCE + HOUR), AwsRate(0.08, UNTIL + HOUR)]}
    tables = shown(rates=late, until=UNTIL + 2 * HOUR).tables
    assert (
        tables["Bounces by day"][-1][-1]
        == {row[0]: row[1] for row in tables["Rates and thresholds"]}["AWS's own rate, highest"]
        == "8%"
    )


def test_a_failed_page_is_one_clear_line(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["replay", str(EXAMPLE), "--html", "no/such/folder/x.html"]) == 2
    assert "the page no/such/folder/x.html cannot be written" in capsys.readouterr().err
    (tmp_path / "empty.json").write_text("[]")
    assert main(["replay", "empty.json", "--html", "x.html"]) == 0
    assert "no page: there is no email in empty.json" in capsys.readouterr().err


# --- In a browser --------------------------------------------------------------------------------------------------

in_browser = pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium: apt-get install chromium")

CONTRASTS = """
(() => {
  const canvas = document.createElement('canvas').getContext('2d', {willReadFrequently: true});
  const rgb = color => { canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = color; canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data]; };
  const light = color => { const [r, g, b] = rgb(color).slice(0, 3).map(v => v / 255)
    .map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
  const behind = element => { for (let e = element; e; e = e.parentElement) {
    const color = getComputedStyle(e).backgroundColor; if (rgb(color)[3] === 255) return color; } return 'white'; };
  const found = [];
  for (const element of document.querySelectorAll('body, body *')) {
    if (![...element.childNodes].some(node => node.nodeType === 3 && node.data.trim())) continue;
    if (['title', 'desc', 'style'].includes(element.tagName)) continue;
    const style = getComputedStyle(element);
    const [one, other] = [light(element.closest('svg') ? style.fill : style.color), light(behind(element))];
    found.push([(Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05), element.textContent.slice(0, 40)]);
  }
  return found;
})()
"""

TABLES = """
Object.fromEntries([...document.querySelectorAll('table')].map(table =>
  [table.caption.textContent, [...table.rows].map(row => [...row.cells].map(cell => cell.innerText.trim()))]))
"""


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    folder = tmp_path_factory.mktemp("browser")
    (folder / "page.html").write_text(page(evidence()), encoding="utf-8")
    with browser(folder / "profile") as found:
        found.open(folder / "page.html")
        yield found
    shutil.rmtree(folder / "profile", ignore_errors=True)


@pytest.fixture
def opened(started: Page) -> Page:
    """The page as a light screen shows it."""
    started.media()
    return started


@in_browser
def test_the_browser_shows_every_figure_and_complains_of_nothing(opened: Page) -> None:
    check_figures(opened.value(TABLES))
    for kind in ("Runtime.consoleAPICalled", "Runtime.exceptionThrown", "Log.entryAdded"):
        assert opened.events.get(kind, []) == []
    asked = [event["request"]["url"] for event in opened.events["Network.requestWillBeSent"]]
    assert [url for url in asked if not url.startswith(("file:///", "data:"))] == []
    assert len([url for url in asked if url.startswith("file:///")]) == 1


@in_browser
@pytest.mark.parametrize(("scheme", "medium"), [("light", "screen"), ("dark", "screen"), ("dark", "print")])
def test_every_text_has_contrast(opened: Page, scheme: str, medium: str) -> None:
    opened.media(scheme=scheme, medium=medium)
    contrasts = opened.value(CONTRASTS)
    assert len(contrasts) > 300
    assert [text for contrast, text in contrasts if contrast < 4.5] == []
    paper = opened.value("getComputedStyle(document.body).backgroundColor")
    assert (paper == "rgb(255, 255, 255)") == ((scheme, medium) != ("dark", "screen"))


@in_browser
def test_it_is_read_aloud_by_landmarks_and_names(opened: Page) -> None:
    nodes = opened.call("Accessibility.getFullAXTree")["nodes"]
    names: dict[str, list[str]] = {}
    for node in nodes:
        if not node["ignored"]:
            names.setdefault(node["role"]["value"], []).append(node.get("name", {}).get("value", ""))
    assert len(names["main"]) == 1 and names["navigation"] == ["Sections"]
    assert names["image"] == ["Bounce rate", "Complaint rate", "Emails an hour"]
    assert [question for question, _ in QUESTIONS] == names["textbox"]
    assert all(names["table"]) and all(names["region"])


@in_browser
def test_the_keyboard_reaches_the_content_and_the_boxes_take_text(opened: Page) -> None:
    for kind in ("keyDown", "keyUp"):
        opened.call("Input.dispatchKeyEvent", type=kind, key="Tab", code="Tab", windowsVirtualKeyCode=9)
    assert opened.value("document.activeElement.textContent") == "To the content"
    opened.value("document.querySelector('.answer').focus()")
    opened.call("Input.insertText", text="We stopped the import of 3 May.")
    assert opened.value("document.querySelector('.answer').innerText") == "We stopped the import of 3 May."


@in_browser
def test_it_prints_without_the_hints(opened: Page) -> None:
    opened.media(medium="print")
    hidden = "[...document.querySelectorAll('nav, .skip, .advice')].every(e => getComputedStyle(e).display === 'none')"
    assert opened.value(hidden) is True
    opened.media(medium="screen")
    printed = base64.b64decode(opened.call("Page.printToPDF", preferCSSPageSize=True)["data"])
    assert printed.startswith(b"%PDF") and len(printed) > 20_000


@in_browser
def test_nothing_is_wider_than_a_narrow_screen(opened: Page) -> None:
    opened.call("Emulation.setDeviceMetricsOverride", width=360, height=800, deviceScaleFactor=1, mobile=False)
    assert opened.value("document.documentElement.scrollWidth") <= 360
    opened.call("Emulation.clearDeviceMetricsOverride")
