"""The search for a cause over real HTTP: any answer of AWS or none, and never an address in the result."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import asdict, replace
from datetime import UTC, datetime
from typing import Any

import pytest
from moto.cloudwatch.models import cloudwatch_backends
from ses_reputation.aws.bounded import ONE_ATTEMPT, Budget, Clients
from ses_reputation.aws.cause import addresses, look_for_cause
from ses_reputation.aws.findings import read_findings
from ses_reputation.aws.session import open_session
from ses_reputation.core.cause import CauseReading, Question, Shape, shape_of
from ses_reputation.core.cause_level import CauseLevel
from ses_reputation.core.cause_words import explain
from ses_reputation.core.findings import Recommendation, Tenant
from ses_reputation.core.history import BUCKET, DAY, HOUR
from ses_reputation.core.rates import Metric
from ses_reputation.core.readings import AccountFacts
from ses_reputation.core.recipients import domain_from

from local_aws.server import ACCOUNT, CREDENTIALS, LocalAws
from local_aws.suppression import Suppression

REGION = "eu-north-1"
START = 1_760_000_400
END = START + 2 * HOUR
QUICK = Budget(gap=0.0)
"""Only one test is about the pace; the others need not wait."""


@pytest.fixture
def known(local: LocalAws) -> Iterator[Suppression]:
    """A simulated SES that does not limit the rate of calls."""
    account = local.ses(REGION)
    account.suppression = Suppression(gap=0)
    yield account.suppression
    local.faults.clear()
    cloudwatch_backends[ACCOUNT][REGION].metric_data.clear()


@pytest.fixture
def clients(local: LocalAws, monkeypatch: pytest.MonkeyPatch) -> Clients:
    for name, value in (CREDENTIALS | {"AWS_ENDPOINT_URL": local.url}).items():
        monkeypatch.setenv(name, value)
    session = open_session()
    return Clients(*(session.create_client(name, REGION, config=ONE_ATTEMPT) for name in ("sesv2", "cloudwatch")))


def message_id(sent: int) -> str:
    return f"01020{sent * 1000:011x}-0000-4000-8000-000000000000-000000"


def question(events: int, metric: Metric = Metric.BOUNCE) -> Question:
    """Events of a window of two hours, spread evenly, after two weeks without any."""
    buckets = range(START, END, BUCKET)
    counts = {at: events // len(buckets) + (number < events % len(buckets)) for number, at in enumerate(buckets)}
    return Question(metric, REGION, START, END, {START - 14 * DAY: 0, **counts})


def bounce(known: Suppression, recipients: list[str], **how: Any) -> None:
    """Bounces of the window, spread evenly."""
    for number, address in enumerate(recipients):
        at = START + number * (END - START) // len(recipients)
        known.event(address, at, message_id(at - 5), **how)


def look(
    clients: Clients, asked: Question, level: CauseLevel = CauseLevel.SAMPLES, budget: Budget = QUICK, **how: Any
) -> CauseReading:
    """Search for a cause, and check what must hold for every search."""
    started = time.monotonic()
    reading = look_for_cause(clients, asked, level, budget=budget, **how)
    assert time.monotonic() - started < budget.seconds + 1
    assert reading.calls <= budget.calls
    cause = explain(reading)
    assert "@" not in f"{asdict(cause)}{reading}".replace("…@", ""), "an address has left"
    return reading


DEAD = [f"person{number}@dead-{number // 2}.example" for number in range(94)]


def test_a_bad_list_of_dead_domains(clients: Clients, known: Suppression) -> None:
    bounce(known, DEAD)
    cause = explain(look(clients, question(112)))
    assert cause.shape is Shape.OLD_LIST
    assert cause.line == (
        "Likely an old or bought list. 94 of the 112 bounces of this window are on the suppression list, at 47 domains."
    )
    assert (cause.listed, cause.events) == (94, 112)


def test_one_domain_that_refuses(clients: Clients, known: Suppression) -> None:
    bounce(known, [f"user{number}@Acme.Example" for number in range(40)] + DEAD[:8])
    known.event("early@acme.example", START - DAY, message_id(START - DAY))
    cause = explain(look(clients, question(50)))
    assert cause.shape is Shape.REFUSED
    assert cause.line.startswith("Likely refused by acme.example. 48 of the 50 bounces")
    assert "acme.example 40 (usually 0), others 8" in cause.line


def test_made_up_addresses_are_bots_at_a_form(clients: Clients, known: Suppression) -> None:
    bounce(known, [f"xq{number}zk{number}vw@gmail.com" for number in range(30)])
    assert shape_of(look(clients, question(30))) is Shape.FORM


def test_a_bulk_import_in_the_window_is_not_blamed(clients: Clients, known: Suppression) -> None:
    known.import_list([f"user{number}@customer.example" for number in range(500)], START + HOUR)
    bounce(known, DEAD[:12])
    cause = explain(look(clients, question(12)))
    assert cause.shape is Shape.IMPORT
    assert "customer" not in json.dumps(asdict(cause))


def test_a_large_import_is_recognised_by_its_missing_ids(clients: Clients, known: Suppression) -> None:
    known.import_list([f"user{number}@customer.example" for number in range(40)], START + HOUR)
    asked = replace(question(0), counts={START - DAY: 0, START + HOUR: 40})
    assert shape_of(look(clients, asked)) is Shape.IMPORT


def test_the_list_off_for_the_account(clients: Clients, known: Suppression) -> None:
    known.reasons = ["COMPLAINT"]
    bounce(known, DEAD)
    cause = explain(look(clients, question(94)))
    assert cause.shape is Shape.OFF
    assert (
        f"put-account-suppression-attributes --suppressed-reasons BOUNCE COMPLAINT --region {REGION}"
        in cause.first_step
    )


def test_the_list_off_for_one_configuration_set(clients: Clients, known: Suppression) -> None:
    known.set_reasons["newsletter"] = []
    bounce(known, DEAD, configuration_set="newsletter")
    bounce(known, ["one@other.example"])
    assert shape_of(look(clients, question(95))) is Shape.OFF


def test_a_very_long_list_is_read_in_part(clients: Clients, known: Suppression) -> None:
    bounce(known, [f"user{number}@dead-{number % 900}.example" for number in range(25_000)])
    reading = look(clients, question(25_000))
    cause = explain(reading)
    assert cause.shape is Shape.OLD_LIST
    assert cause.listed is not None and 1_000 <= cause.listed < 25_000
    assert f"At least {cause.listed:,} of the 25,000 bounces" in cause.line


def test_pages_come_in_no_order_and_a_token_expires(clients: Clients, known: Suppression) -> None:
    bounce(known, [f"user{number}@dead-{number % 300}.example" for number in range(1_500)])
    known.expiring = 1
    reading = look(clients, question(1_500), CauseLevel.DOMAINS)
    assert reading.complete and reading.entries is not None and len(reading.entries) == 1_500
    times = [entry.at for entry in reading.entries]
    assert times != sorted(times), "the local AWS answers in order"


def test_a_token_that_always_expires_still_leaves_the_first_page(clients: Clients, known: Suppression) -> None:
    bounce(known, [f"user{number}@dead-{number % 300}.example" for number in range(1_500)])
    known.expiring = 100
    reading = look(clients, question(1_500), CauseLevel.DOMAINS)
    assert not reading.complete and reading.entries is not None and len(reading.entries) == 1_000


@pytest.mark.parametrize(
    ("status", "code", "says"),
    [
        (
            403,
            "AccessDeniedException",
            "Not visible: the role may not list suppressed addresses (ses:ListSuppressedDestinations)",
        ),
        (429, "TooManyRequestsException", "Not visible: suppressed addresses (throttled)"),
        (500, "InternalFailure", "Not visible: suppressed addresses (failed)"),
    ],
)
def test_a_refused_source_is_named_and_the_next_is_tried(
    clients: Clients, known: Suppression, local: LocalAws, status: int, code: str, says: str
) -> None:
    known.entities = [{"ReputationEntityReference": tenant_arn("acme"), "ReputationImpact": "HIGH"}]
    bounce(known, DEAD)
    local.faults.plant("ses", "ListSuppressedDestinations", status=status, code=code)
    reading = look(clients, question(94))
    assert reading.unseen[0] == says
    assert [tenant.name for tenant in reading.tenants] == ["acme"]
    assert explain(reading).shape is Shape.UNCLEAR and says in explain(reading).details


@pytest.mark.parametrize(
    "body", [b"<html>a proxy</html>", b"{}", b'{"SuppressedDestinationSummaries": [{"Reason": "BOUNCE"}]}', b"[1]", b""]
)
def test_a_malformed_answer_is_never_a_traceback(
    clients: Clients, known: Suppression, local: LocalAws, body: bytes
) -> None:
    for operation in ("ListSuppressedDestinations", "GetAccount", "ListReputationEntities", "ListMetrics"):
        local.faults.plant("cloudwatch" if operation == "ListMetrics" else "ses", operation, body=body)
    reading = look(clients, question(94))
    assert explain(reading).shape in (Shape.UNCLEAR, Shape.OFF)
    assert not any("broke" in sentence for sentence in reading.unseen), reading.unseen


def test_endless_throttling_stays_within_the_call_limit(clients: Clients, known: Suppression) -> None:
    known.gap = 1e9
    known._served |= dict.fromkeys(
        ("ListSuppressedDestinations", "GetSuppressedDestination", "ListReputationEntities"), time.monotonic()
    )
    reading = look(clients, question(94), facts=AccountFacts())
    assert "Not visible: suppressed addresses (throttled)" in reading.unseen
    assert "Not visible: tenants (throttled)" in reading.unseen


def test_calls_keep_the_pace_that_ses_allows(clients: Clients, known: Suppression) -> None:
    known.gap = 0.3
    bounce(known, DEAD[:9])
    reading = look(clients, question(9), budget=Budget(gap=0.33))
    assert reading.unseen == () and len(reading.samples) == 5


def test_a_hanging_call_ends_when_the_time_is_up(clients: Clients, known: Suppression, local: LocalAws) -> None:
    bounce(known, DEAD)
    local.faults.plant("ses", "GetSuppressedDestination", hang=3.0)
    reading = look(clients, question(94), budget=Budget(seconds=1.5, gap=0.0))
    assert reading.unseen[-1] == "The search for the cause ended after 2 s"
    assert reading.entries is not None and len(reading.entries) == 94, "what was read before is kept"


def test_when_calls_run_out_the_missing_parts_are_named(clients: Clients, known: Suppression) -> None:
    bounce(known, DEAD)
    reading = look(clients, question(94), budget=Budget(calls=3, gap=0.0))
    assert reading.unseen == (
        "Not read for want of time: configuration sets, sampled addresses, tenants, sampled messages",
    )


def test_a_bug_does_not_endanger_the_alert(
    clients: Clients, known: Suppression, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clients.email, "list_suppressed_destinations", None)
    reading = look(clients, question(94), facts=AccountFacts())
    assert reading.unseen[0] in (
        "The search for the cause failed (TypeError)",
        "Not visible: suppressed addresses (bad answer)",
    )


STRANGE = [
    "ÄÖ.Müller+tag@MÜNCHEN.example",
    "jane.doe+newsletter@Example.ORG",
    "o'hara/sales@example.org",
    '"with space"@example.org',
    "用户@例え.テスト",
    "no-domain",
    "dots@example.org.",
]


def test_every_spelling_of_an_address_is_handled(clients: Clients, known: Suppression) -> None:
    bounce(known, STRANGE[:5])
    reading = look(clients, question(5))
    assert reading.entries is not None
    assert sorted({entry.domain for entry in reading.entries}) == [
        "example.org",
        "xn--mnchen-3ya.example",
        "xn--r8jz45g.xn--zckzah",
    ]
    assert len(reading.samples) == 5 and all(sample.has_ids for sample in reading.samples), reading.unseen


@pytest.mark.parametrize("address", STRANGE)
def test_no_address_leaves_the_search_or_reaches_a_log(
    clients: Clients, known: Suppression, local: LocalAws, caplog: pytest.LogCaptureFixture, address: str
) -> None:
    planted = [address, *(f"secret.person{number}@example.org" for number in range(20))]
    bounce(known, planted)
    known.vdm = True
    for member in known.lists[""].values():
        known.messages[member.message_id] = {
            "Subject": f"Hello {address}",
            "FromEmailAddress": "secret.sender@example.com",
            "EmailTags": [{"Name": "ses:caller-identity", "Value": "secret.person@corp.example"}],
        }
    known.entities = [
        {
            "ReputationEntityReference": f"arn:aws:ses:{REGION}:123456789012:tenant/secret.person@corp.example/tn-1",
            "ReputationImpact": "HIGH",
            "AwsSesManagedStatus": {"Status": "DISABLED", "Cause": "complaint of secret.person@corp.example"},
        }
    ]
    known.recommendations = [
        {
            "ResourceArn": f"arn:aws:ses:{REGION}:123456789012:identity/secret.person@corp.example",
            "Type": "BOUNCE",
            "Description": "secret.person@corp.example bounces",
            "Status": "OPEN",
            "Impact": "HIGH",
        }
    ]
    local.faults.plant("ses", "GetSuppressedDestination", status=400, code=f"Bad {address}", skip=3)
    with caplog.at_level("INFO"):
        reading = look(clients, question(21))
        findings = read_findings(clients, budget=QUICK)
    assert findings.recommendations and findings.tenants
    everything = repr(reading) + repr(explain(reading)) + repr(findings) + caplog.text
    assert "secret" not in everything and "person" not in everything.replace("personal", "")
    assert address.rpartition("@")[0].lower() not in everything.lower() or address == "no-domain"


def test_complaints_without_gmail_name_no_complaining_address(clients: Clients, known: Suppression) -> None:
    sent = START - 3 * HOUR
    for number in range(12):
        known.event(f"person{number}@yahoo.com", START + 500 * number, message_id(sent + number), reason="COMPLAINT")
    cause = explain(look(clients, question(12, Metric.COMPLAINT)))
    assert cause.shape is Shape.JOB
    assert "2025-10-09T06:00Z" in cause.first_step
    assert any("Gmail reports no complaints" in sentence for sentence in cause.details)


def tenant_arn(name: str) -> str:
    return f"arn:aws:ses:{REGION}:123456789012:tenant/{name}/tn-{name}"


def test_a_tenant_with_a_list_of_its_own_is_named(clients: Clients, known: Suppression) -> None:
    known.lists["acme"] = {}
    known.entities = [
        {"ReputationEntityReference": tenant_arn("acme"), "ReputationImpact": "HIGH"},
        {"ReputationEntityReference": tenant_arn("other"), "ReputationImpact": "HIGH"},
        {"ReputationEntityReference": tenant_arn("calm"), "ReputationImpact": "LOW"},
    ]
    bounce(known, DEAD, tenant="acme")
    reading = look(clients, question(100))
    assert reading.on_tenant_lists == (("acme", 94, True),)
    assert [tenant.name for tenant in reading.tenants] == ["acme", "other"]
    assert "Most come through tenant acme (94 of 100)" in explain(reading).line


def test_configuration_sets_and_other_dimensions_are_read(
    clients: Clients, known: Suppression, local: LocalAws
) -> None:
    metrics = local.client("cloudwatch", REGION)
    at = datetime.fromtimestamp(START + HOUR, UTC)
    for name, dimension, value, amount in (
        ("Reputation.BounceRate", "ses:configuration-set", "newsletter", 0.09),
        ("Reputation.BounceRate", "ses:configuration-set", "receipts", 0.001),
        ("Bounce", "campaign", "spring", 80),
        ("Bounce", "campaign", "secret.person@corp.example", 3),
    ):
        data = {
            "MetricName": name,
            "Dimensions": [{"Name": dimension, "Value": value}],
            "Timestamp": at,
            "Value": amount,
        }
        metrics.put_metric_data(Namespace="AWS/SES", MetricData=[data])
    bounce(known, DEAD)
    cause = explain(look(clients, question(100), CauseLevel.DOMAINS))
    assert "Most come through campaign spring (80 of 100)" in cause.line
    assert "Configuration set newsletter: AWS's own bounce rate is 9%" in cause.details
    assert not any("receipts" in sentence or "secret" in sentence for sentence in cause.details)


def test_a_reminder_reads_whole_days_by_mailbox_provider(clients: Clients, known: Suppression) -> None:
    known.vdm = True
    first = datetime.fromtimestamp(START // DAY * DAY, UTC)
    known.volumes = {
        ("PERMANENT_BOUNCE", "", ""): {first: 100},
        ("PERMANENT_BOUNCE", "ISP", "Gmail"): {first: 60},
        ("PERMANENT_BOUNCE", "ISP", "Yahoo"): {first: 15},
    }
    asked = replace(question(94), end=START + DAY)
    bounce(known, DEAD)
    cause = explain(look(clients, asked, CauseLevel.DOMAINS, reminder=True))
    assert (
        "By mailbox provider, whole UTC days from 2025-10-09 up to 2025-10-10: Gmail 60, Yahoo 15, others 25"
        in cause.details
    )
    assert not look(clients, asked, CauseLevel.DOMAINS).providers, "only a reminder has time for it"


def test_sampled_messages_say_who_sent_them(clients: Clients, known: Suppression) -> None:
    known.vdm = True
    bounce(known, DEAD)
    tags = [
        {"Name": "ses:configuration-set", "Value": "newsletter"},
        {"Name": "ses:caller-identity", "Value": "mailer"},
    ]
    known.messages = {member.message_id: {"EmailTags": tags} for member in known.lists[""].values()}
    cause = explain(look(clients, question(94)))
    assert "3 of 3 sampled messages: configuration set newsletter" in cause.details, cause.details
    assert "3 of 3 sampled messages: sender mailer" in cause.details


def test_without_vdm_the_command_to_enable_it_is_shown(clients: Clients, known: Suppression) -> None:
    known.plan = "ESSENTIALS"
    details = explain(look(clients, question(3))).details
    [sentence] = [sentence for sentence in details if "put-account-vdm-attributes" in sentence]
    assert "your plan is ESSENTIALS" in sentence and REGION in sentence


def test_look_off_makes_no_call(clients: Clients, known: Suppression, local: LocalAws) -> None:
    local.faults.calls.clear()
    reading = look(clients, question(94), CauseLevel.OFF)
    assert local.faults.calls == [] and reading.unseen == ("The cause was not looked for: [cause] look is off",)


def test_look_domains_requests_no_single_address(clients: Clients, known: Suppression, local: LocalAws) -> None:
    bounce(known, DEAD)
    local.faults.calls.clear()
    look(clients, question(94), CauseLevel.DOMAINS)
    assert ("ses", "GetSuppressedDestination") not in local.faults.calls


def test_findings_are_high_impact_recommendations_and_tenants_in_trouble(clients: Clients, known: Suppression) -> None:
    def recommendation(impact: str, status: str, number: int) -> dict[str, Any]:
        arn = f"arn:aws:ses:{REGION}:123456789012:identity/shop{number}.example"
        text = "Your bounce rate is high."
        return {"ResourceArn": arn, "Type": "BOUNCE", "Description": text, "Status": status, "Impact": impact}

    known.recommendations = [
        *(recommendation("HIGH", "OPEN", number) for number in range(150)),
        recommendation("LOW", "OPEN", 900),
        recommendation("HIGH", "FIXED", 901),
    ]
    known.entities = [
        {"ReputationEntityReference": tenant_arn("loud"), "ReputationImpact": "HIGH"},
        {
            "ReputationEntityReference": tenant_arn("paused"),
            "ReputationImpact": "LOW",
            "SendingStatusAggregate": "DISABLED",
            "AwsSesManagedStatus": {"Status": "DISABLED", "Cause": "bounce rate"},
        },
    ]
    findings = read_findings(clients, budget=QUICK)
    assert findings.recommendations is not None and len(findings.recommendations) == 150, "all pages"
    assert findings.recommendations[0] == Recommendation("BOUNCE", "shop0.example", "Your bounce rate is high.")
    assert findings.tenants == (Tenant("loud", True, ""), Tenant("paused", False, "AWS", "bounce rate"))
    assert findings.unseen == ()


def test_denied_findings_are_unknown_with_a_reason(clients: Clients, known: Suppression, local: LocalAws) -> None:
    local.faults.plant("ses", "ListRecommendations", status=403, code="AccessDeniedException")
    findings = read_findings(clients, budget=QUICK)
    assert findings.recommendations is None and findings.tenants == ()
    assert findings.unseen == ("Not visible: the role may not list recommendations (ses:ListRecommendations)",)


def test_the_command_line_may_have_the_addresses(clients: Clients, known: Suppression) -> None:
    bounce(known, STRANGE[:3])
    found, complete = addresses(clients, question(3), QUICK)
    assert complete and [address for address, _ in found] == STRANGE[:3]
    assert domain_from("MÜNCHEN.example") == "xn--mnchen-3ya.example"
