"""What to do first about a notification; docs/runbook.md goes on from there."""

from __future__ import annotations

from .account import AWS_RATE, AWS_UNREADABLE, ENFORCEMENT, PROBATION, QUOTA, SENDING, SHUTDOWN
from .alert import Kind
from .plan import Notification
from .rates import Metric
from .readings import UNREADABLE, Trouble
from .trial import TEST
from .volume import REJECTS, SILENCE, SPIKE


def next_steps_of(notification: Notification) -> list[str]:
    """What to do first; nothing when it is over."""
    if notification.kind is Kind.RESOLVED or notification.check == TEST:
        return []
    region = notification.target.region
    if notification.check == UNREADABLE:
        steps = _STEPS_UNREADABLE[Trouble(notification.cause.rule)]
    elif notification.check == ENFORCEMENT:
        steps = _STEPS_ENFORCEMENT.get(notification.cause.rule, _STEPS_ENFORCEMENT[PROBATION])
    else:
        steps = _STEPS[notification.check]
    return [step.replace("{region}", region) for step in steps]


_CLEAN_BOUNCES = (
    "Find what was sent since then: a new list, an import, a changed sign-up form. Stop that, not all email.",
    "Take the bounced addresses out and turn on the account-level suppression list for bounces.",
    "Send only to people who opened or clicked lately until the rate is down; clean email brings it back.",
)
_CLEAN_COMPLAINTS = (
    "Find the email that people complain about: the newest campaign or a raised frequency. Stop that one.",
    "Check that unsubscribing is one click and works, and that nobody is emailed who did not ask for it.",
    "Take everybody who complained out, and send only to those who engage until the rate is down.",
)

_STEPS: dict[str, tuple[str, ...]] = {
    Metric.BOUNCE.value: _CLEAN_BOUNCES,
    Metric.COMPLAINT.value: _CLEAN_COMPLAINTS,
    AWS_RATE[Metric.BOUNCE]: (
        "Open the reputation page of the SES console: it says over which email AWS counts.",
        *_CLEAN_BOUNCES,
    ),
    AWS_RATE[Metric.COMPLAINT]: (
        "Open the reputation page of the SES console: it says over which email AWS counts.",
        *_CLEAN_COMPLAINTS,
    ),
    SENDING: (
        "Find out who did it and why: PutAccountSendingAttributes or UpdateAccountSendingEnabled in CloudTrail.",
        "Mend that cause, then: `aws sesv2 put-account-sending-attributes --sending-enabled --region {region}`.",
    ),
    QUOTA: (
        "Hold back email that can wait, so that what must go out today does.",
        "Ask for a higher quota: Service Quotas, Amazon SES, Sending quota. AWS may take a day to answer.",
        "If nobody planned so much email, find who sends it: credentials may be stolen.",
    ),
    AWS_UNREADABLE: (
        "See whether the function's role still allows ses:GetAccount and cloudwatch:GetMetricData; deploying again restores it.",
        "Look at the account in the SES console until then.",
    ),
    SILENCE: (
        "Look at what sends: its queue, its errors, its credentials, the last deployment.",
        "Send one email by hand and see what Amazon SES answers.",
        "If it was planned, nothing is to be done: this ends when email goes out again.",
    ),
    SPIKE: (
        "Ask whether somebody planned it: a campaign, a migration, a test.",
        "If not: find the credentials that send (CloudTrail, SMTP users in IAM) and disable them now.",
        "Watch bounces and complaints: they follow within hours.",
    ),
    REJECTS: (
        "Find which sender or template the rejected email comes from; event publishing of SES names the message.",
        "If it is email that customers wrote, stop that customer's email until it is clean.",
    ),
}

_STEPS_ENFORCEMENT: dict[str, tuple[str, ...]] = {
    PROBATION: (
        "Read AWS's notice: the root user's mailbox, the AWS Health Dashboard, and the Support Center.",
        "Find the cause and stop it today: a bad list, a complaint-prone campaign, stolen credentials.",
        "Answer in AWS's case: what happened, what you changed, how it will not happen again.",
    ),
    SHUTDOWN: (
        "Stop or queue what sends; send what cannot wait another way.",
        "Read AWS's notice: the root user's mailbox, the AWS Health Dashboard, and the Support Center.",
        "Mend the cause, then answer in AWS's case with what you changed.",
        "Do not send the same email from another account of yours: AWS can pause that one too.",
    ),
}

_STEPS_UNREADABLE: dict[Trouble, tuple[str, ...]] = {
    Trouble.DENIED: (
        "See whether the function's role still allows ses:GetSendStatistics, and whether an organisation policy forbids it.",
        "Deploy the stack again: it restores the role.",
    ),
    Trouble.THROTTLED: (
        "SES allows this call once a second: look for something else in this account that asks too often.",
    ),
    Trouble.TIMED_OUT: ("Look at the AWS Health Dashboard for this region; the next run tries again.",),
    Trouble.BAD_ANSWER: ("Compare with `aws ses get-send-statistics`; the function's log has the details.",),
    Trouble.FAILED: ("Look at the AWS Health Dashboard for this region, and at the function's log.",),
}
