"""Findings of cdk-nag that stay, and why."""

from __future__ import annotations

from collections.abc import Mapping

from aws_cdk import Acknowledgment, Validations
from constructs import Construct

ANSWERS = {
    "SQS3": "The queue is itself a dead-letter queue.",
    "IAM5[Resource::*]": "Amazon SES and CloudWatch have no resources for reading statistics and publishing metrics, and the latter is "
    "limited to the monitor's own namespace by a condition. Units may be anywhere in an organization. EC2 has none for the network interfaces of a function in a VPC.",
    "IAM5[Action::kms:GenerateDataKey*]": "The CDK's grant to send to a queue that is encrypted with the one key of this monitor.",
    "IAM5[Action::kms:ReEncrypt*]": "The CDK's grant to send to a queue that is encrypted with the one key of this monitor.",
    "L1": "Python 3.13 is supported until 2029, and the deployed asset is tested on exactly that version.",
}
"""Rules of the pack AwsSolutions."""

REGULATED = {
    "CloudWatchAlarmAction": "Alarms on verdicts have no action of their own: they are for the routing that a team already has.",
    "DynamoDBInBackupPlan": "Point-in-time recovery is on. Lost state costs a repeated notification, and no data of anybody else.",
    "IAMNoInlinePolicy": "A policy that only one role uses exists and ends with that role.",
    "LambdaConcurrency": "A run is one invocation every few minutes; a reservation would take concurrency from other functions, and "
    "new accounts cannot reserve any.",
    "LambdaDLQ": "What fails for good goes to a queue as an on-failure destination, which carries more than a dead-letter queue.",
}
"""Rules of the packs HIPAA.Security and NIST.800.53.R5, beside what the settings `encrypt` and `subnet_ids` satisfy."""

PACKS = ("HIPAA.Security", "NIST.800.53.R5")


def acknowledge(scope: Construct, answers: Mapping[str, str], pack: str = "AwsSolutions") -> None:
    """Answer rules of cdk-nag about everything in `scope`: finding → reason."""
    for finding, reason in answers.items():
        Validations.of(scope).acknowledge(Acknowledgment(id=f"{pack}::{pack}-{finding}", reason=reason))
