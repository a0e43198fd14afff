"""The monitor as most people would write it: boto3's clients and a resource, Powertools' Logger, Tracer and Metrics, pydantic."""

import os
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import boto3
from aws_lambda_powertools import Logger, Metrics, Tracer
from aws_lambda_powertools.metrics import MetricUnit
from pydantic import BaseModel, Field

logger = Logger()
tracer = Tracer()
metrics = Metrics()


class Config(BaseModel):
    """The settings."""

    bounce_warning: float = Field(default=0.03, ge=0, le=1)
    bounce_critical: float = Field(default=0.05, ge=0, le=1)
    complaint_warning: float = Field(default=0.0008, ge=0, le=1)
    complaint_critical: float = Field(default=0.001, ge=0, le=1)
    topic_arn: str = os.environ["PEOPLE_TOPIC_ARN"]
    table: str = os.environ["STATE_TABLE"]


config = Config()
ses = boto3.client("ses")
sesv2 = boto3.client("sesv2")
cloudwatch = boto3.client("cloudwatch")
sns = boto3.client("sns")
table = boto3.resource("dynamodb").Table(config.table)

WINDOWS = {"1h": 1, "6h": 6, "24h": 24, "7d": 168, "14d": 336}


def look(key: str, ses: Any, sesv2: Any, watch: Any, now: datetime) -> dict[str, float]:
    """Read everything there is of a target, compute a rate for each window, and publish it."""
    stored = table.get_item(Key={"pk": key}, ConsistentRead=True).get("Item", {})
    points = ses.get_send_statistics()["SendDataPoints"]
    account = sesv2.get_account()
    reputation = watch.get_metric_data(
        MetricDataQueries=[
            {
                "Id": name.lower(),
                "MetricStat": {
                    "Metric": {"Namespace": "AWS/SES", "MetricName": f"Reputation.{name}Rate"},
                    "Period": 300,
                    "Stat": "Maximum",
                },
            }
            for name in ("Bounce", "Complaint")
        ],
        StartTime=now - timedelta(hours=6),
        EndTime=now,
    )
    rates = {}
    for window, hours in WINDOWS.items():
        recent = [p for p in points if p["Timestamp"] >= now - timedelta(hours=hours)]
        sent = sum(p["DeliveryAttempts"] for p in recent)
        bounced = sum(p.get("Bounces", 0) for p in recent)
        rates[window] = bounced / sent if sent else 0.0
    cloudwatch.put_metric_data(
        Namespace="Typical",
        MetricData=[
            {"MetricName": "BounceRate", "Timestamp": now.astimezone(UTC), "Value": rate} for rate in rates.values()
        ],
    )
    version = int(stored.get("version", 0))
    table.put_item(
        Item={"pk": key, "version": version + 1, "rate": Decimal(repr(rates["24h"]))},
        ConditionExpression="attribute_not_exists(pk) OR version = :v",
        ExpressionAttributeValues={":v": version},
    )
    aws = len(reputation["MetricDataResults"])
    logger.info("evaluated", extra={"rates": rates, "account": account["EnforcementStatus"], "aws": aws})
    return rates


@logger.inject_lambda_context
@tracer.capture_lambda_handler
@metrics.log_metrics(capture_cold_start_metric=True)
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Look at the function's own account and region."""
    rates = look("typical", ses, sesv2, cloudwatch, datetime.fromisoformat(event["now"]))
    for window, rate in rates.items():
        metrics.add_metric(f"BounceRate{window}", MetricUnit.NoUnit, rate)
    return {"rates": rates}
