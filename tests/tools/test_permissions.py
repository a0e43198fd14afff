"""docs/security.md: its table of rights matches the template, and an unknown right is refused."""

from __future__ import annotations

import re

import pytest
from ses_reputation.settings.cause import ACTIONS as CAUSE_ACTIONS

from tools.permissions import PAGE, _owner, _where, page

ACTION = r"`([a-z0-9]+:[A-Z][A-Za-z]+)`"


def test_the_rights_on_the_page_match_the_template() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run: python -m tools.permissions"


def test_every_granted_action_is_in_a_variant() -> None:
    sources = "".join(path.read_text(encoding="utf-8") for path in (PAGE.parents[1] / "infra").glob("*.py"))
    granted = set(re.findall(r'"([a-z0-9]+:[A-Z][A-Za-z]+)"', sources))
    granted.update(*CAUSE_ACTIONS.values())
    actions = {action for action in granted if not action.startswith("aws:") and action != "sts:ExternalId"}
    assert actions <= set(re.findall(ACTION, PAGE.read_text(encoding="utf-8")))


def test_an_unknown_right_is_refused() -> None:
    with pytest.raises(LookupError):
        _owner("StrangeRoleDefaultPolicy01234567")
    with pytest.raises(LookupError):
        _where({"Resource": "arn:aws:s3:::bucket"}, {})
    with pytest.raises(LookupError):
        _where({"Resource": "*", "Condition": {"StringEquals": {"aws:strange": "x"}}}, {})
