"""A stand-in AWS with fixed answers, over HTTPS on loopback, for measurements: its cost is the same for every program."""

from __future__ import annotations

import gzip
import json
import ssl
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import botocore
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from ses_reputation.core.fleet import ROLE_TAG, role_tag_value

from local_aws.runtime import LoopbackServer
from local_aws.ses import statistics_xml

ACCOUNT = {
    "EnforcementStatus": "HEALTHY",
    "SendingEnabled": True,
    "ProductionAccessEnabled": True,
    "SendQuota": {"Max24HourSend": 1_000_000.0, "MaxSendRate": 14.0, "SentLast24Hours": 40_000.0},
}

GRANTED = b"""\
<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult><Credentials>
<AccessKeyId>ASIAEXAMPLE</AccessKeyId><SecretAccessKey>secret</SecretAccessKey><SessionToken>token</SessionToken>
<Expiration>2100-01-01T00:00:00Z</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>"""

ROLE = f"""\
<GetRoleResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/"><GetRoleResult><Role><RoleName>reader</RoleName><Tags><member>
<Key>{ROLE_TAG}</Key><Value>{role_tag_value("off")}</Value></member></Tags></Role></GetRoleResult></GetRoleResponse>""".encode()

HOSTS = (("SES", "SESV2"), ("DYNAMODB",), ("CLOUDWATCH",), ("STS", "IAM"))
"""Services that live at one address, as AWS has it."""


@dataclass
class CannedAws:
    """Answers to give, and requests seen."""

    statistics: bytes
    rates_at: int  # time of AWS's own rates, in seconds since the epoch
    delay: float = 0.0  # seconds before each answer, as a way to AWS takes
    items: dict[str, Any] = field(default_factory=dict)  # what was put into the table, by key
    asked: list[str] = field(default_factory=list)
    endpoints: dict[str, str] = field(default_factory=dict)  # addresses, by the variables that the SDK reads them from
    trust: Path = Path()  # botocore's own authorities and the one of this server

    def answer(self, action: str, body: bytes) -> tuple[str, bytes]:
        """Content type and body."""
        self.asked.append(action)
        time.sleep(self.delay)
        match action:
            case "AssumeRole":
                return "text/xml", GRANTED
            case "GetRole":
                return "text/xml", ROLE
            case "GetSendStatistics":
                return "text/xml", self.statistics
            case "GetAccount":
                return "application/json", json.dumps(ACCOUNT).encode()
            case "GetItem":
                item = self.items.get(json.loads(body)["Key"]["pk"]["S"])
                return "application/x-amz-json-1.0", json.dumps({"Item": item} if item else {}).encode()
            case "PutItem":
                item = json.loads(body)["Item"]
                self.items[item["pk"]["S"]] = item
                return "application/x-amz-json-1.0", b"{}"
            case "GetMetricData":
                rates = (("bounce", 0.008), ("complaint", 0.0002))
                results = [
                    {"Id": name, "Timestamps": [self.rates_at], "Values": [rate], "StatusCode": "Complete"}
                    for name, rate in rates
                ]
                return "application/x-amz-json-1.0", json.dumps({"MetricDataResults": results}).encode()
            case "PutMetricData":
                return "application/x-amz-json-1.0", b"{}"
        raise ValueError(f"nobody asks for this in a quiet run: {action} {body!r}")


@contextmanager
def canned(points: Sequence[dict[str, Any]], rates_at: int) -> Iterator[CannedAws]:
    """The servers, while the block lasts."""
    aws = CannedAws(statistics_xml(points).encode(), rates_at)
    with tempfile.TemporaryDirectory() as folder, ExitStack() as servers:
        certificate, key = certificate_in(Path(folder))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        authorities = Path(botocore.__file__).with_name("cacert.pem").read_text(encoding="utf-8")
        aws.trust = Path(folder) / "trust.pem"
        aws.trust.write_text(certificate.read_text(encoding="utf-8") + authorities, encoding="utf-8")
        for services in HOSTS:
            server = servers.enter_context(LoopbackServer(_handler(aws)))
            server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
            threading.Thread(target=server.serve_forever, daemon=True).start()
            servers.callback(server.shutdown)
            address = f"https://127.0.0.1:{server.server_address[1]}"
            aws.endpoints |= {f"AWS_ENDPOINT_URL_{service}": address for service in services}
        yield aws


def _handler(aws: CannedAws) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True
        wbufsize = -1

        def log_message(self, *_: object) -> None:
            """Log nothing."""

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            target = self.headers.get("X-Amz-Target", "").rpartition(".")[2]
            query = parse_qs(body.decode()).get("Action", ["GetAccount"])[0]
            action = target if target else query
            kind, answer = aws.answer(action, body)
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.send_header("x-amzn-RequestId", "r")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        do_GET = do_POST  # noqa: N815  the base class has named it

    return Handler


def certificate_in(folder: Path) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1 that vouches for itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    files = folder / "certificate.pem", folder / "key.pem"
    files[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    files[1].write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return files
