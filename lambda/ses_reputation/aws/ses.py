"""Amazon SES: the send statistics of a target."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..core.history import BadData, point_from
from ..core.reading import Statistics, Trouble, Unreadable
from .failure import AWS_ERRORS, answered, code_of, trouble_of

if TYPE_CHECKING:
    from mypy_boto3_ses.client import SESClient


def send_statistics(client: SESClient) -> Statistics:
    """The send data points of the last two weeks, in whatever order SES gives them, or why they could not be read.

    One call of GetSendStatistics, which SES allows once a second per account and region.
    """
    try:
        with answered():
            members = client.get_send_statistics().get("SendDataPoints", [])
        return tuple(point_from(member) for member in members)
    except BadData as bad:
        return Unreadable(Trouble.BAD_ANSWER, f"GetSendStatistics: {bad}")
    except AWS_ERRORS as error:
        return Unreadable(trouble_of(error), f"GetSendStatistics: {code_of(error)}")
