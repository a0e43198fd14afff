"""Every recorded form of GetSendStatistics is read and gives the same points."""

from __future__ import annotations

import io
import json
import random
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ses_reputation.core.history import Point, distinct

from cli.exit_codes import Unusable
from cli.main import main
from cli.recorded_statistics import read

COUNTERS = {"DeliveryAttempts": "attempts", "Bounces": "bounces", "Complaints": "complaints", "Rejects": "rejects"}


def moment(point: Point) -> datetime:
    return datetime.fromtimestamp(point.at, UTC)


def member(point: Point, at: Any = None, *, sparse: bool = False) -> dict[str, Any]:
    """A send data point with Amazon SES's names; `sparse` leaves zero counters out."""
    counters = {name: getattr(point, field) for name, field in COUNTERS.items()}
    kept = {name: count for name, count in counters.items() if count or not sparse}
    return {"Timestamp": moment(point).isoformat() if at is None else at} | kept


def camel(value: Any) -> Any:
    """The form that camelCase SDKs write."""
    if isinstance(value, dict):
        return {key[:1].lower() + key[1:]: camel(inner) for key, inner in value.items()}
    return [camel(inner) for inner in value] if isinstance(value, list) else value


def of_cli(points: Sequence[Point]) -> str:
    return json.dumps({"SendDataPoints": [member(point) for point in points]}, indent=4)


def of_text(points: Sequence[Point]) -> str:
    rows = [(p.bounces, p.complaints, p.attempts, p.rejects, moment(p).isoformat()) for p in points]
    return "".join("\t".join(["SENDDATAPOINTS", *map(str, row)]) + "\n" for row in rows)


def of_yaml(points: Sequence[Point], first: str = "") -> str:
    lines = [f"{first}SendDataPoints:"]
    for point in points:
        pairs = sorted(member(point).items())
        lines += [f"{'- ' if not number else '  '}{key}: {value!r}" for number, (key, value) in enumerate(pairs)]
    return "\n".join(lines) + "\n"


def of_powershell(points: Sequence[Point]) -> str:
    """ConvertTo-Json of PowerShell 5.1: dates in its own way, and one point without its list."""
    members = [member(point, f"/Date({point.at * 1000})/") for point in points]
    return json.dumps(members[0] if len(members) == 1 else members).replace("/Date", "\\/Date").replace(")/", ")\\/")


SHAPES: dict[str, Callable[[Sequence[Point]], str]] = {
    "aws cli": of_cli,
    "aws cli, text": of_text,
    "aws cli, yaml": of_yaml,
    "aws cli, yaml-stream": lambda points: of_yaml(points, "- "),
    "jq, the list alone": lambda points: json.dumps([member(point) for point in points]),
    "json lines": lambda points: "\n".join(json.dumps(member(point, sparse=True)) for point in points),
    "boto3 with default=str": lambda points: json.dumps(
        {"SendDataPoints": [member(p, str(moment(p))) for p in points], "ResponseMetadata": {"HTTPStatusCode": 200}}
    ),
    "javascript": lambda points: json.dumps(
        {"$metadata": {}, "SendDataPoints": [member(p, f"{moment(p):%Y-%m-%dT%H:%M:%S}.000Z") for p in points]}
    ),
    "java": lambda points: json.dumps(camel({"SendDataPoints": [member(p, p.at * 1000) for p in points]})),
    "ruby": lambda points: json.dumps(
        {
            "send_data_points": [
                {
                    "timestamp": f"{moment(p):%Y-%m-%d %H:%M:%S} UTC",
                    "delivery_attempts": p.attempts,
                    "bounces": p.bounces,
                    "complaints": p.complaints,
                    "rejects": p.rejects,
                }
                for p in points
            ]
        }
    ),
    "the api's own wrappers": lambda points: json.dumps(
        {
            "GetSendStatisticsResponse": {
                "GetSendStatisticsResult": {"SendDataPoints": [member(p, p.at) for p in points]},
                "ResponseMetadata": {"RequestId": "x"},
            }
        }
    ),
    "xml turned into json": lambda points: json.dumps(
        {
            "GetSendStatisticsResult": {
                "SendDataPoints": {"member": [{k: str(v) for k, v in member(p).items()} for p in points]}
            }
        }
    ),
    "nulls": lambda points: json.dumps(
        {"SendDataPoints": [{k: v if v else None for k, v in member(p).items()} for p in points]}
    ),
    "powershell 5.1": of_powershell,
    "powershell 5.1, a wrapped list": lambda points: json.dumps(
        {
            "value": [member(p, {"value": f"/Date({p.at * 1000}+0100)/", "DateTime": "Montag"}) for p in points],
            "Count": len(points),
        }
    ),
    "two answers in one file": lambda points: of_cli(points[:2]) + "\n" + of_cli(points[1:]),
    "two answers in text": lambda points: of_text(points[:2]) + "\n" + of_text(points[1:]),
    "two answers in yaml": lambda points: of_yaml(points[:2]) + of_yaml(points[1:]),
    "two answers in one list": lambda points: f"[{of_cli(points[:2])}, {of_cli(points[1:])}]",
}

