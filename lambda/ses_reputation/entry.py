"""The handlers that Lambda names."""

from __future__ import annotations

from contextlib import suppress

with suppress(ModuleNotFoundError):  # without the folder `fast` everything works, only slower
    from .aws.fast.collector import collect_rarely
    from .aws.fast.data_classes import use_byte_code

    collect_rarely()
    use_byte_code()

import os
from functools import cache
from typing import TYPE_CHECKING, Any

from .monitor import Monitor, logger
from .wiring import wire_monitor

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

    from .forwarder import Forwarder


@logger.inject_lambda_context(clear_state=True)
def monitor(event: object, context: LambdaContext) -> dict[str, Any]:
    """Look at every target as of `event["now"]`, or send a test alert for `{"test_alert": true}`."""
    return the_monitor().handle(event, context.get_remaining_time_in_millis)


@logger.inject_lambda_context(clear_state=True)
def slack_forwarder(event: object, context: LambdaContext) -> None:
    """Pass one notification of SNS on to Slack. Raise for what Slack did not take: Lambda tries again, then keeps the event."""
    the_forwarder().handle(event, lambda: context.get_remaining_time_in_millis() / 1_000)


@logger.inject_lambda_context(clear_state=True)
def pagerduty_forwarder(event: object, context: LambdaContext) -> None:
    """Pass one notification of SNS on to PagerDuty. Raise for what it did not take: Lambda tries again, then keeps the event."""
    the_pagerduty_forwarder().handle(event, lambda: context.get_remaining_time_in_millis() / 1_000)


@cache
def the_monitor() -> Monitor:
    """The monitor of this process, made at the first use."""
    return wire_monitor(os.environ)


@cache
def the_forwarder() -> Forwarder:
    """The forwarder of this process, made at the first use."""
    from .wiring_forwarders import wire_forwarder

    return wire_forwarder(os.environ)


@cache
def the_pagerduty_forwarder() -> Forwarder:
    """The forwarder to PagerDuty of this process, made at the first use."""
    from .wiring_forwarders import wire_pagerduty

    return wire_pagerduty(os.environ)


if os.environ.get("_HANDLER", "").endswith(".monitor"):
    the_monitor()  # before the first tick: from then on Lambda rations the CPU by memory
