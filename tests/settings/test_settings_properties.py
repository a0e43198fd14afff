"""Any settings file gives settings or one readable error; valid values arrive unchanged."""

from __future__ import annotations

import contextlib
import copy
import math
import tomllib
from typing import TYPE_CHECKING, Any

from hypothesis import given, settings
from hypothesis import strategies as st
from ses_reputation.core.rates import AWS_THRESHOLDS, Metric
from ses_reputation.core.rules import enough_emails
from ses_reputation.settings import SettingsError, load, parse, read
from ses_reputation.settings.deployment import LOG_RETENTION_DAYS
from ses_reputation.settings.table import LEAST_RATE, Table

from cli.settings_reference import SAMPLE, as_toml, toml

if TYPE_CHECKING:
    import pytest

bounded = settings(max_examples=150, derandomize=True, deadline=None)

FILE = Table(SAMPLE)
read(FILE)
KEYS = sorted({key for table in FILE.tables for key in table.keys})

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
keys = st.sampled_from(KEYS) | texts
scalars = st.one_of(
    st.booleans(),
    st.integers(),
    st.integers(min_value=2**2000, max_value=2**2001),
    st.floats(),
    st.floats(0, 0.1),
    texts,
    st.datetimes(),
    st.dates(),
    st.times(),
    st.sampled_from(["warning", "critical", "UTC", "a@b.de", "eu-west-1", "https://wiki", "prod"]),
)
anything = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=6),
    max_leaves=20,
)


def outcome(text: str) -> None:
    """Check that `text` gives settings, or one error with a line or more for each problem."""
    try:
        parse(text)
    except SettingsError as error:
        message, problems = str(error), error.problems
    else:
        return
    assert problems
    assert message.count("\n") == 3 * len(problems)
    assert all(character == "\n" or character.isprintable() for character in message)


def file_of(mapping: dict[str, Any]) -> str:
    return "".join(f"{toml({key: value})[2:-2]}\n" for key, value in mapping.items())


@bounded
@given(st.dictionaries(keys, anything, max_size=6))
def test_any_mapping_gives_settings_or_one_readable_error(mapping: dict[str, Any]) -> None:
    outcome(file_of(mapping))


@bounded
@given(st.text())
def test_any_text_gives_settings_or_one_readable_error(text: str) -> None:
    outcome(text)


