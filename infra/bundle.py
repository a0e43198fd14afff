"""The function's asset: the package, the settings and its pinned dependencies, built without Docker and reproducibly."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import ses_reputation

PACKAGE = Path(ses_reputation.__file__).parent
"""The function's source, in the repository as in an installed wheel."""

ROOT = Path(__file__).parents[1]
IN_REPOSITORY = (ROOT / "lambda" / "requirements.txt").exists()
REQUIREMENTS = (ROOT / "lambda" if IN_REPOSITORY else Path(__file__).parent / "function") / "requirements.txt"
CACHE = (ROOT if IN_REPOSITORY else Path(tempfile.gettempdir()) / f"ses-reputation-{os.getuid()}") / ".cache" / "bundle"

RUNTIME = (3, 13)
"""The Python of the function. Byte code is made by an interpreter of this version, where there is one."""

BYTE_CODE_PYTHON = ROOT / ".venv-lambda" / "bin" / "python"

DATA_CLASSES = "ses_reputation.aws.fast.data_classes"
"""Module that keeps the byte code of the data classes' methods, and makes it."""

SHARED_DATA = frozenset({"_retry.json", "partitions.json", "sdk-default-configuration.json"})
"""Files that botocore reads besides the data of single services."""

UNREAD = (
    "aws_lambda_powertools/event_handler",  # HTTP APIs, with a megabyte of Swagger
    "aws_lambda_powertools/utilities/data_classes",
    "aws_lambda_powertools/utilities/parser",
    "bin",
)
"""The large parts of the libraries that the function never imports or reads."""


PIP_ELSEWHERE = frozenset({"PIP_PREFIX", "PIP_ROOT", "PIP_REQUIRE_HASHES", "PIP_CONSTRAINT", "PIP_REQUIREMENT"})
"""Settings of a user's pip that would send the libraries elsewhere, or refuse or add some."""


class BundleError(Exception):
    """The asset could not be built; the text is for a person."""


def build(settings: Path) -> Path:
    """The folder to deploy, for the settings file given. Raises `BundleError`.

    It is named after all that goes into it, so that nothing is built twice, and moved to its place when it is whole, so
    that a build that was interrupted leaves nothing behind that looks ready.
    """
    libraries = pinned_libraries()
    sources = [*_sources(), settings]
    key = hashlib.sha256(f"{libraries.name} {_byte_code_python()} {_fingerprint(*sources)}".encode()).hexdigest()

    def assemble(folder: Path) -> None:
        shutil.copytree(libraries, folder, dirs_exist_ok=True)
        _prune(folder)
        ignore = shutil.ignore_patterns("__pycache__")
        shutil.copytree(PACKAGE, folder / "ses_reputation", ignore=ignore)
        shutil.copyfile(settings, folder / "settings.toml")
        _precompile(folder)
        _let_everybody_read(folder)

    return _once("asset", key, assemble)


def pinned_libraries() -> Path:
    """The folder with what pip installs of lambda/requirements.txt, nothing taken out yet. Raises `BundleError`."""
    return _once("libraries", _fingerprint(REQUIREMENTS, Path(__file__)), _install)


def services() -> tuple[str, ...]:
    """The AWS services that the functions talk to: the asset has the data of these and no other."""
    return tuple(json.loads((PACKAGE / "aws" / "services.json").read_bytes()))


def write_settings(tables: Mapping[str, Any]) -> Path:
    """A settings.toml with `tables` in it, named after its content."""
    text = "".join(f"{_key(name)} = {_toml(value)}\n" for name, value in tables.items())

    def write(folder: Path) -> None:
        (folder / "settings.toml").write_text(text, encoding="utf-8")

    return _once("settings", hashlib.sha256(text.encode()).hexdigest(), write) / "settings.toml"


def _toml(value: object) -> str:
    """`value` as TOML writes it; tables in braces."""
    match value:
        case Mapping():
            return "{ " + ", ".join(f"{_key(name)} = {_toml(member)}" for name, member in value.items()) + " }"
        case list() | tuple():
            return "[" + ", ".join(map(_toml, value)) + "]"
        case str():
            return _key(value)
        case _:
            return json.dumps(value)  # true, false and numbers are the same in both


