"""Names of resources: the stage's, or none, so that CloudFormation makes them up."""

from __future__ import annotations

import re

from aws_cdk import Aws, CfnResource, Stack
from constructs import IConstruct

NAMES = {
    "AWS::CloudWatch::Alarm": "AlarmName",
    "AWS::CloudWatch::CompositeAlarm": "AlarmName",
    "AWS::Lambda::Function": "FunctionName",
    "AWS::Logs::LogGroup": "LogGroupName",
    "AWS::SNS::Topic": "TopicName",
    "AWS::Scheduler::Schedule": "Name",
}
"""Property that names a resource, by type. A dashboard and a chat channel need a name: theirs begins with the stack's."""


def made_up_name(scope: IConstruct) -> str:
    """A name for what needs one: the stack's, which the deployment knows, and the place of `scope` in it."""
    place = scope.node.path.removeprefix(Stack.of(scope).node.path).removesuffix("/Default")
    return Aws.STACK_NAME + re.sub(r"[^A-Za-z0-9]+", "-", place)


def remove_names(scope: IConstruct) -> None:
    """Let CloudFormation name everything in `scope` that it can."""
    for construct in scope.node.find_all():
        if isinstance(construct, CfnResource) and construct.cfn_resource_type in NAMES:
            construct.add_property_deletion_override(NAMES[construct.cfn_resource_type])
