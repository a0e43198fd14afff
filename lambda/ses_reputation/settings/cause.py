"""The table [cause] of settings.toml: how far the monitor looks for the cause of an alert, and what it may read for that."""

from __future__ import annotations

from ..core.cause_level import CauseLevel
from .table import Table

_DOMAINS = (
    "cloudwatch:GetMetricData",
    "cloudwatch:ListMetrics",
    "ses:BatchGetMetricData",
    "ses:GetAccount",
    "ses:ListRecommendations",
    "ses:ListReputationEntities",
    "ses:ListSuppressedDestinations",
)

ACTIONS: dict[CauseLevel, tuple[str, ...]] = {
    CauseLevel.OFF: (),
    CauseLevel.DOMAINS: _DOMAINS,
    CauseLevel.SAMPLES: (*_DOMAINS, "ses:GetMessageInsights", "ses:GetSuppressedDestination"),
}
"""IAM actions that the function needs for each level, all on the resource "*": SES restricts only sending to resources."""


def read_look(table: Table) -> CauseLevel:
    """Read how far to look; to be used only if the file then has no problems."""
    look = table.one_of(
        "look",
        CauseLevel.DOMAINS.value,
        tuple(look.value for look in CauseLevel),
        "How far the monitor looks for the cause of a bounce or complaint alert. `domains` counts the new entries of the suppression list by "
        "recipient domain, configuration set and tenant; `samples` also reads when and by whom up to five of their messages were sent. "
        "Both also read every hour what SES itself finds wrong: recommendations of high impact, tenants in trouble. "
        "No address leaves the function.",
    )
    return CauseLevel(look)
