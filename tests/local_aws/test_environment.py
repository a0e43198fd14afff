"""Nothing in a user's environment reaches the local AWS or blocks the way to it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from local_aws.environment import isolated

ROOT = Path(__file__).parents[2]
NOWHERE = "http://127.0.0.1:9"

HOSTILE = {
    "proxies": dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy"), NOWHERE),
    "proxies for all but one host": {"HTTP_PROXY": NOWHERE, "http_proxy": NOWHERE, "NO_PROXY": "intranet.test"},
    "unknown profile": {"AWS_PROFILE": "nobody", "AWS_DEFAULT_PROFILE": "nobody"},
    "empty profile": {"AWS_PROFILE": ""},
    "other region": {"AWS_REGION": "xx-nowhere-1", "AWS_DEFAULT_REGION": "not a region"},
    "other endpoints": {"AWS_ENDPOINT_URL": NOWHERE, "AWS_ENDPOINT_URL_SNS": NOWHERE, "AWS_USE_FIPS_ENDPOINT": "true"},
    "broken configuration": {"AWS_CONFIG_FILE": "/dev/full", "AWS_CA_BUNDLE": "/nonexistent", "AWS_MAX_ATTEMPTS": "x"},
    "other credentials": {"AWS_SESSION_TOKEN": "x", "AWS_ROLE_ARN": "x", "AWS_WEB_IDENTITY_TOKEN_FILE": "/nonexistent"},
    "moto's own": {"MOTO_ACCOUNT_ID": "1", "MOTO_SERVICE_ACCOUNT_ID": "x"},
}

SCRIPT = """
from local_aws.server import LocalAws
import subprocess, sys, os
with LocalAws() as local:
    print(local.client("sns").create_topic(Name="t")["TopicArn"])
    child = "import boto3; print(boto3.client('sns').list_topics()['Topics'][0]['TopicArn'])"
    from local_aws.environment import isolated
    environment = isolated(os.environ) | local.environment()
    print(subprocess.check_output([sys.executable, "-c", child], env=environment, text=True).strip())
"""


@pytest.mark.parametrize("hostile", HOSTILE.values(), ids=HOSTILE.keys())
def test_the_local_aws_answers_itself_and_its_children(hostile: dict[str, str]) -> None:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], **hostile},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stdout.split() == ["arn:aws:sns:eu-west-1:123456789012:t"] * 2, done.stderr


@pytest.mark.parametrize(
    "name", ["AWS_PROFILE", "CDK_OUTDIR", "BOTO_CONFIG", "PYTHONPATH", "PYTHONWARNINGS", "PIP_TARGET"]
)
def test_variables_that_point_elsewhere_are_dropped(name: str) -> None:
    assert name not in isolated({name: "x", "PATH": "/bin"})


def test_a_proxy_stays_for_packages_and_loopback_goes_past_it() -> None:
    seen = isolated({"HTTPS_PROXY": NOWHERE, "no_proxy": "intranet.test", "PIP_INDEX_URL": "https://index.test"})
    assert seen["HTTPS_PROXY"] == NOWHERE and seen["PIP_INDEX_URL"] == "https://index.test"
    assert seen["no_proxy"] == seen["NO_PROXY"] == "intranet.test,localhost,127.0.0.1,::1"
