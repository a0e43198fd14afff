"""Reduce a recipient's address to what may be shown: its domain, and two traits of it. No address leaves these functions."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import NamedTuple

from .history import Instant

FREE_MAIL = frozenset(
    """
    126.com 163.com aol.com bluewin.ch bol.com.br btinternet.com charter.net comcast.net cox.net email.com fastmail.com
    foxmail.com free.fr freenet.de gmail.com gmx.at gmx.ch gmx.com gmx.de gmx.net googlemail.com hey.com hotmail.co.uk
    hotmail.com hotmail.de hotmail.es hotmail.fr hotmail.it icloud.com inbox.com interia.pl laposte.net libero.it live.co.uk
    live.com live.fr live.nl mac.com mail.com mail.ru me.com msn.com naver.com o2.pl online.de orange.fr outlook.com
    outlook.de outlook.fr pm.me proton.me protonmail.com qq.com rambler.ru rediffmail.com rocketmail.com sbcglobal.net
    seznam.cz sfr.fr sina.com sky.com t-online.de terra.com.br tutanota.com uol.com.br verizon.net virgilio.it wanadoo.fr
    web.de wp.pl yahoo.ca yahoo.co.in yahoo.co.jp yahoo.co.uk yahoo.com yahoo.com.br yahoo.de yahoo.es yahoo.fr yahoo.it
    yandex.ru ymail.com zoho.com
    """.split()  # noqa: SIM905  a column of eighty quoted names is harder to read
)
"""Providers where anybody gets an address: bounces there say nothing of the provider."""

_OFTEN_MISSPELT = ("gmail.com", "googlemail.com", "hotmail.com", "icloud.com", "outlook.com", "yahoo.com")
"""Large providers with names so long that one wrong letter is a mistake; beside aol.com it may be another company."""

_FOLLOWERS = (
    "abcdhiklmnrstuy baeior caehko daeior eabdeilnrstvwyz feo gaeoru haeimoru iacdelmnrstv jaeou kaei ladeiloy mabeiou "
    "nacdeginost oblmnoprstuvw paeh radegiklnorstuy sacehiostu taehiort uelnrs vaei wai yaeln za"
)
_PAIRS = frozenset(row[0] + second for row in _FOLLOWERS.split() for second in row[1:])
"""The pairs of letters in 500 usual first names, surnames and mailbox names of a dozen countries: each word above is a letter and
those that follow it. They make 80% of the pairs of a name and 23% of those of random letters."""

_LOCAL_PART = re.compile(
    r"""(?:"(?:\\.|[^"])*"|[^\s"<>()\[\],;:@\ufe6b\uff20]+)(?:[@\ufe6b\uff20]|%(?:25)*40)""", re.IGNORECASE
)
_KIND = re.compile(r"[a-z-]*identity/")
"""The beginning of a resource of SES, which is no part of the address after it."""

_INVISIBLE = frozenset("\u00ad\u200b\u200c\u200d\u2060\ufeff")

_FEWEST_PAIRS = 5
_NAME_SHARE = 0.4
"""Share of the pairs: 1 in 20 real local parts has fewer, 9 in 10 random ones."""

_MOST_SWITCHES = 2
"""Switches between letters and digits in a name that a person chose, like 4ever21."""


class Entry(NamedTuple):
    """One address of the suppression list without the address."""

    domain: str  # lower case, ASCII (IDN as xn--…); empty if it is not a domain name
    at: Instant
    made_up: bool = False  # the local part looks random, or the domain is a misspelt provider


def entry_from(address: str, at: Instant) -> Entry:
    """Reduce `address`, which entered the list at `at`, to an `Entry`."""
    local, _, domain = address.rpartition("@")
    name = domain_from(domain)
    return Entry(name, at, looks_random(local) or is_misspelt(name))


def domain_from(text: str) -> str:
    """Return `text` as a lower-case ASCII domain name, or "" if it is none."""
    text = text.strip().strip(".").lower()
    if not text.isascii():
        try:
            text = text.encode("idna").decode("ascii")
        except UnicodeError:
            return ""
    usable = len(text) <= 253 and re.fullmatch(r"(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9])?\.)+[a-z0-9-]{2,63}", text)
    return text if usable and not text.rpartition(".")[2].isdigit() else ""


def looks_random(local: str) -> bool:
    """Tell whether a machine rather than a person chose this local part."""
    local = local.partition("+")[0].lower()
    plain = re.sub(r"[^a-z0-9]", "", local)
    if sum(a.isdigit() != b.isdigit() for a, b in pairwise(plain)) > _MOST_SWITCHES:
        return True
    pairs = [a + b for letters in re.findall("[a-z]+", local) for a, b in pairwise(letters)]
    return len(pairs) >= _FEWEST_PAIRS and sum(pair in _PAIRS for pair in pairs) < _NAME_SHARE * len(pairs)


def is_misspelt(domain: str) -> bool:
    """Tell whether `domain` is one typing mistake away from a large provider."""
    return domain not in FREE_MAIL and any(_one_mistake(domain, name) for name in _OFTEN_MISSPELT)


def without_addresses(text: str) -> str:
    """Return text from outside, where every email address has lost its local part and control characters are gone."""

    def hidden(found: re.Match[str]) -> str:
        kind = _KIND.match(found[0])
        return f"{kind[0] if kind else ''}…@"

    return _LOCAL_PART.sub(hidden, "".join(c if c.isprintable() else " " for c in text if c not in _INVISIBLE))


def _one_mistake(typed: str, meant: str) -> bool:
    """One letter missing, added or replaced, or two neighbours swapped."""
    if abs(len(typed) - len(meant)) > 1 or typed == meant:
        return False
    start = next((i for i, (a, b) in enumerate(zip(typed, meant, strict=False)) if a != b), min(len(typed), len(meant)))
    a, b = typed[start:], meant[start:]
    swapped = a[:2] == b[1::-1] and a[2:] == b[2:]
    return swapped or a[1:] == b[1:] or a[1:] == b or a == b[1:]
