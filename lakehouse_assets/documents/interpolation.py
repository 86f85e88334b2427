"""`${NAME}`, `${NAME:-default}`, `${secret:NAME}` in configuration values: checked at load, resolved when one is used.

Which values may hold them is for their owners; nothing here reads the process environment.
"""

import re
from collections.abc import Iterator, Mapping

from lakehouse_assets.documents.strict_yaml import Plain
from lakehouse_assets.errors import LakehouseError

_REFERENCE = re.compile(r"\$\{(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?::-(?P<default>[^{}]*))?\}")
# A secret by its name or ARN; behind `#`, the key of one that is a JSON object.
SECRET = re.compile(r"\$\{secret:(?P<secret>[A-Za-z0-9/_+=.@:-]+)(?:#(?P<key>[A-Za-z0-9_.-]+))?\}")


def resolve(value: Plain, environ: Mapping[str, str], *, where: str = "") -> Plain:
    """Return `value` with every reference in its texts replaced; mappings and lists are walked.

    Raises LakehouseError naming the variable and `where` when one is not set and has no default.
    """
    if isinstance(value, Mapping):
        return {key: resolve(inner, environ, where=where) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [resolve(inner, environ, where=where) for inner in value]
    return _resolve_text(value, environ, where) if isinstance(value, str) else value


def variables_in(value: Plain) -> Iterator[str]:
    """Yield the names of the environment variables that `value` refers to."""
    if isinstance(value, Mapping):
        for inner in value.values():
            yield from variables_in(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from variables_in(inner)
    elif isinstance(value, str):
        yield from (match["name"] for match in _REFERENCE.finditer(value))


def is_well_formed(text: str) -> bool:
    """Whether every `${` in `text` begins a reference that can be read."""
    return "${" not in _REFERENCE.sub("", SECRET.sub("", text))


def is_reference(text: str) -> bool:
    """Whether a part of `text` is elsewhere: in an environment variable or a secret."""
    return any(variables_in(text)) or SECRET.search(text) is not None


def _resolve_text(text: str, environ: Mapping[str, str], where: str) -> str:
    def replace(match: re.Match[str]) -> str:
        name, default = match["name"], match["default"]
        found = environ.get(name) or default
        if found is None:
            msg = f"the environment variable {name} is not set."
            raise LakehouseError(msg, where=where, fix=f"Set {name}, or give a default: ${{{name}:-value}}.")
        return found

    return _REFERENCE.sub(replace, text)
