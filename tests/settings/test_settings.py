"""Valid settings, and how invalid ones are refused."""

from __future__ import annotations

import sys
import tomllib
import zoneinfo
from dataclasses import FrozenInstanceError
from datetime import UTC
from math import inf
from pathlib import Path

import pytest
from ses_reputation.core.checks import ALL
from ses_reputation.core.evaluation import Evaluator
from ses_reputation.core.history import BUCKET, Point, history_from
from ses_reputation.core.rates import Window
from ses_reputation.core.rules import (
    Calm,
    Rule,
    Severity,
    Threshold,
    While,
    default_bounce_policy,
    default_complaint_policy,
    default_policy,
)
from ses_reputation.settings import FORMAT, Settings, SettingsError, load, parse, read
from ses_reputation.settings.table import Table

from cli.settings_reference import PAGE, PLAIN, SAMPLE, as_toml, page

SHIPPED = Path(__file__).parents[2] / "settings.toml"
RECIPIENT = '[alerts]\nemails = ["oncall@mail.test"]\n'


def refused(text: str) -> SettingsError:
    with pytest.raises(SettingsError) as caught:
        parse(text)
    return caught.value


def with_recipient(text: str) -> Settings:
    return parse(RECIPIENT + text)


def test_the_shipped_file_has_the_defaults_except_recipients() -> None:
    shipped, defaults = load(SHIPPED), with_recipient("")
    assert (shipped.targets, shipped.policy, shipped.deployment) == (
        defaults.targets,
        defaults.policy,
        defaults.deployment,
    )
    assert (shipped.alerts.timezone, shipped.alerts.runbook_url) == ("UTC", "")
    assert defaults.policy == default_policy()


def test_the_shipped_file_has_every_common_key_with_a_comment() -> None:
    file = Table({})
    read(file)
    expected = [
        (table.path, key)
        for table in file.tables
        for key in table.keys
        if table.path and key not in ("warning_min", "rules", "calm")
    ]
    text = SHIPPED.read_text()
    shipped = tomllib.loads(text)
    assert shipped.pop("version") == FORMAT
    assert sorted(expected) == sorted((table, key) for table, keys in shipped.items() for key in keys)
    uncommented = [line for line in text.splitlines() if " = " in line and "#" not in line]
    assert uncommented == []


def test_the_reference_page_is_up_to_date() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run: python -m cli.settings_reference"


def test_every_key_of_the_reference_has_a_meaning() -> None:
    file = Table(SAMPLE)
    read(file)
    assert [problem.key for problem in file.problems] == ["alerts.emails"]
    assert all(key.meaning and key.accepted for table in file.tables for key in table.keys.values())


@pytest.mark.parametrize(
    "table",
    ['[slack]\nwebhook_parameter = "/ses/slack"', '[chat]\nworkspace_id = "T0123ABCD"\nchannel_id = "C0123ABCD"'],
)
def test_with_slack_no_email_address_is_needed(table: str) -> None:
    assert parse(table).alerts.emails == ()


def test_the_default_rules_of_the_reference_are_the_default_rules() -> None:
    assert with_recipient("\n".join(map(as_toml, default_policy().metrics))).policy == default_policy()


def test_a_plain_rule_takes_two_lines() -> None:
    assert len(PLAIN.splitlines()) == 2
    bounce = with_recipient(PLAIN).policy.bounce
    mine = Rule("24 h", Severity.WARNING, Window(hours=24), Threshold(0.03), min_events=5, min_emails=500)
    critical = tuple(rule for rule in default_policy().bounce.rules if rule.severity is Severity.CRITICAL)
    assert bounce.rules == (mine, *critical)
    assert len(critical) == 2
    assert bounce.calm == default_policy().bounce.calm


def test_your_own_rules_replace_defaults_of_their_severity_only() -> None:
    default = default_policy().complaint.rules
    complaint = with_recipient(
        '[complaint]\nrules = [{ hours = 24, above = 0.002, severity = "critical" }]'
    ).policy.complaint
    mine = Rule("24 h critical", Severity.CRITICAL, Window(hours=24), Threshold(0.002), min_events=4, min_emails=100)
    assert complaint.rules == (mine, *(rule for rule in default if rule.severity is Severity.WARNING))


def test_one_bounce_of_eight_emails_is_no_warning_under_your_own_rule() -> None:
    bounce = with_recipient("[bounce]\nrules = [{ hours = 24, above = 0.03 }]").policy.bounce
    history = history_from([Point(0, 8, 1)], until=BUCKET)
    assert history is not None
    assert Evaluator(history, bounce).at(BUCKET).found == ()


def test_the_name_of_a_default_rule_is_taken() -> None:
    (problem,) = refused(
        f'{RECIPIENT}[bounce]\nrules = [{{ name = "aws-estimate", hours = 1, above = 0.03 }}]'
    ).problems
    assert (problem.key, problem.value) == ("bounce.rules", "two named aws-estimate")


