"""Cost of a run of the built artefact, beside a typical implementation and a floor: `python -m bench.speed`.

All run under Lambda's own runtime client and make the same calls over HTTPS on loopback. Every round runs each program in turn,
so that a slow moment of the machine strikes all. Figures are medians; only ratios of one call of this program mean anything.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

from cli.sender import send_data_points
from infra.bundle import build
from local_aws.runtime import RUNTIME, RuntimeApi

from .canned import CannedAws, canned

ROOT = Path(__file__).parents[1]
PYTHON = RUNTIME / "bin" / "python"
YARDSTICKS = Path(__file__).parent / "yardsticks"

TYPICAL = ("aws-lambda-powertools[tracer]==3.37.0", "boto3==1.44.5", "botocore==1.44.5", "pydantic==2.14.0")
"""Libraries that a typical implementation ships, in the versions that the monitor has them in."""

POINTS = 1_344
WARM = 6
"""Invocations after the first, over which a warm one is measured. After two hours without new email an alert would open."""

FAST = "from ses_reputation.aws.fast import collector, data_classes, shortcuts; "
WITHOUT = {
    "botocore's data unpruned, its own loader": FAST + "shortcuts.read_less_data = lambda session: None",
    "its own parsers": FAST + "shortcuts.parse_faster = lambda session: None",
    "connections for each client": FAST + "shortcuts.share_connections = lambda *_: None",
    "boto3 imported besides": "import boto3",
    "methods of data classes compiled at the start": FAST + "data_classes.use_byte_code = lambda: None",
    "the collector as it is": FAST + "collector.collect_rarely = lambda: None",
    "no shortcut at all": "import sys; sys.modules['ses_reputation.aws.fast'] = None",
    "no log of Powertools'": "import logging; from types import ModuleType; import sys\n"
    "plain = ModuleType('aws_lambda_powertools')\n"
    "class Logger(logging.LoggerAdapter):\n"
    "    def __init__(self, **_): super().__init__(logging.getLogger(), {})\n"
    "    def inject_lambda_context(self, **_): return lambda handler: handler\n"
    "    def info(self, text, **_): logging.info(text)\n"
    "plain.Logger = Logger; sys.modules['aws_lambda_powertools'] = plain",
}
"""The monitor without one of its parts, by a program that runs before its handler is imported."""

ARN = "arn:aws:lambda:eu-west-1:123456789012:function:bench"


@dataclass(frozen=True)
class Program:
    """A function in its task folder."""

    name: str
    root: Path
    handler: str
    libraries: tuple[Path, ...] = ()  # that are looked in before the task folder's own


@dataclass(frozen=True)
class Cost:
    """Cost of one process, until its first answer and until its last."""

    wall: float  # milliseconds from its start to its first answer
    cpu: float  # milliseconds of user and system time up to its last answer
    rationed: float  # milliseconds of it from its first event to its first answer: Lambda rations the CPU then
    peak: float  # MB


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=11)
    rounds: int = parser.parse_args().rounds
    ours = Program("the monitor", build(ROOT / "settings.toml"), "ses_reputation.entry.monitor")
    programs = [ours, Program("typical", typical(), "typical.handler"), Program("floor", YARDSTICKS, "floor.handler")]
    last = int(time.time()) // 86_400 * 86_400 - 43_200  # noon: the first run of a day asks more
    ticks = [last - (WARM - number) * 900 for number in range(WARM + 1)]
    points = send_data_points(ticks[0] - POINTS * 900, ticks[0])
    random.Random(1).shuffle(points)
    with canned(points, ticks[0] - 300) as aws, tempfile.TemporaryDirectory() as folder:
        slower = [
            _without(Path(folder) / str(number), name, ours.root, programs[1].root)
            for number, name in enumerate(WITHOUT)
        ]
        slower.append(_source_only(Path(folder) / "source", ours))
        run(aws, ours, [ticks[0] - 900])  # with this state the measured runs are quiet ones
        stored = dict(aws.items)
        cold: dict[str, list[Cost]] = {program.name: [] for program in programs}
        warm: dict[str, list[Cost]] = {program.name: [] for program in programs}
        for _ in range(rounds):
            for program in programs:
                for kind, events in ((cold, ticks[:1]), (warm, ticks)):
                    aws.items = dict(stored)
                    kind[program.name].append(run(aws, program, events))
            for program in slower:
                aws.items = dict(stored)
                cold.setdefault(program.name, []).append(run(aws, program, ticks[:1]))
        xml = aws.statistics
    print(f"{len(points):,} points of {len(xml) / 1_000:.0f} kB, {rounds} rounds, medians")
    print(f"\n{'':<34}{'monitor':>10}{'typical':>10}{'floor':>10}{'/ typical':>12}{'/ floor':>10}   goal")
    _row("cold run, wall ms", {name: _of(costs, "wall") for name, costs in cold.items()}, "0.60, 4")
    _row("cold run, CPU ms", {name: _of(costs, "cpu") for name, costs in cold.items()}, "0.60, 4")
    _row("... of it after the first event", {name: _of(costs, "rationed") for name, costs in cold.items()}, "")
    _row("peak MB", {name: _of(costs, "peak") for name, costs in cold.items()}, "0.75, 2.2")
    each = {name: [(w.cpu - c.cpu) / WARM for w, c in zip(warm[name], cold[name], strict=True)] for name in warm}
    _row("a warm run, CPU ms", each, "0.40")
    _row("zip MB", {program.name: [_zipped(program.root)] for program in programs[:2]}, "0.25")
    _pairs(rounds, ours.root, programs[1].root, xml)
    print(f"\n{'cold run, CPU ms':<48}{'':>10}{'/ monitor':>12}{'peak MB':>10}")
    for name in (program.name for program in slower):
        cpu, peak = _of(cold[name], "cpu"), _of(cold[name], "peak")
        ratio = median(other / one for other, one in zip(cpu, _of(cold[ours.name], "cpu"), strict=True))
        print(f"with {name:<43}{median(cpu):>10.1f}{ratio:>12.2f}{median(peak):>10.1f}")


def _of(costs: Sequence[Cost], name: str) -> list[float]:
    return [getattr(cost, name) for cost in costs]


def _row(what: str, values: Mapping[str, Sequence[float]], goal: str) -> None:
    """A line of the table: medians, and the medians of the ratios round by round."""
    ours = values["the monitor"]
    shown = [
        f"{median(values[name]):>10.1f}" if name in values else f"{'':>10}"
        for name in ("the monitor", "typical", "floor")
    ]
    ratios = [
        f"{median(mine / other for mine, other in zip(ours, values[name], strict=True)):>{width}.2f}"
        if name in values
        else f"{'':>{width}}"
        for name, width in (("typical", 12), ("floor", 10))
    ]
    print(f"{what:<34}{''.join(shown)}{''.join(ratios)}   {goal}")


def _pairs(rounds: int, ours: Path, typical: Path, xml: bytes) -> None:
    """Measurements against plain boto3."""
    print(f"\n{'':<34}{'monitor':>10}{'boto3':>10}{'/ boto3':>12}   goal")
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "statistics.xml"
        file.write_bytes(xml)
        quick = "from ses_reputation.aws.session import open_session; core = open_session()"
        plain = "import botocore.session; core = botocore.session.get_session()"
        for what, programs, goal in (
            ("import of the handler, CPU ms", ("import ses_reputation.entry", "import boto3"), "1.15"),
            ("parse of the statistics, CPU ms", (_parse(quick, file), _parse(plain, file)), "0.30"),
        ):
            found = [(_measured(ours, programs[0]), _measured(typical, programs[1])) for _ in range(rounds)]
            ratio = median(mine / other for mine, other in found)
            medians = f"{median(m for m, _ in found):>10.1f}{median(o for _, o in found):>10.1f}"
            print(f"{what:<34}{medians}{ratio:>12.2f}   {goal}")


def _parse(session: str, file: Path) -> str:
    """A program that prints the CPU time of one parse of the statistics, without imports and a first parse."""
    return (
        f"import time; {session}; factory = core.get_component('response_parser_factory');"
        "shape = core.get_service_model('ses').operation_model('GetSendStatistics').output_shape;"
        "parser = factory.create_parser('query');"
        f"answer = {{'body': open({str(file)!r}, 'rb').read(), 'headers': {{}}, 'status_code': 200}};"
        "parser.parse(answer, shape); start = time.process_time(); parser.parse(answer, shape);"
        "print(1000 * (time.process_time() - start))"
    )


def _measured(root: Path, program: str) -> float:
    """Milliseconds: what `program` prints, or the CPU of its process."""
    environment = {
        "PYTHONPATH": str(root),
        "PATH": os.environ["PATH"],
        "PYTHONDONTWRITEBYTECODE": "1",
        "AWS_REGION": "eu-west-1",
    }
    process = subprocess.Popen([str(PYTHON), "-S", "-c", program], env=environment, stdout=subprocess.PIPE, text=True)  # noqa: S603
    assert process.stdout is not None
    printed = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise SystemExit(f"failed: {program}")
    return float(printed) if printed else 1_000 * (usage.ru_utime + usage.ru_stime)


def run(
    aws: CannedAws, program: Program, ticks: Sequence[int], *, cores: Iterable[int] = (), patience: float = 60
) -> Cost:
    """One process that answers an invocation for each tick, as Lambda starts it and without its end, which Lambda never sees."""
    api = RuntimeApi(ARN, 2 * patience)
    environment = _environment(aws, program, api.address)
    command = [str(PYTHON), "-S", "-m", "awslambdaric", program.handler]
    start = time.monotonic()
    process = subprocess.Popen(  # noqa: S603
        command, cwd=program.root, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    if cores:
        os.sched_setaffinity(process.pid, cores)
    api.ready.wait(60)
    started = _cpu(process.pid)
    wall, rationed = 0.0, 0.0
    for tick in ticks:
        event = {"now": datetime.fromtimestamp(tick, UTC).isoformat()}
        kind, payload = api.ask(event).get(timeout=patience)
        if not wall:
            wall, rationed = 1_000 * (time.monotonic() - start), _cpu(process.pid) - started
        if kind != "response":
            raise SystemExit(f"{program.name} failed: {payload}")
    peak = _peak(process.pid)
    process.kill()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    api.close()
    return Cost(wall, 1_000 * (usage.ru_utime + usage.ru_stime), rationed, peak)


def _cpu(pid: int) -> float:
    """Milliseconds that a process has run so far, threads that have ended included: its CPU clock, by the number that Linux
    gives it (clock_getcpuclockid)."""
    return 1_000 * time.clock_gettime(~pid << 3 | 2)


def _peak(pid: int) -> float:
    """Peak memory of a process so far, in MB. `wait4` would also count that of its parent."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    [kilobytes] = [line.split()[1] for line in status.splitlines() if line.startswith("VmHWM:")]
    return int(kilobytes) / 1_024


