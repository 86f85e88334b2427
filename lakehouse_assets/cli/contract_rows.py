"""`lakehouse contract test` and `lakehouse contract sample`: rows made from contracts, judged or handed to others."""

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from lakehouse_assets.cli.console import AsJson, console, print_json, print_table
from lakehouse_assets.cli.lake import current_lake, table_argument
from lakehouse_assets.errors import LakehouseError

if TYPE_CHECKING:
    import polars as pl

    from lakehouse_assets.contracts.model import Contract, SourceTable
    from lakehouse_assets.pipeline.canaries import Canary
    from lakehouse_assets.pipeline.lake import Lake

_VARIANTS = "fine, drifted, late, duplicate, empty, all_null or all_duplicate."
Seed = Annotated[int, typer.Option(help="Equal seeds make equal rows.")]


def prove(
    tables: Annotated[list[str] | None, typer.Argument(help="Tables; left out, every table.")] = None,
    *,
    seed: Seed = 0,
    as_json: AsJson = False,
) -> None:
    """Prove that each rule, built-in ones too, rejects what breaks it and accepts the rest; exit 1 if one does not."""
    from lakehouse_assets.pipeline.built_in_canaries import all_canaries  # noqa: PLC0415 - start fast for --help
    from lakehouse_assets.pipeline.canaries import BAD  # noqa: PLC0415

    lake = current_lake()
    names = [table_argument(name) for name in tables or ()]
    contracts = [lake.contract(name) for name in names] or list(lake.catalog.contracts.values())
    found = [
        each
        for contract in contracts
        for each in all_canaries(contract, lake.rule_functions, _source(lake, contract), seed=seed)
    ]
    if as_json:
        print_json(found)
    else:
        _show(found)
    wrong = [canary for canary in found if canary.verdict in BAD]
    if wrong:
        raise LakehouseError(
            f"{len(wrong)} of {len(found)} rules are not proven: {wrong[0].rule_id} of {wrong[0].table} "
            f"({wrong[0].verdict}).",
            where=wrong[0].place,
            fix=wrong[0].reason,
        )


def sample(
    table: Annotated[str, typer.Argument(help="A table.")],
    *,
    variant: Annotated[str, typer.Option(help=_VARIANTS)] = "fine",
    breaks: Annotated[str, typer.Option(help="Id of the rule that one row, or the partition, breaks.")] = "",
    rows: Annotated[
        int, typer.Option(min=0, help="How many rows at least; a contract that promises more gets more.")
    ] = 0,
    seed: Seed = 0,
    output: Annotated[Path | None, typer.Option(help="A .parquet, .csv or .ndjson file; else some are shown.")] = None,
) -> None:
    """Make rows of a table from its contract: fine ones, a violation of one rule, or a delivery that went wrong."""
    from lakehouse_assets.contract_kit import ContractKit  # noqa: PLC0415

    kit = ContractKit(current_lake().contract(table_argument(table)), seed)
    if breaks:
        violation = kit.violation(breaks)
        frame, told = violation.frame, _told(violation.rows, violation.also)
    else:
        frame, told = kit.variant(variant, rows), ""
    if output is not None:
        _write(frame, output)
    else:
        _show_rows(frame, kit.contract)
    console.print(f"{frame.height} rows of {table}.{told}")


def _source(lake: "Lake", contract: "Contract") -> "SourceTable | None":
    landed = [name for name in contract.upstreams if name.layer == "bronze"]
    return lake.catalog.source_table(landed[0]) if landed else None


def _told(rows: tuple[int, ...], also: tuple[str, ...]) -> str:
    which = f" Bad: row {', '.join(str(row + 1) for row in rows)}." if rows else ""
    return which + (f" Also broken: {', '.join(also)}." if also else "")


def _show(found: "list[Canary]") -> None:
    from lakehouse_assets.pipeline.canaries import BAD  # noqa: PLC0415

    tables = list(dict.fromkeys(canary.table for canary in found))
    for table in tables:
        counted = Counter(canary.verdict for canary in found if canary.table == table)
        console.print(f"{table}: {', '.join(f'{number} {verdict}' for verdict, number in counted.items())}")
    told = [canary for canary in found if canary.reason]
    rows = [(canary.table, canary.rule_id, canary.verdict, canary.reason) for canary in told]
    print_table("", ("table", "rule", "verdict", "why"), [[escape(cell) for cell in row] for row in rows])
    proven = sum(canary.verdict not in BAD for canary in found)
    console.print(f"{proven} of {len(found)} rules keep their word.")


def _show_rows(frame: "pl.DataFrame", contract: "Contract") -> None:
    shown = frame.head(10)
    cells = [["" if cell is None else escape(str(cell)) for cell in row] for row in shown.iter_rows()]
    print_table(str(contract.table), frame.columns, cells)


def _write(frame: "pl.DataFrame", output: Path) -> None:
    if output.suffix == ".parquet":
        frame.write_parquet(output)
    elif output.suffix == ".csv":
        frame.write_csv(output)
    elif output.suffix == ".ndjson":
        frame.write_ndjson(output)
    else:
        raise LakehouseError(f"{output} has no ending that is known.", fix="Write .parquet, .csv or .ndjson.")
