"""Numbers, shares and times as people read them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ses_reputation.core.notification import ses_console
from ses_reputation.core.rates import Count
from ses_reputation.core.wording import duration, percent, plural, sparkline


@pytest.mark.parametrize(
    ("rate", "thresholds", "shown"),
    [
        (0.05, (0.05,), "5%"),
        (0.0499, (0.05,), "4.99%"),
        (0.04999999, (0.05,), "4.999999%"),
        (0.0500001, (0.05,), "5.00001%"),
        (0.0008, (), "0.08%"),
        (0.000798, (0.0008,), "0.0798%"),
        (0.123456, (), "12%"),
        (1.0, (), "100%"),
        (0.0, (), "0%"),
    ],
)
def test_a_percentage_never_rounds_to_the_other_side_of_a_threshold(
    rate: float, thresholds: tuple[float, ...], shown: str
) -> None:
    assert percent(rate, *thresholds) == shown


@given(rate=st.floats(0, 1), threshold=st.sampled_from([0.001, 0.005, 0.02, 0.05, 0.1]))
def test_any_rate_is_written_on_its_side_of_a_threshold(rate: float, threshold: float) -> None:
    shown = float(percent(rate, threshold).removesuffix("%")) / 100
    assert (shown > threshold + 1e-12) <= (rate >= threshold) and (shown < threshold - 1e-12) <= (rate <= threshold)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "0 min"), (900, "15 min"), (3_600, "1 h"), (19_800, "5 h 30 min"), (86_400, "1 d"), (187_200, "2 d 4 h")],
)
def test_a_duration_is_written_in_its_two_largest_units(seconds: int, words: str) -> None:
    assert duration(seconds).replace("\u00a0", " ") == words


def test_one_is_not_plural() -> None:
    assert (plural(1, "email"), plural(1_204, "email"), plural(0, "email")) == ("1 email", "1,204 emails", "0 emails")


def test_a_sparkline_shows_gaps_and_its_highest_value() -> None:
    counts = [Count(events, emails, 0, 7_200) for events, emails in ((0, 100), (5, 100), (10, 100), (0, 0))]
    assert sparkline(counts) == "▁▅█· (2 h each, highest 10%)"


@pytest.mark.parametrize(
    ("region", "host"),
    [
        ("eu-west-1", "https://eu-west-1.console.aws.amazon.com/"),
        ("cn-north-1", "https://console.amazonaws.cn/"),
        ("us-gov-west-1", "https://console.amazonaws-us-gov.com/"),
    ],
)
def test_the_console_link_fits_the_regions_partition(region: str, host: str) -> None:
    assert ses_console(region).startswith(host) and f"region={region}" in ses_console(region)
