"""Cases of what the pipeline knows of rows by itself: their windows, where their values landed, and former names."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from itertools import product
from typing import Any

import narwhals as nw
import polars as pl

from lakehouse_assets.contracts.loading import Load
from lakehouse_assets.contracts.model import Column, ColumnType, Contract, Kind, SourceTable
from lakehouse_assets.engines.conform import to_narwhals
from lakehouse_assets.naming import PROC_DATE
from lakehouse_assets.pipeline.built_in import RAW, WELL_FORMED, is_late, one_cause, window_rules
from lakehouse_assets.pipeline.on_read import lookups
from lakehouse_assets.pipeline.renamed import fill_former, fill_renamed
from lakehouse_assets.quality.judge import flag, window_end_of
from lakehouse_assets_tests.builders import bare_contract
from lakehouse_assets_tests.parity.cases import ROW, Batch, Whole, typed
from lakehouse_assets_tests.parity.edges import DATES, TEXTS, TIMES

DAYS = (
    "0001-01-01", "0001-01-02", "1582-10-10", "1969-12-31", "1970-01-01", "2010-12-01", "2010-12-02", "2010-12-03",
    "2012-02-29", "2024-03-30", "2024-03-31", "2024-10-27", "2024-10-28", "9999-12-30", "9999-12-31", None, "", "x",
    "2010-13-01", "__HIVE_DEFAULT_PARTITION__",
)  # fmt: skip
LATENESS = (0, 1, 2, 45)
OBJECTS = (
    None, "", "{}", "[]", "null", "x", '{"note": "a"}', '{"note": null}', '{"note": ""}', '{"note": " a  é "}',
    '{"note": 1}', '{"note": 1.50}', '{"note": true}', '{"note": {"a": 1}}', '{"note": [1, 2]}',
    '{"note": "\\u00e9\\n"}',
    '{"note": "a\\"b\\\\c"}', '{"Note": "other"}', '{"old note": "b", "it\'s": "c"}', '{"older": "c", "note": "d"}',
    '{"older": "e", "old note": "f"}', '{"note.a": "g", "note": {"a": "h"}}', '{"$": "i", "a]b": "j", "ö": "k"}',
)  # fmt: skip
FIELDS = ("note", "Note", "old note", "it's", "note.a", "$", "a]b", "ö", "missing")


def batches() -> Iterator[Batch]:
    """Yield every event time in every partition, then the fields of every object."""
    for kind, edges in ((Kind.DATE, DATES), (Kind.TIMESTAMP, TIMES)):
        yield Batch(f"windows of a {kind}", _arrivals(kind, edges), dict(_windows(kind)))
    unknown = f"{RAW}_unknown"
    rows = [*product(OBJECTS, (None, "", "landed"), (None, "before"))]
    columns = dict(zip((unknown, f"{RAW}note", f"{RAW}old note"), map(list, zip(*rows, strict=True)), strict=True))
    frame = pl.DataFrame(columns, schema=dict.fromkeys(columns, pl.String))
    yield Batch("values where they landed", frame, dict(_lookups()))


def wholes() -> Iterator[Whole]:
    """Yield what fills columns of another name, and which cause a row is refused for."""
    rows = pl.DataFrame({ROW: range(len(TEXTS)), "former": TEXTS, "present": [*TEXTS[1:], None]})
    columns = (Column("present", ColumnType(Kind.STRING), renamed_from="former"),)
    contract = replace(bare_contract(), columns=columns)
    yield Whole("filled from a former name", [rows], lambda frame: fill_renamed(frame, contract))
    only = rows.drop("present")
    yield Whole("filled from a former name alone", [only], lambda frame: fill_renamed(frame, contract))
    now = rows.drop("former")
    yield Whole("a former name filled", [now], lambda frame: fill_former(frame, contract, ["former", "present"]))
    yield Whole("one cause", [_malformed()], _one_cause)


def _arrivals(kind: Kind, edges: tuple[Any, ...]) -> pl.DataFrame:
    rows = [*product(edges, DAYS)]
    values = {"at": [at for at, _ in rows], PROC_DATE: [day for _, day in rows]}
    return typed(values, {"at": to_narwhals(ColumnType(kind)), PROC_DATE: nw.String()})


def _windows(kind: Kind) -> Iterator[tuple[str, nw.Expr]]:
    yield "the end of a day", window_end_of()
    for days in LATENESS:
        contract = _timed(kind, days)
        for rule in window_rules(contract):
            yield f"{rule.spec.id} after {days} days", rule.violated
        late = is_late(contract)
        assert late is not None
        yield f"late after {days} days", late


def _timed(kind: Kind, days: int) -> Contract:
    load = Load(event_time="at", lateness=timedelta(days))
    return replace(bare_contract(), columns=(Column("at", ColumnType(kind)),), load=load)


def _lookups() -> Iterator[tuple[str, nw.Expr]]:
    text = ColumnType(Kind.STRING)
    columns = tuple(Column(f"c{at}", text, sources=(f"bronze.shop.orders.{name}",)) for at, name in enumerate(FIELDS))
    contract = replace(bare_contract(), columns=columns)
    renamed = {"note": ("old note", "older"), "missing": ("older",)}
    raw = dict.fromkeys(FIELDS, text)
    stored = {"note": "string", "old note": "string", "_unknown": "string"}
    for schema in ("on_read", "on_write"):
        source = SourceTable("shop", "orders", raw, None, schema=schema, renamed_from=renamed)
        for kept in ({}, {"note": "string"}, stored):
            for name, expr in lookups(contract, source, kept).items():
                yield f"{name}, {schema} beside {', '.join(kept)}", expr


def _malformed() -> pl.DataFrame:
    rows = [*product((None, "ragged_long", ""), ("a", "", None), (None, "1"))]
    columns = dict(zip((f"{RAW}_defect", "name", "number"), map(list, zip(*rows, strict=True)), strict=True))
    return pl.DataFrame(columns, schema=dict.fromkeys(columns, pl.String)).with_row_index(ROW).cast({ROW: pl.Int64})


def _one_cause(rows: nw.LazyFrame) -> nw.LazyFrame:
    declared = replace(WELL_FORMED, spec=replace(WELL_FORMED.spec, rule="required", column="name"))
    missing = replace(declared, violated=nw.col("name").is_null())
    unread = replace(missing, spec=replace(declared.spec, rule="parse"), violated=nw.col("name") == "")
    return flag(rows, one_cause([missing], [unread]))
