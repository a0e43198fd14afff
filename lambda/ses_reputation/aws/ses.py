"""Amazon SES: the send statistics of a target, and what SES says of the account."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..core.history import BadData, Point, point_from
from ..core.readings import Account, Trouble, Unreadable, account_from
from .errors import AWS_ERRORS, answered, code_of, trouble_of

if TYPE_CHECKING:
    from mypy_boto3_ses.client import SESClient
    from mypy_boto3_sesv2.client import SESV2Client


def send_statistics(client: SESClient) -> tuple[Point, ...] | Unreadable:
    """The send data points of the last two weeks, in whatever order SES gives them, or why they could not be read.

    One call of GetSendStatistics, which SES allows once a second per account and region.
    """
    try:
        with answered():
            answer = client.get_send_statistics()
        return tuple(point_from(member) for member in answer.get("SendDataPoints", []))
    except BadData as bad:
        return Unreadable(Trouble.BAD_ANSWER, f"GetSendStatistics: {bad}")
    except AWS_ERRORS as error:
        return Unreadable(trouble_of(error), f"GetSendStatistics: {code_of(error)}")


def account(client: SESV2Client) -> Account | Unreadable:
    """AWS's enforcement, the account's own switch and its quota, or why they could not be read.

    One call of GetAccount, which SES allows once a second per account and region.
    """
    try:
        with answered():
            answer = client.get_account()
        return account_from(answer)
    except BadData as bad:
        return Unreadable(Trouble.BAD_ANSWER, f"GetAccount: {bad}")
    except AWS_ERRORS as error:
        return Unreadable(trouble_of(error), f"GetAccount: {code_of(error)}")
