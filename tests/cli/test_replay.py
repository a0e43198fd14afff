"""`ses-reputation replay` for people and for programs."""

from __future__ import annotations

import io
import json
import os
import random
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cli import recorded_statistics as record
from cli.main import main

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "bad-list.json"


SCHEMA = set(
    json.loads((ROOT / "docs" / "notification.schema.json").read_text())["$defs"]["notification"]["properties"]
)
ENVIRONMENT = os.environ | {"PYTHONPATH": f"{ROOT}:{ROOT / 'lambda'}"}


def lines(capsys: pytest.CaptureFixture[str], *arguments: str) -> list[dict[str, Any]]:
    assert main(["replay", *arguments, "--json"]) == 0
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_as_json_there_is_one_object_for_each_notification_and_nothing_else(
    capsys: pytest.CaptureFixture[str],
) -> None:
    sent = lines(capsys, str(EXAMPLE))
    assert [(a["metric"], a["reason"], a["severity"]) for a in sent if a["kind"] == "firing"] == [
        ("bounce", "opened", "warning"),
        ("complaint", "opened", "warning"),
        ("bounce", "escalated", "critical"),
        ("complaint", "escalated", "critical"),
    ]
    for notification in sent:
        assert notification["kind"] in ("firing", "reminder", "resolved")
        assert notification["at"].endswith("+00:00")
        assert {"rule", "events", "emails", "threshold", "bound"} <= set(notification["numbers"])
        assert set(notification) <= SCHEMA


def test_a_report_for_people_shows_messages_and_headroom(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["replay", str(EXAMPLE)]) == 0
    printed = capsys.readouterr().out
    assert "These settings would have sent" in printed and "CRITICAL" in printed
    assert printed.count("review threshold: ") == 2 and "bounces left" in printed


def test_order_and_repetition_change_nothing(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    points = json.loads(EXAMPLE.read_text())["SendDataPoints"]
    mixed = points + points[::3]
    random.Random(4).shuffle(mixed)
    (tmp_path / "mixed.json").write_text(json.dumps(mixed))
    assert lines(capsys, "mixed.json") == lines(capsys, str(EXAMPLE))


def test_cutting_the_history_anywhere_changes_nothing_before_the_cut(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    points = sorted(json.loads(EXAMPLE.read_text())["SendDataPoints"], key=lambda point: point["Timestamp"])
    whole = lines(capsys, str(EXAMPLE))
    for cut in range(40, len(points), 97):
        (tmp_path / "cut.json").write_text(json.dumps({"SendDataPoints": points[:cut]}))
        sent = lines(capsys, "cut.json")
        last = points[cut - 1]["Timestamp"]
        assert sent == [a for a in whole if a["at"] <= sent[-1]["at"]] if sent else True
        assert [a for a in whole if a["at"] <= last] == [a for a in sent if a["at"] <= last]


def test_a_dash_reads_standard_input(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(EXAMPLE.read_bytes())))
    assert lines(capsys, "-") == lines(capsys, str(EXAMPLE))


@pytest.mark.parametrize("answer", ["[]", '{"SendDataPoints": []}'])
def test_statistics_without_email_are_usable_and_reported(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, answer: str
) -> None:
    (tmp_path / "empty.json").write_text(answer)
    assert main(["replay", "empty.json"]) == 0
    assert capsys.readouterr().out == (
        "No email in these statistics: nothing to evaluate. SES counts by region: record them with --region.\n"
    )
    assert main(["replay", "empty.json", "--json"]) == 0
    assert capsys.readouterr().out == ""


POINT = '{"Timestamp": "2025-02-04T10:30:00Z", "DeliveryAttempts": %s}'


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (None, "cannot be read"),
        (b"", "is empty"),
        (b" \n", "is empty"),
        (b'[{"Timestamp": "0001-01-01T00:00:00+14:00"}]', "a time before 1970 or after 2100"),
        (b'[{"Timestamp": "9999-12-31T23:59:00Z"}]', "a time before 1970 or after 2100"),
        (b'{"SendDataPoints": [{"Timestamp": [[[[]]]]}]}', "not a time"),
        (b"hello", "is not JSON"),
        (b"\xff\xfe\x00\xd8", "is not text"),
        (b"[" * 100_000, "nested too deeply"),
        (b"7", "is not JSON"),
        (b'{"Datapoints": []}', "has no list SendDataPoints"),
        (b'{"SendDataPoints": {"x": 1}}', "has no list SendDataPoints"),
        (b"[7]", "data point 1: a send data point is 7"),
        (b'[{"DeliveryAttempts": 5}]', "data point 1: Timestamp is missing"),
        (b'[{"Timestamp": "noon"}]', "Timestamp is 'noon', not an ISO 8601 time"),
        (b'[{"Timestamp": "2025-02-04T10:30:00"}]', "has no time zone"),
        ((POINT % "-1").join("[]").encode(), "DeliveryAttempts is -1"),
        ((POINT % '"many"').join("[]").encode(), "DeliveryAttempts is 'many'"),
        ((POINT % "1e300").join("[]").encode(), "DeliveryAttempts is"),
        (f'[{POINT % 1}, {{"Timestamp": "1970-01-01T00:00:00Z"}}]'.encode(), "more than three years"),
    ],
)
def test_unusable_input_is_one_clear_line_and_exit_code_2(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, content: bytes | None, says: str
) -> None:
    if content is not None:
        (tmp_path / "stats.json").write_bytes(content)
    assert main(["replay", "stats.json", "--json"]) == 2
    printed = capsys.readouterr()
    assert printed.out == "" and says in printed.err and len(printed.err.splitlines()) == 1


