"""Secrets in AWS Secrets Manager, on moto's server: read, rotated, missing, denied, each told without its value."""

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from lakehouse_assets.connectors.access import Access
from lakehouse_assets.errors import ConfigError, SourceError
from lakehouse_assets_tests.doubles.api import Api, as_json, serving
from lakehouse_assets_tests.doubles.sources import source_of, table

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    from moto.server import ThreadedMotoServer  # noqa: PLC0415 - seconds to import

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def environ(endpoint: str) -> dict[str, str]:
    return {
        "AWS_ENDPOINT_URL_SECRETS_MANAGER": endpoint,
        "AWS_REGION": "eu-central-1",
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",  # pragma: allowlist secret
    }


@pytest.fixture
def vault(environ: dict[str, str]) -> Iterator[Any]:
    import boto3

    client = boto3.client(
        "secretsmanager",
        endpoint_url=environ["AWS_ENDPOINT_URL_SECRETS_MANAGER"],
        region_name=environ["AWS_REGION"],
        aws_access_key_id="testing",
        aws_secret_access_key="testing",  # noqa: S106 - the double takes any  # pragma: allowlist secret
    )
    client.create_secret(Name="prod/shop", SecretString='{"token": "canary-1", "port": 5432}')
    client.create_secret(Name="prod/plain", SecretString="canary-2")  # pragma: allowlist secret
    client.create_secret(Name="prod/bytes", SecretBinary=b"canary-3")
    yield client
    for name in ("prod/shop", "prod/plain", "prod/bytes"):
        client.delete_secret(SecretId=name, ForceDeleteWithoutRecovery=True)


def resolved(connection: Mapping[str, str], environ: Mapping[str, str]) -> dict[str, Any]:
    return Access(environ=environ).connection(source_of("rest", connection, table()))


def refusal(text: str, environ: Mapping[str, str]) -> SourceError:
    with pytest.raises(SourceError) as refused:
        resolved({"token": text}, environ)
    assert "canary" not in str(refused.value)
    return refused.value


def test_a_secret_is_read_whole_or_by_key(vault: Any, environ: dict[str, str]) -> None:  # noqa: ANN401 - boto3's client
    connection = {
        "token": "${secret:prod/shop#token}",
        "port": "${secret:prod/shop#port}",
        "all": "x ${secret:prod/plain}",
    }

    assert resolved(connection, environ) == {"token": "canary-1", "port": "5432", "all": "x canary-2"}


def test_a_rotated_secret_is_read_as_it_is_now(vault: Any, environ: dict[str, str]) -> None:  # noqa: ANN401 - same
    resolved({"token": "${secret:prod/plain}"}, environ)

    vault.put_secret_value(SecretId="prod/plain", SecretString="canary-new")  # pragma: allowlist secret

    assert resolved({"token": "${secret:prod/plain}"}, environ) == {"token": "canary-new"}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("${secret:prod/none}", "the secret prod/none does not exist"),
        ("${secret:prod/shop#password}", "has no key 'password'"),
        ("${secret:prod/plain#token}", "has no key 'token'"),
        ("${secret:prod/bytes}", "is no text"),
    ],
)
def test_a_secret_that_cannot_be_had_is_told_by_name(text: str, told: str, vault: Any, environ: dict[str, str]) -> None:  # noqa: ANN401
    assert told in str(refusal(text, environ))


def test_a_secret_that_is_being_deleted_is_told(vault: Any, environ: dict[str, str]) -> None:  # noqa: ANN401 - same
    vault.delete_secret(SecretId="prod/plain", RecoveryWindowInDays=7)  # pragma: allowlist secret

    assert "is being deleted" in str(refusal("${secret:prod/plain}", environ))


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("AccessDeniedException", "the secret prod/shop may not be read"),
        ("DecryptionFailure", "cannot be decrypted"),
        ("Surprise", r"cannot be read (Surprise)"),
    ],
)
def test_a_secret_that_is_denied_is_told_with_what_to_grant(code: str, told: str, environ: dict[str, str]) -> None:
    refused = as_json({"__type": code, "message": "canary"}, 400)
    with serving(Api(answer=lambda *_: refused)) as vault:
        error = refusal("${secret:prod/shop}", environ | {"AWS_ENDPOINT_URL_SECRETS_MANAGER": vault.url})

    assert told in str(error)
    assert error.fix


def test_a_vault_that_cannot_be_reached_is_told(environ: dict[str, str]) -> None:
    nowhere = environ | {"AWS_ENDPOINT_URL_SECRETS_MANAGER": "http://127.0.0.1:9"}  # pragma: allowlist secret

    assert "cannot be asked for prod/shop" in str(refusal("${secret:prod/shop}", nowhere))


def test_a_variable_that_is_not_set_is_told_before_any_secret_is_read() -> None:
    with pytest.raises(ConfigError, match="environment variable TOKEN"):
        resolved({"token": "${TOKEN}", "other": "${secret:prod/shop}"}, {})
