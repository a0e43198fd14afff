"""Logical ids of version 0.1.0 for what has moved within the tree of constructs since.

CloudFormation makes what has a new id before it deletes what had the old one. Two resources of one name, or two subscriptions of
one function, cannot be: the upgrade would fail, or the deletion would take the new one along.
"""

from __future__ import annotations

from aws_cdk import CfnElement
from constructs import IConstruct

FORMER_IDS = {
    "Chat/Channel/Resource": "ChatChannel35272A92",
    "Chat/Topic/Policy/Resource": "ChatPolicyDEEE413F",
    "Chat/Topic/Resource": "Chat26DEB33F",
    "FailedRuns/Alarm/Resource": "RunLost8EBC6D91",
    "Function/Log/Resource": "Log95422804",
    "Slack/Function/Default/EventInvokeConfig/Resource": "SlackFunctionEventInvokeConfig6F3622EC",
    "Slack/Function/Default/People/Resource": "SlackFunctionPeopleF63DD007",
    "Slack/Function/Default/Resource": "SlackFunctionB79AA090",
    "Slack/Function/Log/Resource": "SlackLogF1B611E2",
    "Watchdog/Failing/Resource": "Failing258FD00C",
    "Watchdog/NotRunning/Resource": "NotRunning3238086E",
}
"""Id by path below the monitor."""


def keep_former_ids(monitor: IConstruct) -> None:
    """Give what a stack of version 0.1.0 has the ids that it has there."""
    for construct in monitor.node.find_all():
        former = FORMER_IDS.get(construct.node.path.removeprefix(f"{monitor.node.path}/"))
        if former is not None and isinstance(construct, CfnElement):
            construct.override_logical_id(former)
