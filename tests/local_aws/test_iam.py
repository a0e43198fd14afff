"""The local AWS enforces every kind of right that a deployed role has: a call works with it and is refused without."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from local_aws import asynchronous, iam, logs
from local_aws.server import ACCOUNT, LocalAws

REGION = "eu-west-1"
KEY_USE: dict[str, Any] = {"Action": ["kms:Decrypt", "kms:GenerateDataKey"]}


class World:
    """An account with one resource of each kind, all encrypted with one key, and a role."""

    def __init__(self, local: LocalAws) -> None:
        self.local = local
        local.reset()
        self.key = local.client("kms").create_key()["KeyMetadata"]["Arn"]
        trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
        made = local.client("iam").create_role(
            RoleName="function",
            Path="/team/",
            AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]}),
        )
        self.role: str = made["Role"]["Arn"]
        assumed = local.client("sts").assume_role(RoleArn=self.role, RoleSessionName="test")
        self.granted = assumed["Credentials"]
        topic = {"KmsMasterKeyId": self.key}
        self.topic: str = local.client("sns").create_topic(Name="people", Attributes=topic)["TopicArn"]
        queues = local.client("sqs")
        self.queue = queues.create_queue(QueueName="failed", Attributes=topic)["QueueUrl"]
        self.queue_arn = f"arn:aws:sqs:{REGION}:{ACCOUNT}:failed"
        local.client("ssm").put_parameter(Name="/slack", Value="x", Type="SecureString", KeyId=self.key)
        self.parameter = f"arn:aws:ssm:{REGION}:{ACCOUNT}:parameter/slack"
        stored = local.client("secretsmanager").create_secret(Name="slack", SecretString="x", KmsKeyId=self.key)
        self.secret: str = stored["ARN"]
        local.client("dynamodb").create_table(
            TableName="states",
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
            SSESpecification={"Enabled": True, "SSEType": "KMS", "KMSMasterKeyId": self.key},
        )
        local.client("logs").create_log_group(logGroupName="log")

    def allow(self, *statements: dict[str, Any]) -> None:
        document = {
            "Version": "2012-10-17",
            "Statement": [{"Effect": "Allow", **statement} for statement in statements],
        }
        self.local.client("iam").put_role_policy(
            RoleName="function", PolicyName="p", PolicyDocument=json.dumps(document)
        )

    def client(self, service: str) -> Any:
        return boto3.client(
            service,
            region_name=REGION,
            endpoint_url=self.local.url,
            aws_access_key_id=self.granted["AccessKeyId"],
            aws_secret_access_key=self.granted["SecretAccessKey"],
            aws_session_token=self.granted["SessionToken"],
        )

    def can(self, call: Callable[[World], object]) -> bool:
        try:
            with self.local.iam_enforced():
                call(self)
        except ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] != 403:
                raise
            return False
        return True


def statements(world: World) -> dict[str, tuple[list[dict[str, Any]], Callable[[World], object]]]:
    """The statements that a call needs, and the call."""
    key = KEY_USE | {"Resource": world.key}

    def decrypt(name: str, arn: str) -> dict[str, Any]:
        condition = {"StringLike": {f"kms:EncryptionContext:{name}": arn}}
        return {"Action": "kms:Decrypt", "Resource": f"arn:aws:kms:{REGION}:{ACCOUNT}:key/*", "Condition": condition}

    return {
        "publish": (
            [{"Action": "sns:Publish", "Resource": world.topic}, key],
            lambda w: w.client("sns").publish(TopicArn=w.topic, Message="m"),
        ),
        "list": (
            [{"Action": "sns:ListSubscriptionsByTopic", "Resource": world.topic}],
            lambda w: w.client("sns").list_subscriptions_by_topic(TopicArn=w.topic),
        ),
        "state": (
            [{"Action": "dynamodb:GetItem", "Resource": f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/states"}, key],
            lambda w: w.client("dynamodb").get_item(TableName="states", Key={"pk": {"S": "a"}}),
        ),
        "parameter": (
            [{"Action": "ssm:GetParameter", "Resource": world.parameter}, decrypt("PARAMETER_ARN", world.parameter)],
            lambda w: w.client("ssm").get_parameter(Name="/slack", WithDecryption=True),
        ),
        "secret": (
            [
                {"Action": "secretsmanager:GetSecretValue", "Resource": f"{world.secret[:-6]}??????"},
                decrypt("SecretARN", f"{world.secret[:-6]}??????"),
            ],
            lambda w: w.client("secretsmanager").get_secret_value(SecretId="slack"),
        ),
        "event": (
            [{"Action": "events:PutEvents", "Resource": f"arn:aws:events:{REGION}:{ACCOUNT}:event-bus/default"}],
            lambda w: w.client("events").put_events(Entries=[{"Source": "s", "DetailType": "t", "Detail": "{}"}]),
        ),
        "metric": (
            [
                {
                    "Action": "cloudwatch:PutMetricData",
                    "Resource": "*",
                    "Condition": {"StringEquals": {"cloudwatch:namespace": "Ours"}},
                }
            ],
            lambda w: w.client("cloudwatch").put_metric_data(Namespace="Ours", MetricData=[{"MetricName": "m"}]),
        ),
    }


CALLS = ("publish", "list", "state", "parameter", "secret", "event", "metric")


@pytest.mark.parametrize("call", CALLS)
def test_a_call_needs_every_one_of_its_rights(local: LocalAws, call: str) -> None:
    world = World(local)
    needed, make = statements(world)[call]
    world.allow(*needed)
    assert world.can(make)
    for number in range(len(needed)):
        world.allow(*needed[:number], *needed[number + 1 :], {"Action": "sts:GetCallerIdentity", "Resource": "*"})
        assert not world.can(make), needed[number]


@pytest.mark.parametrize("call", CALLS)
def test_a_right_to_something_else_does_not_help(local: LocalAws, call: str) -> None:
    world = World(local)
    needed, make = statements(world)[call]
    others: dict[str, Any] = {"Resource": "arn:aws:x:eu-west-1:123456789012:other"}
    if call == "metric":
        others = {"Condition": {"StringEquals": {"cloudwatch:namespace": "Theirs"}}}
    for number, statement in enumerate(needed):
        world.allow(*needed[:number], statement | others, *needed[number + 1 :])
        assert not world.can(make), statement


def test_a_table_with_an_aws_managed_key_needs_no_key_right(local: LocalAws) -> None:
    world = World(local)
    local.client("dynamodb").create_table(
        TableName="plain",
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
        SSESpecification={"Enabled": False},
    )
    world.allow({"Action": "dynamodb:GetItem", "Resource": f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/plain"})
    assert world.can(lambda w: w.client("dynamodb").get_item(TableName="plain", Key={"pk": {"S": "a"}}))


def test_a_deny_outweighs_an_allow(local: LocalAws) -> None:
    world = World(local)
    needed, make = statements(world)["list"]
    world.allow(*needed, needed[0] | {"Effect": "Deny"})
    assert not world.can(make)


def kept(world: World) -> int:
    streams = world.local.client("logs").describe_log_streams(logGroupName="log")["logStreams"]
    return len(streams)


@pytest.mark.parametrize("missing", ["logs:CreateLogStream", "logs:PutLogEvents", ""])
def test_a_log_is_kept_only_with_both_rights_to_it(local: LocalAws, missing: str) -> None:
    world = World(local)
    actions = [a for a in ("logs:CreateLogStream", "logs:PutLogEvents") if a != missing]
    world.allow({"Action": actions, "Resource": f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:log:*"})
    logs.keep(world.role, REGION, "log", 1_738_368_000, "a line")
    assert kept(world) == (0 if missing else 1)


@pytest.mark.parametrize("missing", ["sqs:SendMessage", "kms:GenerateDataKey", "kms:Decrypt", ""])
def test_a_failed_event_is_kept_only_with_the_queues_rights(local: LocalAws, missing: str) -> None:
    world = World(local)
    rights = {
        "sqs:SendMessage": world.queue_arn,
        "kms:GenerateDataKey": world.key,
        "kms:Decrypt": world.key,
    }
    world.allow(*({"Action": action, "Resource": arn} for action, arn in rights.items() if action != missing))
    asynchronous.send(local, world.role, world.queue_arn, {"now": "x"})
    messages = local.client("sqs").receive_message(QueueUrl=world.queue).get("Messages", [])
    assert len(messages) == (0 if missing else 1)


def test_the_schedules_right_to_invoke_is_enforced(local: LocalAws) -> None:
    world = World(local)
    function = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:f"
    world.allow({"Action": "lambda:InvokeFunction", "Resource": [function, f"{function}:*"]})
    assert iam.allowed(world.role, "lambda:InvokeFunction", function)
    assert not iam.allowed(world.role, "lambda:InvokeFunction", f"{function}2")
