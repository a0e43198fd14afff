"""A pipeline of your own (CDK Pipelines) that deploys the monitor to staging, and after an approval to production.

pip install aws-cdk-lib ses-reputation-monitor
cdk deploy
"""

from __future__ import annotations

from aws_cdk import App, Environment, Stack, Stage, pipelines
from constructs import Construct
from ses_reputation_cdk import MonitorStack

REPOSITORY = "our-org/our-repository"
CONNECTION = "arn:aws:codestar-connections:eu-west-1:123456789012:connection/01234567-89ab-cdef-0123-456789abcdef"
IRELAND = Environment(account="123456789012", region="eu-west-1")


class Monitor(Stage):
    """One installation; the stage's name ends the names of its resources."""

    def __init__(self, scope: Construct, stage: str, *, env: Environment) -> None:
        super().__init__(scope, stage, env=env)
        settings = {"alerts": {"emails": ["oncall@example.org"]}, "deployment": {"stage": stage}}
        MonitorStack(self, "Monitor", stack_name=f"SesReputation-{stage}", settings=settings)


class PipelineStack(Stack):
    """The pipeline, which also updates itself."""

    def __init__(self, scope: Construct, construct_id: str, *, env: Environment) -> None:
        super().__init__(scope, construct_id, env=env)
        source = pipelines.CodePipelineSource.connection(REPOSITORY, "main", connection_arn=CONNECTION)
        commands = ["pip install aws-cdk-lib ses-reputation-monitor", "npx --yes aws-cdk@2 synth --app 'python app.py'"]
        pipeline = pipelines.CodePipeline(
            self, "Pipeline", synth=pipelines.ShellStep("Synth", input=source, commands=commands)
        )
        pipeline.add_stage(Monitor(self, "staging", env=IRELAND))
        pipeline.add_stage(Monitor(self, "prod", env=IRELAND), pre=[pipelines.ManualApprovalStep("Approve")])


def main() -> None:
    app = App()
    PipelineStack(app, "SesReputationPipeline", env=IRELAND)
    app.synth()


if __name__ == "__main__":
    main()
