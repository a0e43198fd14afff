"""What moto lacks of Amazon SES: send statistics with a history, per account and region."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from moto.core.responses import ActionResult
from moto.ses.responses import EmailResponse


@dataclass
class SesAccount:
    """What SES knows of one account in one region."""

    points: list[dict[str, Any]] = field(default_factory=list)  # SendDataPoints as the API answers them, in any order


_accounts: dict[tuple[str, str], SesAccount] = {}


def ses_account(account: str, region: str) -> SesAccount:
    """The account that requests to `account` in `region` see; change it in place."""
    return _accounts.setdefault((account, region), SesAccount())


def forget() -> None:
    """Empties every account."""
    _accounts.clear()


def install() -> None:
    """Before the server's first request to SES: moto makes each service's routes on first use."""

    def get_send_statistics(self: Any) -> Any:
        return ActionResult({"SendDataPoints": ses_account(self.current_account, self.region).points})

    response: Any = EmailResponse
    response.get_send_statistics = get_send_statistics
