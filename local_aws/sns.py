"""The part of SNS that moto must not do: it would start a Docker engine to invoke a subscribed function.

`subscription.py` delivers to functions instead.
"""

from __future__ import annotations

from typing import Any

from moto.awslambda.models import LambdaBackend


def install() -> None:
    """Make moto leave subscribed functions alone."""
    backend: Any = LambdaBackend
    backend.send_sns_message = lambda self, *args, **kwargs: None
