"""The least that the same calls can cost in Python: the standard library, signatures and parsing by hand, nothing checked."""

import hashlib
import hmac
import http.client
import json
import os
import ssl
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit
from xml.parsers import expat

ENDPOINTS = {
    service: urlsplit(os.environ[f"AWS_ENDPOINT_URL_{variable}"])
    for service, variable in (("ses", "SES"), ("dynamodb", "DYNAMODB"), ("monitoring", "CLOUDWATCH"))
}
REGION = os.environ["AWS_REGION"]
TRUST = ssl.create_default_context(cafile=os.environ["AWS_CA_BUNDLE"])  # once for all connections
WINDOWS = {"1h": 4, "6h": 24, "24h": 96, "7d": 672, "14d": 1344}

connections: dict[str, http.client.HTTPSConnection] = {}


def call(service: str, method: str, path: str, body: bytes, headers: dict[str, str]) -> bytes:
    """The body of the answer to one signed request."""
    endpoint = ENDPOINTS[service]
    now = datetime.now(UTC)
    stamp, day = now.strftime("%Y%m%dT%H%M%SZ"), now.strftime("%Y%m%d")
    headers |= {
        "host": endpoint.netloc,
        "x-amz-date": stamp,
        "x-amz-security-token": os.environ["AWS_SESSION_TOKEN"],
    }
    names = ";".join(sorted(headers))
    listed = "".join(f"{name}:{headers[name]}\n" for name in sorted(headers))
    request = f"{method}\n{path}\n\n{listed}\n{names}\n{hashlib.sha256(body).hexdigest()}"
    scope = f"{day}/{REGION}/{service}/aws4_request"
    key = f"AWS4{os.environ['AWS_SECRET_ACCESS_KEY']}".encode()
    for part in (day, REGION, service, "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    to_sign = f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{hashlib.sha256(request.encode()).hexdigest()}"
    signature = hmac.digest(key, to_sign.encode(), "sha256").hex()
    credential = f"{os.environ['AWS_ACCESS_KEY_ID']}/{scope}"
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


def ask(service: str, target: str, **parameters: Any) -> Any:
    """One call of a service that speaks JSON."""
    headers = {"content-type": "application/x-amz-json-1.0", "x-amz-target": target}
    return json.loads(call(service, "POST", "/", json.dumps(parameters).encode(), headers) or b"{}")


def statistics() -> list[tuple[int, int, int]]:
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
    parser.Parse(call("ses", "POST", "/", b"Action=GetSendStatistics&Version=2010-12-01", headers), True)
    return found


def handler(event: dict[str, Any], context: Any) -> dict[str, float]:
    """Reads everything there is, computes a rate for each window, and publishes it."""
    table = os.environ["STATE_TABLE"]
    now = int(datetime.fromisoformat(event["now"]).timestamp())
    item = ask(
        "dynamodb", "DynamoDB_20120810.GetItem", TableName=table, Key={"pk": {"S": "floor"}}, ConsistentRead=True
    )
    points = statistics()
    json.loads(call("ses", "GET", "/v2/email/account", b"", {}))
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
    ask("monitoring", f"{watch}.GetMetricData", MetricDataQueries=queries, StartTime=now - 21_600, EndTime=now)
    sent, bounced = [0] * 1_345, [0] * 1_345
    for at, emails, bounces in points:
        age = now // 900 - at
        if 0 <= age <= 1_344:
            sent[age] += emails
            bounced[age] += bounces
    rates = {name: sum(bounced[: n + 1]) / max(1, sum(sent[: n + 1])) for name, n in WINDOWS.items()}
    data = [{"MetricName": f"BounceRate{name}", "Timestamp": now, "Value": rate} for name, rate in rates.items()]
    ask("monitoring", f"{watch}.PutMetricData", Namespace="Floor", MetricData=data)
    version = int(item.get("Item", {}).get("version", {}).get("N", "0"))
    ask(
        "dynamodb",
        "DynamoDB_20120810.PutItem",
        TableName=table,
        Item={"pk": {"S": "floor"}, "version": {"N": str(version + 1)}},
        ConditionExpression="attribute_not_exists(pk) OR version = :v",
        ExpressionAttributeValues={":v": {"N": str(version)}},
    )
    print(json.dumps({"rates": rates}))
    return rates
