"""What arrived against what is declared and stored, whatever the kind of source: types, and names of new columns.

A difference that loses nothing is a drift event; one that could lose something refuses the partition. How the columns
of a file are matched is the connector's business.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace

import narwhals as nw

from lakehouse_assets.connectors.protocol import Extraction, Rejection
from lakehouse_assets.contracts.model import ColumnType, Kind, SourceTable
from lakehouse_assets.contracts.types import narrows
from lakehouse_assets.engines.conform import to_narwhals
from lakehouse_assets.errors import SourceError
from lakehouse_assets.naming import BRONZE_COLUMNS
from lakehouse_assets.pipeline.step import Step
from lakehouse_assets.results import TYPE_CHANGED, DriftEvent

_EXACT = {Kind.INTEGER, Kind.LONG, Kind.DECIMAL}


def fitted(step: Step, answers: Mapping[str, Extraction | Rejection]) -> dict[str, Extraction | Rejection]:
    """Return the answers with columns of the declared types; what does not fit is refused, by name."""
    table = step.lake.catalog.source_table(step.name)
    known = {name.lower(): name for name in (*step.table.columns, *table.columns)}
    return {partition: _fitted(answers[partition], table, known) for partition in sorted(answers)}


def _fitted(answer: Extraction | Rejection, table: SourceTable, known: dict[str, str]) -> Extraction | Rejection:
    if isinstance(answer, Rejection):
        return answer
    have = answer.frame.collect_schema()
    changed = dict(_changes(table, have))
    drift = _events(table, changed, have)
    for name, dtype in changed.items():
        if not _widens(dtype, table.columns[name]):
            what = f"the column {name!r} arrived as {_word(dtype)}, but {table.columns[name]} is declared."
            fix = "Declare the type that arrives, or ask the sender; only a narrower number is accepted as it is."
            error = SourceError("schema_drift", what, where=str(table.place), fix=fix)
            return Rejection(answer.partition, error, drift=drift)
    for name in have:
        if name not in BRONZE_COLUMNS and known.setdefault(name.lower(), name) != name:
            what = f"the new column {name!r} differs from {known[name.lower()]!r} in case only."
            fix = "Ask the sender to rename it, or use `unknownColumns: quarantine`."
            return Rejection(answer.partition, SourceError("schema_drift", what, where=str(table.place), fix=fix))
    if not changed:
        return answer
    cast = [nw.col(name).cast(to_narwhals(table.columns[name])) for name in changed]
    return replace(answer, frame=answer.frame.with_columns(*cast), drift=(*answer.drift, *drift))


def _changes(table: SourceTable, have: Mapping[str, nw.dtypes.DType]) -> Iterator[tuple[str, nw.dtypes.DType]]:
    for name, declared in table.columns.items():
        if have[name] != to_narwhals(declared):
            yield name, have[name]


def _events(
    table: SourceTable, changed: Mapping[str, nw.dtypes.DType], have: Mapping[str, nw.dtypes.DType]
) -> tuple[DriftEvent, ...]:
    words = tuple(f"{name} {table.columns[name]} → {_word(have[name])}" for name in changed)
    return (DriftEvent(TYPE_CHANGED, type_changed=words, where=str(table.place)),) if words else ()


def _widens(arrived: nw.dtypes.DType, declared: ColumnType) -> bool:
    found = _exact(arrived)
    return found is not None and declared.kind in _EXACT and not narrows(found, declared)


def _exact(dtype: nw.dtypes.DType) -> ColumnType | None:
    if isinstance(dtype, nw.Decimal):
        return ColumnType(Kind.DECIMAL, dtype.precision, dtype.scale)
    kinds: dict[nw.dtypes.DType, Kind] = {nw.Int32(): Kind.INTEGER, nw.Int64(): Kind.LONG}
    return ColumnType(kinds[dtype]) if dtype in kinds else None


def _word(dtype: nw.dtypes.DType) -> str:
    found = _exact(dtype)
    return "text" if dtype == nw.String() else str(found or dtype).lower()