@bounded
@given(content=st.binary(max_size=100))
def test_any_bytes_give_settings_or_one_readable_error(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    file = tmp_path_factory.getbasetemp() / "any.toml"
    file.write_bytes(content)
    with contextlib.suppress(SettingsError):
        load(file)


def fractions(below: float, least: float = LEAST_RATE) -> st.SearchStrategy[float]:
    return st.floats(least, below, exclude_max=True)


@st.composite
def windows(draw: st.DrawFn) -> dict[str, Any]:
    if draw(st.booleans()):
        return {"hours": draw(st.integers(1, 336))}
    window: dict[str, Any] = {"emails": draw(st.integers(1, 1_000_000_000))}
    if draw(st.booleans()):
        window["share_of_day"] = draw(st.floats(0, 10))
    return window


@st.composite
def rules(draw: st.DrawFn, pause: float, number: int) -> dict[str, Any]:
    rule = {"name": f"rule {number}", **draw(windows())}
    low, high = sorted(draw(st.tuples(fractions(pause), fractions(pause))))
    if low < high and draw(st.booleans()):
        rule |= {"times_usual": draw(st.floats(1, 100)), "above_at_least": low}
        rule |= {"above_at_most": high} if draw(st.booleans()) else {"own_worst": False}
    else:
        rule["above"] = high
    optional = {
        "severity": st.sampled_from(["warning", "critical"]),
        "confidence": st.floats(0, 6),
        "min_events": st.integers(1, 1_000_000),
        "min_emails": st.integers(0, 1_000_000_000),
    }
    rule |= draw(st.fixed_dictionaries({}, optional=optional))
    if draw(st.booleans()):
        level = draw(st.sampled_from([{"above": low}, {"share_of_threshold": 0.7}]))
        rule["while"] = {**draw(windows()), **level}
    return rule


@st.composite
def metrics(draw: st.DrawFn, metric: Metric, lines: st.SearchStrategy[float]) -> dict[str, Any]:
    pause = AWS_THRESHOLDS[metric].pause
    warning, critical = sorted(draw(st.lists(lines, min_size=2, max_size=2, unique=True)))
    table: dict[str, Any] = {"warning": warning, "critical": critical}
    if draw(st.booleans()):
        table["rules"] = [draw(rules(pause, number)) for number in range(draw(st.integers(1, 4)))]
    if draw(st.booleans()) and critical > LEAST_RATE:
        table["calm"] = [{**draw(windows()), "at_most": draw(fractions(critical))}]
    return table


addresses = st.from_regex(r"[a-z]{1,10}(\.[a-z]{1,5})?@([a-z]{1,10}\.){1,2}(com|de)", fullmatch=True)
tag_texts = st.text("abcXYZ019 _.:/=+-@ä", max_size=20)
valid = st.fixed_dictionaries(
    {
        "alerts": st.fixed_dictionaries(
            {"emails": st.lists(addresses, min_size=1, max_size=4, unique=True)},
            optional={
                "timezone": st.sampled_from(["UTC", "Europe/Berlin", "America/Port-au-Prince", "Etc/GMT+5"]),
                "runbook_url": st.sampled_from(["", "https://wiki/ses?a=b#c", "https://w.example.com:8443"]),
            },
        ),
        "bounce": metrics(Metric.BOUNCE, fractions(0.1)),
        "complaint": metrics(Metric.COMPLAINT, fractions(0.005)),
    },
    optional={
        "targets": st.fixed_dictionaries(
            {"regions": st.lists(st.sampled_from(["eu-west-1", "us-east-2", "sa-east-1"]), unique=True)}
        ),
        "deployment": st.fixed_dictionaries(
            {},
            optional={
                "stage": st.from_regex(r"[a-z0-9]([a-z0-9-]{0,18}[a-z0-9])?", fullmatch=True),
                "schedule_minutes": st.integers(5, 60),
                "missed_runs_before_alarm": st.integers(2, 24),
                "log_retention_days": st.sampled_from(LOG_RETENTION_DAYS),
                "customer_managed_key": st.booleans(),
                "keep_state": st.booleans(),
                "tags": st.dictionaries(tag_texts.map(lambda text: f"t{text}"), tag_texts, max_size=3).filter(
                    lambda tags: len({name.lower() for name in tags}) == len(tags)
                ),
            },
        ),
    },
)


@bounded
@given(valid)
def test_valid_settings_arrive_unchanged(mapping: dict[str, Any]) -> None:
    text = file_of(mapping)
    assert tomllib.loads(text) == mapping
    result = parse(text)
    assert result.alerts.emails == tuple(mapping["alerts"]["emails"])
    assert result.targets.regions == tuple(mapping.get("targets", {}).get("regions", ()))
    given = {**mapping["alerts"], **mapping.get("deployment", {})}
    for key in given.keys() - {"emails", "tags"}:
        place = result.alerts if key in mapping["alerts"] else result.deployment
        assert getattr(place, key) == given[key]
    assert result.deployment.tags == tuple(given.get("tags", {}).items())
    for policy in result.policy.metrics:
        table = mapping[policy.metric.value]
        assert (policy.warning, policy.critical) == (table["warning"], table["critical"])
        own = table.get("rules", [])
        severities = {rule.get("severity", "warning") for rule in own}
        assert all(rule.severity.word not in severities for rule in policy.rules[len(own) :])
        for given_rule, rule in zip(table.get("rules", ()), policy.rules, strict=False):
            assert (rule.name, rule.severity.word) == (given_rule["name"], given_rule.get("severity", "warning"))
            assert (rule.window.hours, rule.window.emails) == (given_rule.get("hours", 0), given_rule.get("emails", 0))
            assert rule.threshold.upper == given_rule.get("above", given_rule.get("above_at_most", math.inf))


# The default rules reach from a quarter of the warning to 3/2 of the critical threshold; your own rules must be able to do the same.
@bounded
@given(
    metrics(Metric.BOUNCE, fractions(0.1 / 1.6, 5 * LEAST_RATE)),
    metrics(Metric.COMPLAINT, fractions(0.005 / 1.6, 5 * LEAST_RATE)),
)
def test_rules_written_as_toml_and_read_again_are_the_same_rules(
    bounce: dict[str, Any], complaint: dict[str, Any]
) -> None:
    alerts = {"alerts": {"emails": ["a@b.de"]}}
    policy = parse(file_of({**alerts, "bounce": bounce, "complaint": complaint})).policy
    written = {
        metric.metric.value: {
            "warning": metric.warning,
            "critical": metric.critical,
            **tomllib.loads(as_toml(metric))[metric.metric.value],
        }
        for metric in policy.metrics
    }
    assert parse(file_of({**alerts, **written})).policy == policy


@bounded
@given(valid)
def test_every_accepted_policy_can_be_evaluated(mapping: dict[str, Any]) -> None:
    for metric in parse(file_of(mapping)).policy.metrics:
        for rule in metric.rules:
            assert 0 < rule.threshold.least < 1
        assert math.isfinite(metric.weight)
        assert enough_emails(metric) >= 1
        assert all(0 < calm.at_most < 1 for calm in metric.calm)


@bounded
@given(valid, st.data(), anything)
def test_one_wrong_value_is_never_a_crash(mapping: dict[str, Any], data: st.DataObject, value: object) -> None:
    broken = copy.deepcopy(mapping)
    place: Any = broken
    while True:
        key = data.draw(
            st.sampled_from(sorted(place)) if isinstance(place, dict) else st.sampled_from(range(len(place)))
        )
        if not isinstance(place[key], dict | list) or not place[key] or data.draw(st.booleans()):
            break
        place = place[key]
    place[key] = value
    outcome(file_of(broken))
