"""Region and profile are found where the AWS CDK finds them."""

from __future__ import annotations

from pathlib import Path

import pytest

from cli.aws import open_session, region_of, unknown_regions
from cli.exit_codes import Unusable

KEYS = "aws_access_key_id = x\naws_secret_access_key = y\n"


@pytest.fixture
def profiles(elsewhere: Path) -> None:
    (elsewhere / "config").write_text(
        "[default]\nregion = eu-central-1\n[profile prod]\nregion = eu-north-1\n[profile bare]\noutput = json\n"
    )
    (elsewhere / "credentials").write_text(f"[default]\n{KEYS}[prod]\n{KEYS}[bare]\n{KEYS}")


@pytest.mark.parametrize(
    ("variables", "profile", "region", "found"),
    [
        ({"AWS_REGION": "us-west-2", "AWS_DEFAULT_REGION": "us-east-2"}, None, None, "us-west-2"),
        ({"AWS_REGION": "", "AWS_DEFAULT_REGION": "us-east-2"}, None, None, "us-east-2"),
        ({"AWS_REGION": "us-west-2"}, None, "sa-east-1", "sa-east-1"),
        ({"AWS_REGION": "us-west-2"}, "prod", None, "us-west-2"),
        ({}, "prod", None, "eu-north-1"),
        ({"AWS_PROFILE": "prod"}, None, None, "eu-north-1"),
        ({"AWS_DEFAULT_PROFILE": "prod"}, None, None, "eu-north-1"),
        ({"AWS_PROFILE": "prod", "AWS_DEFAULT_PROFILE": "bare"}, None, None, "eu-north-1"),
        ({"AWS_PROFILE": "bare"}, None, None, "eu-central-1"),
        ({"AWS_PROFILE": ""}, None, None, "eu-central-1"),
        ({}, None, None, "eu-central-1"),
    ],
    ids=str,
)
def test_the_region_is_the_one_that_the_cdk_deploys_to(
    monkeypatch: pytest.MonkeyPatch,
    profiles: None,
    variables: dict[str, str],
    profile: str | None,
    region: str | None,
    found: str,
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    session = open_session(profile, region)
    assert region_of(session) == found
    assert session.client("ses").meta.region_name == found


def test_a_profile_by_option_comes_before_keys_of_the_environment(
    monkeypatch: pytest.MonkeyPatch, profiles: None, keys: None
) -> None:
    credentials = open_session("prod", None).get_credentials()
    assert credentials is not None and credentials.secret_key == "y"
    monkeypatch.setenv("AWS_PROFILE", "prod")
    credentials = open_session(None, None).get_credentials()
    assert credentials is not None and credentials.secret_key == "x"  # as in the AWS CLI and the CDK


def test_without_a_region_nothing_is_guessed(keys: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_REGION")
    with pytest.raises(Unusable, match=r"No AWS region was found\.\nName it: --region"):
        region_of(open_session(None, None))


def test_a_region_that_the_sdk_does_not_know_is_a_warning() -> None:
    [warning] = unknown_regions(["eu-west-1", "us-gov-west-1", "eu-west-9"])
    assert warning.startswith('Region "eu-west-9": botocore ') and "Check the name" in warning
