"""docs/scale.md, the plan for up to 100,000 targets, computed: `python -m bench.scale` writes it."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from string import Template
from zlib import crc32

from ses_reputation.core.metrics import GAUGES
from ses_reputation.core.rates import Metric
from ses_reputation.core.roster import Member, Roster
from ses_reputation.core.state import record_text
from ses_reputation.run import THREADS
from ses_reputation.settings.fleet import MEMORY_MB, TARGETS_PER_SHARD

from .cost import HOURS, PRICES, ROOT, STATE_KB
from .fleet import DELAY

PAGE = ROOT / "docs" / "scale.md"

CORE_MB = 1_769
"""Lambda gives so much memory one core, and less memory its share of one."""

CPU, START_CPU = 0.030, 0.5
"""Seconds of a core for each target, and before the first one: measured by bench/fleet.py, with room."""

CALLS = 6
"""Calls for a target at a run, one after another: two of the table, four of the account."""

REGIONS = 10
"""Regions of each account in this plan."""

RUNS = HOURS * 4
"""Ticks of a month, every 15 minutes."""

LINE_KB = 0.9
"""Log of each target and run."""

MEASURED = """\
| Targets | Wall | CPU | Peak memory | CPU |
| --- | --- | --- | --- | --- |
| | / a session per target | / a session per target | / a session per target | / floor |
| 1 | 0.65 | 0.42 | 0.62 | 2.9 |
| 10 | 0.45 | 0.19 | 0.30 | 2.7 |
| 100 | 0.15 | 0.09 | 0.18 | 2.7 |
| 1,000 | 0.11 | 0.08 | 0.19 | 3.0 |
| goal at 100 | 0.20 | 0.20 | 0.30 | |

From 100 to 1,000 targets the peak grows by the factor 1.08 (goal 1.1). A thousand take a third of the two minutes and less than half of the
256 MB that are their goal."""
"""Figures that bench/fleet.py printed in November 2026."""

FLEETS = (10, 100, 1_000, 10_000, 100_000)
MEMORIES = (256, 512, 1_024, 1_769)

QUOTAS = {
    "EventBridge Scheduler: invocations in a second": 1_000,
    "Lambda: runs at the same time": 1_000,
    "STS: AssumeRole in a second": 600,
    "DynamoDB: write units in a second of a new table": 4_000,
    "CloudWatch: PutMetricData in a second": 500,
    "DynamoDB: kB of an item, the list of accounts": 400,
    "Organizations: accounts": 10_000,
}
"""Default quotas of an account and region, November 2026; that of accounts is the most that AWS grants."""


@dataclass(frozen=True)
class Fleet:
    """So many targets, read every 15 minutes."""

    targets: int

    @property
    def shards(self) -> int:
        return ceil(self.targets / TARGETS_PER_SHARD)

    @property
    def accounts(self) -> int:
        return ceil(self.targets / REGIONS)

    @property
    def list_kb(self) -> float:
        """Stored size of the list of accounts, with names of a usual length."""
        regions = tuple(f"eu-region-{number}" for number in range(REGIONS))
        numbers = [crc32(str(number).encode()) for number in range(self.accounts)]
        members = (Member(f"{number:012d}", f"team-{number % 9_999}-prod", regions, True, 1) for number in numbers)
        return len(record_text(Roster(tuple(members)))) / 1_000

    def seconds(self, memory: int = MEMORY_MB) -> float:
        """Seconds of a shard: of its processor or of waiting, whichever is more."""
        each = max(CPU * CORE_MB / memory, CALLS * DELAY / THREADS)
        return START_CPU + self.targets / self.shards * each

    def load(self) -> dict[str, float]:
        """Demand on each quota while all shards run at once."""
        return dict(
            zip(
                QUOTAS,
                (
                    self.shards,
                    self.shards,
                    self.accounts / self.seconds(),
                    self.targets * STATE_KB / self.seconds(),
                    self.shards / self.seconds(),
                    self.list_kb,
                    self.accounts,
                ),
                strict=True,
            )
        )

    def dollars(self, memory: int = MEMORY_MB) -> dict[str, float]:
        """The bill of a month by service, without metrics of single targets."""
        runs, reads = RUNS * self.shards, RUNS * self.targets
        compute = runs * self.seconds(memory) * memory / 1_024 * PRICES["a GB-second of Lambda on arm64"]
        return {
            "Lambda": compute + runs / 1e6 * PRICES["a million requests of Lambda"],
            "DynamoDB": reads * STATE_KB / 4 / 1e6 * PRICES["a million read units of DynamoDB"]
            + reads * STATE_KB / 1e6 * PRICES["a million write units of DynamoDB"],
            "log": reads * LINE_KB / 1e6 * PRICES["a GB of log taken in"],
            "fleet's metrics and alarms": 4 * self.shards * PRICES["a custom metric"]
            + 4 * PRICES["an alarm, for each metric it reads"],
            "AWS's own rates, billed to each account": len(Metric)
            * reads
            / 1_000
            * PRICES["1,000 metrics asked for by GetMetricData"],
        }


TEXT = Template("""\
<!-- Made by `python -m bench.scale`; a test fails when it is stale. -->
[Index](index.md)

