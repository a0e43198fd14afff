"""docs/security.md: its table of rights is that of the template, and something without words in it is refused."""

from __future__ import annotations

import pytest

from tools.permissions import PAGE, _owner, _where, page


def test_the_rights_of_the_page_are_those_of_the_template() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run: python -m tools.permissions"


def test_what_the_tables_have_no_words_for_is_refused() -> None:
    with pytest.raises(LookupError):
        _owner("StrangeRoleDefaultPolicy01234567")
    with pytest.raises(LookupError):
        _where({"Resource": "arn:aws:s3:::bucket"}, {})
    with pytest.raises(LookupError):
        _where({"Resource": "*", "Condition": {"StringEquals": {"aws:strange": "x"}}}, {})
