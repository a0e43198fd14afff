"""Fill a virtual environment with hashed requirements, by uv, from the package sources of pip.

Usage: python3 -I tools/venv.py FOLDER REQUIREMENTS [--python PYTHON] [--editable]. Needs nothing but the standard library.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import venv
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).parents[1]
UV_PINNED_IN = ROOT / "requirements-dev.txt"

SOURCES = (
    "INDEX",
    "LINK",
    "CERT",
    "TLS",
    "HOST",
    "PROXY",
    "TIMEOUT",
    "RETRIES",
    "CACHE",
    "KEYRING",
    "CONFIG",
    "OFFLINE",
)
"""Parts of names of pip and uv variables that set the source of packages, not their destination."""

INSTALLERS = ("PIP_", "UV_")
FOREIGN = ("PYTHON", "VIRTUAL_ENV", "CONDA_PREFIX", "__PYVENV_LAUNCHER__")

UV_NAME_OF = {
    "PIP_INDEX_URL": "UV_DEFAULT_INDEX",
    "PIP_EXTRA_INDEX_URL": "UV_INDEX",
    "PIP_FIND_LINKS": "UV_FIND_LINKS",
    "PIP_TRUSTED_HOST": "UV_INSECURE_HOST",
    "PIP_CERT": "SSL_CERT_FILE",
}
"""pip settings, named like its variables, and the uv variables that mean the same."""


class Failed(Exception):
    """A step failed; the text is for a person."""


def own_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """Return `environ` without variables that change the destination or add foreign modules."""

    def kept(name: str) -> bool:
        if name.startswith(INSTALLERS):
            return any(part in name for part in SOURCES)
        return not name.startswith(FOREIGN)

    return {name: value for name, value in environ.items() if kept(name)} | {"PIP_USER": "0"}


def uv_environment(environ: Mapping[str, str], pip_settings: Mapping[str, str]) -> dict[str, str]:
    """Add to `environ` the package sources of pip for uv; uv variables that are set win."""
    found = {UV_NAME_OF[name]: value for name, value in pip_settings.items() if name in UV_NAME_OF and value}
    for name, separator in (("UV_FIND_LINKS", ","), ("UV_INDEX", " "), ("UV_INSECURE_HOST", " ")):
        if name in found:
            found[name] = separator.join(found[name].split())
    # pip takes the best version of all indexes; uv would stop at the first that has the name
    return {"UV_INDEX_STRATEGY": "unsafe-best-match", **found, **environ}


def parse_pip_settings(listed: str) -> dict[str, str]:
    """Read the output of `pip config list`, by the names of pip's variables; a variable wins over a file, `install` over `global`."""
    found: dict[str, dict[str, str]] = {}
    for line in listed.splitlines():
        key, equals, value = line.partition("=")
        section, _, name = key.rpartition(".")
        if equals:
            found.setdefault(section, {})["PIP_" + name.upper().replace("-", "_")] = value.strip("'\"")
    return {**found.get("global", {}), **found.get("install", {}), **found.get(":env:", {})}


def pin_of(package: str, requirements: str) -> str:
    """Return the lines that pin `package`, hashes included. Raises `Failed` if there are none."""
    found = re.search(rf"^{re.escape(package)}==.*(?:(?<=\\)\n.*)*", requirements, re.MULTILINE)
    if found is None:
        raise Failed(f"{UV_PINNED_IN.name} does not pin {package}")
    return found[0]


def fill(folder: Path, requirements: Path, python: str, *, editable: bool) -> None:
    """Make `folder` a virtual environment if it is not one yet, and install `requirements` into it. Raises `Failed`."""
    environment = own_environment(os.environ)
    uv_home = ROOT / ".venv"
    if not _works(uv_home):
        shutil.rmtree(uv_home, ignore_errors=True)
        venv.create(uv_home, with_pip=True)
    pip = [str(uv_home / "bin" / "python"), "-m", "pip"]
    quiet = ["-qq", "--disable-pip-version-check"]
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as pinned:
        pinned.write(pin_of("uv", UV_PINNED_IN.read_text()))
        pinned.flush()
        _run([*pip, "install", *quiet, "--no-deps", "--require-hashes", "--requirement", pinned.name], environment)
    settings = parse_pip_settings(_run([*pip, "config", "list"], environment))
    environment = uv_environment(environment, settings)
    uv = str(uv_home / "bin" / "uv")
    if not _works(folder):
        shutil.rmtree(folder, ignore_errors=True)
        _run([uv, "venv", "--quiet", "--no-project", "--python", python, str(folder)], environment)
    install = [uv, "pip", "install", "--quiet", "--python", str(folder / "bin" / "python")]
    _run([*install, "--require-hashes", "--requirements", str(requirements)], environment)
    if editable:
        _run([*install, "--no-deps", "--no-build-isolation", "--editable", str(ROOT)], environment)


def _works(folder: Path) -> bool:
    """Tell whether `folder` holds a virtual environment whose Python still starts."""
    python = folder / "bin" / "python"
    return python.exists() and subprocess.run([python, "-c", ""], check=False, capture_output=True).returncode == 0


def _run(command: list[str], environment: Mapping[str, str]) -> str:
    done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Failed(f"{' '.join(command)}:\n{done.stdout}{done.stderr}".rstrip())
    return done.stdout


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("requirements", type=Path)
    parser.add_argument("--python", default=sys.executable)
    parser.add_argument("--editable", action="store_true", help="also install this project, as it lies here")
    given = parser.parse_args()
    try:
        fill(given.folder.resolve(), given.requirements.resolve(), given.python, editable=given.editable)
    except (Failed, OSError, subprocess.CalledProcessError) as error:
        sys.exit(f"The packages could not be installed.\n{error}")


if __name__ == "__main__":
    main()
