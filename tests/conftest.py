"""Unit tests have no network; the end-to-end suite, the local AWS and the tests of connections have loopback."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings
from pytest_socket import disable_socket, enable_socket, socket_allow_hosts
from xdist.remote import Producer
from xdist.scheduler import LoadFileScheduling

from local_aws.environment import isolate

if TYPE_CHECKING:
    from local_aws.server import LocalAws

isolate()  # first: no test sees the user's AWS set-up and proxies

settings.register_profile("bounded", derandomize=True, deadline=None, max_examples=100)
settings.load_profile("bounded")

LOOPBACK_ROOMS = (
    "tests/e2e/",
    "tests/local_aws/",
    "tests/aws/test_cause.py",
    "tests/aws/fast/test_connections.py",
    "tests/aws/test_webhook.py",
    "tests/cli/test_cause.py",
    "tests/cli/test_check_all.py",
    "tests/cli/test_resume.py",
    "tests/cli/test_report.py",
)

SAMPLES = ("tests/layout/", "tests/local_aws/test_slack_picture.py")
"""Tests of every sample of a message. Deciding all of them takes a while, so one process has them all."""


class FilesOfSamplesTogether(LoadFileScheduling):  # type: ignore[misc]  # no types
    """Gives each file to one process, which then deploys once, and the tests of the samples to the same one."""

    def _split_scope(self, nodeid: str) -> str:
        return "samples" if nodeid.startswith(SAMPLES) else super()._split_scope(nodeid)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> FilesOfSamplesTogether:
    return FilesOfSamplesTogether(config, log)


def pytest_collection_finish() -> None:
    """Spare the garbage collector what all modules hold: it is a tenth of the time of a whole run."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.nodeid.startswith(LOOPBACK_ROOMS):
        enable_socket()
        socket_allow_hosts(["127.0.0.1", "localhost", "::1"], allow_unix_socket=True)
    else:
        disable_socket(allow_unix_socket=True)


@pytest.fixture(scope="module")
def local() -> Iterator[LocalAws]:
    """An AWS on this machine."""
    from local_aws.server import LocalAws

    with LocalAws() as started:
        yield started
