"""docs/settings.md, made from the settings themselves: `python -m cli.settings_reference` writes it."""

from __future__ import annotations

from pathlib import Path
from string import Template
from typing import TYPE_CHECKING

from ses_reputation.core.rules import Calm, MetricPolicy, Rule, Severity, Still, default_policy
from ses_reputation.settings import SettingsError, parse, read
from ses_reputation.settings.table import Table

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ses_reputation.core.rates import Window

PAGE = Path(__file__).parent.parent / "docs" / "settings.md"

SAMPLE = {
    "bounce": {
        "rules": [{"hours": 24, "above": 0.03, "still": {"hours": 1, "above": 0.03}}],
        "calm": [{"hours": 24, "at_most": 0.02}],
    }
}
"""Of every kind of table one, so that all their keys are read."""

PLAIN = """\
[bounce]
rules = [{ hours = 24, above = 0.03, min_emails = 500 }]
"""

WRONG = """\
[alerts]
email = ["oncall@example.com"]

[bounce]
warning = 5
"""


TEXT = Template("""\
<!-- Made by `python -m cli.settings_reference`; a test fails when it is stale. -->
# Settings

All of them are in `settings.toml`. They are checked when the stack is synthesised, by every command and
once more in the function. What is left out has its default; only `alerts.emails` has none. Rates are
fractions: 0.03 is 3 %. `cdk deploy -c settings=prod.toml` takes another file.

$groups
## Rules of your own

`rules` in `[bounce]` or `[complaint]` replaces all default rules of that metric. A plain one, the bounce
rate of 24 hours over 3 % with at least 500 emails, takes two lines:

```toml
$plain```

* A rate must be above a line, not at it. No window reaches back further than 14 days.
* In a window by hours, complaints are set against the email that can have caused them, which may be days
  old; in a window by emails against that very email. Bounces always are.
* The conditions of the all-clear stay the default ones, which scale with `warning` and `critical`,
  unless `calm` replaces them.

### A rule

$rule
### `still`, in a rule

The rule holds only while this is so too.

$still
### A condition in `calm`

$calm
The tables of `[complaint]` are the same, with rates below 0.005.

### The default rules, to copy and change

```toml
$default```

## A wrong file

is refused with one error that lists every problem. This one

```toml
$wrong```

gives

```
$refusal
```
""")


def main() -> None:
    PAGE.write_text(page(), encoding="utf-8")


def page() -> str:
    """The whole page, as Markdown."""
    file = Table(SAMPLE)
    read(file)
    tables = {table.path: table for table in file.tables}
    return TEXT.substitute(
        groups="\n".join(f"## [{name}]\n\n{key.meaning}\n\n{_keys(tables[name])}" for name, key in file.keys.items()),
        plain=PLAIN,
        rule=_keys(tables["bounce.rules[0]"]),
        still=_keys(tables["bounce.rules[0].still"]),
        calm=_keys(tables["bounce.calm[0]"]),
        default="\n".join(map(as_toml, default_policy().metrics)),
        wrong=WRONG,
        refusal=_refusal(WRONG),
    )


def _keys(table: Table) -> str:
    """The keys that are read from a table, as a Markdown table."""
    lines = ["| Key | Default | Accepted | Meaning |", "| --- | --- | --- | --- |"]
    for name, key in table.keys.items():
        default = "" if key.default is None else f"`{toml(key.default)}`"
        lines.append(f"| `{name}` | {default} | {key.accepted} | {key.meaning} |")
    return "\n".join([*lines, ""])


def _refusal(text: str) -> str:
    try:
        parse(text)
    except SettingsError as error:
        return str(error)
    message = "the example of a wrong file is right"
    raise AssertionError(message)


def as_toml(policy: MetricPolicy) -> str:
    """The rules and the all-clear of a metric as settings.toml would say them, each number exact."""
    lines = [f"[{policy.metric.value}]"]
    for name, members in (("rules", map(_rule, policy.rules)), ("calm", map(_calm, policy.calm))):
        lines += [f"{name} = [", *(f"    {toml(member)}," for member in members), "]"]
    return "\n".join([*lines, ""])


def _rule(rule: Rule) -> dict[str, object]:
    return {
        "name": rule.name,
        "severity": Severity(rule.severity).word,
        **_window(rule.window),
        **(
            {
                "times_normal": rule.threshold.multiple,
                "above_at_least": rule.threshold.lower,
                "above_at_most": rule.threshold.upper,
            }
            if rule.threshold.multiple
            else {"above": rule.threshold.upper}
        ),
        "confidence": rule.confidence,
        "min_events": rule.min_events,
        "min_emails": rule.min_emails,
        **({} if rule.still is None else {"still": _still(rule.still)}),
    }


def _still(still: Still) -> dict[str, object]:
    level = {"above": still.above, "share_of_threshold": still.share_of_threshold}
    return {**_window(still.window), **{key: rate for key, rate in level.items() if rate is not None}}


def _calm(calm: Calm) -> dict[str, object]:
    return {**_window(calm.window), "at_most": calm.at_most}


def _window(window: Window) -> dict[str, object]:
    return {"hours": window.hours} if window.hours else {"emails": window.emails, "share_of_day": window.share_of_day}


def toml(value: object) -> str:
    """`value` in TOML on one line: texts, numbers, truths, dates, and lists and tables of them."""
    match value:
        case bool():
            return str(value).lower()
        case str():
            return '"' + "".join(map(_character, value)) + '"'
        case list() | tuple():
            return f"[{', '.join(map(toml, value))}]"
        case dict():
            return _inline(value)
        case _:
            return str(value)


def _inline(table: Mapping[str, object]) -> str:
    inner = ", ".join(f"{_key(key)} = {toml(value)}" for key, value in table.items())
    return f"{{ {inner} }}" if inner else "{}"


def _key(key: str) -> str:
    return key if key.isascii() and key.replace("_", "").isalnum() else toml(key)


def _character(character: str) -> str:
    plain = character.isprintable() and character not in '"\\'
    return character if plain else f"\\U{ord(character):08X}"


if __name__ == "__main__":
    main()
