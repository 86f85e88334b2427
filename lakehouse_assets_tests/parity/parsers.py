"""Cases of the parsers: edge texts read as every type with every option, and as the columns of our own contracts do."""

from collections.abc import Iterator, Mapping, Sequence

import narwhals as nw
import polars as pl

from lakehouse_assets.contracts.model import Column, ColumnType, Kind, ParseOptions
from lakehouse_assets.engines.conform import to_narwhals
from lakehouse_assets.quality import typed as typed_values
from lakehouse_assets.quality.parse import Parsing, parse_columns
from lakehouse_assets_tests.parity.cases import ROW, Whole, typed
from lakehouse_assets_tests.parity.catalog import CONTRACTS
from lakehouse_assets_tests.parity.edges import edges, text_edges

PLAIN = ParseOptions()
ANY = (PLAIN, ParseOptions(trim=True), ParseOptions(nulls=("N/A", "-999", "n/a")), ParseOptions(empty="value"))
NUMBERS = (*ANY, ParseOptions(decimal_comma=True))
LOSSLESS = ParseOptions(lossless_integer=True)
ZONES = tuple(ParseOptions(timezone=zone) for zone in ("Europe/Berlin", "Australia/Lord_Howe"))
PATTERNS = (
    ("%m/%d/%Y %H:%M",), ("%d.%m.%Y",), ("%Y%m%d",), ("%Y%m%d%H%M%S",), ("%Y%m%d%H%M%S%3f",), ("%d-%b-%Y",),
    ("%e %B %Y",),
    ("%a, %d %b %Y %H:%M:%S %z",), ("%a %b %e %H:%M:%S %Y",), ("%m/%d/%Y %I:%M %p",), ("%Y-%j",), ("%m/%d/%y %H:%M",),
    ("%Y-%m-%d %H:%M:%S,%3f",), ("%+",), ("%F %T", "%F"), ("%s",), ("%s%3f",), ("%s%6f", "%F"),
    ("%Y-%m-%dT%H:%M:%S%.f%:z",),
)  # fmt: skip
TIMES = (PLAIN, ParseOptions(trim=True, nulls=("N/A",)), *(ParseOptions(formats=formats) for formats in PATTERNS))
BERLIN = tuple(ParseOptions(formats=formats, timezone="Europe/Berlin") for formats in (("%m/%d/%Y %H:%M",), ("%F %T",)))
OPTIONS: Mapping[Kind, Sequence[ParseOptions]] = {
    Kind.STRING: ANY, Kind.BOOLEAN: ANY, Kind.INTEGER: (*NUMBERS, LOSSLESS), Kind.LONG: (*NUMBERS, LOSSLESS),
    Kind.DECIMAL: NUMBERS, Kind.DOUBLE: NUMBERS, Kind.TIMESTAMP: (*TIMES, *BERLIN, *ZONES), Kind.DATE: TIMES,
}  # fmt: skip
TYPES = (*(ColumnType(kind) for kind in Kind if kind is not Kind.DECIMAL), ColumnType(Kind.DECIMAL, 18, 4))
DECIMALS = tuple(ColumnType(Kind.DECIMAL, *shape) for shape in ((18, 0), (9, 2), (38, 18), (38, 0)))


def wholes() -> Iterator[Whole]:
    """Yield texts and typed values that are read as every type with every option, and as columns of each contract."""
    for kind in (*TYPES, *DECIMALS):
        columns = [Column(f"c{place}", kind, parse=options) for place, options in enumerate(OPTIONS[kind.kind])]
        keys = [Column("key", kind, primary_key=True)] if kind.kind is Kind.STRING else []
        yield _read(f"text as {kind}", [*columns, *keys])
    for contract in CONTRACTS.values():
        columns = [column for column in contract.columns if len(column.sources) == 1]
        if columns:
            yield _read(f"columns of {contract.table}", columns)
    for kind in (*TYPES, *DECIMALS):
        yield _typed(kind)


def _read(name: str, columns: Sequence[Column]) -> Whole:
    texts = {f"raw_{place}": text_edges(column.type) for place, column in enumerate(columns)}
    rows = typed(texts, dict.fromkeys(texts, nw.String()))
    return _parsed(name, rows, parse_columns(columns, {c.name: f"raw_{place}" for place, c in enumerate(columns)}))


def _typed(source: ColumnType) -> Whole:
    dtype = to_narwhals(source)
    columns = [Column(str(kind), kind) for kind in (*TYPES, *DECIMALS)]
    # What has no cast is read as text, which is a case of its own.
    columns = [
        c for c in columns if c.type.kind is Kind.STRING or typed_values.read(nw.col("raw"), dtype, c) is not None
    ]
    every = [*columns, Column("as text", ColumnType(Kind.DOUBLE))]
    parsing = parse_columns(every, {column.name: "raw" for column in every}, have={"raw": dtype})
    return _parsed(f"{source} as every type", typed({"raw": edges(source)}, {"raw": dtype}), parsing)


def _parsed(name: str, rows: pl.DataFrame, parsing: Parsing) -> Whole:
    """Return a case whose result holds what was read, and what the rules of reading say about it."""

    def read(frame: nw.LazyFrame) -> nw.LazyFrame:
        frame = frame.with_columns(*parsing.typed)
        said = {f"{rule.spec.column}: {rule.spec.rule}": rule.violated for rule in parsing.rules}
        return frame.with_columns(*(violated.fill_null(value=False).alias(of) for of, violated in said.items()))

    return Whole(name, [rows.with_row_index(ROW).cast({ROW: pl.Int64})], read)
