"""Connection values of a source, with variables and secrets filled in at the moment a connection is opened.

What belongs here: `${NAME}`, `${NAME:-default}` and `${secret:NAME}`, and which values are never told. What does not:
opening anything, which every connector does itself, and where secrets are kept, which is `secret_store`.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

from lakehouse_assets.connectors.secret_store import read_secret
from lakehouse_assets.contracts.model import Source
from lakehouse_assets.contracts.source_file import SECRET_WORDS
from lakehouse_assets.documents.interpolation import SECRET
from lakehouse_assets.errors import ConfigError

_VARIABLE = re.compile(r"\$\{(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?::-(?P<default>[^}]*))?\}")


def resolve(source: Source, environ: Mapping[str, str]) -> dict[str, Any]:
    """Return the source's connection with every variable and secret replaced.

    An empty variable counts as not set, as in a shell's `:-`. Raises ConfigError naming the file, its line and every
    variable that is missing and has no default; SourceError `secret` for a secret that is missing or denied.
    """
    findings: list[str] = []

    def fill(match: re.Match[str]) -> str:
        value = environ.get(match["name"]) or match["default"]
        if value is None:
            findings.append(
                f"{source.place}: the connection of source {source.name!r} needs the environment variable "
                f"{match['name']}, which is not set. Set it, or give a default: ${{{match['name']}:-…}}."
            )
        return value or ""

    resolved = {key: _replace(value, fill) for key, value in source.connection.items()}
    if findings:
        raise ConfigError(list(dict.fromkeys(findings)))

    def reveal(match: re.Match[str]) -> str:
        return read_secret(match["secret"], match["key"], environ, where=str(source.place))

    return {key: _replace(value, reveal, SECRET) for key, value in resolved.items()}


def hidden_in(connection: Mapping[str, Any]) -> frozenset[str]:
    """Return the values of a resolved connection that must never be told."""
    named = (str(value) for key, value in connection.items() if any(word in key.lower() for word in SECRET_WORDS))
    return frozenset(value for value in named if value)


def _replace(
    value: Any,  # noqa: ANN401 - YAML values are of any type
    fill: Callable[[re.Match[str]], str],
    shape: re.Pattern[str] = _VARIABLE,
) -> Any:  # noqa: ANN401 - same
    if isinstance(value, str):
        return shape.sub(fill, value)
    if isinstance(value, Mapping):
        return {key: _replace(entry, fill, shape) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_replace(entry, fill, shape) for entry in value]
    return value
