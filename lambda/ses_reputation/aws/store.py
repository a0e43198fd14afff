"""DynamoDB: what is stored of each target, one item a target, written only over the version that was read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from .errors import answered, code_of

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient


@dataclass(frozen=True, slots=True)
class Item:
    """A stored state as it was read; what its text means is not decided here."""

    version: int  # grows by one with every write
    schema: int  # which code can read the text
    text: str
    rejected: str = ""  # an earlier text that could not be read, kept for a person to look at


class Overtaken(Exception):
    """Another run has written since this one read; `item` is what it wrote, where it can be read."""

    def __init__(self, item: Item | None) -> None:
        super().__init__("another run has written to the store since this one read it")
        self.item = item


CONFLICT = "ConditionalCheckFailedException"
"""DynamoDB's code for a write whose condition does not hold; an Item comes with it if there is one."""

_UNCHANGED = "attribute_not_exists(version) OR NOT attribute_type(version, :number) OR version = :read"
"""An item whose version is missing or no number was not written by any run: it is replaced, not waited for."""


class Store:
    """The table of states."""

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._client = client
        self._table = table

    def load(self, target_id: str) -> Item | None:
        """Load a target's item, or None if nothing is stored. Raise what botocore raises."""
        with answered():
            answer = self._client.get_item(TableName=self._table, Key={"pk": {"S": target_id}}, ConsistentRead=True)
        return _item(answer["Item"]) if "Item" in answer else None

    def save(self, target_id: str, new: Item) -> None:
        """Write `new` over version `new.version - 1`, or as the first if that is 0.

        Raises `Overtaken`, or what botocore raises. A write that was repeated because its answer got lost counts as done.
        """
        item: dict[str, Any] = {
            "pk": {"S": target_id},
            "version": {"N": str(new.version)},
            "schema": {"N": str(new.schema)},
            "state": {"S": new.text},
        }
        if new.rejected:
            item["rejected"] = {"S": new.rejected}
        try:
            with answered():
                self._client.put_item(
                    TableName=self._table,
                    Item=item,
                    ConditionExpression=_UNCHANGED,
                    ExpressionAttributeValues={":read": {"N": str(new.version - 1)}, ":number": {"S": "N"}},
                    ReturnValuesOnConditionCheckFailure="ALL_OLD",
                )
        except ClientError as error:
            if code_of(error) != CONFLICT:
                raise
            stored = error.response.get("Item")
            there = _item(stored) if isinstance(stored, dict) else None
            if there != new:
                raise Overtaken(there) from None


def _item(stored: dict[str, Any]) -> Item:
    """A stored item, whatever became of it: what is missing or of a wrong kind reads as version 0, schema 0 or no text."""
    version, schema = _number(stored.get("version")), _number(stored.get("schema"))
    return Item(version, schema, _text(stored.get("state")), _text(stored.get("rejected")))


def _number(attribute: Any) -> int:
    number = attribute.get("N", "") if isinstance(attribute, dict) else ""
    return int(number) if isinstance(number, str) and number.isdecimal() else 0


def _text(attribute: Any) -> str:
    text = attribute.get("S", "") if isinstance(attribute, dict) else ""
    return text if isinstance(text, str) else ""
