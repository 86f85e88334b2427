"""Connection values of a source, with environment variables filled in at the moment a connection is opened.

What belongs here: `${NAME}` and `${NAME:-default}`. What does not: opening anything, which every connector does itself.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

from lakehouse_assets.contracts.model import Source
from lakehouse_assets.errors import ConfigError

_VARIABLE = re.compile(r"\$\{(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?::-(?P<default>[^}]*))?\}")


def resolve(source: Source, environ: Mapping[str, str]) -> dict[str, Any]:
    """Return the source's connection with every variable replaced.

    An empty variable counts as not set, as in a shell's `:-`. Raises ConfigError naming the file, its line and every
    variable that is missing and has no default.
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
    return resolved


def _replace(value: Any, fill: Callable[[re.Match[str]], str]) -> Any:  # noqa: ANN401 - YAML values are of any type
    if isinstance(value, str):
        return _VARIABLE.sub(fill, value)
    if isinstance(value, Mapping):
        return {key: _replace(entry, fill) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_replace(entry, fill) for entry in value]
    return value
