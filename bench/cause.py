"""How often the cause of an alert is named rightly: planted incidents of each shape and size, read by the function's own edge.

    .venv/bin/python -m bench.cause --seeds 20

Nothing is imported from the network: the suppression list is that of the local AWS, and time is simulated. Exit code 1 if a goal is missed.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from botocore.exceptions import ClientError
from ses_reputation.aws.bounded import BUDGET, Clients
from ses_reputation.aws.cause import look_for_cause
from ses_reputation.core.cause import Question, Shape
from ses_reputation.core.cause_level import CauseLevel
from ses_reputation.core.cause_words import explain
from ses_reputation.core.history import BUCKET, DAY, HOUR, Instant
from ses_reputation.core.rates import Metric
from ses_reputation.core.readings import facts_from

from local_aws.suppression import Refused, Suppression

SIZES = (10, 30, 100, 1_000, 10_000)
RIGHT = 0.95
START = 1_760_000_400  # when the window starts; a bucket of AWS

NAMES = (
    "anna ben carla david elena frank grace henry ines jonas karin liam maria nils olivia peter quentin rosa simon tanja ulrich "
    "vera walter yvonne aleksandra bjoern chidi dmitri eszter fatima giulia hiroshi ingrid jiri katarzyna lars magdalena nadia"
)
FIRST = NAMES.split()
LAST = "smith miller garcia rossi novak kowalski tanaka okafor jensen dubois schneider ivanov horvath silva murphy khan".split()  # noqa: SIM905
FREE = {"gmail.com": 45, "yahoo.com": 15, "hotmail.com": 14, "outlook.com": 12, "icloud.com": 8, "aol.com": 6}
MISSPELT = ("gmial.com", "gmai.com", "hotmial.com", "yaho.com", "gmail.con", "outlok.com")

Event = tuple[Instant, str, Instant]
"""Time of the bounce, the address, and the time its message was sent."""


@dataclass
class Planted:
    """An incident, what SES knows of it, and the causes that would be right to name."""

    question: Question
    known: Suppression
    right: frozenset[Shape]
    harmless: frozenset[Shape]  # causes that blame nobody


def person(rng: random.Random) -> str:
    """A local part that a person chose."""
    first, last = rng.choice(FIRST), rng.choice(LAST)
    forms = (
        f"{first}.{last}",
        f"{first[0]}{last}",
        f"{first}{rng.randint(60, 2010)}",
        f"{first}_{last}{rng.randint(1, 99)}",
    )
    return rng.choice(forms)


def machine(rng: random.Random) -> str:
    """A local part that a bot made up."""
    letters = "abcdefghijklmnopqrstuvwxyz" + "0123456789" * rng.choice((0, 1))
    return "".join(rng.choice(letters) for _ in range(rng.randint(8, 14)))


def company(rng: random.Random) -> str:
    return (
        f"{rng.choice(LAST)}-{rng.choice(FIRST)}{rng.randint(1, 9999)}.{rng.choice(('example', 'test', 'com', 'de'))}"
    )


def usual_address(rng: random.Random) -> str:
    domain = rng.choices(list(FREE), list(FREE.values()))[0] if rng.random() < 0.65 else company(rng)
    return f"{person(rng)}@{domain}"


def complainer(rng: random.Random) -> str:
    """Gmail reports no complaints."""
    return f"{person(rng)}@{rng.choice(list(FREE)[1:])}"


def spread(rng: random.Random, number: int, hours: float) -> list[Instant]:
    return [START + int(rng.random() * hours * HOUR) for _ in range(number)]


def burst(rng: random.Random, number: int, hours: float) -> list[Instant]:
    """Bounces of one send of a few minutes: most at once, 1 in 7 within the hour after it."""
    begin, minutes = START + rng.randint(0, int(hours * HOUR / 3)), rng.uniform(1, 8)
    latest = START + int(hours * HOUR) - 1
    late = (rng.expovariate(1 / 1_800) if rng.random() < 1 / 7 else 0 for _ in range(number))
    return [min(latest, begin + int(rng.random() * minutes * 60 + wait)) for wait in late]


def old_list(rng: random.Random, size: int, hours: float) -> Iterator[Event]:
    """A list of many dead domains, sent slowly."""
    domains = [company(rng) for _ in range(max(8, int(size * rng.uniform(0.1, 0.9))))]
    free = rng.uniform(0, 0.35)
    for at in spread(rng, size, hours):
        domain = rng.choice(list(FREE)) if rng.random() < free else rng.choice(domains)
        yield at, f"{person(rng)}@{domain}", at - 5


def refused(rng: random.Random, size: int, hours: float) -> Iterator[Event]:
    domain, share = company(rng), rng.uniform(0.8, 1)
    for at in spread(rng, size, hours):
        yield at, f"{person(rng)}@{domain}" if rng.random() < share else usual_address(rng), at - 5


def refused_by_provider(rng: random.Random, size: int, hours: float) -> Iterator[Event]:
    for at in spread(rng, size, hours):
        yield at, f"{person(rng)}@outlook.com" if rng.random() < 0.9 else usual_address(rng), at - 5


def form(rng: random.Random, size: int, hours: float) -> Iterator[Event]:
    typos = rng.random() < 0.3
    for at in spread(rng, size, hours):
        if rng.random() < 0.1:
            yield at, usual_address(rng), at - 5
        elif typos:
            yield at, f"{person(rng)}@{rng.choice(MISSPELT)}", at - 5
        else:
            yield at, f"{machine(rng)}@{rng.choices(list(FREE), list(FREE.values()))[0]}", at - 5


def job(rng: random.Random, size: int, hours: float) -> Iterator[Event]:
    for at in burst(rng, size, hours):
        yield at, usual_address(rng), at - 5


def slow_job(rng: random.Random, size: int, hours: float) -> Iterator[Event]:
    """Complaints come hours after one send."""
    sent = START - rng.randint(1, 10) * HOUR
    for at in spread(rng, size, hours):
        yield at, complainer(rng), sent + rng.randint(0, 1_200)


def every_send(rng: random.Random, size: int, hours: float) -> Iterator[Event]:
    """Complaints about everything that was sent for days."""
    for at in spread(rng, size, hours):
        yield at, complainer(rng), at - rng.randint(600, 4 * DAY)


def old_list_at_once(rng: random.Random, size: int, hours: float) -> Iterator[Event]:
    """The same in one burst."""
    for at, (_, address, _) in zip(burst(rng, size, hours), old_list(rng, size, hours), strict=True):
        yield at, address, at - 5


INCIDENTS: dict[Shape, Sequence[Callable[[random.Random, int, float], Iterator[Event]]]] = {
    Shape.OLD_LIST: (old_list, old_list_at_once),
    Shape.REFUSED: (refused, refused_by_provider),
    Shape.FORM: (form,),
    Shape.JOB: (job,),
}


def plant(shape: Shape, size: int, rng: random.Random) -> Planted:
    """Plant an incident of bounces of one shape."""
    known = Suppression(gap=0)
    hours = rng.uniform(2, 12)
    if shape is Shape.IMPORT:
        return _imported(known, size, hours, rng)
    if shape is Shape.OFF:
        events = _events(rng, usual_address, size, hours)
        listed = 0 if rng.random() < 0.5 else rng.uniform(0, 0.25)
        known.reasons = [] if rng.random() < 0.5 else ["BOUNCE", "COMPLAINT"]
        return _planted(known, events, listed, hours, rng, {Shape.OFF}, Metric.BOUNCE)
    make = rng.choice(INCIDENTS[shape])
    right: set[Shape] = {shape, Shape.JOB} if make is old_list_at_once else {shape}  # it is one job too
    return _planted(known, list(make(rng, size, hours)), rng.uniform(0.8, 1), hours, rng, right, Metric.BOUNCE)


def plant_complaints(shape: Shape, size: int, rng: random.Random) -> Planted:
    """Plant complaints about one job, or about everything."""
    make = slow_job if shape is Shape.JOB else every_send
    hours = rng.uniform(6, 24)
    return _planted(Suppression(gap=0), list(make(rng, size, hours)), 1.0, hours, rng, {shape}, Metric.COMPLAINT)


def _imported(known: Suppression, size: int, hours: float, rng: random.Random) -> Planted:
    """An import beside real bounces of any mix: at once or over hours, of one company or of many."""
    right: set[Shape] = {Shape.IMPORT, Shape.UNCLEAR}
    real = list(_events(rng, usual_address, max(5, int(size * rng.uniform(0.05, 0.5))), hours))
    planted = _planted(known, real, rng.uniform(0.8, 1), hours, rng, right, Metric.BOUNCE)
    one, share, begin = company(rng), rng.choice((0.0, 0.5, 1.0)), START + rng.randint(0, int(hours * HOUR / 2))
    lasts = rng.choice((10, 300, HOUR, int(hours * HOUR / 2)))
    for _ in range(size):
        address = f"{person(rng)}{rng.randint(0, 10**6)}@{one if rng.random() < share else company(rng)}"
        known.import_list([address], begin + int(rng.random() * lasts))
    return planted


def _events(rng: random.Random, address: Callable[[random.Random], str], size: int, hours: float) -> list[Event]:
    return [(at, address(rng), at - 5) for at in spread(rng, size, hours)]


def _planted(
    known: Suppression,
    events: Sequence[Event],
    listed: float,
    hours: float,
    rng: random.Random,
    right: set[Shape],
    metric: Metric,
) -> Planted:
    """Put events on the list and into the statistics, with the usual ones of 14 days before them and in between."""
    end = START + -(-int(hours * HOUR) // BUCKET) * BUCKET
    usual = int(len(events) * rng.uniform(0, 0.3) * 14 * DAY / (hours * HOUR))
    usual = min(usual, 20_000)
    background = [START - 14 * DAY + int(rng.random() * (14 * DAY + hours * HOUR)) for _ in range(usual)]
    everything = [
        *((event, listed) for event in events),
        *(((at, usual_address(rng), at - 5), 1.0) for at in background),
    ]
    counts: Counter[Instant] = Counter({START - 14 * DAY: 0})
    reason = metric.value.upper()
    for (at, address, sent), share in everything:
        local, _, domain = address.partition("@")
        unique = f"{local}+{rng.randint(0, 10**9)}@{domain}"
        on_list = rng.random() < share
        if on_list:
            identity = f"01020{sent * 1000:011x}-0000-4000-8000-000000000000-000000"
            reasons, known.reasons = known.reasons, [reason]  # what was listed before it was switched off
            known.event(unique, min(end - 1, at + rng.randint(0, 120)), identity, reason=reason)
            known.reasons = reasons
        counts[at // BUCKET * BUCKET] += 1
    harmless = frozenset({Shape.IMPORT, Shape.UNCLEAR, Shape.OFF})
    return Planted(Question(metric, "eu-west-1", START, end, counts), known, frozenset(right), harmless)


@dataclass
class Clock:
    """Simulated time."""

    now: float = 0.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


class Client:
    """The clients of the edge over a `Suppression`: each call takes its time, and SES answers one a second."""

    def __init__(self, known: Suppression, clock: Clock, rng: random.Random) -> None:
        self.calls = 0
        self._known, self._clock, self._rng = known, clock, rng
        self._last: dict[str, float] = {}

    def __getattr__(self, name: str) -> Callable[..., Any]:
        operation = "".join(word.capitalize() for word in name.split("_"))

        def call(**given: Any) -> Any:
            self.calls += 1
            asked = self._clock()
            self._clock.sleep(self._rng.uniform(0.03, 0.4))
            if operation == "ListMetrics":
                return {"Metrics": []}
            if asked - self._last.get(operation, -1) < 1:
                raise ClientError({"Error": {"Code": "TooManyRequestsException"}}, operation)
            self._last[operation] = asked
            try:
                return self._known.serve(operation, given)
            except Refused as refused:
                raise ClientError({"Error": {"Code": refused.code}}, operation) from refused

        return call


@dataclass
class Score:
    """Tally of the causes named for many incidents."""

    incidents: int = 0
    right: int = 0
    wrong: int = 0
    unclear: int = 0
    blamed: int = 0  # imports that were named as the cause
    leaked: int = 0  # addresses in what left the function
    most_calls: int = 0
    longest: float = 0.0  # seconds
    named: Counter[str] = field(default_factory=Counter)

    def add(self, planted: Planted, shape: Shape) -> None:
        self.incidents += 1
        self.named[shape.value] += 1
        if shape in planted.right:
            self.right += 1
        elif shape is Shape.UNCLEAR:
            self.unclear += 1
        else:
            self.wrong += 1
        if Shape.IMPORT in planted.right and shape not in planted.harmless:
            self.blamed += 1


def play(planted: Planted, look: CauseLevel, rng: random.Random, score: Score) -> None:
    """Have the edge look for the cause of an incident, and score what it names."""
    clock = Clock()
    client: Any = Client(planted.known, clock, rng)
    facts = facts_from({"SuppressionAttributes": {"SuppressedReasons": planted.known.reasons}})
    reading = look_for_cause(
        Clients(client, client),
        planted.question,
        look,
        facts=facts,
        reminder=rng.random() < 0.3,
        clock=clock,
        sleep=clock.sleep,
    )
    cause = explain(reading)
    score.add(planted, cause.shape)
    score.leaked += "@" in json.dumps(asdict(cause)) or "@" in repr(reading)
    score.most_calls = max(score.most_calls, client.calls)
    score.longest = max(score.longest, clock())


def tables(seeds: Iterable[int], sizes: Sequence[int]) -> Iterator[tuple[str, Score]]:
    """Play every shape at every size, without samples and with them; complaints with them."""
    for look in (CauseLevel.DOMAINS, CauseLevel.SAMPLES):
        for shape in (*INCIDENTS, Shape.IMPORT, Shape.OFF):
            for size in sizes:
                yield f"{look.value}: {shape.value} {size:,}", _scored(plant, shape, look, seeds, [size])
    for shape in (Shape.JOB, Shape.UNCLEAR):
        yield f"samples: complaints, {shape.value}", _scored(plant_complaints, shape, CauseLevel.SAMPLES, seeds, sizes)


def _scored(
    make: Callable[[Shape, int, random.Random], Planted],
    shape: Shape,
    look: CauseLevel,
    seeds: Iterable[int],
    sizes: Sequence[int],
) -> Score:
    score = Score()
    for size in sizes:
        for seed in seeds:
            rng = random.Random(f"{shape} {size} {seed}")
            play(make(shape, size, rng), look, rng, score)
    return score


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--first-seed", type=int, default=1)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES)
    given = parser.parse_args()
    seeds = range(given.first_seed, given.first_seed + given.seeds)
    print(f"{'':<34}{'right':>7}{'wrong':>7}{'cannot tell':>13}{'calls':>7}{'seconds':>9}   named")
    total, missed = Score(), False
    for name, score in tables(seeds, given.sizes):
        shares = [count / score.incidents for count in (score.right, score.wrong, score.unclear)]
        named = ", ".join(f"{shape} {count}" for shape, count in score.named.most_common())
        print(
            f"{name:<34}{shares[0]:>7.1%}{shares[1]:>7.1%}{shares[2]:>13.1%}{score.most_calls:>7}{score.longest:>9.1f}   {named}"
        )
        missed |= not meets_goals(score)
        for part in ("incidents", "right", "blamed", "leaked"):
            setattr(total, part, getattr(total, part) + getattr(score, part))
    print(
        f"{total.right / total.incidents:.1%} of {total.incidents:,} named rightly, {total.blamed} imports blamed, {total.leaked} addresses left"
    )
    return int(missed or total.right < RIGHT * total.incidents)


def meets_goals(score: Score) -> bool:
    """No import blamed, no address left, within the budget."""
    return (
        score.blamed == 0 and score.leaked == 0 and score.most_calls <= BUDGET.calls and score.longest <= BUDGET.seconds
    )


if __name__ == "__main__":
    sys.exit(main())
