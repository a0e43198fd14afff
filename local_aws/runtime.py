"""Runs a deployed function as Lambda does: the deployed zip, under AWS's own runtime client, as the deployed role.

A tiny server speaks the Lambda Runtime API (2018-06-01) on loopback; the client polls it exactly as in AWS. The function's
process sees the zip and the runtime client and no other library of this machine.
"""

from __future__ import annotations

import io
import json
import os
import queue
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import traceback
import uuid
import zipfile
from dataclasses import dataclass
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from moto.awslambda.models import lambda_backends

from .server import ACCOUNT, LocalAws

RUNTIME = Path(__file__).parents[1] / ".venv-lambda"


@dataclass(frozen=True)
class Result:
    """Result of an invocation."""

    ok: bool
    payload: Any  # what the handler returned, or what Lambda makes of an error
    log: str  # what the function printed


class FunctionDied(Exception):
    """The process ended, or was ended at its timeout, before it answered."""


class DeployedFunction:
    """A deployed function; its process starts with the first invocation and stays warm until `stop`."""

    def __init__(self, local: LocalAws, name: str) -> None:
        self.local = local
        self.configuration = local.client("lambda").get_function(FunctionName=name)["Configuration"]
        self._folder = tempfile.TemporaryDirectory()
        self.root = Path(self._folder.name) / "task"
        self.zip: bytes = lambda_backends[ACCOUNT][local.region].get_function(name).code_bytes
        with zipfile.ZipFile(io.BytesIO(self.zip)) as asset:
            asset.extractall(self.root)
        self._log = Path(self._folder.name) / "log"
        self._log_group = f"/aws/lambda/{name}"
        self._api: RuntimeApi | None = None
        self._process: subprocess.Popen[bytes] | None = None

    def invoke(self, event: object) -> Result:
        """One invocation, within the function's own timeout and with no more rights than its role has. Raises
        `FunctionDied`."""
        if self._process is None or self._process.poll() is not None:
            self._start()
        with self.local.iam_enforced():
            return self._ask(event)

    def _ask(self, event: object) -> Result:
        assert self._api is not None and self._process is not None
        seen = self._log.stat().st_size
        answer = self._api.ask(event)
        end = time.monotonic() + self.configuration["Timeout"]
        while time.monotonic() < end:
            try:
                kind, payload = answer.get(timeout=0.02)
            except queue.Empty:
                if self._process.poll() is not None:
                    raise FunctionDied(self._printed(seen)) from None
            else:
                printed = self._printed(seen)
                self.local.keep_log(self.configuration["Role"], self._log_group, _time_of(event), printed)
                return Result(kind == "response", payload, printed)
        self.stop()
        raise FunctionDied(f"timed out after {self.configuration['Timeout']} s\n{self._printed(seen)}")

    def kill(self) -> None:
        """Kill the process at once, as a failing machine would, without a chance to clean up."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def stop(self) -> None:
        """End the process; the next invocation is a cold start."""
        self.kill()
        if self._api is not None:
            self._api.close()
        self._process, self._api = None, None

    def close(self) -> None:
        self.stop()
        self._folder.cleanup()

    def _printed(self, start: int) -> str:
        return self._log.read_bytes()[start:].decode(errors="replace")

    def _start(self) -> None:
        if self._api is not None:
            self._api.close()
        self._api = RuntimeApi(self.configuration["FunctionArn"], self.configuration["Timeout"])
        libraries = next(RUNTIME.glob("lib/python*/site-packages"))
        role = self.local.client("sts").assume_role(
            RoleArn=self.configuration["Role"], RoleSessionName=self.configuration["FunctionName"]
        )["Credentials"]
        environment = {
            **self.local.environment(),
            "AWS_ACCESS_KEY_ID": role["AccessKeyId"],
            "AWS_SECRET_ACCESS_KEY": role["SecretAccessKey"],
            "AWS_SESSION_TOKEN": role["SessionToken"],
            "AWS_LAMBDA_RUNTIME_API": self._api.address,
            "AWS_LAMBDA_FUNCTION_NAME": self.configuration["FunctionName"],
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(self.configuration["MemorySize"]),
            "AWS_LAMBDA_LOG_GROUP_NAME": self._log_group,
            "AWS_LAMBDA_LOG_STREAM_NAME": "local",
            "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
            "AWS_EXECUTION_ENV": f"AWS_Lambda_{self.configuration['Runtime']}",
            "LAMBDA_TASK_ROOT": str(self.root),
            "LANG": "en_US.UTF-8",
            "PATH": os.environ["PATH"],
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONPATH": str(libraries),
            "TZ": ":UTC",
            "_HANDLER": self.configuration["Handler"],
            **self.configuration.get("Environment", {}).get("Variables", {}),
        }
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [str(RUNTIME / "bin" / "python"), "-S", "-m", "awslambdaric", self.configuration["Handler"]],
                cwd=self.root,
                env=environment,
                stdout=log,
                stderr=subprocess.STDOUT,
            )


def _time_of(event: object) -> int:
    """Time of an event: its scheduled time, whenever it is played."""
    try:
        return int(datetime.fromisoformat(event["now"]).timestamp())  # type: ignore[index]
    except (TypeError, KeyError, ValueError):
        return int(time.time())


Answer = queue.Queue[tuple[str, Any]]


class LoopbackServer(ThreadingHTTPServer):
    """A server on loopback whose clients may be killed, or refuse its certificate, at any time."""

    daemon_threads = True

    def __init__(self, handler: type[BaseHTTPRequestHandler]) -> None:
        super().__init__(("127.0.0.1", 0), handler)

    def handle_error(self, request: object, client_address: object) -> None:
        """Print errors, except those of a client that went away."""
        if not isinstance(sys.exception(), ConnectionError | ssl.SSLError):
            traceback.print_exc()


class RuntimeApi:
    """The Lambda Runtime API of one execution environment."""

    def __init__(self, function_arn: str, timeout: float) -> None:
        self._events: queue.Queue[tuple[str, Any] | None] = queue.Queue()
        self._answers: dict[str, Answer] = {}
        self.ready = threading.Event()  # the function has started and waits for its first event
        api = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = -1  # head and body in one packet: the second would wait 40 ms for the answer to the first

            def log_message(self, *_: object) -> None:
                """Log nothing."""

            def do_GET(self) -> None:
                api.ready.set()
                item = api._events.get()
                if item is None:
                    self.close_connection = True
                    return
                request, event = item
                body = json.dumps(event).encode()
                self.send_response(200)
                for name, value in (
                    ("Content-Type", "application/json"),
                    ("Content-Length", str(len(body))),
                    ("Lambda-Runtime-Aws-Request-Id", request),
                    ("Lambda-Runtime-Deadline-Ms", str(int((time.time() + timeout) * 1000))),
                    ("Lambda-Runtime-Invoked-Function-Arn", function_arn),
                ):
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)
                self.wfile.flush()

            def do_POST(self) -> None:
                payload = json.loads(self._body() or b"null")
                self.send_response(202)
                self.send_header("Content-Length", "0")
                self.end_headers()
                *_, request, kind = self.path.split("/")
                if request == "init":  # the handler could not be imported
                    for answer in list(api._answers.values()):
                        answer.put(("error", payload))
                else:
                    api._answers.pop(request).put((kind, payload))

            def _body(self) -> bytes:
                if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
                    return self.rfile.read(int(self.headers.get("Content-Length", "0")))
                body = b""
                while size := int(self.rfile.readline().strip() or b"0", 16):
                    body += self.rfile.read(size)
                    self.rfile.readline()
                self.rfile.readline()
                return body

        self._server = LoopbackServer(Handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self._server.server_address[1]}"

    def ask(self, event: object) -> Answer:
        request = str(uuid.uuid4())
        answer: Answer = queue.Queue()
        self._answers[request] = answer
        self._events.put((request, event))
        return answer

    def close(self) -> None:
        self._events.put(None)
        self._server.shutdown()
        self._server.server_close()
