"""`lakehouse contract import`, `export` and `suggest`: contracts from and to what others write, and from data."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from lakehouse_assets.cli.console import err, print_json
from lakehouse_assets.cli.lake import current_lake, table_argument
from lakehouse_assets.errors import LakehouseError

if TYPE_CHECKING:
    from lakehouse_assets.contracts.exchange.draft import Draft, Lost
    from lakehouse_assets.naming import TableName

_FORMATS = ("dbt", "great-expectations", "json-schema", "avro")
_MOST_BYTES = 10_000_000
As = Annotated[str, typer.Option("--as", help="The table it will be, such as silver/orders.")]
Owner = Annotated[str, typer.Option(help="E-mail address of the owner.")]
Upstream = Annotated[str, typer.Option("--source", help="Where columns come from, such as bronze.shop.orders.")]
Output = Annotated[Path | None, typer.Option("--output", "-o", help="A file to write; left out, it is printed.")]


def import_contract(
    file: Annotated[Path, typer.Argument(help="A schema file, suite or schema.")],
    *,
    written_as: Annotated[str, typer.Option("--from", help="dbt, dbt:MODEL, great-expectations, json-schema or avro.")],
    table: As,
    owner: Owner,
    upstream: Upstream = "",
    output: Output = None,
) -> None:
    """Make a contract from what another tool knows about a table; tells everything that it could not carry over."""
    from lakehouse_assets.contracts.exchange.from_avro import from_avro  # noqa: PLC0415 - start fast for --help
    from lakehouse_assets.contracts.exchange.from_dbt import from_dbt  # noqa: PLC0415
    from lakehouse_assets.contracts.exchange.from_expectations import from_great_expectations  # noqa: PLC0415
    from lakehouse_assets.contracts.exchange.from_json_schema import from_json_schema  # noqa: PLC0415

    written_as, _, model = written_as.partition(":")
    readers = dict(zip(_FORMATS, (from_dbt, from_great_expectations, from_json_schema, from_avro), strict=True))
    if written_as not in readers:
        raise LakehouseError(f"nothing is imported from {written_as!r}.", fix=f"Write one of {', '.join(_FORMATS)}.")
    try:
        draft = readers[written_as](_document(file), model)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        what = f"it is not built as {written_as} builds it ({type(error).__name__}: {error})."
        raise LakehouseError(what, where=str(file), fix="Is it the right kind of file, and complete?") from error
    if not draft.columns:
        raise LakehouseError("no column was found.", where=str(file), fix=f"Is it really {written_as}?")
    _finish(draft, table_argument(table), (owner, upstream), output)


def suggest(
    rows: Annotated[str, typer.Argument(help="A table of the lake, or a .csv, .parquet or .ndjson file.")],
    *,
    table: As = "",
    owner: Owner,
    upstream: Upstream = "",
    output: Output = None,
) -> None:
    """Make a first contract from data: types, keys, shapes and bounds that its rows show, as warnings to be judged."""
    from lakehouse_assets.pipeline.suggest import read_rows  # noqa: PLC0415 - start fast for --help
    from lakehouse_assets.pipeline.suggest import suggest as look_at  # noqa: PLC0415

    is_file = Path(rows).suffix in {".csv", ".parquet", ".ndjson"}
    if is_file and not table:
        raise LakehouseError("a file does not say which table it is.", fix="Add --as silver/<table>.")
    name = table_argument(table or rows)
    draft = look_at(read_rows(Path(rows)) if is_file else _stored(table_argument(rows)))
    _finish(draft, name, (owner, upstream), output)


def export(
    table: Annotated[str, typer.Argument(help="A table.")],
    *,
    to: Annotated[str, typer.Option(help="json-schema or avro.")],
    output: Output = None,
) -> None:
    """Write a contract as JSON Schema or Avro; tells the rules that these cannot say."""
    from lakehouse_assets.contracts.exchange.exported import TARGETS  # noqa: PLC0415 - start fast for --help

    if to not in TARGETS:
        raise LakehouseError(f"nothing is exported to {to!r}.", fix=f"Write {' or '.join(TARGETS)}.")
    done = TARGETS[to](current_lake().contract(table_argument(table)))
    if output is None:
        print_json(done.schema)
    else:
        output.write_text(done.to_text() + "\n", encoding="utf-8")
    _tell(done.lost, "The schema does not say")


def _document(file: Path) -> Mapping[str, Any]:
    import yaml  # noqa: PLC0415 - start fast for --help

    if not file.is_file():
        raise LakehouseError(f"there is no file {str(file)!r}.", fix=f"Looked in {Path.cwd()}.")
    if file.stat().st_size > _MOST_BYTES:
        raise LakehouseError("the file is too large to be a schema.", where=str(file), fix="Name another one.")
    try:
        text = file.read_text(encoding="utf-8")
        found = json.loads(text) if file.suffix in {".json", ".avsc"} else yaml.safe_load(text)
    except (ValueError, yaml.YAMLError, RecursionError) as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        fix = "Save it as UTF-8, and as the kind of file that --from says."
        raise LakehouseError(f"it cannot be read: {reason}.", where=str(file), fix=fix) from error
    if not isinstance(found, dict):
        raise LakehouseError("it holds no mapping.", where=str(file), fix="Name the schema file itself.")
    return found


def _stored(table: "TableName") -> Any:  # noqa: ANN401 - Polars is imported late
    lake = current_lake()
    opened = lake.open(table)
    if opened is None:
        raise LakehouseError(f"{table} was never published.", fix="Name a table that has rows, or a file.")
    return lake.engine.collect(lake.scan(opened))


def _finish(draft: "Draft", table: "TableName", said: tuple[str, str], output: Path | None) -> None:
    from lakehouse_assets.contracts.exchange.check import check_text  # noqa: PLC0415
    from lakehouse_assets.contracts.exchange.draft import to_document, to_yaml  # noqa: PLC0415
    from lakehouse_assets.pipeline.vocabulary import collect_vocabulary  # noqa: PLC0415

    owner, upstream = said
    text = to_yaml(to_document(draft, table, owner=owner, upstream=upstream))
    warnings = check_text(text, table, collect_vocabulary())
    if output is None:
        typer.echo(text, nl=False)
    else:
        output.write_text(text, encoding="utf-8")
    if not upstream and table.layer != "bronze":
        draft.lose("the table", "where its columns come from", "Write transformSourceObjects, or add --source.")
    _tell(draft.lost, "Not carried over")
    for warning in warnings:
        err.print(f"[yellow]{escape(warning)}[/yellow]")


def _tell(lost: "Sequence[Lost]", title: str) -> None:
    if not lost:
        err.print(f"{title}: nothing.")
        return
    err.print(f"{title} ({len(lost)}):")
    for one in lost:
        err.print(f"  {escape(one.where)}: {escape(one.what)}. {escape(one.fix)}")
