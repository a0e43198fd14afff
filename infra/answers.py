"""Findings of cdk-nag that stay, and why."""

ANSWERS = {
    "SQS3": "The queue is itself a dead-letter queue.",
    "IAM5[Resource::*]": "Amazon SES and CloudWatch have no resources for reading statistics and publishing metrics; the latter is "
    "limited to the monitor's own namespace by a condition.",
    "L1": "Python 3.13 is supported until 2029, and the deployed asset is tested on exactly that version.",
}
"""AwsSolutions: finding → reason."""
