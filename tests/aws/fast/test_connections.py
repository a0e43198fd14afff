"""Shared connections send the bytes that plain botocore sends, to the servers it trusts, and fail as it fails."""

from __future__ import annotations

import ssl
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ConnectionClosedError,
    EndpointConnectionError,
    ProxyConnectionError,
    ReadTimeoutError,
    SSLError,
)
from ses_reputation.aws.fast.connections import share_connections
from ses_reputation.aws.session import open_session

from bench.canned import certificate_in
from local_aws.runtime import LoopbackServer
from tests.aws.fast.test_shortcuts import CALLS

CONNECT, READ = 1, 0.3
ONCE = Config(connect_timeout=CONNECT, read_timeout=READ, retries={"mode": "standard", "total_max_attempts": 1})
TWICE = ONCE.merge(Config(retries={"mode": "standard", "total_max_attempts": 2}))


class Listener:
    """A server that records requests and gives the answers that a test sets."""

    def __init__(self, folder: Path) -> None:
        self.arrived: list[tuple[str, str, list[tuple[str, str]], bytes]] = []
        self.connections: set[int] = set()
        self.answer: Callable[[BaseHTTPRequestHandler], None] = fine
        certificate, key = certificate_in(folder)
        self.trust = str(certificate)
        self.server = LoopbackServer(handler(self))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True, do_handshake_on_connect=False)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.address = f"https://127.0.0.1:{self.server.server_address[1]}"


def handler(listener: Listener) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            """Log nothing."""

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            listener.arrived.append((self.command, self.path, sorted(self.headers.items()), body))
            listener.connections.add(self.client_address[1])
            listener.answer(self)

        do_GET = do_POST  # noqa: N815  the base class has named it

    return Handler


def fine(request: BaseHTTPRequestHandler, promised: int = 2) -> None:
    request.send_response(200)
    request.send_header("Content-Length", str(promised))
    request.end_headers()
    request.wfile.write(b"{}")


def hang(request: BaseHTTPRequestHandler) -> None:
    time.sleep(0.6)
    request.close_connection = True


def hang_up(request: BaseHTTPRequestHandler) -> None:
    request.close_connection = True


def stop_half_way(request: BaseHTTPRequestHandler) -> None:
    fine(request, promised=1_000)
    request.close_connection = True


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    for name in ("NO_PROXY", "no_proxy"):  # exceptions from a proxy are not a proxy
        monkeypatch.setenv(name, "169.254.170.2")


ANSWERED_IN_XML = {"iam", "ses", "sns", "sts"}
"""Services whose answers are not JSON, which the listener gives."""


@pytest.fixture
def listener(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Listener]:
    listener = Listener(tmp_path)
    monkeypatch.setenv("AWS_CA_BUNDLE", listener.trust)
    yield listener
    listener.server.shutdown()
    listener.server.server_close()


def sessions() -> list[tuple[str, Any]]:
    plain, shared = botocore.session.get_session(), botocore.session.get_session()
    share_connections(shared, CONNECT, READ)
    return [("plain", plain), ("shared", shared)]


def error_of(session: Any, address: str, config: Config = ONCE, service: str = "dynamodb") -> type[Exception]:
    client = session.create_client(service, "eu-west-1", endpoint_url=address, config=config)
    with pytest.raises((BotoCoreError, ValueError)) as caught:
        CALLS[service](client)
    return type(caught.value)


@pytest.mark.parametrize("service", sorted(set(CALLS) - ANSWERED_IN_XML))
def test_each_request_arrives_as_plain_botocore_sends_it(listener: Listener, service: str) -> None:
    sent = {}
    for kind, session in sessions():
        client = session.create_client(service, "eu-west-1", endpoint_url=listener.address, config=ONCE)
        CALLS[service](client)
        method, path, headers, body = listener.arrived.pop()
        unsigned = [pair for pair in headers if pair[0].lower() not in ("authorization", "x-amz-date")]
        sent[kind] = (method, path, [pair for pair in unsigned if pair[0] != "amz-sdk-invocation-id"], body)
    assert sent["shared"] == sent["plain"]


def test_clients_of_the_same_host_share_a_connection(listener: Listener) -> None:
    count = {}
    for kind, session in [*sessions(), ("the function's", open_session())]:
        listener.connections.clear()
        for service in ("dynamodb", "sesv2", "ssm"):
            client = session.create_client(service, "eu-west-1", endpoint_url=listener.address, config=ONCE)
            CALLS[service](client)
        count[kind] = len(listener.connections)
    assert count == {"plain": 3, "shared": 1, "the function's": 1}


@pytest.mark.parametrize(
    ("answer", "error"),
    [(hang, ReadTimeoutError), (hang_up, ConnectionClosedError)],
    ids=["hangs", "hangs up"],
)
def test_a_missing_answer_is_the_error_of_plain_botocore(
    listener: Listener, answer: Callable[[BaseHTTPRequestHandler], None], error: type[Exception]
) -> None:
    listener.answer = answer
    for _, session in sessions():
        assert error_of(session, listener.address) is error


def test_a_truncated_answer_is_never_taken_for_complete(listener: Listener) -> None:
    listener.answer = stop_half_way
    [_, (_, session)] = sessions()
    assert error_of(session, listener.address) is ConnectionClosedError


def test_botocore_retries_failures(listener: Listener) -> None:
    for _, session in sessions():
        listener.arrived.clear()
        listener.answer = hang_up
        assert error_of(session, listener.address, TWICE) is ConnectionClosedError
        assert len(listener.arrived) == 2


def test_an_untrusted_server_gets_no_request(listener: Listener, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_CA_BUNDLE")
    for _, session in sessions():
        assert error_of(session, listener.address) is SSLError
    assert listener.arrived == []


def test_a_certificate_of_another_name_is_not_trusted(listener: Listener) -> None:
    elsewhere = listener.address.replace("127.0.0.1", "localhost")
    for _, session in sessions():
        assert error_of(session, elsewhere) is SSLError
    assert listener.arrived == []


def test_without_a_server_the_error_is_that_of_plain_botocore(listener: Listener) -> None:
    listener.server.shutdown()
    listener.server.server_close()
    for _, session in sessions():
        assert error_of(session, listener.address) is EndpointConnectionError


def test_a_proxy_is_left_to_botocore(listener: Listener, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    for _, session in sessions():
        assert error_of(session, listener.address) is ProxyConnectionError
    assert listener.arrived == []


def test_unreadable_authorities_fail_the_call_not_the_start(
    listener: Listener, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("AWS_CA_BUNDLE", str(tmp_path / "nowhere.pem"))
    for _, session in sessions():
        assert error_of(session, listener.address) is SSLError
    assert listener.arrived == []