def _environment(aws: CannedAws, program: Program, runtime_api: str) -> dict[str, str]:
    libraries = next(RUNTIME.glob("lib/python*/site-packages"))
    return {
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_SESSION_TOKEN": "testing",
        "AWS_CA_BUNDLE": str(aws.trust),
        "AWS_CONFIG_FILE": "/dev/null",
        "AWS_EC2_METADATA_DISABLED": "true",
        **aws.endpoints,
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "256",
        "AWS_LAMBDA_FUNCTION_NAME": "bench",
        "AWS_LAMBDA_RUNTIME_API": runtime_api,
        "AWS_DEFAULT_REGION": "eu-west-1",
        "AWS_REGION": "eu-west-1",
        "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
        "DASHBOARD_URL": "https://console.aws.amazon.com/d",
        "LAMBDA_TASK_ROOT": str(program.root),
        "STATE_TABLE": "states",
        "PATH": os.environ["PATH"],
        "ACCOUNT_ID": "123456789012",
        "MONITOR_ROLE_ARN": "arn:aws:iam::123456789012:role/monitor",
        "PEOPLE_TOPIC_ARN": "arn:aws:sns:eu-west-1:123456789012:people",
        "PROGRAMS_TOPIC_ARN": "arn:aws:sns:eu-west-1:123456789012:programs",
        "POWERTOOLS_METRICS_NAMESPACE": "Typical",
        "POWERTOOLS_SERVICE_NAME": "bench",
        "POWERTOOLS_TRACE_DISABLED": "true",  # there is no X-Ray here to talk to; the tracer is loaded all the same
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONPATH": os.pathsep.join(map(str, (libraries, *program.libraries))),
        "TZ": ":UTC",
        "_HANDLER": program.handler,
    }


