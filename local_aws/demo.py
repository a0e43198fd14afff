"""`make demo`: the real stack, deployed by the CDK into a local AWS, watches a healthy sender who then buys a bad list."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ses_reputation.core.metrics import GAUGES, REPUTATION
from ses_reputation.core.rates import Metric
from ses_reputation.layout.slack import payloads
from ses_reputation.settings import Settings, load

from cli.evaluate import Sent
from cli.picture import BLUE, GREEN, GREY, PURPLE, Panel, Series, draw
from cli.replay_picture import levels_of, marks_and_spans
from cli.sender import BUCKET

from .cdk import CdkError, bootstrap, deploy
from .environment import isolated
from .metrics import publish_email, publish_run
from .runtime import DeployedFunction
from .schedule import DeployedSchedule
from .server import ACCOUNT, LocalAws
from .slack_picture import draw as draw_slack
from .story import STORY_DAYS, Story, last_story

OUT = Path(__file__).parents[1] / "demo-out"
SETTINGS = Path(__file__).with_name("settings.toml")


def main(out: Path = OUT, story_of: Callable[[int], Story] = last_story) -> None:
    """Play a story in a local AWS; write its emails and pictures to `out`. Raises `CdkError` or `DemoFailed`."""
    started = time.monotonic()
    out.mkdir(exist_ok=True)
    settings = load(SETTINGS)
    with LocalAws() as local:
        _say("A local AWS listens on this machine's loopback; nothing leaves it.")
        _say("cdk bootstrap ...")
        bootstrap(local)
        _say("cdk deploy ...")
        outputs = deploy(local, SETTINGS)
        function = DeployedFunction(local, outputs["FunctionName"])
        try:
            schedule = DeployedSchedule(local, outputs["ScheduleName"], function)
            story = story_of(int(time.time()))
            _play(local, schedule, story)
            emails = [f"Subject: {m.subject}\n\n{m.body('email')}" for m in local.sent(outputs["PeopleTopicArn"])]
            posted = [p for m in local.sent(outputs["PeopleTopicArn"]) for p in payloads(m.subject, m.body("lambda"))]
            (out / "emails.txt").write_text("\n\n".join(emails), encoding="utf-8")
            (out / "slack.json").write_text(json.dumps(posted, indent=2, ensure_ascii=False), encoding="utf-8")
            _show_emails(emails, out)
            draw_slack(posted[0], out / "slack.png")
            picture = out / "metrics.png"
            _draw(local, settings, story, outputs["PeopleTopicArn"], picture)
            board = out / "dashboard.png"
            _draw_dashboard(local, board)
            _show_deployed(local, outputs, settings)
        finally:
            function.close()
    _say(
        f"The first in Slack: {_shown(out / 'slack.png')}; all of them for its Block Kit Builder: {_shown(out / 'slack.json')}"
    )
    _say(f"The metrics of this fortnight as a picture: {_shown(picture)}")
    _say(f"The deployed dashboard, as CloudWatch would show it: {_shown(board)}")
    _say(f"Done in {time.monotonic() - started:.0f} s.")


def _play(local: LocalAws, schedule: DeployedSchedule, story: Story) -> None:
    """Fire the deployed function tick by tick and print its answers."""
    _say(f"{STORY_DAYS} days of email through the deployed function; the bad list starts {_when(story.bad_list)}.")
    ticks = list(story.ticks())
    previous, before = "", story.start
    for number, tick in enumerate(ticks, 1):
        local.ses().points = story.answer(tick)
        local.ses().used = story.sent(tick)
        story.suppress(local.ses().suppression, before, tick)
        publish_email(local, story.points, before, tick)
        attempt = schedule.fire(tick)[-1]
        before = tick
        publish_run(local, schedule.function.configuration["FunctionName"], tick, ok=attempt.ok)
        if not attempt.ok:
            raise DemoFailed(f"the function failed: {attempt.payload}\n{attempt.log}")
        [verdict] = attempt.payload.values()
        done = f"{number:4d}/{len(ticks)} runs   {_when(tick)}   {verdict}"
        if sys.stdout.isatty():
            print(f"\r{done:<70}", end="" if verdict == previous else "\n", flush=True)
        elif verdict != previous:
            print(done, flush=True)
        previous = verdict
    print()


class DemoFailed(Exception):
    """The demo failed; the text says why."""


def _show_emails(emails: list[str], out: Path) -> None:
    """Print the inbox, and the first message opened. Raises `DemoFailed` if it is empty."""
    if not emails:
        raise DemoFailed("no email was sent")
    _say(f"The inbox of the engineer on duty: {len(emails)} messages, all in {_shown(out / 'emails.txt')}. The first:")
    for email in emails:
        print(f"    {email.splitlines()[0].removeprefix('Subject: ')}")
    print()
    print("\n".join(f"    | {line}" for line in emails[0].splitlines()), end="\n\n")


def _shown(path: Path) -> str:
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)


def _draw(local: LocalAws, settings: Settings, story: Story, topic: str, path: Path) -> None:
    """Draw the metrics as they are in CloudWatch now, AWS's own included, and the notifications as they were published."""
    series = _metrics(local, settings, story)
    sent = [_sent(a) for message in local.sent(topic) for a in json.loads(message.body("sqs"))["notifications"]]

    def panel(metric: Metric, name: str, warning: float) -> Panel:
        lines = [
            Series("rate now", *series[f"{name}Rate"], color=BLUE),
            Series("our estimate of AWS's rate", *series[f"EstimatedAws{name}Rate"], color=PURPLE),
            Series("AWS's own rate", *series[f"Reputation.{name}Rate"], color=GREY, dashed=True),
        ]
        marks, spans = marks_and_spans([n for n in sent if n is not None], metric, story.end)
        return Panel(f"{name} rate", lines, levels_of(metric, warning), marks, spans)

    policy = settings.policy
    draw(
        path,
        "A healthy sender buys a bad list: what the deployed monitor measured and sent",
        [
            panel(Metric.BOUNCE, "Bounce", policy.bounce.warning),
            panel(Metric.COMPLAINT, "Complaint", policy.complaint.warning),
            Panel(
                "Headroom: how much of the way to AWS's nearer review threshold is left",
                [Series("headroom", *series["Headroom"], color=GREEN)],
                top=1.0,
            ),
        ],
    )


