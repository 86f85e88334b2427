"""Secrets from AWS Secrets Manager, read when a connection is opened and kept nowhere.

What belongs here: asking for one secret and saying why it cannot be had. Its value is in no message.
"""

import json
from collections.abc import Mapping
from typing import Any

from lakehouse_assets.errors import MissingExtraError, PassingSourceError, SourceError

SECRET_CODE = "secret"  # noqa: S105 - the code of an error  # pragma: allowlist secret
_REASONS = {
    "ResourceNotFoundException": ("does not exist", "Create it, or correct its name."),
    "AccessDeniedException": ("may not be read", "Grant secretsmanager:GetSecretValue to this worker's role."),
    "UnrecognizedClientException": ("may not be read", "Check the worker's AWS credentials."),
    "InvalidRequestException": ("is being deleted", "Restore it, or refer to the one that took its place."),
    "DecryptionFailure": ("cannot be decrypted", "Grant kms:Decrypt on its key to this worker's role."),
}
_PASSING = frozenset({"ThrottlingException", "InternalServiceError", "ServiceUnavailableException"})
_OPTIONS = {
    "region_name": ("AWS_REGION", "AWS_DEFAULT_REGION"),
    "aws_access_key_id": ("AWS_ACCESS_KEY_ID",),
    "aws_secret_access_key": ("AWS_SECRET_ACCESS_KEY",),
    "aws_session_token": ("AWS_SESSION_TOKEN",),
    "endpoint_url": ("AWS_ENDPOINT_URL_SECRETS_MANAGER", "AWS_ENDPOINT_URL"),
}


def read_secret(name: str, key: str | None, environ: Mapping[str, str], *, where: str) -> str:
    """Return the current value of a secret, or of one key of a secret that is a JSON object.

    Raises SourceError `secret` naming the secret when it is missing, denied or of another shape, MissingExtraError
    without boto3.
    """
    text = _current(name, environ, where)
    if key is None:
        return text
    try:
        value = json.loads(text)[key]
    except (ValueError, KeyError, TypeError):
        raise SourceError(
            SECRET_CODE, f"the secret {name} has no key {key!r}.", where=where, fix="Store it as a JSON object."
        ) from None
    return str(value)


def _current(name: str, environ: Mapping[str, str], where: str) -> str:
    try:
        import boto3
        from botocore.exceptions import BotoCoreError, ClientError
    except ModuleNotFoundError as error:
        msg = "a secret is in AWS Secrets Manager, and boto3 is not installed."
        raise MissingExtraError(msg, where=where, fix="Run pip install 'lakehouse-assets[aws]'.") from error
    try:
        found = boto3.client("secretsmanager", **_options(environ)).get_secret_value(SecretId=name)
    except ClientError as error:
        raise _refused(name, str(error.response.get("Error", {}).get("Code", "")), where) from None
    except BotoCoreError as error:
        raise SourceError(
            SECRET_CODE,
            f"AWS Secrets Manager cannot be asked for {name} ({type(error).__name__}).",
            where=where,
            fix="Check the worker's AWS region, credentials and network.",
        ) from None
    if "SecretString" not in found:
        raise SourceError(SECRET_CODE, f"the secret {name} is no text.", where=where, fix="Store it as text.")
    return str(found["SecretString"])


def _options(environ: Mapping[str, str]) -> dict[str, Any]:
    found = {option: next(filter(None, map(environ.get, names)), None) for option, names in _OPTIONS.items()}
    return {option: value for option, value in found.items() if value}


def _refused(name: str, code: str, where: str) -> SourceError:
    if code in _PASSING:
        return PassingSourceError("unavailable", f"AWS Secrets Manager cannot answer now ({code}).", where=where)
    said, fix = _REASONS.get(code, (f"cannot be read ({code})", "Look the code up in the AWS documentation."))
    return SourceError(SECRET_CODE, f"the secret {name} {said}.", where=where, fix=fix)
