"""Recorded answers of GetSendStatistics → data points, in every shape that the AWS CLI, the SDKs and PowerShell write.

A shape is accepted only if it can mean one thing. For everything else there is one answer: record it with `--output json`.
"""

from __future__ import annotations

import json
import re
import sys
from codecs import BOM_UTF8, BOM_UTF16_BE, BOM_UTF16_LE, BOM_UTF32_BE, BOM_UTF32_LE
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import combinations
from pathlib import Path
from typing import Any

from ses_reputation.core.history import BUCKET, BadData, Point, point_from

from .exit_codes import Unusable

RECORD = "Record it with: aws ses get-send-statistics --region REGION --output json > stats.json"

LARGEST = 100_000_000
"""Bytes: several times what three years of data points take."""

MILLISECONDS_FROM = 100_000_000_000
"""An epoch time from here on counts milliseconds: in seconds it would be after the year 5000."""

_FIELDS = {name.lower(): name for name in ("Timestamp", "DeliveryAttempts", "Bounces", "Complaints", "Rejects")}
_TEXT_COLUMNS = ("Bounces", "Complaints", "DeliveryAttempts", "Rejects", "Timestamp")
"""Order of the columns of `--output text`, which has no header."""

_WRAPPERS = ("getsendstatisticsresponse", "getsendstatisticsresult", "senddatapoints", "member")
_BESIDE = {
    "responsemetadata",
    "$metadata",
    "resultmetadata",
    "sdkresponsemetadata",
    "sdkhttpmetadata",
    "contentlength",
    "httpstatuscode",
}
"""Keys that SDKs put beside an answer."""


class _Strange(ValueError):
    """A shape that could mean anything, or nothing; the text says which."""


def read(files: Sequence[str]) -> list[Point]:
    """Return the points of every answer in `files`; "-" is standard input. Raises `Unusable`, in one line."""
    answers: list[list[Point]] = []
    for file in files:
        answers += _answers_in(file)
    for one, other in combinations([answer for answer in answers if answer], 2):
        if _overlap(one, other) and not _phases(one) & _phases(other):
            raise Unusable(
                "The answers overlap and their quarter hours start at different minutes: they are of different accounts or "
                "regions. Replay each by itself."
            )
    return [point for answer in answers for point in answer]


def name_of(file: str) -> str:
    """Return the name of a file for messages."""
    return "standard input" if file == "-" else file


def _overlap(one: Sequence[Point], other: Sequence[Point]) -> bool:
    first, second = sorted(([p.at for p in one], [p.at for p in other]), key=min)
    return max(first) > min(second)


def _phases(answer: Sequence[Point]) -> set[int]:
    return {point.at % BUCKET for point in answer}


def _answers_in(file: str) -> list[list[Point]]:
    name = name_of(file)
    text = _text(_content(file), name)
    try:
        answers = [list(_members(answer)) for answer in _parsed(text)]
    except _Strange as strange:
        raise Unusable(f"{name} {strange}. {RECORD}") from None
    except RecursionError:
        raise Unusable(f"{name} is nested too deeply. {RECORD}") from None
    points: list[list[Point]] = []
    number = 0
    for answer in answers:
        points.append([])
        for member in answer:
            number += 1
            try:
                points[-1].append(point_from(_canonical(member)))
            except BadData as bad:
                raise Unusable(f"{name}, data point {number}: {bad}") from None
            except RecursionError:  # of putting it into the error
                raise Unusable(f"{name}, data point {number} is no send data point") from None
    return points


def _content(file: str) -> bytes:
    name = name_of(file)
    if file == "-" and (sys.stdin is None or sys.stdin.closed):
        raise Unusable("standard input is closed, or was named before")
    try:
        with sys.stdin.buffer if file == "-" else Path(file).open("rb") as stream:
            content = stream.read(LARGEST + 1)
    except OSError as error:
        raise Unusable(f"{name} cannot be read: {error.strerror}") from None
    if len(content) > LARGEST:
        raise Unusable(f"{name} is larger than {LARGEST:,} bytes: that is not the email of three years")
    if not content.strip(b" \t\r\n\0\xff\xfe\xef\xbb\xbf"):
        raise Unusable(f"{name} is empty. {RECORD}")
    return content


_MARKS = (
    (BOM_UTF8, "utf-8-sig"),
    (BOM_UTF32_LE, "utf-32"),
    (BOM_UTF32_BE, "utf-32"),
    (BOM_UTF16_LE, "utf-16"),
    (BOM_UTF16_BE, "utf-16"),
)


def _text(content: bytes, name: str) -> str:
    """Decode any UTF, with or without a mark: PowerShell writes UTF-16."""
    encoding = next((encoding for mark, encoding in _MARKS if content.startswith(mark)), None)
    try:
        return content.decode(encoding if encoding else json.detect_encoding(content))
    except UnicodeDecodeError:
        raise Unusable(f"{name} is not text. {RECORD}") from None


def _parsed(text: str) -> Iterator[Any]:
    """Yield the answers that `text` holds, one after another."""
    stripped = text.strip()
    if stripped.startswith("SENDDATAPOINTS"):
        yield list(_columns(stripped))
    elif re.match(r"(-\s+)?\w+:(\s|$)", stripped):
        yield from _yaml(text)
    elif stripped.startswith(("[", "{", "null")):
        yield from _json(stripped)
    elif re.match(r"\d+\t\d+\t", stripped):
        raise _Strange("has columns without names")
    else:
        raise _Strange("is not JSON, nor text or YAML of the AWS CLI")


