"""Column types as contracts write them: a physical type, or a logical one where it leaves nothing open."""

import re
from dataclasses import dataclass

from lakehouse_assets.contracts.model import ColumnType, Kind

MAX_PRECISION = 38

_NAMES = {
    "string": Kind.STRING, "text": Kind.STRING, "varchar": Kind.STRING, "char": Kind.STRING,
    "integer": Kind.INTEGER, "int": Kind.INTEGER, "int32": Kind.INTEGER,
    "long": Kind.LONG, "bigint": Kind.LONG, "int64": Kind.LONG,
    "double": Kind.DOUBLE, "float64": Kind.DOUBLE,
    "boolean": Kind.BOOLEAN, "bool": Kind.BOOLEAN,
    "date": Kind.DATE, "timestamp": Kind.TIMESTAMP,
}  # fmt: skip
_DECIMAL = re.compile(r"(?:decimal|numeric)\s*\(\s*(\d{1,9})\s*,\s*(\d{1,9})\s*\)")
_SIZED_TEXT = re.compile(r"(?:varchar|char)\s*\(\s*\d{1,9}\s*\)")
_LOGICAL = {
    "string": {Kind.STRING},
    "integer": {Kind.INTEGER, Kind.LONG},
    "number": {Kind.DECIMAL, Kind.DOUBLE, Kind.INTEGER, Kind.LONG},
    "boolean": {Kind.BOOLEAN},
    "date": {Kind.DATE},
    "timestamp": {Kind.TIMESTAMP},
}
_WIDTH = {Kind.INTEGER: 10, Kind.LONG: 19}


@dataclass(frozen=True, slots=True)
class TypeProblem:
    """Why a type cannot be used; the code says which finding it is."""

    code: str
    message: str
    hint: str = ""


def read_type(physical: str | None, logical: str) -> ColumnType | TypeProblem:
    """Return the storable type that the two words of the standard agree on."""
    if logical not in _LOGICAL:
        return TypeProblem("LH301", f"columns of type {logical!r} cannot be stored.", "Split it into plain columns.")
    if physical is None:
        return _from_logical(logical)
    found = read_physical(physical)
    if isinstance(found, ColumnType) and found.kind not in _LOGICAL[logical]:
        return TypeProblem("LH303", f"logicalType {logical!r} contradicts physicalType {physical!r}.")
    return found


def read_physical(text: str) -> ColumnType | TypeProblem:
    """Return the type that a physicalType, or a type in a source file, names."""
    word = text.strip().lower()
    decimal = _DECIMAL.fullmatch(word)
    if decimal:
        precision, scale = int(decimal[1]), int(decimal[2])
        if not 1 <= precision <= MAX_PRECISION or scale > precision:
            return TypeProblem("LH304", f"{text} is not a decimal that can be stored.", "Money is decimal(18,4).")
        return ColumnType(Kind.DECIMAL, precision, scale)
    if word in {"decimal", "numeric", "number", "float", "real"}:
        return TypeProblem("LH302", f"{text} leaves its digits open.", "Write decimal(18,4), or double.")
    kind = Kind.STRING if _SIZED_TEXT.fullmatch(word) else _NAMES.get(word)
    if kind is None:
        return TypeProblem("LH301", f"the type {text!r} cannot be stored.", f"Use one of {', '.join(Kind)}.")
    return ColumnType(kind)


def narrows(source: ColumnType, target: ColumnType) -> bool:
    """Whether values of `source` may not fit `target` although both are of a kind; text is parsed and never narrows."""
    if source.kind is Kind.STRING or source == target or target.kind is Kind.STRING:
        return False
    if target.kind in {Kind.DATE, Kind.TIMESTAMP}:
        return source.kind is Kind.TIMESTAMP
    if target.kind is Kind.DOUBLE:
        return source.kind in {Kind.LONG, Kind.DECIMAL}
    before, after = _digits(source), _digits(target)
    return before is None or after is None or before[0] > after[0] or before[1] > after[1]


def _digits(kind: ColumnType) -> tuple[int, int] | None:
    """Digits before and after the point, for exact numbers."""
    if kind.kind is Kind.DECIMAL:
        return kind.precision - kind.scale, kind.scale
    return (_WIDTH[kind.kind], 0) if kind.kind in _WIDTH else None


def _from_logical(logical: str) -> ColumnType | TypeProblem:
    if logical == "number":
        return TypeProblem("LH302", "number leaves its digits open.", "Add physicalType: decimal(18,4), or double.")
    return ColumnType(Kind.LONG if logical == "integer" else Kind(logical))
