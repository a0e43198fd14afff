"""The parts of Amazon SES that moto lacks: send statistics with a history and the account's state, per account and region."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from xml.sax.saxutils import escape

from moto.ses.responses import EmailResponse
from moto.sesv2.responses import SESV2Response
from moto.sesv2.urls import url_paths

from . import sending, suppression
from .suppression import Suppression


@dataclass
class SesAccount:
    """One account in one region as SES knows it."""

    points: list[dict[str, Any]] = field(default_factory=list)  # SendDataPoints as the API answers them, in any order
    enforcement: str = "HEALTHY"
    sending: bool = True
    production: bool = True
    quota: float = 1_000_000
    used: float = 40_000
    sets: dict[str, bool] = field(default_factory=dict)  # configuration sets by name; False: their sending is off
    suppression: Suppression = field(default_factory=Suppression)


_accounts: dict[tuple[str, str], SesAccount] = {}


def ses_account(account: str, region: str) -> SesAccount:
    """The account that requests to `account` in `region` see; change it in place."""
    return _accounts.setdefault((account, region), SesAccount())


def forget() -> None:
    """Empty every account."""
    _accounts.clear()


def statistics_xml(points: Sequence[Mapping[str, Any]]) -> str:
    """Answer to GetSendStatistics. moto's own serializer takes most of a test's time for two weeks of data points."""
    members = "".join(
        "      <member>\n"
        + "".join(f"        <{name}>{_shown(value)}</{name}>\n" for name, value in point.items())
        + "      </member>\n"
        for point in points
    )
    return (
        '<GetSendStatisticsResponse xmlns="http://ses.amazonaws.com/doc/2010-12-01/">\n  <GetSendStatisticsResult>\n'
        f"    <SendDataPoints>\n{members}    </SendDataPoints>\n  </GetSendStatisticsResult>\n  <ResponseMetadata>\n"
        "    <RequestId>11111111-2222-3333-4444-555555555555</RequestId>\n  </ResponseMetadata>\n"
        "</GetSendStatisticsResponse>\n"
    )


def _shown(value: object) -> str:
    return f"{value:%Y-%m-%dT%H:%M:%SZ}" if isinstance(value, datetime) else escape(str(value))


def install() -> None:
    """Add the operations to moto. Call it before the first request to SES: moto makes each service's routes on first use."""

    def get_send_statistics(self: Any) -> str:
        return statistics_xml(ses_account(self.current_account, self.region).points)

    def get_account(self: Any) -> str:
        account = ses_account(self.current_account, self.region)
        return json.dumps(
            {
                "EnforcementStatus": account.enforcement,
                "SendingEnabled": account.sending,
                "ProductionAccessEnabled": account.production,
                "SendQuota": {
                    "Max24HourSend": account.quota,
                    "MaxSendRate": 14.0,
                    "SentLast24Hours": account.used,
                },
                **suppression.account_attributes(account.suppression),
            }
        )

    responses: list[Any] = [EmailResponse, SESV2Response]
    responses[0].get_send_statistics = get_send_statistics
    responses[1].get_account = get_account
    suppression.install(lambda response: ses_account(response.current_account, response.region).suppression)
    sending.install(lambda response: ses_account(response.current_account, response.region))
    url_paths["{0}/v2/email/account$"] = SESV2Response.dispatch
