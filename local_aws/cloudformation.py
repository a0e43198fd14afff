"""CloudFormation resource types of the stack that moto lacks or gets wrong: it fails on the tags of a key, and drops a log
group whose retention is changed.

Each is made through the server's own API, so that botocore checks every property: an unknown one fails the deployment
instead of being dropped. A type that neither moto nor this module knows fails it too.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, ClassVar

from botocore.exceptions import ClientError, ParamValidationError
from botocore.validate import validate_parameters
from moto.cloudformation import parsing
from moto.cloudformation.exceptions import ValidationError
from moto.core.common_models import CloudFormationModel

Client = Callable[[str, str], Any]
"""(service, region) → a boto3 client of the server."""

_clients: list[Client] = []


def _client(service: str, region: str) -> Any:
    return _clients[-1](service, region)


class _Resource(CloudFormationModel):
    """A resource made by `make` and unmade by `unmake`, both through the API; an update replaces it."""

    TYPE: ClassVar[str] = ""
    NAME: ClassVar[str] = ""  # the property that holds the resource's name, if any

    def __init__(self, physical_id: str, attributes: dict[str, str]) -> None:
        self.physical_resource_id = physical_id
        self.attributes = attributes

    @classmethod
    def make(cls, name: str, properties: dict[str, Any], account: str, region: str) -> tuple[str, dict[str, str]]:
        """Make the resource; return its physical id and its attributes for Fn::GetAtt."""
        raise NotImplementedError

    def unmake(self, region: str) -> None:
        """Delete what `make` made."""

    @classmethod
    def cloudformation_name_type(cls) -> str:
        return cls.NAME

    @classmethod
    def cloudformation_type(cls) -> str:
        return cls.TYPE

    @classmethod
    def has_cfn_attr(cls, attr: str) -> bool:
        return attr == "Arn"

    def get_cfn_attribute(self, attribute_name: str) -> str:
        return self.attributes[attribute_name]

    def is_created(self) -> bool:
        return True

    @classmethod
    def create_from_cloudformation_json(
        cls, resource_name: str, cloudformation_json: Any, account_id: str, region_name: str, **kwargs: Any
    ) -> _Resource:
        properties = dict(cloudformation_json.get("Properties", {}))
        try:
            return cls(*cls.make(resource_name, properties, account_id, region_name))
        except (
            ParamValidationError,
            ClientError,
        ) as error:  # a server error would be retried for a minute
            raise ValidationError(message=f"{cls.TYPE}: {error}") from error

    @classmethod
    def update_from_cloudformation_json(
        cls,
        original_resource: _Resource,
        new_resource_name: str,
        cloudformation_json: Any,
        account_id: str,
        region_name: str,
    ) -> _Resource:
        original_resource.unmake(region_name)
        name = original_resource.physical_resource_id if cls.NAME else new_resource_name
        return cls.create_from_cloudformation_json(name, cloudformation_json, account_id, region_name)

    def delete(self, account_id: str, region: str) -> None:
        try:
            self.unmake(region)
        except ClientError as error:  # moto deletes in any order: its parent may be gone already
            if "NotFound" not in error.response["Error"]["Code"]:
                raise


class Alarm(_Resource):
    TYPE, NAME = "AWS::CloudWatch::Alarm", "AlarmName"

    @classmethod
    def make(cls, name: str, properties: dict[str, Any], account: str, region: str) -> tuple[str, dict[str, str]]:
        properties.pop("AlarmName", None)
        _client("cloudwatch", region).put_metric_alarm(AlarmName=name, **properties)
        return name, {"Arn": f"arn:aws:cloudwatch:{region}:{account}:alarm:{name}"}

    def unmake(self, region: str) -> None:
        _client("cloudwatch", region).delete_alarms(AlarmNames=[self.physical_resource_id])


class Subscription(_Resource):
    """A subscription; an update of its attributes keeps it, so it stays confirmed."""

    TYPE = "AWS::SNS::Subscription"
    _IT = ("TopicArn", "Protocol", "Endpoint")

    @classmethod
    def _attributes(cls, properties: dict[str, Any]) -> dict[str, str]:
        return {
            key: value if isinstance(value, str) else json.dumps(value)
            for key, value in properties.items()
            if key not in (*cls._IT, "Region")
        }

    @classmethod
    def update_from_cloudformation_json(
        cls,
        original_resource: _Resource,
        new_resource_name: str,
        cloudformation_json: Any,
        account_id: str,
        region_name: str,
    ) -> _Resource:
        topics, arn = _client("sns", region_name), original_resource.physical_resource_id
        there = topics.get_subscription_attributes(SubscriptionArn=arn)["Attributes"]
        properties = cloudformation_json["Properties"]
        new = cls._attributes(properties)
        gone = {"FilterPolicy", "RedrivePolicy"} & there.keys() - new.keys()
        if gone or any(properties[key] != there[key] for key in cls._IT):
            return super().update_from_cloudformation_json(
                original_resource, new_resource_name, cloudformation_json, account_id, region_name
            )
        for key, value in new.items():
            topics.set_subscription_attributes(SubscriptionArn=arn, AttributeName=key, AttributeValue=value)
        return original_resource

    @classmethod
    def make(cls, name: str, properties: dict[str, Any], account: str, region: str) -> tuple[str, dict[str, str]]:
        arn: str = _client("sns", properties.get("Region", region)).subscribe(
            TopicArn=properties["TopicArn"],
            Protocol=properties["Protocol"],
            Endpoint=properties["Endpoint"],
            Attributes=cls._attributes(properties),
            ReturnSubscriptionArn=True,
        )["SubscriptionArn"]
        return arn, {"Arn": arn}

    def unmake(self, region: str) -> None:
        _client("sns", region).unsubscribe(SubscriptionArn=self.physical_resource_id)


class TopicPolicy(_Resource):
    TYPE = "AWS::SNS::TopicPolicy"

    @classmethod
    def make(cls, name: str, properties: dict[str, Any], account: str, region: str) -> tuple[str, dict[str, str]]:
        for topic in properties["Topics"]:
            _client("sns", region).set_topic_attributes(
                TopicArn=topic,
                AttributeName="Policy",
                AttributeValue=json.dumps(properties["PolicyDocument"]),
            )
        return name, {}


class QueuePolicy(_Resource):
    TYPE = "AWS::SQS::QueuePolicy"

    @classmethod
    def make(cls, name: str, properties: dict[str, Any], account: str, region: str) -> tuple[str, dict[str, str]]:
        for queue in properties["Queues"]:
            _client("sqs", region).set_queue_attributes(
                QueueUrl=queue, Attributes={"Policy": json.dumps(properties["PolicyDocument"])}
            )
        return name, {}


class Schedule(_Resource):
    TYPE, NAME = "AWS::Scheduler::Schedule", "Name"

    @classmethod
    def make(cls, name: str, properties: dict[str, Any], account: str, region: str) -> tuple[str, dict[str, str]]:
        name = properties.pop("Name", name)[:64]
        arn = _client("scheduler", region).create_schedule(Name=name, **properties)["ScheduleArn"]
        return name, {"Arn": arn}

    def unmake(self, region: str) -> None:
        _client("scheduler", region).delete_schedule(Name=self.physical_resource_id)


class EventInvokeConfig(_Resource):
    TYPE = "AWS::Lambda::EventInvokeConfig"

    @classmethod
    def make(cls, name: str, properties: dict[str, Any], account: str, region: str) -> tuple[str, dict[str, str]]:
        _client("lambda", region).put_function_event_invoke_config(**properties)
        return f"{properties['FunctionName']}|{properties.get('Qualifier', '')}", {}

    def unmake(self, region: str) -> None:
        function, _ = self.physical_resource_id.split("|")
        _client("lambda", region).delete_function_event_invoke_config(FunctionName=function)


class LogGroup(_Resource):
    """A log group; an update keeps its content."""

    TYPE, NAME = "AWS::Logs::LogGroup", "LogGroupName"

    @classmethod
    def make(cls, name: str, properties: dict[str, Any], account: str, region: str) -> tuple[str, dict[str, str]]:
        tags = {tag["Key"]: tag["Value"] for tag in properties.get("Tags", [])}
        _client("logs", region).create_log_group(logGroupName=name, tags=tags)
        cls._keep_for(name, properties, region)
        return name, {"Arn": f"arn:aws:logs:{region}:{account}:log-group:{name}:*"}

    @classmethod
    def update_from_cloudformation_json(
        cls,
        original_resource: _Resource,
        new_resource_name: str,
        cloudformation_json: Any,
        account_id: str,
        region_name: str,
    ) -> _Resource:
        cls._keep_for(original_resource.physical_resource_id, cloudformation_json["Properties"], region_name)
        return original_resource

    @staticmethod
    def _keep_for(name: str, properties: dict[str, Any], region: str) -> None:
        if "RetentionInDays" in properties:
            days = int(properties["RetentionInDays"])
            _client("logs", region).put_retention_policy(logGroupName=name, retentionInDays=days)

    def unmake(self, region: str) -> None:
        _client("logs", region).delete_log_group(logGroupName=self.physical_resource_id)


class Key(_Resource):
    TYPE = "AWS::KMS::Key"

    @classmethod
    def make(cls, name: str, properties: dict[str, Any], account: str, region: str) -> tuple[str, dict[str, str]]:
        keys = _client("kms", region)
        key = keys.create_key(
            Policy=json.dumps(properties["KeyPolicy"]),
            Description=properties.get("Description", ""),
            Tags=[{f"Tag{part}": value for part, value in tag.items()} for tag in properties.get("Tags", [])],
        )["KeyMetadata"]
        if properties.get("EnableKeyRotation"):
            keys.enable_key_rotation(KeyId=key["KeyId"])
        return key["KeyId"], {"Arn": key["Arn"]}

    def unmake(self, region: str) -> None:
        _client("kms", region).schedule_key_deletion(KeyId=self.physical_resource_id)


class BucketPolicy(_Resource):
    """Accepted but not applied: the bootstrap bucket's policy denies plain HTTP, and moto would apply the denial without its
    condition."""

    TYPE = "AWS::S3::BucketPolicy"

    @classmethod
    def make(cls, name: str, properties: dict[str, Any], account: str, region: str) -> tuple[str, dict[str, str]]:
        return name, {}


class SlackChannel(_Resource):
    """Checked but not made: moto has no Amazon Q Developer in chat applications, and nothing here calls it."""

    TYPE, NAME = "AWS::Chatbot::SlackChannelConfiguration", "ConfigurationName"
    OPERATION, KIND = "CreateSlackChannelConfiguration", "slack-channel"
    RENAMED: ClassVar = {"SlackWorkspaceId": "SlackTeamId", "GuardrailPolicies": "GuardrailPolicyArns"}
    BESIDE: ClassVar = {"SlackChannelName": "alerts"}

    @classmethod
    def make(cls, name: str, properties: dict[str, Any], account: str, region: str) -> tuple[str, dict[str, str]]:
        request = {cls.RENAMED.get(key, key): value for key, value in properties.items() if key != "Tags"}
        request["Tags"] = [{f"Tag{key}": value for key, value in tag.items()} for tag in properties.get("Tags", [])]
        model = _client("chatbot", region).meta.service_model.operation_model(cls.OPERATION)
        validate_parameters({**request, **cls.BESIDE}, model.input_shape)
        arn = f"arn:aws:chatbot::{account}:chat-configuration/{cls.KIND}/{request['ConfigurationName']}"
        return arn, {"Arn": arn}


class TeamsChannel(SlackChannel):
    """The same for Microsoft Teams."""

    TYPE = "AWS::Chatbot::MicrosoftTeamsChannelConfiguration"
    OPERATION, KIND = "CreateMicrosoftTeamsChannelConfiguration", "microsoft-teams-channel"
    RENAMED: ClassVar = {
        "TeamsTenantId": "TenantId",
        "TeamsChannelId": "ChannelId",
        "GuardrailPolicies": "GuardrailPolicyArns",
    }
    BESIDE: ClassVar = {}


WRONG_IN_MOTO = (Key, LogGroup)

LACKING_IN_MOTO = (
    Alarm,
    BucketPolicy,
    EventInvokeConfig,
    QueuePolicy,
    Schedule,
    SlackChannel,
    Subscription,
    TeamsChannel,
    TopicPolicy,
)


def install(client: Client) -> None:
    """Teach moto's CloudFormation the types above, and to refuse what it does not know."""
    _clients.append(client)
    known = parsing.get_model_list()
    replaced = {resource.TYPE for resource in WRONG_IN_MOTO}

    patched: Any = parsing
    patched.get_model_list = lambda: [
        *(model for model in known if not issubclass(model, _Resource) and model.cloudformation_type() not in replaced),
        *LACKING_IN_MOTO,
        *WRONG_IN_MOTO,
    ]
    for cached in (parsing.get_model_map, parsing.get_name_type_map):
        cached.cache_clear()
    lenient = parsing.resource_class_from_type

    def resource_class_from_type(resource_type: str) -> Any:
        found = lenient(resource_type)
        if found is None and resource_type not in parsing.NULL_MODELS:
            raise ValidationError(message=f"the local AWS has no {resource_type}")
        return found

    patched.resource_class_from_type = resource_class_from_type
    patched.ResourceMap.delete = _keeping(patched.ResourceMap.delete)
    patched.ResourceMap.build_resource_diff = _compared(patched.ResourceMap.build_resource_diff)
    patched.parse_and_update_resource = _what_exists(patched.parse_and_update_resource)


