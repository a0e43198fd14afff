"""A CDK app of your own with the monitor as one part of it, in two regions.

pip install PATH-OF-A-CLONE'[deploy]'
cdk deploy --all
"""

from __future__ import annotations

from aws_cdk import App, CfnOutput, Environment, Stack
from aws_cdk import aws_sns_subscriptions as subscriptions
from aws_cdk import aws_sqs as sqs
from constructs import Construct
from ses_reputation_cdk import SesReputationMonitor


class EmailStack(Stack):
    """A team's own configuration set, and the monitor that watches it."""

    def __init__(self, scope: Construct, construct_id: str, *, env: Environment) -> None:
        super().__init__(scope, construct_id, env=env)
        tickets = sqs.Queue(self, "Tickets", enforce_ssl=True)
        reputation = SesReputationMonitor(
            self,
            "Reputation",
            settings={
                "alerts": {"emails": ["oncall@example.org"]},
                "bounce": {"warning": 0.02},
                "alarms": {"per_target": "critical"},
            },
        )
        reputation.topic.add_subscription(subscriptions.SqsSubscription(tickets, raw_message_delivery=True))
        CfnOutput(self, "Monitor", value=reputation.function.function_name)


def main() -> None:
    app = App()
    for region in ("eu-west-1", "us-east-1"):
        EmailStack(app, f"Email-{region}", env=Environment(region=region))
    app.synth()


if __name__ == "__main__":
    main()
