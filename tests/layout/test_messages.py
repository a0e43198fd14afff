"""Every message in every channel, made by the real core, kept as files to read.

After a change of words: `UPDATE_GOLDEN=1 pytest tests/layout/test_messages.py`, then read the files.
"""

from __future__ import annotations

import json
import os
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from ses_reputation.core.checks import ALL, BY_NAME
from ses_reputation.core.notification import attributes, envelope, problem_of
from ses_reputation.layout.email import SUBJECT, WIDTH, email

from cli.messages_page import PAGE, page
from cli.preview import CHANNELS, Sent, shown
from cli.samples import SAMPLES
from local_aws.slack import problems
from tests.layout.stories import CONTEXT, STORIES, documents

GOLDEN = Path(__file__).parent / "golden"
DOCS = Path(__file__).parents[2] / "docs"
SCHEMA = json.loads((DOCS / "notification.schema.json").read_text(encoding="utf-8"))
AMAZON_Q = Draft202012Validator(json.loads((Path(__file__).parent / "custom-notification.schema.json").read_text()))


def closed(schema: Any) -> Any:
    """`schema` with no additional properties in any object."""
    if isinstance(schema, list):
        return [closed(member) for member in schema]
    if not isinstance(schema, dict):
        return schema
    inner = {name: closed(value) for name, value in schema.items()}
    return inner | {"additionalProperties": False} if schema.get("type") == "object" else inner


VALIDATOR = Draft202012Validator(closed(SCHEMA), format_checker=Draft202012Validator.FORMAT_CHECKER)


@pytest.mark.parametrize("name", SAMPLES)
def test_every_message_happens_with_the_default_settings(name: str) -> None:
    assert documents(name)


@pytest.mark.parametrize("name", SAMPLES)
def test_a_message_reads_in_every_channel_as_its_golden_file(name: str) -> None:
    made = "\n".join(shown(name, Sent(documents(name), CONTEXT, "here"), list(CHANNELS))).replace("\u00a0", " ")
    golden = GOLDEN / f"{name}.txt"
    if "UPDATE_GOLDEN" in os.environ:
        golden.parent.mkdir(exist_ok=True)
        golden.write_text(made, encoding="utf-8")
    assert made == golden.read_text(encoding="utf-8")


def test_every_golden_file_has_a_message() -> None:
    assert {path.stem for path in GOLDEN.iterdir()} == set(SAMPLES)


def test_the_page_of_all_messages_is_up_to_date() -> None:
    made = page((name, documents(name)) for name in SAMPLES)
    if "UPDATE_GOLDEN" in os.environ:
        PAGE.write_text(made, encoding="utf-8")
    assert made == PAGE.read_text(encoding="utf-8")


# -- rules for every message


@pytest.mark.parametrize("name", sorted(SAMPLES.keys() - {"many-at-once"}))  # which is ten in one
def test_a_message_has_at_most_120_words_above_the_small_print(name: str) -> None:
    for document in documents(name):
        above, _ = email([document]).text.split("-" * WIDTH)
        assert len(re.findall(r"[^ \n]+", above)) <= 120, above


@pytest.mark.parametrize("name", SAMPLES)
def test_an_email_fits_60_columns_but_for_commands_and_addresses(name: str) -> None:
    made = email(documents(name))
    free = [line for line in made.text.splitlines() if "https://" not in line and not line.startswith("  ")]
    assert [line for line in free if len(line) > WIDTH] == []


@pytest.mark.parametrize("name", SAMPLES)
def test_a_subject_says_the_severity_first_and_is_never_cut(name: str) -> None:
    made = email(documents(name))
    assert re.match(r"(CRITICAL|WARNING|RECOVERING|UNKNOWN|OK|TEST): ", made.subject)
    longest = made.subject.replace("eu-west-1", "ap-southeast-1")
    assert len(longest) <= SUBJECT and not made.subject.endswith("...")
    assert made.subject.isascii() and made.subject.isprintable()


@pytest.mark.parametrize("name", SAMPLES)
def test_a_message_uses_the_projects_vocabulary(name: str) -> None:
    words = json.dumps(documents(name), ensure_ascii=False)
    banned = r"\b(mails?|announce\w*|told|episode|concern|judge[sd]?|own normal|surely|all-clear)\b|\d ?%? %"
    assert re.findall(banned, words) == []


@pytest.mark.parametrize("name", SAMPLES)
def test_every_open_alert_says_what_to_do(name: str) -> None:
    for document in documents(name):
        quiet = document["status"] in ("OK", "TEST", "RECOVERING")
        assert bool(document["first_steps"]) is not quiet
        assert (document["command"] is None) is quiet
        assert document["asks"].startswith("Nothing ") is quiet
        assert (document["asks"] == "Act now.") is (document["status"] == "CRITICAL")


@pytest.mark.parametrize("name", SAMPLES)
def test_a_command_has_its_region_and_window_filled_in(name: str) -> None:
    for document in documents(name):
        command = document["command"]
        if command is not None and command["text"] != "ses-reputation test-alert":
            assert "--region eu-west-1" in command["text"] and not re.search(r"[<>{}$]", command["text"])


