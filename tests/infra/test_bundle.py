"""The asset: whole, lean, the same every time, and sufficient on its own."""

from __future__ import annotations

import hashlib
import io
import os
import shutil
import subprocess
import zipfile
from pathlib import Path

import pytest

from infra import bundle

ROOT = Path(__file__).parents[2]
SETTINGS = ROOT / "settings.toml"


def digest(folder: Path) -> str:
    found = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        found.update(f"{path.relative_to(folder)} ".encode() + path.read_bytes())
    return found.hexdigest()


@pytest.fixture(scope="session")
def asset() -> Path:
    return bundle.build(SETTINGS)


def test_the_same_sources_give_the_same_bytes(asset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    libraries = bundle.pinned_libraries()
    (tmp_path / libraries.name).symlink_to(libraries)  # pip guarantees the content of pinned packages
    monkeypatch.setattr(bundle, "CACHE", tmp_path)
    again = bundle.build(SETTINGS)
    assert again != asset and digest(again) == digest(asset)


def test_lambda_can_read_the_asset_whatever_the_umask(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    libraries = bundle.pinned_libraries()
    (tmp_path / libraries.name).symlink_to(libraries)
    monkeypatch.setattr(bundle, "CACHE", tmp_path)
    before = os.umask(0o077)
    try:
        built = bundle.build(SETTINGS)
    finally:
        os.umask(before)
    modes = {(path.is_dir(), path.stat().st_mode & 0o777) for path in (built, *built.rglob("*"))}
    assert modes == {(True, 0o755), (False, 0o644)}


def test_other_settings_make_another_asset(asset: Path) -> None:
    other = bundle.build(ROOT / "local_aws" / "settings.toml")
    assert other.name != asset.name
    assert (other / "settings.toml").read_text() == (ROOT / "local_aws" / "settings.toml").read_text()


def test_the_asset_ships_service_data_only_for_used_services(asset: Path) -> None:
    shipped = {path.name for path in (asset / "botocore" / "data").iterdir() if path.is_dir()}
    assert shipped == set(bundle.services())


def test_no_large_or_compiled_library_is_shipped(asset: Path) -> None:
    assert not list(asset.rglob("*.so"))
    assert not {"pydantic", "numpy", "aws_xray_sdk", "pip", "bin"} & {path.name for path in asset.iterdir()}


def test_the_zip_is_at_most_5_mb(asset: Path) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in asset.rglob("*"):
            archive.write(path, path.relative_to(asset))
    assert len(packed.getvalue()) <= 5_000_000


def test_every_source_has_unchecked_byte_code(asset: Path) -> None:
    if not bundle._byte_code_python():
        pytest.skip("no Python of the runtime's version on this machine")
    for source in asset.rglob("*.py"):
        byte_code = source.parent / "__pycache__" / f"{source.stem}.cpython-313.pyc"
        assert byte_code.read_bytes()[4:8] == b"\x01\0\0\0", source  # by hash, unchecked (PEP 552)


def test_the_byte_code_is_used(asset: Path, tmp_path: Path) -> None:
    if not bundle._byte_code_python():
        pytest.skip("no Python of the runtime's version on this machine")
    shutil.copytree(asset / "ses_reputation", tmp_path / "ses_reputation")
    for source in tmp_path.rglob("*.py"):
        source.write_text("raise SystemExit('read from its source')\n")
    done = subprocess.run(
        [bundle.BYTE_CODE_PYTHON, "-S", "-c", "import ses_reputation.entry"],
        env={"PYTHONPATH": f"{tmp_path}:{asset}", "POWERTOOLS_SERVICE_NAME": "x"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_without_the_runtimes_python_the_asset_has_no_byte_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    other = tmp_path / "python"
    other.write_text("#!/bin/sh\necho 3 12\n")
    other.chmod(0o755)
    libraries = bundle.pinned_libraries()
    cache = tmp_path / "cache"
    cache.mkdir()
    (cache / libraries.name).symlink_to(libraries)
    monkeypatch.setattr(bundle, "CACHE", cache)
    monkeypatch.setattr(bundle, "BYTE_CODE_PYTHON", other)
    assert not list(bundle.build(SETTINGS).rglob("*.pyc"))
    assert capsys.readouterr().err == (
        "No Python 3.13 here: the function ships without byte code and starts more slowly.\n"
    )


def test_the_asset_alone_loads_and_makes_every_client(asset: Path) -> None:
    code = (
        "from ses_reputation import entry; from ses_reputation.aws.session import *; s = open_session();"
        f"[s.create_client(n, 'eu-west-1', config=CONFIG) for n in {bundle.services()}];"
        "import botocore; print(botocore.__file__)"
    )
    environment = {"PYTHONPATH": str(asset), "PATH": "/usr/bin:/bin", "POWERTOOLS_SERVICE_NAME": "x"}
    environment |= {"AWS_DEFAULT_REGION": "eu-west-1"}
    done = subprocess.run(
        [ROOT / ".venv-lambda" / "bin" / "python", "-S", "-c", code],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(str(asset))


def test_an_interrupted_build_leaves_nothing_that_looks_ready(
    asset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    libraries = bundle.pinned_libraries()
    (tmp_path / libraries.name).symlink_to(libraries)
    monkeypatch.setattr(bundle, "CACHE", tmp_path)

    def cut_off(folder: Path) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(bundle, "_precompile", cut_off)
    with pytest.raises(KeyboardInterrupt):
        bundle.build(SETTINGS)
    assert [path.name for path in tmp_path.iterdir()] == [libraries.name]


def test_an_unavailable_package_is_one_clear_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    requirements = tmp_path / "requirements.txt"
    requirements.write_text(f"no-such-package-as-this-one==1.0 --hash=sha256:{'0' * 64}\n")
    monkeypatch.setattr(bundle, "REQUIREMENTS", requirements)
    monkeypatch.setattr(bundle, "CACHE", tmp_path / "cache")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    with pytest.raises(bundle.BundleError, match="pip could not install"):
        bundle.build(SETTINGS)


def test_the_users_pip_settings_change_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wheel = tmp_path / "libraries" / "lean-1.0-py3-none-any.whl"
    wheel.parent.mkdir()
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("lean.py", "")
        archive.writestr("lean-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: lean\nVersion: 1.0\n")
        archive.writestr("lean-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr("lean-1.0.dist-info/RECORD", "")
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    (tmp_path / "requirements.txt").write_text(f"lean==1.0 --hash=sha256:{digest}\n")
    monkeypatch.setattr(bundle, "REQUIREMENTS", tmp_path / "requirements.txt")
    monkeypatch.setattr(bundle, "CACHE", tmp_path / "cache")
    for name, value in {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(wheel.parent)}.items():
        monkeypatch.setenv(name, value)
    for name in ("PIP_USER", "PIP_REQUIRE_HASHES"):
        monkeypatch.setenv(name, "1")
    for name in ("PIP_PREFIX", "PIP_ROOT", "PIP_TARGET", "PIP_CONSTRAINT"):
        monkeypatch.setenv(name, str(tmp_path / "nowhere"))
    assert (bundle.pinned_libraries() / "lean.py").exists()
