"""Promises of the template: rights, alarm actions, retention and the function's environment."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from aws_cdk import App, CfnResource, Validations
from aws_cdk.aws_sns import CfnTopic
from cdk_nag import AwsSolutionsChecks, HIPAASecurityChecks, NIST80053R5Checks
from ses_reputation.aws.session import CONFIG
from ses_reputation.core.cause_level import CauseLevel
from ses_reputation.core.metrics import GAUGES, VERDICT_VALUES
from ses_reputation.core.rules import Verdict
from ses_reputation.settings.cause import ACTIONS

from infra.monitor import CALL_SECONDS, LONGEST_TIMEOUT, LOOKING_SECONDS
from infra.stack import MonitorStack
from infra.target_alarms import LEVELS, UNKNOWN
from tests.infra.conftest import RECIPIENT, ROOT, Resources, linted, of_type, stack

Synth = Callable[[str], dict[str, Any]]


def statements(resources: Resources) -> list[dict[str, Any]]:
    """Every statement of the function's role."""
    [role] = [
        name for name, r in resources.items() if r["Type"] == "AWS::IAM::Role" and name.startswith("FunctionRole")
    ]
    policies = [p for p in of_type(resources, "AWS::IAM::Policy") if p["Roles"] == [{"Ref": role}]]
    return [statement for policy in policies for statement in policy["PolicyDocument"]["Statement"]]


def actions(statement: dict[str, Any]) -> list[str]:
    return statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]


BY_LAMBDA_ITSELF = {
    *("logs:CreateLogStream", "logs:PutLogEvents"),  # writes the log
    *("sqs:SendMessage", "sqs:GetQueueAttributes", "sqs:GetQueueUrl"),  # sends failed events to the queue
    *(
        "kms:Decrypt",
        "kms:GenerateDataKey",
        "kms:ReEncryptTo",
        "kms:ReEncryptFrom",
        "kms:GenerateDataKey*",
        "kms:ReEncrypt*",
    ),
}
"""Actions that AWS itself makes with the function's role, not the code in lambda/."""

IN_MEMBER_ACCOUNTS = {"GetRole"}
"""Actions that only the role in a member account allows (tests/infra/test_member_role.py)."""

UNITS = '[organization]\nunits = ["r-ab12"]\n[member_role]\nexternal_id = "ours"\n'

OPERATION = re.compile(r'client\.get_paginator\("(\w+)"\)|client\.(\w+)\(')


def operations() -> list[str]:
    """The API operations that lambda/ calls, once for each line that does, in the case of IAM's actions."""
    edge = ROOT / "lambda" / "ses_reputation" / "aws"
    names = [a or b for path in edge.rglob("*.py") for a, b in OPERATION.findall(path.read_text())]
    return sorted("".join(part.capitalize() for part in name.split("_")) for name in names)


def test_rights_match_the_functions_calls_exactly(synth: Synth) -> None:
    parameter, secret = (
        synth(f'[slack]\n{key} = "/ses/slack"\n[events]\nbus = "default"\n[cause]\nlook = "samples"\n{UNITS}')[
            "Resources"
        ]
        for key in ("webhook_parameter", "webhook_secret")
    )
    granted = {
        action
        for resources in (parameter, secret, synth('[pause]\nlevel = "account"\n')["Resources"])
        for name, role in resources.items()
        if role["Type"] == "AWS::IAM::Role" and "lambda.amazonaws.com" in json.dumps(role)
        for policy in of_type(resources, "AWS::IAM::Policy")
        if policy["Roles"] == [{"Ref": name}]
        for statement in policy["PolicyDocument"]["Statement"]
        for action in actions(statement)
    }
    cause = set(ACTIONS[CauseLevel.SAMPLES])
    assert cause <= granted
    edge = ROOT / "lambda" / "ses_reputation" / "aws"
    source = "".join((edge / name).read_text() for name in ("cause.py", "findings.py"))
    snake = {re.sub(r"(?<!^)(?=[A-Z])", "_", action.split(":")[1]).lower() for action in cause}
    assert [name for name in sorted(snake) if name not in source] == []
    others = {action.split(":")[1] for action in granted - BY_LAMBDA_ITSELF - cause}
    assert (
        sorted(others | {"GetAccount", "GetMetricData", *IN_MEMBER_ACCOUNTS, "ListReputationEntities"}) == operations()
    )