def _without(root: Path, name: str, ours: Path, typical: Path) -> Program:
    """The monitor without a shortcut; its libraries, where the asset lacks something, from the typical implementation."""
    root.mkdir()
    shutil.copyfile(ours / "settings.toml", root / "settings.toml")
    before = WITHOUT[name]
    (root / "slower.py").write_text(f"{before}\nfrom ses_reputation.entry import monitor\n")
    libraries = (typical, ours) if "data" in name or "no shortcut" in name else (ours, typical)
    return Program(name, root, "slower.monitor", libraries)


def _source_only(root: Path, ours: Program) -> Program:
    """The monitor without byte code, as a zip without it is on Lambda's read-only disk."""
    shutil.copytree(ours.root, root, ignore=shutil.ignore_patterns("__pycache__"))
    return Program("no byte code", root, ours.handler)


def typical() -> Path:
    """The typical implementation with its libraries and their byte code."""
    source = YARDSTICKS / "typical.py"
    key = hashlib.sha256(" ".join(TYPICAL).encode() + source.read_bytes()).hexdigest()[:20]
    folder = ROOT / ".cache" / "bench" / f"typical-{key}"
    if not folder.exists():
        print("Installing what the typical implementation ships ...", file=sys.stderr)
        building = folder.with_suffix(".building")
        shutil.rmtree(building, ignore_errors=True)
        pip = [str(PYTHON), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--target", str(building)]
        subprocess.run([*pip, *TYPICAL], check=True)  # noqa: S603
        shutil.copyfile(source, building / "typical.py")
        subprocess.run([str(PYTHON), "-m", "compileall", "-q", str(building)], check=True)  # noqa: S603
        building.rename(folder)
    return folder


def _zipped(folder: Path) -> float:
    """MB of `folder` as the zip that is uploaded."""
    with tempfile.TemporaryFile() as file:
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
            for path in sorted(folder.rglob("*")):
                archive.write(path, path.relative_to(folder))
        return file.tell() / 1e6


if __name__ == "__main__":
    main()
