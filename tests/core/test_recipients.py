"""Addresses are reduced to domains and traits."""

from __future__ import annotations

import pytest
from ses_reputation.core.recipients import (
    FREE_MAIL,
    Entry,
    domain_from,
    entry_from,
    is_misspelt,
    looks_random,
    without_addresses,
)


@pytest.mark.parametrize(
    ("address", "domain"),
    [
        ("Jane.Doe+tag@GMAIL.com", "gmail.com"),
        ("x@MÜNCHEN.example", "xn--mnchen-3ya.example"),
        ("x@例え.テスト", "xn--r8jz45g.xn--zckzah"),
        ("x@example.org.", "example.org"),
        ('"a@b"@example.org', "example.org"),
        ("x@_dmarc.example.org", "_dmarc.example.org"),
        ("nobody", ""),
        ("x@", ""),
        ("", ""),
        ("x@localhost", ""),
        ("x@[192.0.2.1]", ""),
        ("x@192.0.2.1", ""),
        ("x@evil<script>.example", ""),
        ("x@exa\nmple.org", ""),
        ("x@" + "a" * 64 + ".org", ""),
        ("x@" + "ü" * 300 + ".org", ""),
        ("x@-.org", ""),
    ],
)
def test_an_address_is_reduced_to_its_domain(address: str, domain: str) -> None:
    assert entry_from(address, 7).domain == domain


def test_an_entry_has_no_local_part() -> None:
    assert entry_from("jane.doe@example.org", 7) == Entry("example.org", 7, False)


@pytest.mark.parametrize(
    "local",
    [
        "jane.doe",
        "j.smith84",
        "kschultz",
        "maria_garcia1999",
        "info",
        "4ever21",
        "bjoern.lindqvist",
        "mueller+news",
        "ab",
        "",
    ],
)
def test_names_chosen_by_people_do_not_look_random(local: str) -> None:
    assert not looks_random(local)


@pytest.mark.parametrize(
    "local", ["xq7f9k2lq", "qzxwvkjt", "hgfdkjwqpl", "a1b2c3d4", "zkqjxwvb+news", "QZXWVKJT", "hhkkzzvv"]
)
def test_machine_made_names_look_random(local: str) -> None:
    assert looks_random(local)


@pytest.mark.parametrize(
    "domain", ["gmial.com", "gmai.com", "gmaill.com", "gmail.con", "yaho.com", "hotmial.com", "outlok.com"]
)
def test_one_typing_mistake_is_recognised(domain: str) -> None:
    assert is_misspelt(domain)


@pytest.mark.parametrize("domain", [*sorted(FREE_MAIL), "example.com", "gm.com", "gnail.example", "yahoo.com.tr", ""])
def test_other_domains_are_not_mistakes(domain: str) -> None:
    assert not is_misspelt(domain)


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("jane.doe@example.org bounces", "…@example.org bounces"),
        ("<jane@example.org>, bob+x@example.net", "<…@example.org>, …@example.net"),
        ('"jane doe"@example.org', "…@example.org"),
        ("identity/jane@example.org", "identity/…@example.org"),
        ("jane%40example.org", "…@example.org"),
        ("jane\uff20example.org", "…@example.org"),
        ("ö.ä@例え.jp", "…@例え.jp"),
        ("o'brien@example.org", "…@example.org"),
        ("c=de/o=x/jane@example.org", "…@example.org"),
        ("'jane'@example.org", "…@example.org"),
        ('"a\\"b c"@example.org', "…@example.org"),
        ("jane\ufe6bexample.org", "…@example.org"),
        ("jane%2540example.org", "…@example.org"),
        ("ja\u200bne@example.org", "…@example.org"),
        ("arn:aws:ses:eu-west-1:1:identity/jane@example.org", "arn:aws:ses:eu-west-1:1:identity/…@example.org"),
        ("no address\nhere\x1b[31m", "no address here [31m"),
    ],
)
def test_foreign_text_loses_its_addresses(text: str, left: str) -> None:
    assert without_addresses(text) == left


def test_a_domain_is_always_ascii() -> None:
    assert all(domain_from(text).isascii() for text in ("\u0000.org", "ß.de", "\ud800.de", "a..b"))
