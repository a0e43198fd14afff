"""Tables of a TOML file, read key by key: a wrong value is noted as a problem and gives the default, so that every problem is
reported at once, and what is known of a key is known for the page that explains it."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_D = TypeVar("_D")
_T = TypeVar("_T")

LEAST_RATE = 0.00001
"""One in a hundred thousand: so the default rules, whose thresholds are parts of it and rounded, stay above 0."""

_LONGEST_SHOWN = 80
_INT_BITS = 64


SECRETS = {
    "webhook_url": "the address is a secret: store it (aws ssm put-parameter --type SecureString --name /ses-reputation/slack "
    "--value ...), and write its name as webhook_parameter",
    "routing_key": "the key is a secret: store it as an SSM parameter (SecureString), and write its name as routing_key_parameter",
}
"""Advice for a secret that people would write into the settings."""

NO_WEBHOOK = {
    f"teams.{key}": "Teams is reached through Amazon Q Developer, not by a webhook: set tenant_id, team_id and channel_id as docs/slack.md says"
    for key in ("webhook_parameter", "webhook_secret", "webhook_url")
}
"""Keys of [slack] that people would write below [teams]."""


class Problem(NamedTuple):
    """One thing that is wrong with the settings."""

    key: str  # path of the key, like "bounce.rules[0].hours"; "file" where no key is to blame
    value: str  # as TOML writes it, shortened; or in words what there is instead
    accepted: str
    next_step: str

    def __str__(self) -> str:
        return f"  {self.key}: {self.value}\n    accepted: {self.accepted}\n    next step: {self.next_step}"


class Key(NamedTuple):
    """Default, accepted values and meaning of a key."""

    default: object  # None: none
    accepted: str
    meaning: str
    schema: Mapping[str, object] = {}  # JSON Schema of the value; a table's is that of its own keys


class Limit(NamedTuple):
    """A rate that others must be below."""

    rate: float
    what: str
    most: float | None = None  # of any file, if the limit is another key of this one


class Table:
    """A table of the file: each key read is noted; a wrong value becomes a problem and gives the default."""

    def __init__(self, given: dict[str, Any], path: str = "", parent: Table | None = None) -> None:
        self.given = given
        self.path = path
        self.keys: dict[str, Key] = {}
        self.problems: list[Problem] = [] if parent is None else parent.problems
        self.tables: list[Table] = [] if parent is None else parent.tables  # all of the file
        self.tables.append(self)

    def has(self, key: str) -> bool:
        return key in self.given

    def path_of(self, key: str) -> str:
        written = key if re.fullmatch(r"[A-Za-z0-9_\[\]-]{1,40}", key) else shown(key)
        return f"{self.path}.{written}" if self.path else written

    def refuse(self, key: str, accepted: str, next_step: str, value: str | None = None) -> None:
        """`value` in words, where it is not the value itself that is wrong."""
        if value is None:
            value = shown(self.given[key]) if self.has(key) else "missing"
        self.problems.append(Problem(self.path_of(key), value, accepted, next_step))

    def value(self, key: str, spec: Key, fits: Callable[[Any], bool], next_step: str = "") -> Any:
        """Value of `key` if it `fits`, else its default."""
        self.keys[key] = spec
        if not self.has(key):
            return spec.default
        if fits(self.given[key]):
            return self.given[key]
        if not next_step:
            rest = "" if spec.default is None else f", or remove it for the default, {shown(spec.default)}"
            next_step = f"correct it{rest}"
        self.refuse(key, spec.accepted, next_step)
        return spec.default

    def text(self, key: str, default: str | None, accepted: str, pattern: str, meaning: str) -> Any:
        spec = Key(default, accepted, meaning, {"type": "string", "pattern": anchored(pattern)})
        return self.value(key, spec, lambda v: isinstance(v, str) and re.fullmatch(pattern, v) is not None)

    def one_of(self, key: str, default: _D, choices: tuple[_D, ...], meaning: str) -> _D:
        spec = Key(default, "one of " + ", ".join(map(shown, choices)), meaning, {"enum": [*choices]})
        chosen: _D = self.value(key, spec, lambda v: type(v) is type(default) and v in choices)
        return chosen

    def whole(self, key: str, default: _D, within: tuple[int, int], unit: str, meaning: str) -> int | _D:
        low, high = within
        spec = Key(
            default, f"a whole number of {unit} from {low:,} to {high:,}", meaning, _within("integer", low, high)
        )
        number: int | _D = self.value(key, spec, lambda v: type(v) is int and low <= v <= high)
        return number

    def number(self, key: str, default: _D, within: tuple[float, float], meaning: str) -> float | _D:
        low, high = within
        spec = Key(default, f"a number from {low:g} to {high:g}", meaning, _within("number", low, high))
        number = self.value(key, spec, lambda v: (f := as_float(v)) is not None and low <= f <= high)
        return float(number) if number is not default else default

    def rate(self, key: str, default: _D, limit: Limit, meaning: str) -> float | _D:
        """A fraction below a limit. What looks like a percentage is refused, never guessed at."""
        accepted = f"a fraction of at least {plain(LEAST_RATE)} and below {plain(limit.rate)}, {limit.what}"
        schema = {
            "type": "number",
            "minimum": LEAST_RATE,
            "exclusiveMaximum": limit.rate if limit.most is None else limit.most,
        }
        self.keys[key] = Key(default, accepted, meaning, schema)
        if not self.has(key):
            return default
        rate = as_float(self.given[key])
        if rate is not None and LEAST_RATE <= rate < limit.rate:
            return rate
        if rate is None:
            step = "write a number, without quotes and %; 3% is 0.03"
        elif rate >= 1:
            step = f"{rate:g} is not a fraction"
        else:
            step = "lower it" if rate >= limit.rate else "raise it"
        if rate is not None and LEAST_RATE <= rate / 100 < limit.rate:
            step += f"; if {rate:g}% was meant, write {plain(rate / 100)}"
        self.refuse(key, accepted, step)
        return default

    def flag(self, key: str, default: bool, meaning: str) -> bool:
        spec = Key(default, "true or false", meaning, {"type": "boolean"})
        flag: bool = self.value(key, spec, lambda v: type(v) is bool)
        return flag

    def words(
        self, key: str, what: str, pattern: str, next_step: str, meaning: str, default: tuple[str, ...] = ()
    ) -> tuple[str, ...]:
        """A list of texts, no two alike in all but case."""
        member = {"type": "string", "pattern": anchored(pattern)}
        schema = {"type": "array", "uniqueItems": True, "items": member}
        spec = Key([*default], f"a list; each member {what}, each only once", meaning, schema)
        given = self.value(key, spec, lambda v: isinstance(v, list), f"write {key} = [...]")
        words: dict[str, str] = {}
        for index, word in enumerate(given):
            one = f"{key}[{index}]"
            if not isinstance(word, str) or re.fullmatch(pattern, word) is None:
                self.refuse(one, what, next_step, _hidden(word))
            elif word.lower() in words:
                self.refuse(one, "each only once", "remove the repetition", _hidden(word))
            else:
                words[word.lower()] = word
        return tuple(words.values())

    def table(self, key: str, meaning: str) -> Table:
        """The table at `key`, an empty one where there is none."""
        path = self.path_of(key)
        home = "in braces" if "[" in path else f"below [{path}]"
        given = self.value(key, Key({}, "a table", meaning), lambda v: isinstance(v, dict), f"write its keys {home}")
        return Table(given, path, self)

    def each(self, key: str, example: str, read_one: Callable[[Table], _T | None], meaning: str) -> list[_T] | None:
        """Results of `read_one` for the tables in the list at `key`; None if there is no list."""
        spec = Key(None, f"a list of at least one table like {example}", meaning)
        given = self.value(
            key,
            spec,
            lambda v: isinstance(v, list) and v != [],
            "write one, or remove the key for the default",
        )
        if given is None:
            return None
        members = []
        for index, table in enumerate(given):
            one = f"{key}[{index}]"
            if not isinstance(table, dict):
                self.refuse(one, f"a table like {example}", "put it in braces", shown(table))
            elif (made := read_one(Table(table, self.path_of(one), self))) is not None:
                members.append(made)
        return members

    def refuse_unknown(self) -> None:
        """Report the keys of all tables that nobody read."""
        for table in self.tables:
            for key in table.given:
                if key not in table.keys:
                    table.refuse(key, f"one of the keys {', '.join(table.keys)}", self._instead(key, table))

    def _instead(self, key: str, table: Table) -> str:
        if f"{table.path}.{key}" in NO_WEBHOOK:
            return NO_WEBHOOK[f"{table.path}.{key}"]
        if key in SECRETS:
            return SECRETS[key]
        plain = [other for other in self.tables if other.path and "[" not in other.path]
        homes = [f"[{other.path}]" for other in plain if key in other.keys]
        if homes:
            return f"it belongs below {' or '.join(homes)}"
        from difflib import get_close_matches  # noqa: PLC0415  only who errs pays for it

        near = get_close_matches(key, table.keys, n=1)
        return f"did you mean {near[0]}?" if near else "remove it"


def anchored(pattern: str) -> str:
    """`pattern` for JSON Schema, which looks for it anywhere in a text."""
    return f"^(?:{pattern})$"


def _within(kind: str, low: float, high: float) -> dict[str, object]:
    return {"type": kind, "minimum": low, "maximum": high}


def as_float(value: object) -> float | None:
    """A finite number; true and false are none."""
    if type(value) is int and value.bit_length() < _INT_BITS:
        return float(value)
    return value if type(value) is float and math.isfinite(value) else None


def plain(rate: float) -> str:
    """0.0008, never 8e-04."""
    return f"{rate:.12f}".rstrip("0").rstrip(".")


def _hidden(word: object) -> str:
    """`word` as errors show it, which end in logs: without what makes an email address one."""
    return shown(re.sub(r"[^@]+@", "…@", word) if isinstance(word, str) else word)


def shown(value: object) -> str:
    """`value` as TOML writes it, on one short line whatever it is."""
    match value:
        case bool():
            text = str(value).lower()
        case str():
            safe = re.sub(r"//[^/]*@", "//...@", repr(value[:100])[1:-1])  # no password of a URL
            text = '"' + re.sub(r"(//hooks\.[^/]+/).*", r"\1...", safe) + '"'  # and no webhook, which is one
        case int() if value.bit_length() >= _INT_BITS:
            text = f"a number of {value.bit_length():,} bits"
        case list():
            text = "[...]" if value else "[]"
        case dict():
            text = "{...}" if value else "{}"
        case _:
            text = str(value)
    return text if len(text) <= _LONGEST_SHOWN else text[: _LONGEST_SHOWN - 4] + '..."'