# Scale

A plan on paper, computed: nobody has run the larger ones in AWS. A target is an account in a region; the plan has $regions regions an account
and a run every 15 minutes. All targets of an account are in one shard: a schedule of its own that invokes the same function.

| Targets | Accounts | Shards | Seconds of a run | Dollars a month | Dollars a target |
| --- | --- | --- | --- | --- | --- |
$fleets

Of the dollars at 1,000 targets: $parts. Metrics of single targets come on top, $$$metrics a month each, up to `metrics_up_to` targets.

## Which quota binds first

All shards start at the same second. Bold is over the default quota:

| Quota | Default | $headings |
| --- | --- | $rules |
$quotas

$binds

## Memory and shards

Lambda rations the processor by memory: $core MB are one core. A target takes $cpu ms of a core, and its $calls calls $wait ms of waiting shared by
$threads threads. Less memory makes a run slower for the same money; more than $even MB pays for waiting.

| Memory, MB | Seconds of a run over 1,000 targets | Dollars of Lambda a month |
| --- | --- | --- |
$memories

So the function of a fleet has $memory MB and a shard at most $each targets. `shards` in [settings](settings.md) sets another number at any time: it
moves no state.

## Measured

`python -m bench.fleet`, answers after $delay ms over HTTPS on loopback, one core, the same calls for all:

$measured
""")


def page() -> str:
    """The whole of docs/scale.md."""
    fleets = [Fleet(targets) for targets in FLEETS]
    thousand = Fleet(1_000)
    over = [(name, fleet.targets) for fleet in fleets for name, load in fleet.load().items() if load > QUOTAS[name]]
    return TEXT.substitute(
        regions=REGIONS,
        fleets="\n".join(
            f"| {f.targets:,} | {f.accounts:,} | {f.shards} | {f.seconds():.0f} | {sum(f.dollars().values()):,.2f} | "
            f"{sum(f.dollars().values()) / f.targets:.3f} |"
            for f in fleets
        ),
        parts=", ".join(f"{name} {dollars:,.2f}" for name, dollars in thousand.dollars().items()),
        metrics=f"{len(GAUGES) * PRICES['a custom metric']:.2f}",
        headings=" | ".join(f"{f.targets:,}" for f in fleets),
        rules=" | ".join("---" for _ in fleets),
        quotas="\n".join(
            f"| {name} | {quota:,} | " + " | ".join(_shown(f.load()[name], quota) for f in fleets) + " |"
            for name, quota in QUOTAS.items()
        ),
        binds=_binds(over),
        core=f"{CORE_MB:,}",
        cpu=round(1_000 * CPU),
        calls=CALLS,
        wait=round(1_000 * CALLS * DELAY),
        threads=THREADS,
        even=f"{CPU * CORE_MB / (CALLS * DELAY / THREADS):,.0f}",
        memories="\n".join(
            f"| {memory:,} | {thousand.seconds(memory):.0f} | {thousand.dollars(memory)['Lambda']:.2f} |"
            for memory in MEMORIES
        ),
        memory=MEMORY_MB,
        each=f"{TARGETS_PER_SHARD:,}",
        delay=round(1_000 * DELAY),
        measured=MEASURED,
    )


def _shown(load: float, quota: int) -> str:
    text = f"{load:,.0f}" if load >= 1 else "< 1"
    return f"**{text}**" if load > quota else text


def _binds(over: list[tuple[str, int]]) -> str:
    if not over:
        return "None does."
    name, targets = over[0]
    return f"{name.partition(':')[0]} binds first, at {targets:,} targets. A table on demand grows by itself; a warm throughput prepares it."


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
