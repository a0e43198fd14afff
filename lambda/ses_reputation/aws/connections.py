"""Connections that all clients share, and with them one store of the authorities that are trusted.

botocore keeps connections for each client on its own, and reads the certificates of all authorities again for each of them.
It also offers what it has signed to whoever wants to send it (its event "before-send"); retries and the reading of answers
stay with it.
"""

from __future__ import annotations

from functools import cache
from typing import Any
from urllib.request import getproxies

from botocore import httpsession
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.exceptions import (
    ConnectionClosedError,
    ConnectTimeoutError,
    EndpointConnectionError,
    HTTPClientError,
    ReadTimeoutError,
    SSLError,
)
from urllib3 import PoolManager, Timeout, exceptions

HOSTS = 200
"""More than any installation talks to: three in each region."""

SAME_HOST = 10
"""Connections kept for one host, as many as botocore keeps."""

_WORDS = (
    (exceptions.SSLError, SSLError),
    (exceptions.NewConnectionError, EndpointConnectionError),
    (exceptions.ConnectTimeoutError, ConnectTimeoutError),
    (exceptions.ReadTimeoutError, ReadTimeoutError),
    (exceptions.ProtocolError, ConnectionClosedError),
)
"""What urllib3 raises, and botocore's word for it; the first that fits."""


def share_connections(session: Any, connect: float, read: float) -> None:
    """Has all clients that `session` makes from now on send over connections they share, with so many seconds for each half of
    an attempt. What leads through a proxy is left to botocore."""
    if getproxies():
        return
    bundle = session.get_config_variable("ca_bundle")
    try:
        trusting = _trusting(httpsession.get_cert_path(True if bundle is None else bundle))
    except OSError:
        return  # of which botocore complains at every call
    pool = PoolManager(
        HOSTS,
        maxsize=SAME_HOST,
        timeout=Timeout(connect=connect, read=read),
        ssl_context=trusting,
    )

    def send(request: AWSPreparedRequest, **_: Any) -> AWSResponse:
        return _send(pool, request)

    session.register("before-send", send)


@cache
def _trusting(bundle: str) -> Any:
    """botocore's own TLS settings, with the certificates in `bundle`."""
    context = httpsession.create_urllib3_context()
    context.load_verify_locations(bundle)
    return context


def _send(pool: PoolManager, request: AWSPreparedRequest) -> AWSResponse:
    """The answer, read to its end; one that is cut off is none. Raises what botocore raises when it sends."""
    try:
        raw: Any = pool.urlopen(
            request.method,
            request.url,
            redirect=False,
            body=request.body,
            headers=request.headers,
            retries=False,
            preload_content=False,
            decode_content=False,
        )
        answer = AWSResponse(request.url, raw.status, raw.headers, raw)
        answer.content  # noqa: B018  reads it
    except (exceptions.HTTPError, OSError) as error:
        word = next((ours for theirs, ours in _WORDS if isinstance(error, theirs)), HTTPClientError)
        raise word(endpoint_url=request.url, error=error) from error
    return answer
