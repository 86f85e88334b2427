"""Values written in a contract, as values of the type of the column they are compared with."""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import narwhals as nw

from lakehouse_assets.contracts.model import Kind
from lakehouse_assets.errors import LakehouseError

RUN_TIME = "run_time"
VALUES = frozenset(
    {"min", "max", "exclusive_min", "exclusive_max", "value", "values", "allowed", "validValues", "missingValues"}
)

_WHOLE = frozenset({Kind.INTEGER, Kind.LONG})


def typed_arguments(arguments: Mapping[str, Any], kind: Kind | None, run_time: nw.Expr) -> dict[str, Any]:
    """Return the arguments with `run_time` replaced, and numbers and dates exact for a column of `kind`.

    Only the arguments named in `VALUES` are compared with the column; all others are taken as they are.
    """
    end = run_time.cast(nw.Date) if kind is Kind.DATE else run_time
    return {name: _typed(value, kind, end) if name in VALUES else value for name, value in arguments.items()}


def _typed(value: Any, kind: Kind | None, run_time: nw.Expr) -> Any:  # noqa: ANN401 - YAML values
    if isinstance(value, str) and value == RUN_TIME and kind is not Kind.STRING:
        return run_time
    if isinstance(value, list | tuple):
        return [_typed(each, kind, run_time) for each in value]
    if isinstance(value, str):
        return _from_text(value, kind)
    if isinstance(value, float) and kind is Kind.DECIMAL:
        return Decimal(repr(value))
    if isinstance(value, date):
        return _from_text(value.isoformat(), kind)
    return value


def _from_text(text: str, kind: Kind | None) -> Any:  # noqa: ANN401 - depends on the kind
    try:
        return _read(text, kind)
    except (ValueError, ArithmeticError) as error:
        raise LakehouseError(
            f"an argument is not a value of type {kind}.", fix="Write dates as `2010-12-01` and numbers plainly."
        ) from error


def _read(text: str, kind: Kind | None) -> Any:  # noqa: ANN401 - depends on the kind
    if kind is Kind.DATE:
        return date.fromisoformat(text)
    if kind is Kind.TIMESTAMP:
        moment = datetime.fromisoformat(text)
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    if kind is Kind.DECIMAL:
        return Decimal(text)
    if kind in _WHOLE:
        number = Decimal(text)
        return int(number) if number == int(number) else float(number)
    return float(text) if kind is Kind.DOUBLE else text
