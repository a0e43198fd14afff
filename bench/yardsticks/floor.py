"""The least that the same calls can cost in Python: the standard library, signatures and parsing by hand, nothing checked."""

import hashlib
import hmac
import http.client
import json
import os
import ssl
import threading
from datetime import UTC, datetime
from typing import Any, NamedTuple
from urllib.parse import urlsplit
from xml.parsers import expat

ENDPOINTS = {
    service: urlsplit(os.environ[f"AWS_ENDPOINT_URL_{variable}"])
    for service, variable in (("ses", "SES"), ("dynamodb", "DYNAMODB"), ("monitoring", "CLOUDWATCH"), ("sts", "STS"))
}
TRUST = ssl.create_default_context(cafile=os.environ["AWS_CA_BUNDLE"])  # once for all connections
WINDOWS = {"1h": 4, "6h": 24, "24h": 96, "7d": 672, "14d": 1344}


class Access(NamedTuple):
    """Who asks, and where."""

    key: str
    secret: str
    token: str
    region: str


HOME = Access(
    *(os.environ[f"AWS_{name}"] for name in ("ACCESS_KEY_ID", "SECRET_ACCESS_KEY", "SESSION_TOKEN", "REGION"))
)

local = threading.local()


def call(access: Access, service: str, method: str, path: str, body: bytes, headers: dict[str, str]) -> bytes:
    """The body of the answer to one signed request."""
    connections: dict[str, http.client.HTTPSConnection] = local.__dict__.setdefault("connections", {})
    endpoint = ENDPOINTS[service]
    now = datetime.now(UTC)
    stamp, day = now.strftime("%Y%m%dT%H%M%SZ"), now.strftime("%Y%m%d")
    headers |= {
        "host": endpoint.netloc,
        "x-amz-date": stamp,
        "x-amz-security-token": access.token,
    }
    names = ";".join(sorted(headers))
    listed = "".join(f"{name}:{headers[name]}\n" for name in sorted(headers))
    request = f"{method}\n{path}\n\n{listed}\n{names}\n{hashlib.sha256(body).hexdigest()}"
    scope = f"{day}/{access.region}/{service}/aws4_request"
    key = f"AWS4{access.secret}".encode()
    for part in (day, access.region, service, "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    to_sign = f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{hashlib.sha256(request.encode()).hexdigest()}"
    signature = hmac.digest(key, to_sign.encode(), "sha256").hex()
    credential = f"{access.key}/{scope}"
    headers["authorization"] = f"AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders={names}, Signature={signature}"
    if service not in connections:
        connections[service] = http.client.HTTPSConnection(
            endpoint.hostname or "", endpoint.port, timeout=10, context=TRUST
        )
    connections[service].request(method, path, body, headers)
    answer = connections[service].getresponse()
    data = answer.read()
    if answer.status != 200:
        raise RuntimeError(f"{service}: {answer.status}")
    return data


def ask(access: Access, service: str, target: str, **parameters: Any) -> Any:
    """One call of a service that speaks JSON."""
    headers = {"content-type": "application/x-amz-json-1.0", "x-amz-target": target}
    return json.loads(call(access, service, "POST", "/", json.dumps(parameters).encode(), headers) or b"{}")


def statistics(access: Access) -> list[tuple[int, int, int]]:
    """Slot, emails and bounces of every send data point."""
    found: list[tuple[int, int, int]] = []
    fields: dict[str, str] = {}
    text: list[str] = []
    parser = expat.ParserCreate()
    parser.buffer_text = True

    def end(name: str) -> None:
        if name == "member":
            at = int(datetime.fromisoformat(fields["Timestamp"]).timestamp()) // 900
            found.append((at, int(fields["DeliveryAttempts"]), int(fields["Bounces"])))
        else:
            fields[name] = "".join(text)

    def start(name: str, attributes: dict[str, str]) -> None:
        text.clear()

    parser.StartElementHandler, parser.EndElementHandler = start, end
    parser.CharacterDataHandler = text.append
    headers = {"content-type": "application/x-www-form-urlencoded; charset=utf-8"}
    parser.Parse(call(access, "ses", "POST", "/", b"Action=GetSendStatistics&Version=2010-12-01", headers), True)
    return found


def look(key: str, access: Access, now: int) -> dict[str, float]:
    """Read everything there is of a target, compute a rate for each window, and publish it."""
    table = os.environ["STATE_TABLE"]
    item = ask(
        HOME, "dynamodb", "DynamoDB_20120810.GetItem", TableName=table, Key={"pk": {"S": key}}, ConsistentRead=True
    )
    points = statistics(access)
    json.loads(call(access, "ses", "GET", "/v2/email/account", b"", {}))
    watch = "GraniteServiceVersion20100801"
    queries = [
        {
            "Id": name.lower(),
            "MetricStat": {
                "Metric": {"Namespace": "AWS/SES", "MetricName": f"Reputation.{name}Rate"},
                "Period": 300,
                "Stat": "Maximum",
            },
        }
        for name in ("Bounce", "Complaint")
    ]
    ask(access, "monitoring", f"{watch}.GetMetricData", MetricDataQueries=queries, StartTime=now - 21_600, EndTime=now)
    sent, bounced = [0] * 1_345, [0] * 1_345
    for at, emails, bounces in points:
        age = now // 900 - at
        if 0 <= age <= 1_344:
            sent[age] += emails
            bounced[age] += bounces
    rates = {name: sum(bounced[: n + 1]) / max(1, sum(sent[: n + 1])) for name, n in WINDOWS.items()}
    data = [{"MetricName": f"BounceRate{name}", "Timestamp": now, "Value": rate} for name, rate in rates.items()]
    ask(HOME, "monitoring", f"{watch}.PutMetricData", Namespace="Floor", MetricData=data)
    version = int(item.get("Item", {}).get("version", {}).get("N", "0"))
    ask(
        HOME,
        "dynamodb",
        "DynamoDB_20120810.PutItem",
        TableName=table,
        Item={"pk": {"S": key}, "version": {"N": str(version + 1)}},
        ConditionExpression="attribute_not_exists(pk) OR version = :v",
        ExpressionAttributeValues={":v": {"N": str(version)}},
    )
    return rates


def handler(event: dict[str, Any], context: Any) -> dict[str, float]:
    """Look at the function's own account and region."""
    rates = look("floor", HOME, int(datetime.fromisoformat(event["now"]).timestamp()))
    print(json.dumps({"rates": rates}))
    return rates
