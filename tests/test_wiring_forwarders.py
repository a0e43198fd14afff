"""The forwarders as deployed: the secret each reads, the address, and the post."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ses_reputation import wiring_forwarders as wiring
from ses_reputation.aws import webhook
from ses_reputation.core.checks.base import Context
from ses_reputation.core.notification import envelope
from ses_reputation.forwarder import Forwarder
from ses_reputation.settings.channels import Stored

from tests.layout.stories import SMALL

SETTINGS = """
[alerts]
emails = ["a@mail.test"]
[slack]
webhook_parameter = "/ses/slack"
mention = "here"
[pagerduty]
routing_key_secret = "pagerduty"
service_region = "eu"
[[routes]]
severity = "critical"
webhook_parameter = "/ses/oncall"
"""
KEY = "0123456789abcdef0123456789abcdef"
STORED = {
    Stored("/ses/slack", ""): "https://hooks.slack.com/services/T/B/all",
    Stored("/ses/oncall", ""): "https://hooks.slack.com/services/T/B/oncall",
    Stored("", "pagerduty"): f"{KEY}\n",
}
Made = Callable[..., tuple[Forwarder, list[tuple[str, dict[str, Any]]]]]


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Made:
    """Make a forwarder whose posts are recorded instead of sent."""
    (tmp_path / "settings.toml").write_text(SETTINGS)
    posted: list[tuple[str, dict[str, Any]]] = []
    monkeypatch.setattr(wiring, "stored_text", lambda place, session: STORED[place])
    monkeypatch.setattr(webhook, "post", lambda http, address, payload, **_: posted.append((address, payload)))

    def make(wire: Callable[[dict[str, str]], Forwarder], **environ: str) -> Any:
        return wire({"LAMBDA_TASK_ROOT": str(tmp_path), **environ}), posted

    return make


def forward(forwarder: Forwarder) -> None:
    forwarder.forward("m", "subject", json.dumps(envelope([SMALL], Context())), lambda: 60.0)


def test_slack_gets_its_webhook_and_mentions(made: Made) -> None:
    forwarder, posted = made(wiring.wire_forwarder)
    forward(forwarder)
    [(address, payload)] = posted
    assert address.endswith("/all") and payload["text"].startswith("<!here> CRITICAL: ")


def test_a_route_has_a_webhook_of_its_own(made: Made) -> None:
    forwarder, posted = made(wiring.wire_forwarder, ROUTE="0")
    forward(forwarder)
    assert [address for address, _ in posted] == ["https://hooks.slack.com/services/T/B/oncall"]


def test_pagerduty_gets_its_key_at_the_regions_address(made: Made) -> None:
    forwarder, posted = made(wiring.wire_pagerduty)
    forward(forwarder)
    [(address, event)] = posted
    assert address == "https://events.eu.pagerduty.com/v2/enqueue"
    assert (event["routing_key"], event["event_action"]) == (KEY, "trigger")
