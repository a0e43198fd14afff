"""Is a settings file right, and what does it mean?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from ses_reputation.core.rules import thresholds_in_force
from ses_reputation.settings import Settings, SettingsError, load

from .aws import unknown_regions
from .exit_codes import UNUSABLE, USABLE, Unusable
from .rules_in_words import COLUMNS, heading_of, outcomes_in_words, rows_of


def check_settings(file: Path, *, deploy: bool, as_json: bool) -> int:
    """Print what the settings in `file` mean, and warnings. Raises `SettingsError` or `Unusable` if they cannot be used."""
    try:
        settings = load(file)
    except SettingsError as error:
        if not as_json:
            raise
        _print_json(file, [problem._asdict() for problem in error.problems], [], None)
        return UNUSABLE
    if deploy and settings.alerts.example_recipients:
        raise Unusable(
            f"{file} names {', '.join(settings.alerts.example_recipients)}, which nobody reads.\n"
            "Put the people who get the alerts into [alerts] emails, then deploy again."
        )
    warnings = warnings_of(settings)
    if as_json:
        _print_json(file, [], warnings, settings)
        return USABLE
    from .output import heading, say, table

    for warning in warnings:
        say(f"WARNING: {warning}")
    say(f"{file} is right." if not warnings else f"{file} can be used.")
    for policy in settings.policy.metrics:
        say()
        heading(heading_of(policy))
        table(COLUMNS, rows_of(policy))
    for number, override in enumerate(settings.overrides, 1):
        say()
        heading(f"Override {number}, for {', '.join((*override.accounts, *override.regions))}")
        for policy in (each for each in override.policy.metrics if each not in settings.policy.metrics):
            say(heading_of(policy))
            table(COLUMNS, rows_of(policy))
    say()
    for line in outcomes_in_words(settings.policy):
        say(line.strip(), indent=len(line) - len(line.lstrip()))
    return USABLE


def warnings_of(settings: Settings) -> list[str]:
    """Return a warning for each region that is not known, and for each setting that surely does nothing."""
    return [*unknown_regions(settings.targets.regions), *_without_effect(settings)]


def _without_effect(settings: Settings) -> Iterator[str]:
    """Yield a warning for each setting that surely does nothing. Accounts of units and discovered regions are not known here."""
    fleet = settings.fleet
    listed = {account for account, _ in fleet.accounts}
    at_most = ": only alerts about the fleet are from there, if the monitor is." if fleet.on else "."
    for excluded in fleet.exclude:
        if excluded in listed:
            yield f"organization.exclude: {excluded} is watched all the same, because [[accounts]] names it."
    for place, accounts, regions in _places(settings):
        for account in accounts:
            if fleet.on and account not in listed and (not fleet.units or account in fleet.exclude):
                yield f"{place}.accounts: {account} is not watched{at_most}"
        for region in regions:
            if settings.targets.regions and region not in settings.targets.regions:
                yield f"{place}.regions: {region} is not watched{at_most}"
        if settings.targets.discover:
            yield from (f"{place}.regions: {warning}" for warning in unknown_regions(regions))
    for number, override in enumerate(settings.overrides):
        for before, other in enumerate(settings.overrides[:number]):
            if _covers(other.accounts, override.accounts) and _covers(other.regions, override.regions):
                yield f"overrides[{number}]: overrides[{before}] fits the same targets, and the first that fits counts."
                break


def _places(settings: Settings) -> Iterator[tuple[str, Sequence[str], Sequence[str]]]:
    """Yield each table that is about some accounts or regions, with these."""
    for number, override in enumerate(settings.overrides):
        yield f"overrides[{number}]", override.accounts, override.regions
    for number, route in enumerate(settings.routes):
        yield f"routes[{number}]", route.accounts, route.regions
    for number, window in enumerate(settings.mutes):
        yield f"mute[{number}]", (), window.regions


def _covers(all_of: Sequence[str], these: Sequence[str]) -> bool:
    """Tell if the first are all of the second; none means every one."""
    return not all_of or (bool(these) and set(these) <= set(all_of))


def _print_json(file: Path, problems: list[dict[str, str]], warnings: list[str], settings: Settings | None) -> None:
    from .output import as_json

    rules = (
        {}
        if settings is None
        else {
            policy.metric.value: {
                **{severity.word: limit for severity, limit in thresholds_in_force(policy).items()},
                "rules": [
                    dict(zip(("severity", "name", "window", "threshold", "needs"), row, strict=True))
                    for row in rows_of(policy)
                ],
            }
            for policy in settings.policy.metrics
        }
    )
    as_json({"file": str(file), "ok": not problems, "problems": problems, "warnings": warnings, "metrics": rules})
