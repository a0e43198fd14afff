"""Is a settings file right, and what does it mean?"""

from __future__ import annotations

from pathlib import Path

from ses_reputation.core.rules import thresholds_in_force
from ses_reputation.settings import Settings, SettingsError, load
from ses_reputation.settings.warnings import warnings_of

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
    warnings = [warning.text for warning in warnings_of(settings, unknown_regions)]
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
