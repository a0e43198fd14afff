"""`make release`: a CloudFormation template with parameters, the functions' zip, an SBOM and checksums, for deployment without the
CDK. docs/release.md has the commands."""

from __future__ import annotations

import hashlib
import json
import re
import sys
import tempfile
import tomllib
import zipfile
from collections.abc import Callable
from functools import partial
from importlib.metadata import PathDistribution
from pathlib import Path
from typing import Any

from aws_cdk import Annotations, App, BootstraplessSynthesizer, CfnCondition, CfnMapping, CfnParameter, Fn, Stack
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sns as sns
from ses_reputation.settings import SettingsError, load
from ses_reputation.settings.patterns import EMAIL, PARAMETER

from . import member_role
from .bundle import REQUIREMENTS, ROOT, BundleError, build, pinned_libraries
from .monitor import SesReputationMonitor

OUT = ROOT / "dist"

RECIPIENTS = 10
"""Most email addresses that the parameter `Emails` takes: a template has no loops."""

MINUTES = (5, 10, 15, 20, 30, 60)
"""Accepted values of the parameter `ScheduleMinutes`: a template cannot multiply either."""

ANY_PARAMETER = "/parameter/of/the/stack"
"""Stands at synth for the webhook's parameter, which only the deployment knows."""

ACKNOWLEDGED = {
    "ses-reputation:slack-alone": "The recipients are a parameter.",
    "@aws-cdk/aws-lambda:codeFromBucketObjectVersionNotSpecified": "Each release has a key of its own.",
}
"""Warnings of the synth that do not concern a template with parameters."""


class ReleaseStack(Stack):
    """The monitor with parameters for what differs between teams; everything else is in the zip's settings.toml."""

    def __init__(self, scope: App, construct_id: str, *, settings_file: Path) -> None:
        super().__init__(
            scope,
            construct_id,
            synthesizer=BootstraplessSynthesizer(),  # no bucket of the CDK
            description="Warns a team about its Amazon SES bounce and complaint rates before AWS acts.",
        )
        for warning, reason in ACKNOWLEDGED.items():
            Annotations.of(self).acknowledge_warning(warning, reason)
        emails = CfnParameter(
            self,
            "Emails",
            type="CommaDelimitedList",
            allowed_pattern=EMAIL,
            description=f"Recipients of notifications, at most {RECIPIENTS}, separated by commas. Each must confirm once.",
        )
        CfnParameter(
            self,
            "ScheduleMinutes",
            default="15",
            allowed_values=[str(number) for number in MINUTES],
            description="Minutes between two runs.",
        )
        webhook = CfnParameter(
            self,
            "SlackWebhookParameter",
            default="",
            allowed_pattern=f"(?:{PARAMETER})?",
            description="SSM parameter (SecureString) with the address of a Slack webhook. Empty: no Slack.",
        )
        bucket = CfnParameter(self, "CodeBucket", description="Bucket in the region of the stack that holds the zip.")
        key = CfnParameter(self, "CodeKey", description="Key of the zip in that bucket: a new one for each release.")
        CfnMapping(self, "ScheduleSeconds", mapping={str(number): {"Value": 60 * number} for number in MINUTES})
        CfnCondition(self, "HasSlack", expression=Fn.condition_not(Fn.condition_equals(webhook.value_as_string, "")))
        tables = tomllib.loads(settings_file.read_text(encoding="utf-8"))
        tables["alerts"] = {**tables.get("alerts", {}), "emails": []}
        tables["slack"] = {"webhook_parameter": ANY_PARAMETER}
        tables["deployment"] = {**tables.get("deployment", {}), "schedule_minutes": 15}
        monitor = SesReputationMonitor(
            self,
            "Default",
            settings=tables,
            code=lambda_.Code.from_bucket(
                s3.Bucket.from_bucket_name(self, "Code", bucket.value_as_string), key.value_as_string
            ),
            environment={
                "SETTINGS": Fn.sub(
                    '[alerts]\nemails = ["${List}"]\n[slack]\nwebhook_secret = ""\nwebhook_parameter = "${SlackWebhookParameter}"\n'
                    "[deployment]\nschedule_minutes = ${ScheduleMinutes}\n",
                    {"List": Fn.join('", "', emails.value_as_list)},
                )
            },
        )
        padded = Fn.split(",", Fn.join(",", [Fn.join(",", emails.value_as_list), "," * (RECIPIENTS - 1)]))
        for number in range(1, RECIPIENTS + 1):
            address = Fn.select(number - 1, padded)
            subscription = sns.CfnSubscription(
                self, f"Email{number}", protocol="email", endpoint=address, topic_arn=monitor.topic.topic_arn
            )
            subscription.cfn_options.condition = CfnCondition(
                self, f"HasEmail{number}", expression=Fn.condition_not(Fn.condition_equals(address, ""))
            )


