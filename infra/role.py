"""A role for one AWS service, at the path that an organisation may demand."""

from __future__ import annotations

from collections.abc import Sequence

from aws_cdk import aws_iam as iam
from constructs import Construct


class ServiceRole(iam.Role):
    """A role that only `service` may assume."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        service: str,
        path: str,
        managed_policies: Sequence[iam.IManagedPolicy] = (),
    ) -> None:
        super().__init__(
            scope,
            construct_id,
            assumed_by=iam.ServicePrincipal(service),
            path=path,
            managed_policies=[*managed_policies],
        )