def _sent(notification: dict[str, Any]) -> Sent | None:
    """Read a notification about one of the two rates from its document."""
    if notification["metric"] not in tuple(Metric):
        return None
    return Sent(
        _at(notification["at"]),
        Metric(notification["metric"]),
        notification["severity"],
        notification["kind"],
        notification["alert"],
    )


def _draw_dashboard(local: LocalAws, path: Path) -> None:
    """Draw the dashboard of the local AWS."""
    command = [sys.executable, "-m", "local_aws.dashboard", "--png", str(path), "--settings", str(SETTINGS)]
    done = subprocess.run(
        command,
        env=isolated(os.environ) | local.environment(),
        cwd=SETTINGS.parents[1],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise DemoFailed(f"the dashboard could not be drawn:\n{done.stdout}{done.stderr}")


def _metrics(local: LocalAws, settings: Settings, story: Story) -> dict[str, tuple[list[int], list[float]]]:
    """Read every custom metric of the target, and AWS's own rates: times and values, oldest first."""
    cloudwatch = local.client("cloudwatch")
    target = [{"Name": "Account", "Value": ACCOUNT}, {"Name": "Region", "Value": local.region}]
    metrics = [{"Namespace": settings.metric_namespace, "MetricName": name, "Dimensions": target} for name in GAUGES]
    metrics += [{"Namespace": "AWS/SES", "MetricName": name} for name in REPUTATION.values()]
    series = {}
    for metric in metrics:
        [result] = cloudwatch.get_metric_data(
            MetricDataQueries=[{"Id": "m", "MetricStat": {"Metric": metric, "Period": BUCKET, "Stat": "Maximum"}}],
            StartTime=datetime.fromtimestamp(story.start, UTC),
            EndTime=datetime.fromtimestamp(story.end + BUCKET, UTC),
            ScanBy="TimestampAscending",
        )["MetricDataResults"]
        series[str(metric["MetricName"])] = ([int(time.timestamp()) for time in result["Timestamps"]], result["Values"])
    return series


def _show_deployed(local: LocalAws, outputs: dict[str, str], settings: Settings) -> None:
    """The stack's resources by type, and its outputs."""
    [stack] = [
        s for s in local.client("cloudformation").describe_stacks()["Stacks"] if s["StackName"] == settings.stack_name
    ]
    resources = local.client("cloudformation").list_stack_resources(StackName=stack["StackName"])
    types = [resource["ResourceType"] for resource in resources["StackResourceSummaries"]]
    _say(f"What was deployed: {len(types)} resources in stack {stack['StackName']}.")
    for kind in sorted(set(types)):
        print(f"    {types.count(kind)} x {kind}")
    for name, value in sorted(outputs.items()):
        print(f"    {name} = {value}")


def _at(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp())


def _when(at: int) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%a %Y-%m-%d %H:%M")


def _say(text: str) -> None:
    print(f"==> {text}", flush=True)


if __name__ == "__main__":
    try:
        main()
    except (CdkError, DemoFailed) as error:
        sys.exit(f"The demo failed: {error}")