def test_the_account_and_region_are_the_named_ones(capsys: pytest.CaptureFixture[str]) -> None:
    sent = lines(capsys, str(EXAMPLE), "--account", "123456789012", "--region", "eu-west-1")
    assert {(a["account"], a["region"]) for a in sent} == {("123456789012", "eu-west-1")}


@pytest.mark.parametrize("account", ["", "shop", "12345678901", "12345678901x", "1234567890123", "123456789012\n"])
def test_a_malformed_account_is_refused(capsys: pytest.CaptureFixture[str], account: str) -> None:
    assert main(["replay", str(EXAMPLE), "--account", account]) == 2
    assert "an account has 12 digits" in capsys.readouterr().err


def test_each_alert_says_how_much_earlier_than_aws_it_came(capsys: pytest.CaptureFixture[str]) -> None:
    main(["replay", str(EXAMPLE)])
    assert (
        "Bounces: critical 12 h 15 min after the warning, AWS's review threshold reached 13 h 30 min after the first notification"
    ) in capsys.readouterr().out


def test_the_replay_page_shows_the_real_output(capsys: pytest.CaptureFixture[str]) -> None:
    main(["replay", str(EXAMPLE)])
    printed = capsys.readouterr().out.splitlines()
    shown = (ROOT / "docs" / "replay.md").read_text().split("```")[1].strip("\n").splitlines()
    assert len(shown) == 6 and all(line in printed for line in shown if line != "  ...")


def test_the_replay_page_names_existing_keys(capsys: pytest.CaptureFixture[str]) -> None:
    [paragraph] = re.findall(r"^`--json` .*?\n\n", (ROOT / "docs" / "replay.md").read_text(), re.DOTALL | re.MULTILINE)
    named = re.findall(r"`([a-z_]+)`", paragraph)
    assert named and set(named) <= set(lines(capsys, str(EXAMPLE))[0])


def test_it_says_which_settings_were_used(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["replay", str(EXAMPLE)]) == 0
    assert "  settings      the built-in rules: there is no settings.toml here\n" in capsys.readouterr().out
    (tmp_path / "settings.toml").write_text('[alerts]\nemails = ["a@b.de"]\n')
    assert main(["replay", str(EXAMPLE)]) == 0
    assert "  settings      settings.toml\n" in capsys.readouterr().out
    assert main(["replay", str(EXAMPLE), "--settings", str(tmp_path / "settings.toml")]) == 0
    assert "settings.toml" in capsys.readouterr().out


