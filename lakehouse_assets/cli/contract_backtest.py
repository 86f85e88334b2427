"""`lakehouse contract backtest`: what another contract would have made of stored history; changes nothing."""

import contextlib
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from lakehouse_assets.cli.console import AsJson, console, print_json, print_table
from lakehouse_assets.cli.lake import current_lake, other_lake, table_argument
from lakehouse_assets.errors import LakehouseError

if TYPE_CHECKING:
    from lakehouse_assets.naming import TableName
    from lakehouse_assets.pipeline.backtest import Backtested
    from lakehouse_assets.pipeline.lake import Lake


def backtest(
    table: Annotated[str, typer.Argument(help="A silver or gold table.")],
    *,
    contract: Annotated[Path | None, typer.Option(help="The contract to try; left out, the one in config/.")] = None,
    partition: Annotated[list[str] | None, typer.Option("--partition", "-p", help="A partition; repeatable.")] = None,
    last: Annotated[int, typer.Option(min=1, help="How many of the newest partitions, where none are named.")] = 31,
    as_json: AsJson = False,
) -> None:
    """Judge stored history by a contract before it is merged: rows newly refused and newly passing, by partition."""
    from lakehouse_assets.pipeline.backtest import backtest as judge  # noqa: PLC0415 - start fast for --help

    name = table_argument(table)
    with _lake(name, contract) as lake, contextlib.redirect_stdout(sys.stderr):
        found = list(judge(lake, name, partition or (), last=last))
    if as_json:
        print_json(found)
    else:
        _show(name, found)


@contextlib.contextmanager
def _lake(table: "TableName", contract: Path | None) -> Iterator["Lake"]:
    lake = current_lake()
    if contract is None:
        yield lake
        return
    if not contract.is_file():
        raise LakehouseError(f"there is no file {str(contract)!r}.", fix="Name a contract file to try.")
    with tempfile.TemporaryDirectory(prefix="lakehouse-config-") as folder:
        tried = Path(folder, lake.settings.config_dir.name)
        shutil.copytree(lake.settings.config_dir, tried)
        runbooks = Path("docs", "runbooks")
        if (lake.settings.config_dir.parent / runbooks).is_dir():
            shutil.copytree(lake.settings.config_dir.parent / runbooks, folder / runbooks)
        shutil.copyfile(contract, tried.parent / lake.contract(table).place.path)
        yield other_lake(tried)


def _show(name: "TableName", found: list["Backtested"]) -> None:
    rows = [
        (one.partition, f"{one.rows:,}", f"{one.newly_refused:,}", f"{one.newly_passing:,}", _why(one))
        for one in found
        if one.changes
    ]
    print_table(str(name), ("partition", "rows", "newly refused", "newly passing", "by rule"), rows)
    refused, passing = (sum(getattr(one, word) for one in found) for word in ("newly_refused", "newly_passing"))
    blocked = sum(bool(one.blocked) for one in found)
    console.print(
        f"{len(found):,} partitions judged: {refused:,} rows newly refused, {passing:,} newly passing, "
        f"{blocked:,} partitions would be blocked. Nothing was written."
    )


def _why(one: "Backtested") -> str:
    told = {"refused": one.refused_rules, "passing": one.passing_rules, "failing": one.failing}
    said = [f"{word}: {_listed(rules)}" for word, rules in told.items() if rules]
    return escape("; ".join([*said, *([f"would be blocked: {one.blocked}"] if one.blocked else [])]))


def _listed(rules: Mapping[str, int]) -> str:
    return ", ".join(f"{rule} {rows:,}" for rule, rows in rules.items())