POINTS = st.lists(
    st.builds(
        Point,
        st.integers(1_300_000_000 // 900, 1_900_000_000 // 900).map(lambda slot: slot * 900 + 420),
        st.integers(0, 10**6),
        *[st.integers(0, 10**4)] * 3,
    ),
    min_size=1,
    max_size=6,
    unique_by=lambda point: point.at,
)


@pytest.mark.parametrize("shape", SHAPES)
@given(points=POINTS, encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-le"]), crlf=st.booleans())
def test_every_shape_gives_the_same_points(shape: str, points: list[Point], encoding: str, crlf: bool) -> None:
    text = SHAPES[shape](points)
    file = Path("stats.txt")
    if encoding == "utf-16-le" and "\t" in text:
        encoding = "utf-16"  # without a byte order mark only JSON is recognised
    file.write_bytes((text.replace("\n", "\r\n") if crlf else text).encode(encoding))
    assert distinct(read([str(file)])) == distinct(points)


@given(points=POINTS, cut=st.integers(0, 6), seed=st.integers(0, 99))
def test_several_files_are_joined_in_any_order(points: list[Point], cut: int, seed: int) -> None:
    parts = [points[:cut], points[max(0, cut - 1) :]]
    random.Random(seed).shuffle(parts)
    for number, part in enumerate(parts):
        Path(f"{number}.json").write_text(of_cli(part))
    assert distinct(read(["0.json", "1.json"])) == distinct(points)


@pytest.mark.parametrize(
    "nothing",
    [
        "[]",
        "null",
        '{"SendDataPoints": []}',
        '{"SendDataPoints": null}',
        '{"ResponseMetadata": {}}',
        "SendDataPoints: []\n",
    ],
)
def test_an_account_without_email_is_no_error(nothing: str) -> None:
    Path("stats.json").write_text(nothing)
    assert read(["stats.json"]) == []


AT = '"Timestamp": "2025-02-04T10:30:00Z"'


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("0\t0\t5\t0\t2025-02-04T10:30:00+00:00\n", "columns without names"),
        ("SENDDATAPOINTS\t0\t5\t2025-02-04T10:30:00+00:00\n", "in five columns"),
        ("SENDDATAPOINTS\t0\t0\t5\t0\t2025-02-04T10:30:00Z\nMETRICS\t1\n", "in five columns"),
        ("|  GetSendStatistics  |\n", "is not JSON, nor text or YAML"),
        ("Datapoints:\n- Timestamp: '2025-02-04T10:30:00Z'\n", "a key that no send data point has"),
        ("SendDataPoints:\n  Timestamp: '2025-02-04T10:30:00Z'\n", "does not begin with a dash"),
        ("SendDataPoints: [{Bounces: 1}]\n", "on one line of YAML"),
        ("SendDataPoints:\n- &a x\n", "a line that is not YAML"),
        ("<GetSendStatisticsResponse/>", "is not JSON, nor text or YAML"),
        (f'[{{{AT}, "DeliveryAttempts": 1}}] trailing', "is not JSON"),
        (f'[{{{AT}, "DeliveryAttempts": 1.5}}]', "DeliveryAttempts is 1.5"),
        (f'[{{{AT}, "Sum": 1.0, "Unit": "Count"}}]', "it has none of DeliveryAttempts, Bounces"),
        ('[{"Timestamp": "04/02/2025 10:30:00", "Bounces": 1}]', "not an ISO 8601 time"),
        ('[{"Timestamp": "2025-02-04T10:30:00", "Bounces": 1}]', "has no time zone"),
        ('[{"Timestamp": 1e300, "Bounces": 1}]', "Timestamp is 1e+300"),
        ('[{"Timestamp": true, "Bounces": 1}]', "Timestamp is True"),
        ('{"Error": {"Code": "AccessDenied"}}', "has no list SendDataPoints"),
    ],
)
def test_ambiguous_input_is_refused_in_one_line(content: str, says: str) -> None:
    Path("stats.json").write_text(content)
    with pytest.raises(Unusable) as caught:
        read(["stats.json"])
    assert says in str(caught.value) and "\n" not in str(caught.value)
    if "data point 1" not in str(caught.value):
        assert "--output json" in str(caught.value)


def test_answers_of_two_accounts_are_not_added_up() -> None:
    start = 1_760_000_000 // 900 * 900
    for phase in (0, 420):
        Path(f"{phase}.json").write_text(of_cli([Point(start + phase + 900 * i, 10) for i in range(5)]))
    with pytest.raises(Unusable, match="different accounts or regions"):
        read(["0.json", "420.json"])


def test_answers_with_different_bucket_starts_are_joined() -> None:
    start = 1_760_000_000 // 900 * 900
    Path("a.json").write_text(of_cli([Point(start + 900 * i, 10) for i in range(5)]))
    Path("b.json").write_text(of_cli([Point(start + 9_000 + 420 + 900 * i, 10) for i in range(5)]))
    assert len(read(["a.json", "b.json"])) == 10


def test_standard_input_is_read_once(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    answer = json.dumps({"SendDataPoints": [{"Timestamp": "2026-01-01T00:00:00Z", "DeliveryAttempts": 1}]})
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(answer.encode())))
    assert main(["replay", "-", "-"]) == 2
    assert "standard input is closed, or was named before" in capsys.readouterr().err