def template(settings_file: Path) -> dict[str, Any]:
    """The template. Raises `SettingsError`."""
    load(settings_file)
    context = json.loads((ROOT / "cdk.json").read_text(encoding="utf-8"))["context"]
    with tempfile.TemporaryDirectory() as out:
        app = App(context=context, builtin_cloud_formation_validation=False, outdir=out, analytics_reporting=False)
        stack = ReleaseStack(app, "SesReputation", settings_file=settings_file)
        app.synth()
        made: dict[str, Any] = json.loads((Path(out) / stack.template_file).read_text(encoding="utf-8"))
    [other] = [name for name in made["Resources"] if name.startswith("FailedRunsAlarm")]
    for name, resource in made["Resources"].items():
        resource.pop("Metadata", None)  # paths in the CDK's tree
        if resource["Type"] == "AWS::Scheduler::Schedule":
            resource["Properties"]["ScheduleExpression"] = {"Fn::Sub": "rate(${ScheduleMinutes} minutes)"}
        if name.startswith("Slack"):
            resource["Condition"] = "HasSlack"
            change: Change = _webhook
        elif name.startswith("Watchdog"):
            change = _period
        else:
            change = partial(_of_slack, other=other)
        resource["Properties"] = _with(resource["Properties"], change)
    made["Outputs"]["SlackFunctionName"]["Condition"] = "HasSlack"
    return made


Change = Callable[[Any], Any]


def _with(value: Any, change: Change) -> Any:
    """`value` with `change` applied to each of its parts, the innermost first."""
    if isinstance(value, dict):
        return change({name: _with(part, change) for name, part in value.items()})
    return change([_with(part, change) for part in value] if isinstance(value, list) else value)


def _period(part: Any) -> Any:
    """The period of the schedule, as the parameter has it."""
    if isinstance(part, dict) and part.get("Period") == 900:
        seconds = {"Fn::FindInMap": ["ScheduleSeconds", {"Ref": "ScheduleMinutes"}, "Value"]}
        return {**part, "Period": seconds}
    return part


def _webhook(part: Any) -> Any:
    """The name of the webhook's parameter, as the stack's parameter has it."""
    if isinstance(part, str) and part.endswith(ANY_PARAMETER):
        return {"Fn::Sub": part.removesuffix(ANY_PARAMETER) + "${SlackWebhookParameter}"}
    return part


def _of_slack(part: Any, *, other: str) -> Any:
    """A reference to the forwarder's alarm from the dashboard, which without Slack repeats the `other` alarm."""
    if isinstance(part, dict) and str(part.get("Fn::GetAtt", [""])[0]).startswith("Slack"):
        return {"Fn::If": ["HasSlack", part, {"Fn::GetAtt": [other, "Arn"]}]}
    return part


def pack(folder: Path, file: Path) -> None:
    """Zip `folder`: the same content gives the same bytes."""
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            entry = zipfile.ZipInfo(path.relative_to(folder).as_posix(), (1980, 1, 1, 0, 0, 0))
            entry.external_attr = 0o644 << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, path.read_bytes())


def sbom(requirements: str, libraries: Path) -> dict[str, Any]:
    """Contents of the zip as CycloneDX 1.6; licenses as the packages themselves declare them."""
    pinned = re.findall(r"^(\S+)==\S+ \\\n +--hash=sha256:(\w+)$", requirements, re.MULTILINE)
    hashes = {_canonical(name): digest for name, digest in pinned}
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": {"type": "application", "name": "ses-reputation-monitor"}},
        "components": [
            _component(PathDistribution(folder), hashes) for folder in sorted(libraries.glob("*.dist-info"))
        ],
    }


def _canonical(name: str) -> str:
    """The name of a package as indexes compare it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _component(package: PathDistribution, hashes: dict[str, str]) -> dict[str, Any]:
    name = _canonical(package.metadata["Name"])
    metadata = package.metadata.json
    declared = metadata.get("license_expression") or metadata.get("license")
    return {
        "type": "library",
        "name": name,
        "version": package.version,
        "purl": f"pkg:pypi/{name}@{package.version}",
        "hashes": [{"alg": "SHA-256", "content": hashes[name]}],
        **({"licenses": [{"license": {"name": declared}}]} if declared else {}),
    }


def release(settings_file: Path, out: Path) -> list[Path]:
    """Write the files into `out`. Raises `SettingsError` or `BundleError`."""
    out.mkdir(parents=True, exist_ok=True)
    files = [out / name for name in ("template.json", "function.zip", "sbom.cdx.json")]
    files[0].write_text(json.dumps(template(settings_file), separators=(",", ":")) + "\n", encoding="utf-8")
    pack(build(settings_file), files[1])
    bom = sbom(REQUIREMENTS.read_text(encoding="utf-8"), pinned_libraries())
    files[2].write_text(json.dumps(bom, indent=1) + "\n", encoding="utf-8")
    settings = load(settings_file)
    if settings.fleet.on:
        files.append(member_role.write(settings, out / member_role.OUT.name))
    sums = "".join(f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {file.name}\n" for file in files)
    (out / "SHA256SUMS").write_text(sums, encoding="utf-8")
    return [*files, out / "SHA256SUMS"]


if __name__ == "__main__":
    try:
        written = release(Path(sys.argv[1]), OUT)
    except (SettingsError, BundleError) as problem:
        sys.exit(str(problem))
    print("\n".join(str(file.relative_to(ROOT)) for file in written))
