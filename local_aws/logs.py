"""The part of CloudWatch Logs that moto lacks: Logs Insights queries over JSON lines, as far as the project's dashboard asks them.

A command or a function that is not known here is an error, so that a query cannot pass without being understood.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any

from moto.logs import models
from moto.logs.exceptions import InvalidParameterException

from . import iam

Row = dict[str, Any]

_HOURS = {"h": 3_600, "m": 60}


def install() -> None:
    """Make moto answer queries from the lines' fields."""
    module: Any = models
    module.execute_query = _execute


def keep(role: str, region: str, group: str, at: int, printed: str) -> None:
    """Put what a function printed at `at`, in seconds since the epoch, into its log group, if its role may."""
    log_group = models.logs_backends[role.split(":")[4]][region].groups.get(group)
    if log_group is None:
        return
    stream = f"{log_group.arn}:log-stream:local"  # both actions are on a stream
    if not all(iam.allowed(role, action, stream) for action in ("logs:CreateLogStream", "logs:PutLogEvents")):
        return  # silently, as in AWS
    if "local" not in log_group.streams:
        log_group.create_log_stream("local")
    events = [{"timestamp": at * 1_000, "message": line} for line in printed.splitlines()]
    log_group.put_log_events("local", events)


def _execute(log_groups: Iterable[Any], query: str, start_time: int, end_time: int) -> list[dict[str, str]]:
    events = [event for group in log_groups for stream in group.streams.values() for event in stream.events]
    rows: list[Row] = [
        {"@timestamp": event.timestamp, "@message": event.message, **_fields(event.message)}
        for event in events
        if start_time * 1_000 <= event.timestamp <= end_time * 1_000
    ]
    for command in map(str.strip, query.split("|")):
        name, _, rest = command.partition(" ")
        if name not in _COMMANDS:
            raise InvalidParameterException(f"not a command that is known here: {command}")
        rows = _COMMANDS[name](rows, rest.strip())
    return [{key: str(value) for key, value in row.items() if value is not None} for row in rows]


def _fields(message: str) -> Row:
    """The fields of a JSON line; members of a list are `name.0`, `name.1` and so on."""
    try:
        line = json.loads(message)
    except ValueError:
        return {}
    found: Row = {}
    for name, value in line.items() if isinstance(line, dict) else ():
        if isinstance(value, list):
            found |= {f"{name}.{number}": member for number, member in enumerate(value)}
        elif value is not None:
            found[name] = value
    return found


def _filter(rows: list[Row], condition: str) -> list[Row]:
    for part in condition.split(" and "):
        equal = re.fullmatch(r'([\w.@]+) = "([^"]*)"', part.strip())
        present = re.fullmatch(r"ispresent\(([\w.@]+)\)", part.strip())
        if equal:
            rows = [row for row in rows if str(row.get(equal[1])) == equal[2]]
        elif present:
            rows = [row for row in rows if present[1] in row]
        else:
            raise InvalidParameterException(f"not a condition that is known here: {part}")
    return rows


def _choose(rows: list[Row], names: str) -> list[Row]:
    if "strcontains(" in names:
        return _weigh(rows, names)
    wanted = {alias or name: name for name, _, alias in (each.strip().partition(" as ") for each in names.split(","))}
    return [
        {"@timestamp": row["@timestamp"], **{alias: row.get(name) for alias, name in wanted.items()}} for row in rows
    ]


_CONTAINS = re.compile(r"(?:(\d+) \* )?strcontains\(([\w.]+), '([^']*)'\)")


def _weigh(rows: list[Row], expression: str) -> list[Row]:
    """`rows` with a sum of weights, one for each text that is in a field."""
    total, _, alias = expression.partition(" as ")
    terms = [_CONTAINS.fullmatch(term.strip()) for term in total.split(" + ")]
    if not all(terms):
        raise InvalidParameterException(f"not an expression that is known here: {expression}")
    return [
        {**row, alias: sum(int(term[1] or 1) for term in terms if term and term[3] in str(row.get(term[2], "")))}
        for row in rows
    ]


def _sort(rows: list[Row], order: str) -> list[Row]:
    name, _, direction = order.partition(" ")
    return sorted(rows, key=lambda row: row[name], reverse=direction == "desc")


def _limit(rows: list[Row], number: str) -> list[Row]:
    return [{key: value for key, value in row.items() if key != "@timestamp"} for row in rows[: int(number)]]


def _stats(rows: list[Row], text: str) -> list[Row]:
    functions, _, by = text.rpartition(" by ")
    groups: dict[Any, list[Row]] = {}
    for row in sorted(rows, key=lambda row: row["@timestamp"]):
        groups.setdefault(_group(row, by), []).append(row)
    answer = []
    for value, members in groups.items():
        found: Row = {by: value}
        for function in functions.split(", "):
            parts = re.fullmatch(r"(latest|max)\(([\w.]+)\)(?: \* (\d+))? as (\w+)", function.strip())
            if parts is None:
                raise InvalidParameterException(f"not a function that is known here: {function}")
            values = [member[parts[2]] for member in members if parts[2] in member]
            if values:
                chosen = values[-1] if parts[1] == "latest" else max(values)
                found[parts[4]] = round(chosen * int(parts[3]), 4) if parts[3] else chosen  # as the console shows it
        answer.append(found)
    return answer


def _group(row: Row, by: str) -> Any:
    bins = re.fullmatch(r"bin\((\d+)([hm])\)", by)
    if bins is None:
        return row.get(by)
    seconds = int(bins[1]) * _HOURS[bins[2]]
    at = row["@timestamp"] // 1_000 // seconds * seconds
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S.000")


_COMMANDS: dict[str, Callable[[list[Row], str], list[Row]]] = {
    "filter": _filter,
    "fields": _choose,
    "sort": _sort,
    "limit": _limit,
    "stats": _stats,
}