def test_unusual_and_the_lowest_warning_are_settings() -> None:
    policy = with_recipient("[bounce]\nunusual = 0\n[complaint]\nunusual = 3\nwarning_min = 0.0004").policy
    assert policy.bounce == default_bounce_policy(0.03, 0.05, 0.0)
    assert policy.complaint == default_complaint_policy(0.0008, 0.001, 3.0, 0.0004)


def test_your_own_rule_can_do_what_default_rules_do() -> None:
    policy = with_recipient(
        """
        [[complaint.rules]]
        name = "mine"
        severity = "critical"
        emails = 1000
        share_of_day = 0.5
        times_usual = 2
        above_at_least = 0.0004
        above_at_most = 0.0008
        confidence = 2
        min_events = 4
        min_emails = 100
        while = { hours = 24, share_of_threshold = 0.7 }
        [[complaint.rules]]
        hours = 6
        severity = "critical"
        above = 0.002
        while = { emails = 300, above = 0.001 }
        [[complaint.rules]]
        hours = 3
        times_usual = 3
        above_at_least = 0.0003
        own_worst = false
        [[complaint.calm]]
        hours = 48
        at_most = 0.0002
        times_usual = 1.5
        """
    ).policy.complaint
    going_on = While(Window(hours=24), share_of_threshold=0.7)
    assert policy.rules == (
        Rule(
            "mine",
            Severity.CRITICAL,
            Window(emails=1000, share_of_day=0.5),
            Threshold(0.0008, 0.0004, 2.0),
            2.0,
            4,
            100,
            going_on,
        ),
        Rule(
            "6 h critical",
            Severity.CRITICAL,
            Window(hours=6),
            Threshold(0.002),
            0.0,
            4,
            100,
            While(Window(emails=300), above=0.001),
        ),
        Rule("3 h", Severity.WARNING, Window(hours=3), Threshold(inf, 0.0003, 3.0, own_worst=False), 0.0, 4, 100),
    )
    assert policy.calm == (Calm(Window(hours=48), 0.0002, 1.5),)


def test_all_default_rules_scale_with_the_two_thresholds() -> None:
    policy = with_recipient("[bounce]\nwarning = 0.015\ncritical = 0.025").policy
    assert policy == default_policy(bounce_warning=0.015, bounce_critical=0.025)


def test_a_stage_is_a_suffix_of_resource_names() -> None:
    plain, staged = with_recipient(""), with_recipient('[deployment]\nstage = "prod"')
    assert (plain.stack_name, plain.metric_namespace) == ("SesReputation", "SesReputation")
    assert (staged.stack_name, staged.metric_namespace) == ("SesReputation-prod", "SesReputation/prod")


def test_settings_cannot_be_changed_and_can_be_compared() -> None:
    settings = with_recipient("")
    with pytest.raises(FrozenInstanceError):
        settings.alerts.emails = ()  # type: ignore[misc]
    assert settings == with_recipient("")
    assert hash(settings) == hash(with_recipient(""))


@pytest.mark.parametrize(
    "regions",
    [
        ["eu-west-1", "us-east-1", "ap-northeast-3", "ap-southeast-7", "mx-central-1", "il-central-1"],
        ["cn-north-1", "cn-northwest-1"],
        ["us-gov-west-1", "us-gov-east-1"],
    ],
)
def test_the_regions_of_three_partitions_are_accepted(regions: list[str]) -> None:
    assert with_recipient(f"[targets]\nregions = {regions}").targets.regions == tuple(regions)


@pytest.mark.parametrize("region", ["us-isob-east-1", "us-iso-west-1", "eu-isoe-west-1", "eusc-de-east-1"])
def test_an_unknown_partition_is_refused(region: str) -> None:
    (problem,) = refused(f'{RECIPIENT}[targets]\nregions = ["{region}"]').problems
    assert problem.accepted == "a region of AWS, AWS China or AWS GovCloud (US)"


@pytest.mark.parametrize(
    "email", ["a@b.de", "first.last+ses@mail.example-corp.co.uk", "o'neil@xn--bcher-kva.ch", "a@1.2.museum"]
)
def test_usual_addresses_are_accepted(email: str) -> None:
    assert parse(f'[alerts]\nemails = ["{email}"]').alerts.emails == (email,)


def test_example_recipients_are_recognised() -> None:
    emails = ["oncall@example.com", "a@mail.Example.org", "a@b.example", "a@b.invalid", "a@myexample.com"]
    assert parse(f"[alerts]\nemails = {emails}").alerts.example_recipients == tuple(emails[:4])
    assert load(SHIPPED).alerts.example_recipients == ("oncall@example.com",)
    assert with_recipient("").alerts.example_recipients == ()


WRONG = dict(
    block.removeprefix("# ").split("\n", 1)
    for block in (Path(__file__).parent / "settings_wrong.txt").read_text(encoding="utf-8").split("\n\n")
)
"""Invalid files by their fault, each with its error. A file without a recipient gets one; EVERY-CHECK stands for the names of all."""

