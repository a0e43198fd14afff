"""Settings that can be used, and yet look wrong: said at synth and by `ses-reputation settings`, never in the function."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from . import Settings


def warnings_of(settings: Settings, unknown_regions: Callable[[Iterable[str]], list[str]]) -> list[str]:
    """Return a warning for each region that is not known, and for each setting that surely does nothing.

    `unknown_regions` returns a warning for each region that its source does not know.
    """
    return [*unknown_regions(settings.targets.regions), *_without_effect(settings, unknown_regions)]


def _without_effect(settings: Settings, unknown_regions: Callable[[Iterable[str]], list[str]]) -> Iterator[str]:
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