def _keeping(delete: Callable[[Any], None]) -> Callable[[Any], None]:
    """Wrap the deletion of a stack: moto does not know "RetainExceptOnCreate", which means "Retain" once the stack exists."""

    def delete_what_goes(resources: Any) -> None:
        for resource in resources._resource_json_map.values():
            if resource.get("DeletionPolicy") == "RetainExceptOnCreate":
                resource["DeletionPolicy"] = "Retain"
        delete(resources)

    return delete_what_goes


def _compared(diff: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap the comparison of two templates. Metadata, such as a construct's path, do not update a resource: moto would replace a
    topic and lose its subscriptions. A name is refused under a new logical id, since CloudFormation deletes the old one last."""

    def name_of(resource: Any) -> tuple[str, str] | None:
        name = resource.get("Properties", {}).get(parsing.get_name_type_map().get(resource["Type"], ""))
        return None if name is None else (resource["Type"], json.dumps(name))

    def compare(resources: Any, template: Any, parameters: Any = None) -> Any:
        for resource in (*resources._resource_json_map.values(), *template["Resources"].values()):
            resource.pop("Metadata", None)
        found = diff(resources, template, parameters)
        taken = {name_of(resources._resource_json_map[logical_id]) for logical_id in found["Remove"]} - {None}
        for logical_id in found["Add"]:
            if (name := name_of(template["Resources"][logical_id])) in taken:
                raise ValidationError(message=f"{logical_id}: {name} already exists")
        return found

    return compare


def _what_exists(update: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap the update of a resource. moto also updates resources whose condition is false, and loses those that it cannot update,
    such as a table: here these stay as they were."""

    def update_what_exists(logical_id: str, resource_json: Any, resources_map: Any, **where: str) -> Any:
        condition = resource_json.get("Condition")
        if condition is None or resources_map.lazy_condition_map[condition]:
            updated = update(logical_id, resource_json, resources_map, **where)
            return resources_map[logical_id] if updated is None else updated
        if logical_id in resources_map._parsed_resources:
            raise ValidationError(message=f"the local AWS cannot remove {logical_id}, whose condition no longer holds")
        return None

    return update_what_exists
