"""`lakehouse run`: compute and publish partitions of a table without Dagster, for scripts and remote workers."""

import contextlib
import sys
import uuid
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from lakehouse_assets.cli.console import console, err, print_json
from lakehouse_assets.cli.forecasts import print_forecasts
from lakehouse_assets.cli.lake import computed_by, current_lake, other_lake, table_argument
from lakehouse_assets.cli.pipes import listening
from lakehouse_assets.errors import LakehouseError, PartitionBlockedError
from lakehouse_assets.naming import TableName
from lakehouse_assets.pipeline.intent import ORDINARY, Difference, Intent, RowIds
from lakehouse_assets.pipeline.lake import Lake
from lakehouse_assets.results import PartitionResult


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("run")(run)


def run(  # noqa: PLR0913 - the options of a command
    table: Annotated[str, typer.Argument(help="A table, such as silver/retail_order_lines.")],
    partition: Annotated[list[str] | None, typer.Option("--partition", "-p", help="A partition; repeatable.")] = None,
    partition_range: Annotated[str, typer.Option(help="First and last partition, `A...B`.")] = "",
    *,
    every: Annotated[bool, typer.Option("--all", help="Every partition the table should have by now.")] = False,
    re_extract: Annotated[
        bool, typer.Option("--re-extract", help="Replace bronze by what the source says now; prints what changes.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print what would change; publish nothing.")] = False,
    config_dir: Annotated[
        Path | None, typer.Option(help="With --dry-run: take contracts and sources from this folder.")
    ] = None,
    engine: Annotated[
        str, typer.Option(help="Compute with this engine, `polars` or `spark`, whatever the contract says.")
    ] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print results as JSON.")] = False,
) -> None:
    """Compute and publish partitions; exit 1 when one is blocked."""
    from lakehouse_assets.pipeline.run import materialise  # noqa: PLC0415 - start fast for --help

    lake = computed_by(engine, _lake(config_dir, dry_run=dry_run))
    name = table_argument(table)
    known = lake.partitions(name)
    wanted = _wanted(name, known, partition or [], partition_range, every=every)
    differences: list[Difference] = []
    intent = _re_extraction(name, differences) if re_extract else ORDINARY
    if dry_run:
        from lakehouse_assets.pipeline.dry_run import dry_run as forecast  # noqa: PLC0415

        print_forecasts(list(forecast(lake, name, wanted, intent)), as_json=as_json)
        return
    # Where the run log goes to stdout, its lines would stand between people or machines and the answer.
    with contextlib.redirect_stdout(sys.stderr), listening(name) as listener:
        run_id = listener.run_id if listener else uuid.uuid4().hex
        results = []
        for result in materialise(lake, name, wanted, run_id=run_id, intent=intent):
            results.append(result)
            if listener:
                listener.tell(result)
    if as_json:
        told = {difference.partition: {"difference": difference} for difference in differences}
        print_json([_as_dict(result) | told.get(result.partition, {}) for result in results])
    else:
        _print(results)
        _print_meaning(lake, name, is_re_extracted=re_extract)
    blocked = [result for result in results if result.is_blocked]
    if blocked:
        raise PartitionBlockedError(
            blocked[0].message + (f" (and {len(blocked) - 1} more partitions)" if len(blocked) > 1 else ""),
            fix=f"Readers see {'nothing of bad files' if lake.contract(name).is_appended else 'what they saw before'}.",
        )


def _print_meaning(lake: Lake, name: TableName, *, is_re_extracted: bool) -> None:
    said = {
        "state": "Rows that landed and are not in the source any more were kept",
        "snapshot": "Past partitions that landed were read from bronze, the source was not asked",
    }
    meaning = lake.catalog.sources[name.path[0]].replay if name.layer == "bronze" else ""
    if meaning in said and not is_re_extracted:
        err.print(f"{said[meaning]} (replay: {meaning}); --re-extract replaces them.")


def _lake(config_dir: Path | None, *, dry_run: bool) -> Lake:
    if config_dir is None:
        return current_lake()
    if not dry_run:
        raise LakehouseError(
            "--config-dir only goes with --dry-run.", fix="To publish with it, set LAKEHOUSE_CONFIG_DIR."
        )
    return other_lake(config_dir)


def _re_extraction(name: TableName, differences: list[Difference]) -> Intent:
    if name.layer != "bronze":
        raise LakehouseError(
            f"{name} is not extracted from a source.",
            fix="Use --re-extract with a table of bronze, and run this after it.",
        )

    def tell(difference: Difference) -> None:
        differences.append(difference)
        for word in ("added", "withdrawn", "changed"):
            found: RowIds = getattr(difference, word)
            rest = ["…"] if found.rows > len(found.ids) else []
            err.print(f"{difference.partition}: {found.rows:,} rows {word}{': ' if found.ids else ''}", end="")
            err.print(escape(", ".join([*found.ids, *rest])))

    return Intent(re_extract=True, tell=tell)


def _wanted(name: TableName, known: list[str], named: list[str], span: str, *, every: bool) -> list[str]:
    if every:
        return known
    if span:
        first, dots, last = span.partition("...")
        inside = [key for key in known if first <= key <= last]
        if not dots or not inside:
            raise LakehouseError(
                f"{span!r} is no range of partitions of {name}.", fix="Write `2026-01-05...2026-01-09`."
            )
        return inside
    if named or len(known) == 1:
        return named or known
    raise LakehouseError(
        f"{name} has {len(known)} partitions; say which.", fix="Use --partition, --partition-range or --all."
    )


def _as_dict(result: PartitionResult) -> dict[str, object]:
    ledger = result.record.ledger
    return {
        "table": result.table,
        "partition": result.partition,
        "status": result.status,
        "read": ledger.read,
        "published": ledger.published,
        "quarantined": ledger.quarantined,
        "deduplicated": ledger.deduplicated,
        "filtered": ledger.filtered,
        "content_hash": result.record.content_hash,
        "score": result.record.score,
        "low_score": result.record.low_score,
        "waived_rows": result.record.waived_rows,
        "overridden": result.record.overridden,
        "publish": result.publish,
        "version": result.version,
        "message": result.message,
    }


def _print(results: list[PartitionResult]) -> None:
    from rich.table import Table  # noqa: PLC0415 - only when a person reads

    table = Table("partition", "status", "read", "published", "quarantined", "deduplicated", "filtered", "score")
    for result in results:
        ledger = result.record.ledger
        numbers = (ledger.read, ledger.published, ledger.quarantined, ledger.deduplicated, ledger.filtered)
        table.add_row(result.partition, result.status, *(f"{n:,}" for n in numbers), f"{result.record.score:.2f}")
    console.print(table)