PAUSES = {
    "off": [],
    "dry-run": [],
    "configuration-sets": ["ses:PutConfigurationSetSendingOptions"],
    "tenants": ["ses:PutConfigurationSetSendingOptions", "ses:UpdateReputationEntityCustomerManagedStatus"],
    "account": [
        "ses:PutAccountSendingAttributes",
        "ses:PutConfigurationSetSendingOptions",
        "ses:UpdateReputationEntityCustomerManagedStatus",
    ],
}


@pytest.mark.parametrize("level", PAUSES)
def test_the_role_may_pause_only_what_the_level_allows(synth: Synth, level: str) -> None:
    resources = synth(f'[pause]\nlevel = "{level}"\n')["Resources"]
    pausing = [s for s in statements(resources) if any(re.search("ses:(Put|Update)", a) for a in actions(s))]
    assert sorted(action for statement in pausing for action in actions(statement)) == PAUSES[level]
    sets = [s["Resource"] for s in pausing if "ses:PutConfigurationSetSendingOptions" in actions(s)]
    assert all(json.dumps(resource).count(":configuration-set/*") == 1 for resource in sets)


def test_every_right_is_as_narrow_as_possible(resources: Resources) -> None:
    wide = [s for s in statements(resources) if s["Resource"] == "*"]
    assert {action for s in wide for action in actions(s)} == {
        "cloudwatch:PutMetricData",
        "ses:GetSendStatistics",
        *ACTIONS[CauseLevel.DOMAINS],
    }
    [metrics] = [s for s in wide if "cloudwatch:PutMetricData" in actions(s)]
    assert metrics["Condition"] == {"StringEquals": {"cloudwatch:namespace": "SesReputation"}}
    assert not any("ManagedPolicyArns" in role for role in of_type(resources, "AWS::IAM::Role"))