def _json(text: str) -> Iterator[Any]:
    decoder, at = json.JSONDecoder(), 0
    while at < len(text):
        try:
            answer, at = decoder.raw_decode(text, at)
        except ValueError as error:
            raise _Strange(f"is not JSON: {error}") from None
        yield answer
        while at < len(text) and text[at] in " \t\r\n,":
            at += 1


def _columns(text: str) -> Iterator[dict[str, object]]:
    """`--output text`: one line a point; a counter that SES left out is an empty column."""
    for line in text.splitlines():
        name, *values = line.rstrip("\r\n").split("\t")
        if line.strip() == "":
            continue
        if name != "SENDDATAPOINTS" or len(values) != len(_TEXT_COLUMNS):
            raise _Strange(f"has a line that is no send data point in five columns: {line[:40]!r}")
        yield {key: value for key, value in zip(_TEXT_COLUMNS, values, strict=True) if value not in ("", "None")}


_YAML = re.compile(r"(?P<indent>\s*(?:-\s+)*)(?P<key>\w+):(?:\s+(?P<value>.*))?")


def _yaml(text: str) -> Iterator[dict[str, object]]:
    """`--output yaml` and `yaml-stream`: each key on a line of its own, a point begins with a dash."""
    answer: dict[str, Any] | None = None
    for line in text.splitlines():
        if not line.strip() or line.strip() in ("---", "..."):
            continue
        found = _YAML.fullmatch(line.rstrip())
        if found is None:
            raise _Strange(f"has a line that is not YAML of the AWS CLI: {line.strip()[:40]!r}")
        key, value = found["key"], (found["value"] or "").strip()
        if _plain(key) == "senddatapoints":
            if answer is not None:
                yield answer
            answer = {"SendDataPoints": []}
            if value not in ("", "[]", "null", "~"):
                raise _Strange("has its data points on one line of YAML")
            continue
        if _plain(key) not in _FIELDS or answer is None:
            raise _Strange(f"has a key that no send data point has: {key[:40]!r}")
        if "-" in found["indent"]:
            answer["SendDataPoints"].append({})
        if not answer["SendDataPoints"] or key in answer["SendDataPoints"][-1]:
            raise _Strange("has a data point that does not begin with a dash")
        answer["SendDataPoints"][-1][key] = None if value in ("null", "~", "") else value.strip("'\"")
    if answer is not None:
        yield answer


def _members(answer: Any) -> Iterator[Any]:
    """Yield the data points of one answer, whatever it is wrapped in."""
    if answer is None:
        return
    if isinstance(answer, list):
        for member in answer:
            if isinstance(member, Mapping) and _inner(member) is not None:
                yield from _members(member)
            else:
                yield member
        return
    if not isinstance(answer, Mapping):
        raise _Strange("has no list SendDataPoints")
    inner = _inner(answer)
    if inner is not None:
        yield from _members(answer[inner])
    elif "timestamp" in {_plain(key) for key in answer}:
        yield answer
    elif answer and {_plain(key) for key in answer} <= _BESIDE:  # an account that never sent
        return
    else:
        raise _Strange("has no list SendDataPoints")


def _inner(answer: Mapping[str, Any]) -> str | None:
    """Return the key under which the answer goes on: PowerShell wraps a list into "value" and "Count"."""
    keys = {_plain(key): key for key in answer}
    for wrapper in _WRAPPERS:
        if wrapper in keys:
            return keys[wrapper]
    return keys["value"] if keys.keys() == {"value", "count"} else None


def _plain(key: str) -> str:
    """SendDataPoints, sendDataPoints and send_data_points are one key."""
    return key.replace("_", "").replace("-", "").lower()


def _canonical(member: Any) -> Any:
    """Return a data point with AWS's own names, whole numbers and an aware time; leave what is strange to `point_from`."""
    if not isinstance(member, Mapping):
        return member
    known = {_FIELDS[_plain(key)]: value for key, value in member.items() if _plain(key) in _FIELDS}
    if known.keys() <= {"Timestamp"} and len(known) < len(member):
        raise BadData(f"it has none of {', '.join(list(_FIELDS.values())[1:])}")
    point: dict[str, object] = {
        name: _number(value) for name, value in known.items() if value is not None and name != "Timestamp"
    }
    return point | {"Timestamp": _time(known.get("Timestamp"))}


def _number(value: object) -> object:
    return int(value) if isinstance(value, str) and re.fullmatch(r"[0-9]{1,12}", value) else value


_DOTNET = re.compile(r"\\?/Date\((-?\d{1,15})([+-]\d{4})?\)\\?/")
"""The time of PowerShell 5.1: milliseconds since the epoch, UTC; the offset is for show."""


def _time(value: object) -> object:
    if isinstance(value, Mapping) and "value" in value:  # PowerShell 5.1: {"value": "/Date(…)/", "DateTime": "…"}
        value = value["value"]
    if isinstance(value, str):
        found = _DOTNET.fullmatch(value)
        if found is not None:
            return _moment(int(found[1]) / 1000, value)
        value = re.sub(r" ?(UTC|GMT)$", "+00:00", value.strip())
        if not re.fullmatch(r"[0-9]{9,14}(\.[0-9]+)?", value):
            return value
        value = float(value)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return _moment(value / 1000 if abs(value) >= MILLISECONDS_FROM else value, value)
    return value


def _moment(seconds: float, value: object) -> object:
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        return value
