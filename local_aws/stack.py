"""The stack as `cdk deploy` leaves it, synthesised and made in this process: the same resources in a quarter of the time.

The demo and tests/e2e/test_make.py deploy by the CDK's own command line, as users do.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

from aws_cdk import App
from ses_reputation.settings import load

from infra import MonitorStack
from infra.release import pack

from .server import ACCOUNT, LocalAws

ROOT = Path(__file__).parents[1]
CONTEXT = json.loads((ROOT / "cdk.json").read_text(encoding="utf-8"))["context"]


def deploy(local: LocalAws, settings: Path) -> dict[str, str]:
    """Create or update the stack of a settings file; its outputs."""
    stacks, name = local.client("cloudformation"), load(settings).stack_name
    with tempfile.TemporaryDirectory() as folder:
        app = App(context=CONTEXT, outdir=folder, builtin_cloud_formation_validation=False)
        MonitorStack(app, name, settings_file=settings)
        tags = app.synth().get_stack_by_name(name).tags
        _upload(local, Path(folder), name)
        template = (Path(folder) / f"{name}.template.json").read_text(encoding="utf-8")
    there = [found["StackName"] for found in stacks.describe_stacks()["Stacks"]]
    make = stacks.update_stack if name in there else stacks.create_stack
    make(
        StackName=name,
        TemplateBody=template,
        Tags=[{"Key": key, "Value": value} for key, value in tags.items()],
        Capabilities=["CAPABILITY_NAMED_IAM"],
    )
    return outputs_of(local, name)


def outputs_of(local: LocalAws, name: str) -> dict[str, str]:
    """The outputs of a stack. Raises RuntimeError if it is not whole."""
    [stack] = local.client("cloudformation").describe_stacks(StackName=name)["Stacks"]
    if stack["StackStatus"] not in ("CREATE_COMPLETE", "UPDATE_COMPLETE"):
        raise RuntimeError(f"{name}: {stack['StackStatus']} {stack.get('StackStatusReason', '')}")
    return {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}


def destroy(local: LocalAws, settings: Path) -> None:
    local.client("cloudformation").delete_stack(StackName=load(settings).stack_name)


def _upload(local: LocalAws, assembly: Path, name: str) -> None:
    """Do what `cdk bootstrap` and the CDK's upload of assets do, as far as the stack needs it."""
    manifest = json.loads((assembly / f"{name}.assets.json").read_text(encoding="utf-8"))
    for asset in manifest["files"].values():
        if asset["source"]["packaging"] != "zip":
            continue  # the template itself
        for where in asset["destinations"].values():
            bucket = _here(local, where["bucketName"])
            _bootstrap(local, bucket)
            zipped = assembly / "asset.zip"
            pack(assembly / asset["source"]["path"], zipped)
            local.client("s3").put_object(Bucket=bucket, Key=where["objectKey"], Body=zipped.read_bytes())


def _here(local: LocalAws, text: str) -> str:
    return text.replace("${AWS::AccountId}", ACCOUNT).replace("${AWS::Region}", local.region)


def _bootstrap(local: LocalAws, bucket: str) -> None:
    s3: Any = local.client("s3")
    if bucket in {found["Name"] for found in s3.list_buckets()["Buckets"]}:
        return
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": local.region})
    local.client("ssm").put_parameter(Name="/cdk-bootstrap/hnb659fds/version", Value="30", Type="String")
