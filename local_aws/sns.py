"""The part of SNS that moto must not play: to invoke a subscribed function it starts a Docker engine.

`subscription.py` delivers to functions instead.
"""

from __future__ import annotations

from typing import Any

from moto.awslambda.models import LambdaBackend


def install() -> None:
    """Makes moto leave subscribed functions alone."""
    backend: Any = LambdaBackend
    backend.send_sns_message = lambda self, *args, **kwargs: None