def test_the_topic_policy_lets_alarms_publish(resources: Resources) -> None:
    [policy] = of_type(resources, "AWS::SNS::TopicPolicy")
    [allow] = [s for s in policy["PolicyDocument"]["Statement"] if s["Effect"] == "Allow"]
    assert allow["Principal"] == {"Service": "cloudwatch.amazonaws.com"} and allow["Action"] == "sns:Publish"
    assert allow["Condition"] == {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}
    [deny] = [s for s in policy["PolicyDocument"]["Statement"] if s["Effect"] == "Deny"]
    assert deny["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def test_alarms_and_the_function_may_use_your_own_key(synth: Synth) -> None:
    resources = synth("[deployment]\ncustomer_managed_key = true\n")["Resources"]
    [key] = of_type(resources, "AWS::KMS::Key")
    assert key["EnableKeyRotation"] is True
    [alarms] = [s for s in key["KeyPolicy"]["Statement"] if s["Principal"] == {"Service": "cloudwatch.amazonaws.com"}]
    assert alarms["Action"] == ["kms:Decrypt", "kms:GenerateDataKey*"]
    assert {"kms:Decrypt", "kms:GenerateDataKey"} <= {a for s in statements(resources) for a in actions(s)}
    assert "KmsMasterKeyId" in of_type(resources, "AWS::SNS::Topic")[0]


def test_no_topic_is_encrypted_with_a_key_that_alarms_cannot_use(resources: Resources) -> None:
    assert "KmsMasterKeyId" not in of_type(resources, "AWS::SNS::Topic")[0]


def test_the_schedule_passes_its_time_and_keeps_failed_events(resources: Resources) -> None:
    [schedule] = of_type(resources, "AWS::Scheduler::Schedule")
    assert schedule["ScheduleExpression"] == "rate(15 minutes)"
    assert json.loads(schedule["Target"]["Input"]) == {"now": "<aws.scheduler.scheduled-time>"}
    assert schedule["Target"]["DeadLetterConfig"] and schedule["Target"]["RetryPolicy"]["MaximumRetryAttempts"] == 10


def test_the_function_is_small_and_cannot_overlap_for_long(resources: Resources) -> None:
    [function] = of_type(resources, "AWS::Lambda::Function")
    assert function["Runtime"] == "python3.13" and function["Architectures"] == ["arm64"]
    assert function["Handler"] == "ses_reputation.entry.monitor"
    assert "ReservedConcurrentExecutions" not in function
    [retries] = of_type(resources, "AWS::Lambda::EventInvokeConfig")
    assert retries["MaximumRetryAttempts"] == 2 and retries["DestinationConfig"]["OnFailure"]


def test_a_hanging_call_is_given_up_within_its_share_of_the_timeout() -> None:
    chosen: Any = CONFIG  # whose attributes botocore makes at run time
    pauses = 3  # standard mode waits at most 1 s and 2 s before the second and the third attempt
    attempt = chosen.connect_timeout + chosen.read_timeout
    assert chosen.retries["total_max_attempts"] * attempt + pauses == CALL_SECONDS


@pytest.mark.parametrize(
    ("toml", "calls"),
    [("", 10), ('[chat]\nworkspace_id = "T0123ABCD"\nchannel_id = "C0123ABCD"\n', 12)],
    ids=["people", "people and chat"],
)
def test_the_timeout_has_room_for_a_run_of_hanging_calls(synth: Synth, toml: str, calls: int) -> None:
    [function] = of_type(synth(toml)["Resources"], "AWS::Lambda::Function")
    assert function["Timeout"] == calls * CALL_SECONDS + LOOKING_SECONDS <= LONGEST_TIMEOUT


def test_the_timeout_has_room_for_a_pause(synth: Synth) -> None:
    [function] = of_type(synth('[pause]\nlevel = "account"\n')["Resources"], "AWS::Lambda::Function")
    assert function["Timeout"] == 18 * CALL_SECONDS + LOOKING_SECONDS <= LONGEST_TIMEOUT


def test_the_environment_holds_resource_names_and_no_setting(resources: Resources) -> None:
    [function] = of_type(resources, "AWS::Lambda::Function")
    assert sorted(function["Environment"]["Variables"]) == [
        "ACCOUNT_ID",
        "DASHBOARD_URL",
        "PEOPLE_TOPIC_ARN",
        "POWERTOOLS_SERVICE_NAME",
        "STATE_TABLE",
    ]


def test_the_state_table_outlives_the_stack_and_can_be_restored(template: dict[str, Any], synth: Synth) -> None:
    [table] = [r for r in template["Resources"].values() if r["Type"] == "AWS::DynamoDB::Table"]
    assert (table["DeletionPolicy"], table["UpdateReplacePolicy"]) == ("Retain", "Retain")
    assert table["Properties"]["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    other = synth("[deployment]\nkeep_state = false\n")["Resources"]
    assert [r["DeletionPolicy"] for r in other.values() if r["Type"] == "AWS::DynamoDB::Table"] == ["Delete"]


STAYS = {"AWS::DynamoDB::Table"}
HOLDS_DATA = STAYS | {"AWS::KMS::Key", "AWS::Logs::LogGroup", "AWS::SQS::Queue"}


def test_every_data_store_states_its_deletion_policy(synth: Synth) -> None:
    toml = '[slack]\nwebhook_parameter = "/ses/slack"\n[deployment]\ncustomer_managed_key = true\n'
    stated = {(r["Type"], r.get("DeletionPolicy")) for r in synth(toml)["Resources"].values()}
    assert {(kind, policy) for kind, policy in stated if kind in HOLDS_DATA} == {
        (kind, "Retain" if kind in STAYS else "Delete") for kind in HOLDS_DATA
    }
    assert {kind for kind, policy in stated if policy not in (None, "Delete")} == STAYS


def test_the_log_has_a_retention_and_is_deleted_with_the_stack(resources: Resources) -> None:
    [log] = [r for r in resources.values() if r["Type"] == "AWS::Logs::LogGroup"]
    assert log["Properties"]["RetentionInDays"] == 30 and log["DeletionPolicy"] == "Delete"


def sources(alarm: dict[str, Any]) -> list[dict[str, Any]]:
    """The metrics that an alarm reads: each with its name, namespace and period."""
    if "Metrics" not in alarm:
        return [{key: alarm[key] for key in ("MetricName", "Namespace", "Period")}]
    read = [query["MetricStat"] for query in alarm["Metrics"] if "MetricStat" in query]
    return [{**stat["Metric"], "Period": stat["Period"]} for stat in read]


def test_the_watchdog_alarms_when_runs_stop_fail_or_are_lost(resources: Resources) -> None:
    alarms = {alarm["AlarmName"]: alarm for alarm in of_type(resources, "AWS::CloudWatch::Alarm")}
    assert sorted(alarms) == ["SesReputation-failing", "SesReputation-not-running", "SesReputation-run-lost"]
    for alarm in alarms.values():
        assert alarm["AlarmActions"] == alarm["OKActions"] != []
        assert {source["Namespace"] for source in sources(alarm)} <= {"AWS/Lambda", "AWS/SQS"}  # they cost nothing


def text(joined: Any) -> str:
    """A text with deploy-time values as `TOKEN`."""
    parts = joined["Fn::Join"][1] if isinstance(joined, dict) else [joined]
    return "".join(part if isinstance(part, str) else "TOKEN" for part in parts)


@pytest.mark.parametrize(
    ("runbook", "shown"),
    [("", 'docs/runbook.md, section "The monitor itself"'), ("https://wiki.test/ses", "https://wiki.test/ses")],
)
def test_every_alarm_links_the_dashboard_and_the_runbook(synth: Synth, runbook: str, shown: str) -> None:
    toml = f'runbook_url = "{runbook}"\n[slack]\nwebhook_parameter = "/ses/slack"\n[alarms]\nper_target = "warning"\n'
    resources = synth(toml)["Resources"]
    alarms = [*of_type(resources, "AWS::CloudWatch::Alarm"), *of_type(resources, "AWS::CloudWatch::CompositeAlarm")]
    assert len(alarms) == 6
    for alarm in alarms:
        description = text(alarm["AlarmDescription"])
        assert (
            "\nDashboard: https://TOKEN/cloudwatch/home?region=TOKEN#dashboards/dashboard/SesReputation" in description
        )
        assert description.endswith(f"\nRunbook: {shown}") and len(description) < 900  # AWS takes 1,024


def test_a_verdict_alarm_fires_for_bad_unknown_and_missing(synth: Synth) -> None:
    toml = '[alarms]\nper_target = "critical"\n[targets]\nregions = ["eu-west-1", "us-east-2"]\n'
    resources = synth(toml)["Resources"]
    alarms = [a for a in of_type(resources, "AWS::CloudWatch::Alarm") if "-verdict-" in text(a["AlarmName"])]
    assert [text(a["AlarmName"]) for a in alarms] == [
        "SesReputation-verdict-eu-west-1",
        "SesReputation-verdict-us-east-2",
    ]
    for alarm in alarms:
        assert alarm["TreatMissingData"] == "breaching"
        [expression] = [query["Expression"] for query in alarm["Metrics"] if "Expression" in query]
        assert expression == "IF(verdict >= 2 || verdict <= -2, 1, 0)"
    [composite] = of_type(resources, "AWS::CloudWatch::CompositeAlarm")
    assert composite["AlarmName"] == "SesReputation-verdict"
    assert {v.value.lower(): VERDICT_VALUES[v] for v in (Verdict.WARNING, Verdict.CRITICAL)} == LEVELS
    assert VERDICT_VALUES[Verdict.UNKNOWN] == UNKNOWN
    assert min(VERDICT_VALUES[Verdict.NO_DATA], VERDICT_VALUES[Verdict.TOO_FEW_EMAILS]) > UNKNOWN


def test_a_failed_or_missing_run_is_no_sign_of_life(resources: Resources) -> None:
    alarms = {alarm["AlarmName"]: alarm for alarm in of_type(resources, "AWS::CloudWatch::Alarm")}
    silent = alarms["SesReputation-not-running"]
    assert silent["TreatMissingData"] == "breaching" and silent["EvaluationPeriods"] == 3
    assert (silent["ComparisonOperator"], silent["Threshold"]) == ("LessThanThreshold", 1)
    [expression] = [query["Expression"] for query in silent["Metrics"] if "Expression" in query]
    assert expression == "runs - errors"
    read = {query["Id"]: query["MetricStat"] for query in silent["Metrics"] if "MetricStat" in query}
    names = {key: (stat["Metric"]["MetricName"], stat["Stat"], stat["Period"]) for key, stat in read.items()}
    assert names == {"runs": ("Invocations", "Sum", 900), "errors": ("Errors", "Sum", 900)}


@pytest.mark.parametrize("minutes", [5, 15, 60])
def test_alarms_stay_within_cloudwatchs_limits(synth: Synth, minutes: int) -> None:
    toml = f"[deployment]\nschedule_minutes = {minutes}\nmissed_runs_before_alarm = 24\n"
    for alarm in of_type(synth(toml)["Resources"], "AWS::CloudWatch::Alarm"):
        for source in sources(alarm):
            limit = 7 * 86_400 if source["Period"] >= 3_600 else 86_400
            assert source["Period"] * alarm["EvaluationPeriods"] <= limit


def dashboard(resources: Resources) -> dict[str, Any]:
    """The dashboard's body, with deploy-time values filled in."""
    [board] = of_type(resources, "AWS::CloudWatch::Dashboard")
    parts = board["DashboardBody"]["Fn::Join"][1]
    body: dict[str, Any] = json.loads("".join(part if isinstance(part, str) else "TOKEN" for part in parts))
    return body


def test_the_dashboard_shows_exactly_the_published_metrics(resources: Resources) -> None:
    drawn = {
        metric[1]
        for widget in dashboard(resources)["widgets"]
        for metric in widget["properties"].get("metrics", [])
        if metric[0] == "SesReputation"
    }
    assert drawn == set(GAUGES) and len(GAUGES) <= 6


def graphs(resources: Resources) -> list[dict[str, Any]]:
    """The properties of every widget that draws metrics."""
    return [widget["properties"] for widget in dashboard(resources)["widgets"] if "metrics" in widget["properties"]]


@pytest.mark.parametrize(
    ("title", "names"),
    [
        ("Bounce", ["warning: 3%", "critical, AWS reviews: 5%", "AWS may pause: 10%"]),
        ("Complaint", ["warning: 0.08%", "critical, AWS reviews: 0.1%", "AWS may pause: 0.5%"]),
    ],
)
def test_a_rate_is_drawn_in_percent_with_named_thresholds(resources: Resources, title: str, names: list[str]) -> None:
    [graph] = [g for g in graphs(resources) if g["title"].startswith(f"{title} rate")]
    marks = graph["annotations"]["horizontal"]
    assert [mark["label"] for mark in marks] == names
    assert [mark["value"] for mark in marks] == [float(name.split(": ")[1].rstrip("%")) for name in names]
    shown = [row for row in graph["metrics"] if row[-1].get("visible", True)]
    assert shown and all(row[0]["expression"].startswith("100 * ") for row in shown)


def test_no_rate_and_no_headroom_is_shown_as_a_fraction(resources: Resources) -> None:
    for graph in graphs(resources):
        for row in graph["metrics"]:
            if isinstance(row[0], str) and re.search("Rate|Headroom", row[1]):
                assert row[-1]["visible"] is False, row


def test_no_graph_has_two_zeros(resources: Resources, synth: Synth) -> None:
    several = synth('[targets]\nregions = ["eu-west-1", "us-east-2"]\n')["Resources"]
    for graph in (*graphs(resources), *graphs(several)):
        assert all(row[-1].get("yAxis", "left") == "left" for row in graph["metrics"])


def test_notifications_take_the_whole_width(resources: Resources) -> None:
    [widget] = [w for w in dashboard(resources)["widgets"] if w["properties"].get("title") == "Latest notifications"]
    assert widget["width"] == 24


def test_the_dashboard_shows_the_state_of_every_alarm_of_the_watchdog(resources: Resources) -> None:
    shown = [
        len(widget["properties"]["alarms"]) for widget in dashboard(resources)["widgets"] if widget["type"] == "alarm"
    ]
    assert shown == [len(of_type(resources, "AWS::CloudWatch::Alarm"))]


def test_several_regions_are_shown_and_one_is_chosen(synth: Synth) -> None:
    body = dashboard(synth('[targets]\nregions = ["eu-west-1", "us-east-2"]\n')["Resources"])
    [choice] = body["variables"]
    assert choice["pattern"] == "CHOSEN-REGION" and choice["defaultValue"] == "eu-west-1"
    assert [value["value"] for value in choice["values"]] == ["eu-west-1", "us-east-2"]
    rows = [row for widget in body["widgets"] for row in widget["properties"].get("metrics", [])]
    ours = [row for row in rows if row[0] == "SesReputation"]
    assert {row[row.index("Region") + 1] for row in ours} == {"eu-west-1", "us-east-2", "CHOSEN-REGION"}
    read_from = {row[-1]["region"] for row in rows if row[0] == "AWS/SES"}
    assert read_from == {"eu-west-1", "us-east-2"}  # a region that does not exist would be refused
    queries = "\n".join(widget["properties"].get("query", "") for widget in body["widgets"])
    assert queries.count('and target = "TOKEN/CHOSEN-REGION"\n| stats max(') == 2


def test_with_one_region_there_is_nothing_to_choose(resources: Resources) -> None:
    assert "CHOSEN-REGION" not in json.dumps(dashboard(resources))


def test_the_dashboard_fits_cloudwatch_with_every_region(synth: Synth) -> None:
    regions = [f"eu-west-{number}" for number in range(1, 40)]
    widgets = dashboard(synth(f"[targets]\nregions = {json.dumps(regions)}\n")["Resources"])["widgets"]
    metrics = [len(widget["properties"].get("metrics", [])) for widget in widgets]
    assert len(widgets) <= 500 and max(metrics) <= 500 and sum(metrics) <= 2_500


def test_the_dashboard_of_one_region_is_free(resources: Resources) -> None:
    rows = [row for graph in graphs(resources) for row in graph["metrics"]]
    assert sum(isinstance(row[0], str) for row in rows) <= 50


def test_several_installations_can_coexist(synth: Synth) -> None:
    prod = synth('[deployment]\nstage = "prod"\n')
    names = ("FunctionName", "AlarmName", "DashboardName", "TopicName", "LogGroupName")
    named = [
        p[name] for r in prod["Resources"].values() for p in [r.get("Properties", {})] for name in names if name in p
    ]
    assert all("prod" in name for name in named if isinstance(name, str)) and len(named) >= 7
    [metrics] = [s for s in statements(prod["Resources"]) if "cloudwatch:PutMetricData" in actions(s)]
    assert metrics["Condition"] == {"StringEquals": {"cloudwatch:namespace": "SesReputation/prod"}}


def test_the_outputs_name_what_people_need(template: dict[str, Any]) -> None:
    assert sorted(template["Outputs"]) == [
        "DashboardUrl",
        "FunctionName",
        "PeopleTopicArn",
        "ScheduleName",
        "StateTableName",
    ]
    assert all(output["Description"].endswith(".") for output in template["Outputs"].values())


def test_nothing_names_an_account(template: dict[str, Any]) -> None:
    assert not re.search(r"\b\d{12}\b", json.dumps(template))


def test_nothing_assumes_the_commercial_partition(template: dict[str, Any]) -> None:
    assert "arn:aws:" not in json.dumps(template)


def test_everything_that_can_have_tags_has_them(synth: Synth) -> None:
    resources = synth('[deployment]\ntags = { team = "email" }\n')["Resources"]
    [function] = of_type(resources, "AWS::Lambda::Function")
    assert {"Key": "application", "Value": "SesReputation"} in function["Tags"]


@pytest.mark.parametrize("name", ["application", "Application"])
def test_your_own_tag_replaces_the_default_one(synth: Synth, name: str) -> None:
    body = json.dumps(synth(f'[deployment]\ntags = {{ {name} = "email" }}\n')["Resources"])
    assert '{"Key": "application", "Value": "SesReputation"}' not in body


def test_your_own_tags_are_on_the_stack(tmp_path: Path) -> None:
    made = stack(RECIPIENT + '[deployment]\ntags = { team = "email" }\n', tmp_path)
    assert made.tags.tag_values() == {"team": "email"}


def test_cfn_lint_finds_nothing(template: dict[str, Any]) -> None:
    assert linted(template) == []


EVERYTHING = """
[targets]
regions = ["eu-west-1", "us-east-2"]
[pause]
level = "account"
[deployment]
stage = "prod"
customer_managed_key = true
keep_state = false
"""


def validated(
    folder: Path,
    toml: str,
    plant: Callable[[MonitorStack], object] = lambda stack: None,
    packs: Sequence[Callable[[App], Any]] = (AwsSolutionsChecks,),
) -> list[str]:
    """Findings of the CDK's own validation and of cdk-nag without an explanation: "rule at construct"."""
    made = stack(
        RECIPIENT + toml, folder / "asset", builtin_cloud_formation_validation=True, outdir=str(folder / "out")
    )
    plant(made)
    app = made.node.root
    assert isinstance(app, App)
    Validations.of(app).add_plugins(*(pack(app) for pack in packs))
    with contextlib.suppress(RuntimeError):  # raised if there are findings; the report names them
        app.synth()
    report = json.loads((folder / "out" / "validation-report.json").read_text())
    return [
        f"{violation['ruleName']} at {construct['constructPath']}"
        for plugin in report["pluginReports"]
        for violation in plugin["violations"]
        for construct in violation["violatingConstructs"]
    ]


@pytest.mark.parametrize("toml", ["", EVERYTHING], ids=["as shipped", "with everything changed"])
def test_validation_and_cdk_nag_find_nothing_unexplained(tmp_path: Path, toml: str) -> None:
    assert validated(tmp_path, toml) == []


REGULATED = """
[slack]
webhook_parameter = "/ses/slack"
[chat]
workspace_id = "T0123ABCD"
channel_id = "C0123ABCD"
[alarms]
per_target = "critical"
[events]
bus = "default"
run_at_once = true
[deployment]
encrypt = ["all"]
subnet_ids = ["subnet-0123456789abcdef0"]
security_group_ids = ["sg-0123456789abcdef0"]
permissions_boundary = "Boundary"
role_path = "/team/"
log_class = "INFREQUENT_ACCESS"
"""


@pytest.mark.parametrize("pack", [AwsSolutionsChecks, HIPAASecurityChecks, NIST80053R5Checks])
def test_encrypted_in_a_vpc_the_compliance_packs_find_nothing(tmp_path: Path, pack: Callable[[App], Any]) -> None:
    assert validated(tmp_path, REGULATED, packs=[pack]) == []


def test_without_encryption_the_compliance_packs_find_something(tmp_path: Path) -> None:
    assert validated(tmp_path, "", packs=[HIPAASecurityChecks]) != []


def test_cfn_lint_finds_nothing_with_every_option(synth: Synth) -> None:
    assert linted(synth(REGULATED)) == []


def test_planted_template_errors_are_found(tmp_path: Path) -> None:
    def plant(stack: MonitorStack) -> None:
        CfnResource(stack, "Queue", type="AWS::SQS::Queue", properties={"Nope": 1})
        CfnTopic(stack, "Topic")

    found = "\n".join(validated(tmp_path, "", plant))
    assert "F3002 at SesReputation/Queue" in found and "AwsSolutions-SNS3 at SesReputation/Topic" in found


@pytest.mark.parametrize("region", ["eu-west-1", "cn-north-1", "us-gov-west-1"])
def test_every_partition_has_its_console_and_a_valid_template(synth: Synth, region: str) -> None:
    template = synth(f'[targets]\nregions = ["{region}"]\n')
    assert not re.search(r"arn:aws[a-z-]*:", json.dumps(template))
    assert set(template["Mappings"]["Console"]) == {"aws", "aws-cn", "aws-us-gov"}
    assert linted(template, region) == []
