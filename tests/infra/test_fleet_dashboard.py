"""The dashboard of many accounts: the fleet worst first, and one target of it at a time."""

from __future__ import annotations

import json
from typing import Any

from ses_reputation import log_fields as fields

from tests.infra.test_member_role import ACCOUNTS
from tests.infra.test_stack import Synth, dashboard

LISTED = f'{ACCOUNTS}[[accounts]]\nid = "222222222222"\n[targets]\nregions = ["eu-west-1", "us-east-2"]\n'
UNITS = '[organization]\nunits = ["ou-ab12-cdefgh34"]\n[member_role]\nexternal_id = "ours"\n[targets]\nregions = "discover"\n'


def variables(body: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {variable["pattern"]: variable for variable in body["variables"]}


def queries(body: dict[str, Any]) -> dict[str, str]:
    return {w["properties"]["title"]: w["properties"]["query"] for w in body["widgets"] if w["type"] == "log"}


def test_listed_accounts_and_regions_are_chosen_by_name(synth: Synth) -> None:
    chosen = variables(dashboard(synth(LISTED)["Resources"]))
    account, region = chosen["CHOSEN-ACCOUNT"], chosen["CHOSEN-REGION"]
    assert {value["value"]: value["label"] for value in account["values"]} == {
        "111111111111": "shop (111111111111)",
        "222222222222": "222222222222 (222222222222)",
    }
    assert [value["value"] for value in region["values"]] == ["eu-west-1", "us-east-2"]
    assert (account["defaultValue"], region["defaultValue"]) == ("111111111111", "eu-west-1")


def test_the_run_writes_what_only_it_knows(synth: Synth) -> None:
    chosen = variables(dashboard(synth(UNITS)["Resources"]))
    assert {variable["inputType"] for variable in chosen.values()} == {"input"}
    assert all(variable["defaultValue"] and "values" not in variable for variable in chosen.values())


def test_the_targets_are_counted_over_all_shards(synth: Synth) -> None:
    body = dashboard(synth(f"{LISTED}[deployment]\nshards = 3\n")["Resources"])
    [counts] = [w["properties"] for w in body["widgets"] if w["properties"].get("title") == "Targets"]
    read = [tuple(row[:4]) for row in counts["metrics"] if isinstance(row[0], str) and row[0] == "SesReputation"]
    assert [row[1] for row in read[::3]] == ["TargetsCritical", "TargetsWarning", "TargetsUnreadable", "TargetsWatched"]
    assert [row[-1]["expression"] for row in counts["metrics"] if isinstance(row[0], dict)] == [
        f"{name}0 + {name}1 + {name}2" for name in ("critical", "warning", "unreadable", "watched")
    ]


def test_the_worst_target_comes_first(synth: Synth) -> None:
    asked = queries(dashboard(synth(LISTED)["Resources"]))
    assert "sort worst desc" in asked["Every target, worst first"]
    chosen = 'target = "CHOSEN-ACCOUNT/CHOSEN-REGION"'
    assert sum(chosen in query for query in asked.values()) == 3


def test_every_rate_in_a_table_or_graph_of_the_log_is_in_percent(synth: Synth) -> None:
    for title, query in queries(dashboard(synth(LISTED)["Resources"])).items():
        for field in (fields.QUOTA_USED, fields.AWS_BOUNCE_RATE, fields.AWS_COMPLAINT_RATE):
            assert query.count(field) == query.count(f"({field}) * 100 as "), title


def test_a_fleet_dashboard_reads_nothing_of_the_own_account(synth: Synth) -> None:
    body = json.dumps(dashboard(synth(LISTED)["Resources"]))
    assert "AWS/SES" not in body and "CHOSEN-ACCOUNT" in body
