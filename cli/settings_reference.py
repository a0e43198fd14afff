"""docs/settings.md and settings.schema.json, made from the settings, and the names of the checks in
docs/notification.schema.json: `python -m cli.settings_reference` writes them."""

from __future__ import annotations

import json
import re
from math import isfinite
from pathlib import Path
from string import Template
from textwrap import fill
from typing import TYPE_CHECKING

from ses_reputation.core.checks import BY_NAME
from ses_reputation.core.rules import Calm, MetricPolicy, Rule, Severity, Threshold, While, default_policy
from ses_reputation.settings import SettingsError, parse, read
from ses_reputation.settings.table import Table

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ses_reputation.core.rates import Window

PAGE = Path(__file__).parent.parent / "docs" / "settings.md"
SCHEMA = Path(__file__).parent.parent / "settings.schema.json"
NOTIFICATION_SCHEMA = Path(__file__).parent.parent / "docs" / "notification.schema.json"

TAGS = "deployment.tags"

SAMPLE = {
    "routes": [{"emails": ["oncall@example.com"]}],
    "mute": [{"weekday": "tuesday", "from": "08:00", "to": "12:00"}],
    "accounts": [{"id": "111111111111"}],
    "overrides": [{"regions": ["eu-west-1"]}],
    "member_role": {"external_id": "ours"},
    **{
        metric: {
            "rules": [{"hours": 24, "above": rate, "while": {"hours": 1, "above": rate}}],
            "calm": [{"hours": 24, "at_most": rate / 2}],
        }
        for metric, rate in (("bounce", 0.03), ("complaint", 0.0008))
    },
}
"""One table of every kind, so that all their keys are read."""

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
[Index](index.md)

# Settings

All of them are in `settings.toml`. They are checked when the stack is synthesised, by every command and
once more in the function. What is left out has its default; without another channel `alerts.emails` must be given. Rates are
fractions: 0.03 is 3%. `cdk deploy -c settings=prod.toml` takes another file. `version = 1`, at its top, is the version of
this format.

$groups
## Rules of your own

`rules` in `[bounce]` or `[complaint]` replaces the default rules of their severity: with own warnings alone the default
critical rules stay. A plain one, the bounce rate of 24 hours over 3% with at least 500 emails, takes two lines:

```toml
$plain```

* A rate must be above a threshold, not at it. No window reaches back further than 14 days.
* Events come after their email. They are counted against the emails that can have caused them, which may be more than those
  of the window, and days older.
* The sender's usual rate is that of 14 to 2 days ago; its own worst the highest sure rate that the same window had 12 to 2
  days ago. Until a history is 5 days old a threshold that follows them stays at its upper limit.
* The conditions of the resolution stay the default ones, which scale with `warning` and `critical`, unless `calm`
  replaces them.

`ses-reputation settings` ends with what can happen under your rules, and what cannot.

### A rule

$rule
### `while`, in a rule

The rule holds only while this is so too.

$condition
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
    SCHEMA.write_text(schema_text(), encoding="utf-8")
    NOTIFICATION_SCHEMA.write_text(notification_schema_text(), encoding="utf-8")


def _tables() -> dict[str, Table]:
    """Every table of the settings by its path; the file itself is ""."""
    file = Table(SAMPLE)
    read(file)
    return {table.path: table for table in file.tables}


def schema_text() -> str:
    """JSON Schema of settings.toml, by which editors complete and check it."""
    tables = _tables()
    head = {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "$comment": "Made by `python -m cli.settings_reference`; a test fails when it is stale.",
        "title": "Settings of ses-reputation-monitor",
    }
    return json.dumps(head | _schema_of(tables[""], tables), indent=2, ensure_ascii=False) + "\n"


def notification_schema_text() -> str:
    """The schema of notifications with the names of all checks; the rest is written by hand."""
    before, names, after = re.split(
        r'("check": \{\n +"enum": \[\n)[^]]*?(?=\n +\])', NOTIFICATION_SCHEMA.read_text(encoding="utf-8")
    )
    indent = " " * 12
    listed = fill(
        json.dumps([*BY_NAME])[1:-1], 130, initial_indent=indent, subsequent_indent=indent, break_on_hyphens=False
    )
    return f"{before}{names}{listed}{after}"


def _schema_of(table: Table, tables: Mapping[str, Table]) -> dict[str, object]:
    properties: dict[str, object] = {}
    for name, key in table.keys.items():
        path = table.path_of(name)
        if path in tables:
            properties[name] = {"description": key.meaning, **_schema_of(tables[path], tables)}
        elif f"{path}[0]" in tables:
            members = _schema_of(tables[f"{path}[0]"], tables)
            properties[name] = {"description": key.meaning, "type": "array", "items": members}
        else:
            default = {} if key.default is None else {"default": key.default}
            properties[name] = {"description": f"{key.meaning} Accepted: {key.accepted}.", **key.schema, **default}
    others = {"type": "string"} if table.path == TAGS else False  # the names of tags are the user's own
    return {"type": "object", "additionalProperties": others, "properties": properties}


def page() -> str:
    """The whole page, as Markdown."""
    tables = _tables()
    file = tables[""]
    return TEXT.substitute(
        groups="\n".join(
            _group(name, key.meaning, tables)
            for name, key in file.keys.items()
            if name in tables or f"{name}[0]" in tables
        ),
        plain=PLAIN,
        rule=_keys(tables["bounce.rules[0]"]),
        condition=_keys(tables["bounce.rules[0].while"]),
        calm=_keys(tables["bounce.calm[0]"]),
        default="\n".join(map(as_toml, default_policy().metrics)),
        wrong=WRONG,
        refusal=_refusal(WRONG),
    )


def _group(name: str, meaning: str, tables: Mapping[str, Table]) -> str:
    """A table, or a list of tables, under its heading."""
    heading, table = (f"[{name}]", tables[name]) if name in tables else (f"[[{name}]]", tables[f"{name}[0]"])
    return f"## {heading}\n\n{meaning}\n\n{_keys(table)}"


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
    """The rules and the resolution of a metric as settings.toml would say them, each number exact."""
    lines = [f"[{policy.metric.value}]"]
    for name, members in (("rules", map(_rule, policy.rules)), ("calm", map(_calm, policy.calm))):
        lines += [f"{name} = [", *(f"    {toml(member)}," for member in members), "]"]
    return "\n".join([*lines, ""])


def _rule(rule: Rule) -> dict[str, object]:
    return {
        "name": rule.name,
        "severity": Severity(rule.severity).word,
        **_window(rule.window),
        **_threshold(rule.threshold),
        "confidence": rule.confidence,
        "min_events": rule.min_events,
        "min_emails": rule.min_emails,
        **({} if rule.only_while is None else {"while": _while(rule.only_while)}),
    }


def _threshold(threshold: Threshold) -> dict[str, object]:
    if not threshold.multiple:
        return {"above": threshold.upper}
    upper = {"above_at_most": threshold.upper} if isfinite(threshold.upper) else {}
    worst = {} if threshold.own_worst else {"own_worst": False}
    return {"times_usual": threshold.multiple, "above_at_least": threshold.lower, **upper, **worst}


def _while(condition: While) -> dict[str, object]:
    level = {"above": condition.above, "share_of_threshold": condition.share_of_threshold}
    return {**_window(condition.window), **{key: rate for key, rate in level.items() if rate is not None}}


def _calm(calm: Calm) -> dict[str, object]:
    usual = {"times_usual": calm.times_usual} if calm.times_usual else {}
    return {**_window(calm.window), "at_most": calm.at_most, **usual}


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