def _key(text: str) -> str:
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _sources() -> Iterator[Path]:
    return (path for path in sorted(PACKAGE.rglob("*")) if path.is_file() and "__pycache__" not in path.parts)


def _fingerprint(*files: Path) -> str:
    digest = hashlib.sha256()
    for file in files:
        name = file.relative_to(PACKAGE) if file.is_relative_to(PACKAGE) else file.name
        digest.update(f"{name} {hashlib.sha256(file.read_bytes()).hexdigest()} ".encode())
    return digest.hexdigest()


def _once(kind: str, key: str, make: Callable[[Path], None]) -> Path:
    """The folder that `make` fills, made only if it is not there yet."""
    done = CACHE / f"{kind}-{key[:20]}"
    if not done.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=CACHE) as temporary:
            folder = Path(temporary) / "folder"
            folder.mkdir()
            make(folder)
            try:
                folder.rename(done)
            except OSError:
                if not done.exists():  # else another build was quicker
                    raise
    return done


def _install(folder: Path) -> None:
    version = ".".join(map(str, RUNTIME))
    command = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--no-compile",
    ]
    command += ["--no-deps", "--require-hashes", "--requirement", str(REQUIREMENTS), "--target", str(folder)]
    command += [
        "--only-binary=:all:",
        "--platform",
        "any",
        "--python-version",
        version,
        "--implementation",
        "py",
    ]
    own = {name: value for name, value in os.environ.items() if name not in PIP_ELSEWHERE} | {"PIP_USER": "0"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=own)
    if done.returncode != 0:
        raise BundleError(f"pip could not install lambda/requirements.txt:\n{done.stderr.strip()}")


def _prune(folder: Path) -> None:
    """Takes out what the function never reads: data of other services, parts of libraries, installation records. What is left of
    the data is unpacked, which is quicker to read."""
    wanted = {*services(), *SHARED_DATA}
    for path in (folder / "botocore" / "data").iterdir():
        if path.name not in wanted:
            _remove(path)
    for packed in (folder / "botocore" / "data").rglob("*.json.gz"):
        packed.with_suffix("").write_bytes(gzip.decompress(packed.read_bytes()))  # the zip packs it once more
        packed.unlink()
    for name in UNREAD:
        _remove(folder / name)
    for information in folder.glob("*.dist-info"):
        for record in ("RECORD", "INSTALLER", "REQUESTED", "direct_url.json"):
            _remove(information / record)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _let_everybody_read(folder: Path) -> None:
    """Lambda runs as another user than the one whose file modes go into the zip; whoever builds may keep his own files to himself."""
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)


def _byte_code_python() -> str:
    """The interpreter that can make the runtime's byte code, or nothing."""
    if not BYTE_CODE_PYTHON.exists():
        return ""
    ask = [str(BYTE_CODE_PYTHON), "-c", "import sys; print(*sys.version_info[:2])"]
    answer = subprocess.run(ask, capture_output=True, text=True, check=False).stdout.split()
    return str(BYTE_CODE_PYTHON) if answer == [str(number) for number in RUNTIME] else ""


def _precompile(folder: Path) -> None:
    """Byte code beside every source: Lambda's file system cannot take it later, and without it a cold start takes twice as
    long. It names its source by content, not by time."""
    python = _byte_code_python()
    if not python:
        version = ".".join(map(str, RUNTIME))
        print(
            f"No Python {version} here: the function ships without byte code and starts more slowly.",
            file=sys.stderr,
        )
        return
    compiling = ["-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash"]
    compiling += ["-s", str(folder), "-p", "/var/task", str(folder)]
    own = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "AWS_", "_HANDLER"))}
    for command in (compiling, ["-S", "-B", "-m", DATA_CLASSES, f"{DATA_CLASSES.replace('.', '/')}.bin"]):
        done = subprocess.run(
            [python, *command],
            cwd=folder,
            env={**own, "PYTHONHASHSEED": "0"},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise BundleError(f"byte code could not be made:\n{done.stdout.strip()}{done.stderr.strip()}")
