"""Connections that all clients share, and with them one store of trusted authorities.

botocore keeps connections for each client, and reads the certificates of all authorities again for each. Its event
"before-send" lets others send what it has signed; retries and the parsing of answers stay with botocore.
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

SAME_HOST = 16
"""Connections kept for one host, as many as botocore keeps."""

_WORDS = (
    (exceptions.SSLError, SSLError),
    (exceptions.NewConnectionError, EndpointConnectionError),
    (exceptions.ConnectTimeoutError, ConnectTimeoutError),
    (exceptions.ReadTimeoutError, ReadTimeoutError),
    (exceptions.ProtocolError, ConnectionClosedError),
)
"""Exceptions of urllib3 and botocore's names for them; the first that fits counts."""


def share_connections(session: Any, connect: float, read: float) -> None:
    """Make all clients that `session` creates from now on share connections, with these seconds for each half of an attempt.
    With a proxy, leave everything to botocore."""
    if getproxies().keys() - {"no"}:  # NO_PROXY alone is no proxy
        return
    bundle = session.get_config_variable("ca_bundle")
    try:
        trusting = _trusting(httpsession.get_cert_path(True if bundle is None else bundle))
    except OSError:
        return  # botocore complains of it at every call
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
    """Send a request and read the answer to its end. Raise what botocore raises, also if the answer is cut off."""
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
