"""The webhook's address and Slack's answers: posts go over HTTP to a stand-in that enforces Slack's limits."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from ses_reputation.aws import webhook
from ses_reputation.aws.webhook import BadAddress, NotDelivered, NotNow, Refused
from urllib3 import PoolManager

from local_aws.slack import PATH, Answer, LocalSlack

HELLO = {"text": "hello"}


@pytest.fixture
def slack() -> Iterator[LocalSlack]:
    with LocalSlack() as local:
        yield local


class Post:
    """A post with this many seconds left; its pauses take no time and are recorded."""

    def __init__(self, slack: LocalSlack, seconds: float = 60) -> None:
        self.slack, self.left = slack, seconds
        self.pauses: list[float] = []

    def __call__(self, payload: dict[str, Any], address: str = "") -> None:
        webhook.post(
            PoolManager(),
            address if address else self.slack.address,
            payload,
            remaining=lambda: self.left,
            sleep=self._sleep,
        )

    def _sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.left -= seconds


def test_a_message_is_posted_once(slack: LocalSlack) -> None:
    Post(slack)(HELLO)
    assert slack.messages == [HELLO] and slack.asked == 1


def test_the_delay_that_slack_asks_for_is_kept(slack: LocalSlack) -> None:
    slack.planted = [Answer(429, "rate_limited", retry_after=7), Answer(429, "rate_limited", retry_after=2)]
    post = Post(slack)
    post(HELLO)
    assert post.pauses == [7, 2] and slack.messages == [HELLO]


def test_a_delay_longer_than_the_time_left_is_not_started(slack: LocalSlack) -> None:
    slack.planted = [Answer(429, "rate_limited", retry_after=50)]
    post = Post(slack)
    with pytest.raises(NotNow, match="429 rate_limited"):
        post(HELLO)
    assert post.pauses == [] and slack.asked == 1


@pytest.mark.parametrize("asked", ["soon", "-1", "Wed, 21 Oct 2026 07:28:00 GMT", ""], ids=repr)
def test_a_malformed_delay_is_left_to_the_next_attempt(slack: LocalSlack, asked: str) -> None:
    slack.planted = [Answer(429, "rate_limited", headers={"Retry-After": asked})]
    with pytest.raises(NotNow):
        Post(slack)(HELLO)


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_a_temporary_error_of_slack_is_retried(slack: LocalSlack, status: int) -> None:
    slack.planted = [Answer(status, "internal_error")]
    with pytest.raises(NotNow):
        Post(slack)(HELLO)


@pytest.mark.parametrize(
    ("status", "word", "dead", "advice"),
    [
        (400, "invalid_payload", False, "please report it"),
        (403, "action_prohibited", True, "ask an administrator"),
        (404, "no_service", True, "make a new one in Slack"),
        (404, "channel_not_found", True, "for another one"),
        (410, "channel_is_archived", True, "unarchive the channel"),
        (403, "invalid_token", True, "make a new one in Slack"),
        (413, "too_large", False, "please report it"),
    ],
)
def test_a_permanent_refusal_of_slack_says_what_to_do(
    slack: LocalSlack, status: int, word: str, dead: bool, advice: str
) -> None:
    slack.planted = [Answer(status, word)]
    with pytest.raises(Refused, match=advice) as refused:
        Post(slack)(HELLO)
    assert refused.value.address_is_dead is dead and word in str(refused.value)


def test_slack_refuses_what_its_documentation_refuses(slack: LocalSlack) -> None:
    for payload in (
        {"text": ""},
        {"text": "x" * 40_001},
        {"text": "a", "blocks": [{"type": "section", "text": {"type": "mrkdwn", "text": "x" * 3_001}}]},
        {"text": "a", "blocks": [{"type": "header", "text": {"type": "plain_text", "text": "x" * 151}}]},
        {"text": "a", "blocks": [{"type": "section", "text": {"type": "mrkdwn", "text": "1 < 2"}}]},
        {"text": "a", "blocks": [{"type": "context", "elements": [{"type": "mrkdwn", "text": "x"}]}] * 51},
        {"text": "a", "blocks": [{"type": "section", "text": {"type": "mrkdwn", "text": "x" * 2_700}}] * 5},
    ):
        with pytest.raises(Refused):
            Post(slack)(payload)
    assert slack.messages == []


@pytest.mark.parametrize(
    "answer",
    [
        Answer(302, "moved", headers={"Location": "http://127.0.0.1:1/elsewhere"}),
        Answer(502, "<html>Bad gateway</html>"),
    ],
    ids=["a redirect", "a proxy's error"],
)
def test_an_answer_without_success_is_a_failure(slack: LocalSlack, answer: Answer) -> None:
    slack.planted = [answer]
    with pytest.raises(NotNow, match=r"without a word|moved"):
        Post(slack)(HELLO)
    assert slack.asked == 1


@pytest.mark.parametrize("status", [200, 201, 202, 204])
@pytest.mark.parametrize("body", ["ok", "", '{"ok":true}', "<html>Signed in</html>"], ids=repr)
def test_nothing_is_posted_again_after_a_success(slack: LocalSlack, status: int, body: str) -> None:
    slack.planted = [Answer(status, "" if status == 204 else body)]
    Post(slack)(HELLO)
    assert slack.asked == 1


def test_an_unreachable_address_is_a_temporary_error(slack: LocalSlack) -> None:
    with pytest.raises(NotNow, match="NewConnectionError"):
        Post(slack)(HELLO, f"http://127.0.0.1:1{PATH}")


def test_errors_never_contain_the_address(slack: LocalSlack) -> None:
    secret = PATH.rsplit("/", 1)[1]
    caught: list[NotDelivered] = []
    for answer in (Answer(404, secret), Answer(500, secret), Answer(429, "rate_limited", retry_after=99)):
        slack.planted = [answer]
        with pytest.raises(NotDelivered) as error:
            Post(slack)(HELLO)
        caught.append(error.value)
    for address in (f"http://127.0.0.1:1{PATH}", f"http://127.0.0.1:99999{PATH}"):
        with pytest.raises(NotDelivered) as error:
            Post(slack)(HELLO, address)
        caught.append(error.value)
    assert not any(secret in str(error) for error in caught)
    assert all(
        error.__cause__ is None and error.__suppress_context__ is (error.__context__ is not None) for error in caught
    )


@pytest.mark.parametrize(
    "stored",
    [
        "https://hooks.slack.com/services/T0/B0/x",
        "  https://hooks.slack.com/services/T0/B0/x\n",
        "http://localhost:80/x",
    ],
    ids=["as Slack gives it", "with blanks around it", "on this machine"],
)
def test_an_address_is_used_as_stored(stored: str) -> None:
    assert webhook.address_of(stored) == stored.strip()


@pytest.mark.parametrize(
    "stored",
    [
        "",
        "xoxb-1234-token",
        "http://hooks.slack.com/services/T0/B0/x",
        json.dumps({"url": "https://hooks.slack.com/services/T0/B0/x"}),
        "https://hooks.slack.com/a https://hooks.slack.com/b",
        "https://",
        "https://[::1/x",
        "ftp://hooks.slack.com/x",
        "https://hooks.slack.com/\u00e9",
    ],
    ids=repr,
)
def test_an_invalid_address_is_refused_without_showing_it(stored: str) -> None:
    with pytest.raises(BadAddress) as error:
        webhook.address_of(stored)
    assert "hooks" not in str(error.value) and "token" not in str(error.value)


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("triggers/T0/1/hush", "starts a Slack workflow"),
        ("workflows/T0/A0/1/hush", "starts a Slack workflow"),
        ("commands/T0/1/hush", "begins with /services/"),
        ("", "begins with /services/"),
        ("servicesT0/hush", "begins with /services/"),
    ],
)
@pytest.mark.parametrize("host", ["hooks.slack.com", "HOOKS.SLACK.COM", "hooks.slack.com:443"])
def test_a_slack_address_other_than_an_incoming_webhook_is_refused(host: str, path: str, reason: str) -> None:
    with pytest.raises(BadAddress, match=reason) as error:
        webhook.address_of(f"https://{host}/{path}")
    assert "hush" not in str(error.value)


# -- PagerDuty

KEY = "0123456789abcdef0123456789abcdef"


@pytest.mark.parametrize("stored", ["", "https://events.pagerduty.com/", KEY[1:], f"{KEY}!"])
def test_an_invalid_integration_key_is_refused_without_showing_it(stored: str) -> None:
    with pytest.raises(BadAddress) as raised:
        webhook.routing_key_of(stored)
    assert not stored or stored not in str(raised.value)


def test_a_refused_pagerduty_key_says_what_to_do_and_is_read_again() -> None:
    refused = Refused(400, "without a word", webhook.PAGERDUTY)
    assert refused.address_is_dead and "integration key" in str(refused) and "Slack" not in str(refused)
