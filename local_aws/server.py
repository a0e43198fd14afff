"""A moto server in this process, on loopback, extended by what moto lacks; everything else talks real HTTP to it."""

from __future__ import annotations

import json
import logging
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any

from .environment import isolate

isolate()  # moto reads the user's AWS set-up as soon as it is imported

import boto3
from moto import backends
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from moto.sns.models import sns_backends
from werkzeug.serving import make_server

from . import cloudformation, cloudwatch, iam, logs, ses, sns
from .faults import Faults
from .ses import SesAccount, ses_account

ACCOUNT = "123456789012"
"""Account that moto uses by default."""

CREDENTIALS = {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing"}


@dataclass(frozen=True)
class Sent:
    """A message that was published to a topic."""

    subject: str
    bodies: str  # as published: JSON by protocol where the publisher sent several
    attributes: dict[str, Any]

    def body(self, protocol: str) -> str:
        """Text for the subscribers of a protocol."""
        try:
            bodies = json.loads(self.bodies)
        except ValueError:
            return self.bodies
        if "default" not in bodies:  # JSON that is not by protocol, such as an alarm
            return self.bodies
        body: str = bodies.get(protocol, bodies["default"])
        return body


class LocalAws:
    """An AWS on this machine: `with LocalAws() as local: ...`. One at a time in a process."""

    def __init__(self, region: str = "eu-west-1") -> None:
        self.region = region
        self._clients: dict[tuple[str, str, str], Any] = {}
        logging.getLogger("werkzeug").setLevel(logging.ERROR)
        self.faults = Faults(DomainDispatcherApplication(create_backend_app))
        self._server = make_server("127.0.0.1", 0, self.faults, threaded=True, request_handler=MotoRequestHandler)
        # By name: moto takes a bucket from the host name unless the address holds this word.
        self.url = f"http://localhost:{self._server.server_port}"

    def __enter__(self) -> LocalAws:
        if _current:  # moto's state belongs to the process, and is reset here
            self._server.server_close()
            raise RuntimeError("a process has one local AWS at a time")
        _install()
        _current.append(self)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.reset()
        return self

    def __exit__(self, *_: object) -> None:
        _current.remove(self)
        self._server.shutdown()
        self._server.server_close()

    def client(self, service: str, region: str = "", account: str = ACCOUNT) -> Any:
        """A boto3 client of this server that may do everything."""
        where = region if region else self.region
        if (service, where, account) not in self._clients:
            made = boto3.client(
                service,
                region_name=where,
                endpoint_url=self.url,
                aws_access_key_id=CREDENTIALS["AWS_ACCESS_KEY_ID"],
                aws_secret_access_key=CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
            )
            if account != ACCOUNT:
                made.meta.events.register(
                    "before-call", lambda params, **_: params["headers"].update({"x-moto-account-id": account})
                )
            self._clients[service, where, account] = made
        return self._clients[service, where, account]

    def environment(self) -> dict[str, str]:
        """Environment of a subprocess that talks to this server and to nothing else."""
        return {
            **CREDENTIALS,
            "AWS_ENDPOINT_URL": self.url,
            "AWS_REGION": self.region,
            "AWS_DEFAULT_REGION": self.region,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": "/dev/null",
            "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
        }

    def ses(self, region: str = "", account: str = ACCOUNT) -> SesAccount:
        """The simulated SES of one account and region; change it in place."""
        return ses_account(account, region if region else self.region)

    def sent(self, topic: str) -> list[Sent]:
        """The messages published to a topic, oldest first."""
        _, _, _, region, account, _ = topic.split(":")
        return [
            Sent(subject if subject else "", body, attributes if attributes else {})
            for _, body, subject, attributes, _ in sns_backends[account][region].topics[topic].sent_notifications
        ]

    def sent_forget(self, topic: str) -> None:
        """Empty what `sent` answers."""
        _, _, _, region, account, _ = topic.split(":")
        sns_backends[account][region].topics[topic].sent_notifications.clear()

    def keep_log(self, role: str, group: str, at: int, printed: str) -> None:
        """Put what a function printed at `at` into its log group, if there is one and its role may."""
        logs.keep(role, self.region, group, at, printed)

    @contextmanager
    def iam_enforced(self) -> Iterator[None]:
        """Enforce the caller's policies for every call in this block."""
        self._moto("reset-auth", b"0")
        try:
            yield
        finally:
            self._moto("reset-auth", b"inf")

    def reset(self) -> None:
        """Delete everything that was ever made here."""
        self._moto("reset-auth", b"inf")
        self._moto("reset", b"")
        ses.forget()
        self.faults.clear()

    def _moto(self, path: str, body: bytes) -> None:
        request = urllib.request.Request(
            f"{self.url}/moto-api/{path}", data=body, method="POST", headers={"Content-Type": "text/plain"}
        )
        with urllib.request.urlopen(request):
            pass


_current: list[LocalAws] = []


@cache
def _install() -> None:
    """Add to moto, once per process, what it lacks."""
    services = tuple(backends.list_of_moto_modules())  # it lists a folder for each request
    backends.list_of_moto_modules = lambda: services
    ses.install()
    iam.install()
    sns.install()
    logs.install()
    cloudwatch.install()
    cloudformation.install(lambda service, region: _current[-1].client(service, region))