def test_without_a_region_commands_have_a_placeholder(capsys: pytest.CaptureFixture[str]) -> None:
    assert "--region REGION " in lines(capsys, str(EXAMPLE))[0]["command"]["text"]
    assert "--region eu-west-1 " in lines(capsys, str(EXAMPLE), "--region", "eu-west-1")[0]["command"]["text"]


@pytest.mark.parametrize(
    ("emails", "says"),
    [
        (
            None,
            "There are 720 bounces, but DeliveryAttempts is null, 0 or missing in each data point. Record it with: ",
        ),
        (0, "There are 720 bounces, but DeliveryAttempts is null, 0 or missing in each data point. Record it with: "),
        (2, "WARNING: more bounces (720) than emails (480): are the columns mixed up?"),
        (3, ""),
    ],
)
def test_impossible_counts_are_reported(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, emails: int | None, says: str
) -> None:
    points = [
        {"Timestamp": f"2026-01-{day:02}T{hour:02}:00:00Z", "DeliveryAttempts": emails, "Bounces": 3}
        for day in range(1, 11)
        for hour in range(24)
    ]
    (tmp_path / "strange.json").write_text(json.dumps(points))
    assert main(["replay", "strange.json"]) == 0
    printed = " ".join(capsys.readouterr().out.split())
    assert says in printed and ("WARNING: more" in printed) == (emails == 2)


def test_a_healthy_fortnight_has_no_message(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    points = [
        {"Timestamp": f"2026-01-{day:02}T{hour:02}:00:00Z", "DeliveryAttempts": 500, "Bounces": 3}
        for day in range(1, 15)
        for hour in range(24)
    ]
    (tmp_path / "healthy.json").write_text(json.dumps(points))
    assert main(["replay", "healthy.json", "--plot", "healthy.svg"]) == 0
    assert "These settings would have sent no notification." in capsys.readouterr().out
    assert (tmp_path / "healthy.svg").read_text().startswith("<?xml")


def test_without_email_no_picture_is_drawn_and_it_says_so(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "stats.json").write_text('[{"Timestamp": "2025-02-04T10:30:00Z"}]')
    assert main(["replay", "stats.json", "--json", "--plot", "picture.png"]) == 0
    printed = capsys.readouterr()
    assert printed.out == "" and "no picture" in printed.err and not (tmp_path / "picture.png").exists()


def test_a_full_disk_is_one_clear_line_and_exit_code_2() -> None:
    command = f"{sys.executable} -m cli.main replay {EXAMPLE} > /dev/full"
    done = subprocess.run(["sh", "-c", command], cwd=ROOT, env=ENVIRONMENT, capture_output=True, text=True, check=False)
    assert done.returncode == 2 and done.stderr == "the output cannot be written: No space left on device\n"


def test_no_more_modules_are_imported_than_needed() -> None:
    script = "import sys; from cli.main import main; main(['replay', sys.argv[1], '--json']); print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", script, str(EXAMPLE)],
        cwd=ROOT,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert not {"boto3", "botocore", "matplotlib", "numpy", "rich"} & set(done.stdout.splitlines()[-1].split())