# -- the document for programs


@pytest.mark.parametrize("name", SAMPLES)
def test_a_document_matches_its_schema_exactly(name: str) -> None:
    made = envelope(documents(name), CONTEXT)
    assert [error.message for error in VALIDATOR.iter_errors(json.loads(json.dumps(made)))] == []
    assert [problem_of(document) for document in made["notifications"]] == [None] * len(documents(name))


def test_the_schema_refuses_another_version_a_missing_field_and_no_notifications() -> None:
    made = envelope(documents("bounce-opened"), CONTEXT)
    without = [{name: value for name, value in made["notifications"][0].items() if name != "asks"}]
    changes: list[dict[str, Any]] = [{"version": 1}, {"notifications": []}, {"notifications": without}]
    for broken in changes:
        assert list(Draft202012Validator(SCHEMA).iter_errors(made | broken))


def test_the_attributes_of_several_notifications_name_every_value() -> None:
    assert attributes(documents("several-at-once")) == {
        "severity": ["critical", "warning"],
        "check": ["aws-unreadable", "bounce", "complaint"],
        "kind": ["firing"],
        "account": ["123456789012"],
        "region": ["eu-west-1"],
    }


# -- limits of the channels


@pytest.mark.parametrize("name", SAMPLES)
def test_slack_and_amazon_q_take_every_message(name: str) -> None:
    for payload in json.loads(CHANNELS["slack"][1](Sent(documents(name), CONTEXT, "S0123ABCD"))):
        assert list(problems(payload)) == []
    for made in json.loads(CHANNELS["amazon-q"][1](Sent(documents(name), CONTEXT))):
        AMAZON_Q.validate(made)


# -- completeness

ALWAYS = ("opened", "reminder", "resolved")
REASONS = {check.name: set(ALWAYS) for check in ALL} | {"test": {"opened"}}
for check_with_severities in ("pause", "bounce", "complaint", "quota", "enforcement", "subscribers", "findings"):
    REASONS[check_with_severities].add("escalated")
for check_with_marks in ("pause", "bounce", "complaint", "enforcement", "findings", "fleet"):
    REASONS[check_with_marks].add("changed")
"""Reasons that each check can send: some have several severities, some more than one sign."""


@pytest.mark.parametrize("check", BY_NAME)
def test_there_is_a_sample_of_every_reason_of_a_check(check: str) -> None:
    found = {d["reason"] for name in SAMPLES for d in documents(name) if d["check"] == check}
    assert found == REASONS[check], f"samples of {check} are missing, or REASONS is wrong"


@pytest.mark.parametrize("check", BY_NAME)
def test_a_check_is_in_schema_runbook_and_docs(check: str) -> None:
    properties = SCHEMA["$defs"]["notification"]["properties"]
    assert check in properties["check"]["enum"], f"{check} is missing in docs/notification.schema.json"
    assert BY_NAME[check].anchor in anchors("runbook.md"), f"docs/runbook.md has no section #{BY_NAME[check].anchor}"
    readme = (DOCS.parent / "README.md").read_text(encoding="utf-8")
    row = next((line for line in readme.splitlines() if line.startswith(f"| `{check}` |")), "")
    assert f"docs/runbook.md#{BY_NAME[check].anchor}" in row, (
        f"{check} has no row in README.md with its runbook section"
    )


def anchors(page: str) -> set[str]:
    """Anchors of the headings of a page, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", (DOCS / page).read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading).strip().lower().replace(" ", "-") for heading in headings}


def test_every_word_of_the_schema_occurs_in_a_sample() -> None:
    properties = SCHEMA["$defs"]["notification"]["properties"]
    made = [document for name in SAMPLES for document in documents(name)]
    for field in ("check", "metric", "severity", "status", "kind", "reason"):
        assert {document[field] for document in made} == set(properties[field]["enum"]), field


def test_every_text_of_a_check_is_shown_by_some_sample() -> None:
    """A first step that no sample shows is never reviewed."""
    shown = {step for name in SAMPLES for document in documents(name) for step in document["first_steps"]}
    from ses_reputation.core.checks.unreadable import _STEPS

    assert {step for steps in _STEPS.values() for step in steps} <= shown


def test_a_message_and_its_document_name_the_monitors_version() -> None:
    context = replace(CONTEXT, version="1.2.3")
    made = SAMPLES["bounce-opened"](replace(STORIES, context=context))
    assert "Monitor     version 1.2.3" in email(made).text
    assert envelope(made, context)["monitor_version"] == "1.2.3"


def test_a_message_says_the_times_of_the_schedule() -> None:
    every_five_minutes = replace(STORIES, context=replace(CONTEXT, every=300))
    first = {name: SAMPLES[name](every_five_minutes)[0]["summary"][0] for name in ("pause-due", "fleet-late")}
    assert "in about 5\u00a0min" in first["pause-due"]
    assert "for more than 15\u00a0min (3 runs)" in first["fleet-late"]
