"""Many accounts and regions as most people would write it: a boto3 session for each target, over a pool of threads."""

import json
import os
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import Any

import boto3
from typical import look  # type: ignore[import-not-found]  # beside this file where it runs

THREADS = 16

sts = boto3.client("sts")


def look_at(account: str, region: str, now: datetime) -> dict[str, float]:
    """Assume the role of the account and look at a region of it."""
    granted = sts.assume_role(RoleArn=f"arn:aws:iam::{account}:role/reader", RoleSessionName="typical")["Credentials"]
    session = boto3.Session(granted["AccessKeyId"], granted["SecretAccessKey"], granted["SessionToken"], region)
    clients = (session.client(service) for service in ("ses", "sesv2", "cloudwatch"))
    return look(f"{account}/{region}", *clients, now)


def handler(event: dict[str, Any], context: Any) -> int:
    """Look at every target; return how many there are."""
    now = datetime.fromisoformat(event["now"])
    accounts: dict[str, list[str]] = json.loads(Path(os.environ["LAMBDA_TASK_ROOT"], "targets.json").read_text())
    with ThreadPoolExecutor(THREADS) as pool:
        looks = [
            pool.submit(look_at, account, region, now) for account, regions in accounts.items() for region in regions
        ]
        return len([look.result() for look in looks])
