"""Settings that can be used, and yet look wrong: said at synth and by `ses-reputation settings`, never in the function."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, NamedTuple

from ..core.rules import Severity
from . import Targets

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from ..core.rules import MetricPolicy, Rule
    from . import Settings

    UnknownRegions = Callable[[Iterable[str]], list[str]]
    """Returns a warning for each region that its source does not know."""


class SettingsWarning(NamedTuple):
    """Text of a warning, and a name by which it can be acknowledged."""

    name: str
    text: str


def warnings_of(
    settings: Settings, unknown_regions: UnknownRegions, *, key_given: bool = False
) -> list[SettingsWarning]:
    """Warn of regions that are not known, of settings that surely do nothing, and of alerts that nobody may get.

    `key_given` tells that something else than the settings brings a KMS key.
    """
    doubtful = [
        *unknown_regions(settings.targets.regions),
        *_of_no_account(settings),
        *_of_no_place(settings, unknown_regions),
        *_hidden(settings),
        *_without_their_condition(settings, key_given=key_given),
        *_rules(settings),
    ]
    return [*_unheard(settings), *(SettingsWarning("settings", text) for text in doubtful)]


def _unheard(settings: Settings) -> Iterator[SettingsWarning]:
    alerts = settings.alerts
    if alerts.example_recipients:
        yield SettingsWarning(
            "example-recipients",
            f"Nobody reads {', '.join(alerts.example_recipients)}: name your own recipients in [alerts] emails.",
        )
    if settings.forwards and not (alerts.emails or settings.amazon_q_on or settings.deployment.topic_arn):
        yield SettingsWarning(
            "slack-alone",
            "Only a forwarder gets notifications: if it fails, nobody hears of that either. Add an address to [alerts] emails.",
        )


def _of_no_account(settings: Settings) -> Iterator[str]:
    """Yield accounts that are left out in vain, and what is about accounts where there are none."""
    fleet = settings.fleet
    listed = {account for account, _ in fleet.accounts}
    for excluded in fleet.exclude:
        if excluded in listed:
            yield f"organization.exclude: {excluded} is watched all the same, because [[accounts]] names it."
    if not fleet.on:
        for name, given in (
            ("organization.exclude", fleet.exclude),
            ("member_role.external_id", fleet.external_id),
            ("deployment.shards", settings.deployment.shards),
            ("targets.metrics_up_to", settings.targets.metrics_up_to != Targets(()).metrics_up_to),
        ):
            if given:
                yield f"{name} has no effect without [[accounts]] or [organization] units."


def _of_no_place(settings: Settings, unknown_regions: UnknownRegions) -> Iterator[str]:
    """Yield accounts and regions that are not watched. Accounts of units and discovered regions are not known here."""
    fleet = settings.fleet
    listed = {account for account, _ in fleet.accounts}
    at_most = ": only alerts about the fleet are from there, if the monitor is." if fleet.on else "."
    for place, accounts, regions in _places(settings):
        for account in accounts:
            if fleet.on and account not in listed and (not fleet.units or account in fleet.exclude):
                yield f"{place}.accounts: {account} is not watched{at_most}"
        for region in regions:
            if settings.targets.regions and region not in settings.targets.regions:
                yield f"{place}.regions: {region} is not watched{at_most}"
        if settings.targets.discover:
            yield from (f"{place}.regions: {warning}" for warning in unknown_regions(regions))


def _places(settings: Settings) -> Iterator[tuple[str, Sequence[str], Sequence[str]]]:
    """Yield each table that is about some accounts or regions, with these."""
    for number, override in enumerate(settings.overrides):
        yield f"overrides[{number}]", override.accounts, override.regions
    for number, route in enumerate(settings.routes):
        yield f"routes[{number}]", route.accounts, route.regions
    for number, window in enumerate(settings.mutes):
        yield f"mute[{number}]", (), window.regions


def _hidden(settings: Settings) -> Iterator[str]:
    """Yield tables that another one before them makes useless."""
    for number, override in enumerate(settings.overrides):
        for before, other in enumerate(settings.overrides[:number]):
            if _covers(other.accounts, override.accounts) and _covers(other.regions, override.regions):
                yield f"overrides[{number}]: overrides[{before}] fits the same targets, and the first that fits counts."
                break
    for number, window in enumerate(settings.mutes):
        if window in settings.mutes[:number]:
            yield f"mute[{number}]: mute[{settings.mutes.index(window)}] is the same."


def _covers(all_of: Sequence[str], these: Sequence[str]) -> bool:
    """Tell if the first are all of the second; none means every one."""
    return not all_of or (bool(these) and set(these) <= set(all_of))


def _without_their_condition(settings: Settings, *, key_given: bool) -> Iterator[str]:
    """Yield settings that need another one."""
    deployment = settings.deployment
    key = key_given or deployment.new_key or deployment.kms_key_arn
    if deployment.encrypt not in ((), ("topics",)) and not key:
        yield "deployment.encrypt has no effect without customer_managed_key or kms_key_arn."
    if key and not deployment.encrypt:
        yield "deployment.encrypt is empty: the key encrypts nothing."
    if settings.slack.mention and not settings.slack.on:
        yield "slack.mention has no effect without a webhook."


def _rules(settings: Settings) -> Iterator[str]:
    """Yield rules that can hardly hold, or never first."""
    overridden = ((f"overrides[{number}].", each.policy) for number, each in enumerate(settings.overrides))
    named: dict[MetricPolicy, str] = {}  # each once, by the first place that has it
    for place, whole in (("", settings.policy), *overridden):
        for policy in whole.metrics:
            named.setdefault(policy, f"{place}{policy.metric.value}")
    for policy, name in named.items():
        for rule in policy.rules:
            yield from _hardly(rule, name)
        yield from _never_first(policy, name)


def _hardly(rule: Rule, metric: str) -> Iterator[str]:
    window = rule.window
    most = max(rule.min_emails, rule.min_events)
    if window.emails and not window.share_of_day and not window.hours and most > window.emails:
        which = "min_emails" if rule.min_emails > window.emails else "min_events"
        yield (
            f'{metric}.rules: the window of "{rule.name}" holds about {window.emails:,} emails, and {which} asks for {most:,}: it '
            "holds for large senders only."
        )


def _never_first(policy: MetricPolicy, metric: str) -> Iterator[str]:
    of = {severity: [rule for rule in policy.rules if rule.severity is severity] for severity in Severity}
    for warning, critical in product(of[Severity.WARNING], of[Severity.CRITICAL]):
        if warning.window == critical.window and warning.threshold.least >= critical.threshold.upper:
            yield (
                f'{metric}.rules: "{warning.name}" never warns before "{critical.name}" is critical, whose threshold is not above it.'
            )
