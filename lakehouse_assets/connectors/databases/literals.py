"""Names and values inside statements of warehouses, for what their clients cannot bind (UNLOAD, DECLARE CURSOR).

Names are always quoted. Values are bounds of a window, four types in all, each written in the one way it can be.
"""

from datetime import UTC, date, datetime

from lakehouse_assets.connectors.databases.windows import Bound, Window


def quoted(name: str) -> str:
    """Return a name as a statement holds it, whatever is in it."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """Return text as a statement holds it, whatever is in it."""
    if "\\" in text or "\x00" in text:
        msg = "a bound of a window holds neither backslashes nor NUL"
        raise ValueError(msg)
    return "'" + text.replace("'", "''") + "'"


def bound(value: Bound) -> str:
    """Return a bound of a window as a statement holds it."""
    if isinstance(value, datetime):
        moment = value if value.tzinfo is None else value.astimezone(UTC)
        kind = "TIMESTAMP" if value.tzinfo is None else "TIMESTAMPTZ"
        return f"CAST({literal(moment.isoformat(' ', 'seconds'))} AS {kind})"
    if isinstance(value, date):
        return f"CAST({literal(value.isoformat())} AS DATE)"
    return str(value) if isinstance(value, int) else literal(value)


def predicate(window: Window | None) -> str:
    """Return what is true of the rows of a window."""
    if window is None:
        return "TRUE"
    column = quoted(window.column)
    if window.end is None:
        return f"{column} = {bound(window.start)}"
    return f"{column} >= {bound(window.start)} AND {column} < {bound(window.end)}"


def split_relation(written: str) -> list[str]:
    """Return the parts of a name such as `analytics.orders`; a part may be in quotes, and hold a point then."""
    parts, rest = [], written
    while rest:
        if rest.startswith('"'):
            part, _, rest = rest[1:].partition('"')
            parts.append(f'"{part}"')
            rest = rest.removeprefix(".")
        else:
            part, _, rest = rest.partition(".")
            parts.append(part)
    return parts
