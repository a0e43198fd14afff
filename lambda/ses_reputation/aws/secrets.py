"""Secrets that a person has stored in SSM Parameter Store or Secrets Manager."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .errors import answered

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager.client import SecretsManagerClient
    from mypy_boto3_ssm.client import SSMClient


def parameter(client: SSMClient, name: str) -> str:
    """The value of a parameter, decrypted where it is a SecureString. Raises what botocore raises."""
    with answered():
        answer = client.get_parameter(Name=name, WithDecryption=True)
    return answer.get("Parameter", {}).get("Value", "")


def secret(client: SecretsManagerClient, name: str) -> str:
    """The text of a secret, given by its name or ARN; a binary one has none. Raises what botocore raises."""
    with answered():
        answer = client.get_secret_value(SecretId=name)
    return answer.get("SecretString", "")
