"""Sessions of warehouses as Dagster's own resources open them; the parameters are those of the source file.

Nothing is imported when definitions load: dagster_snowflake alone takes seconds.
"""

from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import replace
from typing import Any

from lakehouse_assets.connectors import snowflake
from lakehouse_assets.errors import MissingExtraError
from lakehouse_assets.pipeline.lake import Lake

_PLAIN = ("account", "user", "password", "database", "schema", "warehouse", "role")
_KEYS = {
    "privateKey": "private_key",  # pragma: allowlist secret
    "privateKeyPath": "private_key_path",  # pragma: allowlist secret
    "privateKeyPassword": "private_key_password",  # pragma: allowlist secret
}
_FIELDS = {name: name for name in _PLAIN} | _KEYS


def with_warehouses(lake: Lake) -> Lake:
    """Return the lake with sessions of Dagster's resources, unless it was told how to open them."""
    return replace(lake, sessions={"snowflake": open_snowflake, **lake.sessions})


@contextmanager
def open_snowflake(connection: Mapping[str, str]) -> Iterator[Any]:
    """Yield a session that dagster_snowflake's resource opens, with the values of a source's connection."""
    try:
        from dagster_snowflake import SnowflakeResource
    except ModuleNotFoundError as error:
        fix = "Run pip install 'lakehouse-assets[snowflake]'."
        raise MissingExtraError("dagster-snowflake is not installed.", fix=fix) from error
    known: dict[str, Any] = {name: connection[key] for key, name in _FIELDS.items() if key in connection}
    others = {key: value for key, value in connection.items() if key not in _FIELDS}
    more = {**snowflake.CLIENT_OPTIONS, **snowflake.parameters(others)}
    resource = SnowflakeResource(**known, additional_snowflake_connection_args=more)
    with resource.get_connection() as session, closing(session):
        yield session
