"""The virtual environment: nothing is installed elsewhere, and uv takes packages where pip would."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools.venv import Failed, own_environment, parse_pip_settings, pin_of, uv_environment

ROOT = Path(__file__).parents[2]

HOSTILE = {
    "PIP_USER": "1",
    "PIP_TARGET": "/nonexistent",
    "PIP_REQUIRE_HASHES": "1",
    "UV_PYTHON": "3.99",
    "UV_TARGET": "/nonexistent",
    "PYTHONPATH": "/nonexistent",
    "VIRTUAL_ENV": "/nonexistent",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_no_setting_installs_packages_elsewhere(name: str) -> None:
    assert own_environment({**HOSTILE, "PATH": "/bin"}).get(name) in (None, "0")


@pytest.mark.parametrize(
    "name", ["PIP_INDEX_URL", "PIP_CERT", "PIP_CONFIG_FILE", "UV_DEFAULT_INDEX", "UV_CACHE_DIR", "HTTPS_PROXY"]
)
def test_settings_of_package_sources_stay(name: str) -> None:
    assert own_environment({name: "x"})[name] == "x"


def as_pip_lists(*settings: tuple[str, str, str]) -> str:
    """Settings as `pip config list` prints them: "global.trusted-host='b'"."""
    named = ((section, name.removeprefix("PIP_").lower().replace("_", "-"), value) for section, name, value in settings)
    return "".join(f"{section}.{name}='{value}'\n" for section, name, value in named)


def test_uv_installs_from_pips_sources() -> None:
    listed = as_pip_lists(
        (":env:", "PIP_TRUSTED_HOST", "b"),
        ("global", "PIP_INDEX_URL", "a"),
        ("install", "PIP_INDEX_URL", "b"),
        ("global", "PIP_EXTRA_INDEX_URL", "c d"),
        ("global", "PIP_TIMEOUT", "9"),
    )
    assert uv_environment({"PATH": "/bin"}, parse_pip_settings(listed)) == {
        "PATH": "/bin",
        "UV_DEFAULT_INDEX": "b",
        "UV_INDEX": "c d",
        "UV_INSECURE_HOST": "b",
        "UV_INDEX_STRATEGY": "unsafe-best-match",
    }


def test_uvs_own_settings_win() -> None:
    own = {"UV_DEFAULT_INDEX": "uv"}
    assert uv_environment(own, {"PIP_INDEX_URL": "pip"})["UV_DEFAULT_INDEX"] == "uv"


def test_uv_itself_is_installed_by_its_hashes() -> None:
    pin = pin_of("uv", (ROOT / "requirements-dev.txt").read_text())
    assert pin.startswith("uv==") and pin.count("--hash=sha256:") > 5 and pin.count("==") == 1
    with pytest.raises(Failed, match="does not pin uv"):
        pin_of("uv", "uvloop==1.0 \\\n    --hash=sha256:0\n")
