"""The environment of the local AWS: nothing of the user's AWS set-up, and no proxy on the way to loopback."""

from __future__ import annotations

import os
from collections.abc import Mapping

DROPPED = ("AWS_", "BOTO_", "CDK_", "MOTO_", "POWERTOOLS_", "LAMBDA_", "PYTHON", "PIP_TARGET", "PIP_PREFIX", "PIP_ROOT")
"""Beginnings of the names that would point a client, the CDK, moto or Python somewhere else."""

LOOPBACK = ("localhost", "127.0.0.1", "::1")


def isolated(environ: Mapping[str, str]) -> dict[str, str]:
    """Return `environ` as the local AWS and its clients may see it. The user's proxy stays, for packages."""
    kept = {name: value for name, value in environ.items() if not name.startswith(DROPPED)}
    listed = [environ.get("no_proxy") or environ.get("NO_PROXY", ""), *LOOPBACK]
    bypass = ",".join(filter(None, listed))
    return {**kept, "NO_PROXY": bypass, "no_proxy": bypass, "PIP_USER": "0"}


def isolate() -> None:
    """Give this process the environment that its children get."""
    allowed = isolated(os.environ)
    for name in set(os.environ) - set(allowed):
        del os.environ[name]
    os.environ.update(allowed)