EVERY_CHECK = ", ".join(f'"{check.name}"' for check in ALL)


@pytest.mark.parametrize("case", WRONG.values(), ids=WRONG)
def test_a_wrong_setting_is_refused_with_a_helpful_message(case: str) -> None:
    text, words = case.rstrip("\n").split("\n>>>\n")
    error = refused(text if "[alerts]" in text else RECIPIENT + text)
    assert str(error) == f"settings.toml has 1 problem:\n{words.replace('EVERY-CHECK', EVERY_CHECK)}"


def test_a_very_long_number_is_refused_briefly() -> None:
    (problem,) = refused(f"{RECIPIENT}[bounce]\nwarning = 1{'0' * 400}").problems
    assert problem.value == "a number of 1,329 bits"


@pytest.mark.parametrize(("own", "most"), [("", 49), ('Application = "x"\n', 50)])
def test_more_tags_than_aws_takes_are_refused(own: str, most: int) -> None:
    tags = [f't{number} = "x"\n' for number in range(50)]
    fits = "".join(tags[: most - bool(own)])
    assert len(with_recipient(f"[deployment.tags]\n{own}{fits}").deployment.tags) == most
    (problem,) = refused(f"{RECIPIENT}[deployment.tags]\n{own}{fits}more = 'x'").problems
    assert (problem.key, problem.value) == ("deployment.tags", f"{most + 1} tags")


def test_one_error_lists_every_problem() -> None:
    text = f"{RECIPIENT}[bounce]\nwarning = 5\n[complaint]\ncritical = 0.1\n[deployment]\nstage = 1\n[slac]"
    error = refused(text)
    assert [problem.key for problem in error.problems] == [
        "bounce.warning",
        "complaint.critical",
        "deployment.stage",
        "slac",
    ]
    assert str(error).startswith("settings.toml has 4 problems:\n")
    assert all(str(problem) in str(error) for problem in error.problems)


def test_an_error_does_not_repeat_the_recipients() -> None:
    assert "oncall@mail.test" not in str(refused(RECIPIENT + "[bounce]\nwarning = 5\n[slac]"))


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"[alerts]\nemails = [\n", "not TOML: Invalid value (at end of document)"),
        (b"[alerts]\nemails = oncall", "not TOML: Invalid value (at line 2, column 10)"),
        (
            b"[bounce]\nwarning = 1\nwarning = 2\n",
            "not TOML: Cannot overwrite a value (at line 3, column 12)",
        ),
        (b'[alerts]\nrunbook_url = "\xfc"', "not UTF-8 text, from byte 24 on"),
        (b"a = " + b"[" * 100_000, "not TOML: nested too deeply"),
        (b"a = " + b"1" * 5_000, "not TOML: "),
    ],
    ids=["unclosed", "no quotes", "twice", "another encoding", "deeply nested", "thousands of digits"],
)
def test_invalid_toml_is_refused_with_the_place(content: bytes, reason: str, tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_bytes(content)
    with pytest.raises(SettingsError) as caught:
        load(file)
    (problem,) = caught.value.problems
    assert problem.key == "file"
    assert problem.value.startswith(reason)
    assert str(caught.value).startswith(f"{file} has 1 problem:\n")


def test_an_unreadable_file_is_refused(tmp_path: Path) -> None:
    for path, reason in ((tmp_path / "none.toml", "No such file or directory"), (tmp_path, "Is a directory")):
        with pytest.raises(SettingsError, match=f"cannot be read: {reason}"):
            load(path)


def test_a_file_from_a_windows_editor_is_read(tmp_path: Path) -> None:
    file = tmp_path / "settings.toml"
    file.write_bytes(b"\xef\xbb\xbf" + RECIPIENT.replace("\n", "\r\n").encode())
    assert load(file) == with_recipient("")


def test_times_are_in_the_zone_asked_for() -> None:
    assert str(parse(RECIPIENT + 'timezone = "Asia/Kathmandu"').alerts.zone) == "Asia/Kathmandu"
    assert with_recipient("").alerts.zone is UTC


def test_without_time_zone_data_times_are_in_utc(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for module in [name for name in sys.modules if name.split(".")[0] == "tzdata"]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, "tzdata", None)
    zoneinfo.reset_tzpath(to=[])
    zoneinfo.ZoneInfo.clear_cache()
    try:
        alerts = parse(RECIPIENT + 'timezone = "Europe/Berlin"').alerts
        assert (alerts.timezone, alerts.zone) == ("Europe/Berlin", UTC)
        assert refused(RECIPIENT + 'timezone = "CET+1 Paris"').problems[0].key == "alerts.timezone"
    finally:
        zoneinfo.reset_tzpath()


def test_a_file_of_another_format_is_refused() -> None:
    (problem,) = refused("version = 2\n" + RECIPIENT).problems
    assert (problem.key, problem.accepted) == ("version", "one of 1")