def test_a_closed_standard_input_is_reported(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", None)
    assert main(["replay", "-"]) == 2
    assert capsys.readouterr().err == "standard input is closed, or was named before\n"


def test_an_endless_file_is_not_read_to_its_end(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(record, "LARGEST", 1_000)
    assert main(["replay", "/dev/zero"]) == 2
    assert "is larger than 1,000 bytes" in capsys.readouterr().err


def test_a_folder_is_refused_as_statistics(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["replay", "."]) == 2
    assert "cannot be read" in capsys.readouterr().err


def test_an_override_applies_to_its_region_only(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    own = tmp_path / "own.toml"
    lax = "{ warning = 0.08, critical = 0.09, unusual = 0 }"
    own.write_text(f'[alerts]\nemails = ["a@b.de"]\n[[overrides]]\nregions = ["eu-north-1"]\nbounce = {lax}\n')
    there, elsewhere = (
        lines(capsys, str(EXAMPLE), "--settings", str(own), "--region", region)
        for region in ("eu-north-1", "eu-west-1")
    )
    first = [next(a["numbers"]["threshold"] for a in sent if a["metric"] == "bounce") for sent in (there, elsewhere)]
    assert first[0] > first[1]


def test_wrong_settings_are_reported_before_the_replay(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "settings.toml").write_text("[bounce]\nwarning = 5\n")
    assert main(["replay", str(EXAMPLE)]) == 2
    assert "0.05" in capsys.readouterr().err


def test_the_replay_uses_your_own_rules(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_text(
        '[alerts]\nemails = ["oncall@mail.test"]\n[bounce]\nrules = [{ hours = 24, above = 0.03, min_emails = 500 }]\n'
    )
    sent = lines(capsys, str(EXAMPLE), "--settings", "own.toml")
    assert {a["numbers"]["rule"] for a in sent if a["metric"] == "bounce" and a["kind"] == "firing"} == {
        "24 h",
        "aws-estimate",  # critical: a rule of your own replaces those of its severity
    }


def test_the_picture_is_written(tmp_path: Path) -> None:
    assert main(["replay", str(EXAMPLE), "--plot", "picture.png"]) == 0
    assert (tmp_path / "picture.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("file", ["no/such/folder/x.png", "picture.what"])
def test_a_picture_that_cannot_be_written_is_one_clear_line(capsys: pytest.CaptureFixture[str], file: str) -> None:
    assert main(["replay", str(EXAMPLE), "--plot", file]) == 2
    printed = capsys.readouterr()
    assert printed.out == "" and len(printed.err.splitlines()) == 1


def test_closing_the_report_early_is_no_error() -> None:
    command = f"{sys.executable} -m cli.main replay {EXAMPLE} | exec 0<&-; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(
        ["bash", "-c", command], cwd=ROOT, env=ENVIRONMENT, capture_output=True, text=True, check=False
    )
    assert (done.stdout, done.stderr) == ("0\n", "")


def test_closing_the_output_early_is_no_error() -> None:
    command = f"{sys.executable} -m cli.main replay {EXAMPLE} --json | head -1"
    done = subprocess.run(["sh", "-c", command], cwd=ROOT, env=ENVIRONMENT, capture_output=True, text=True, check=False)
    assert done.stderr == "" and json.loads(done.stdout)["reason"] == "opened"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["SendDataPoints", "Timestamp", "Bounces", "x"]), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(content=st.binary(max_size=60))
def test_any_bytes_are_reported_or_refused(content: bytes) -> None:
    Path("fuzz.json").write_bytes(content)
    assert main(["replay", "fuzz.json", "--json"]) in (0, 2)


POINTS = st.lists(
    st.fixed_dictionaries(
        {"Timestamp": st.datetimes(timezones=st.timezones()).map(lambda at: at.isoformat()) | st.text(max_size=8)},
        optional={name: st.integers(-1, 10**9) for name in ("DeliveryAttempts", "Bounces", "Complaints", "Rejects")},
    ),
    max_size=3,
)


@given(points=POINTS)
def test_any_points_are_reported_or_refused(points: list[dict[str, Any]]) -> None:
    Path("fuzz.json").write_text(json.dumps(points))
    assert main(["replay", "fuzz.json"]) in (0, 2)


@settings(max_examples=150)
@given(answer=JSON)
def test_any_json_is_reported_or_refused(answer: Any) -> None:
    file = Path("fuzz.json")
    file.write_text(json.dumps(answer))
    assert main(["replay", str(file), "--json"]) in (0, 2)
