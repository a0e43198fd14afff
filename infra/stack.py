"""A stack that holds one monitor and nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from aws_cdk import Stack
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from .former_ids import keep_former_ids
from .monitor import SesReputationMonitor, read_settings


class MonitorStack(Stack):
    """One installation. Takes what every `Stack` takes as `stack_props`. Attribute: `monitor`."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        settings: Mapping[str, Any] | None = None,
        settings_file: str | Path | None = None,
        code: lambda_.Code | None = None,
        **stack_props: Any,
    ) -> None:
        tags = dict(read_settings(settings, settings_file).deployment.tags)
        described = {"description": "Warns a team about its Amazon SES bounce and complaint rates before AWS acts."}
        super().__init__(
            scope, construct_id, **{**described, **stack_props, "tags": tags | stack_props.get("tags", {})}
        )
        self.monitor = SesReputationMonitor(
            self,
            "Default",  # such an id is no part of logical ids
            settings=settings,
            settings_file=settings_file,
            code=code,
        )
        keep_former_ids(self.monitor)
