"""How a dry run is printed, by the commands that have one; no command of its own."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from lakehouse_assets.cli.console import console, print_json, print_table

if TYPE_CHECKING:
    from lakehouse_assets.pipeline.dry_run import Forecast


def print_forecasts(forecasts: Sequence["Forecast"], *, as_json: bool) -> None:
    """Print what each partition would change, and the columns the table would get or no longer fill."""
    if as_json:
        print_json(forecasts)
        return
    header = ("partition", "outcome", "version", "published", "quarantined", "added", "withdrawn", "changed")
    print_table("", header, [_row(one) for one in forecasts])
    _print_columns("The table would get", {name for one in forecasts for name in one.columns_added})
    _print_columns("The table keeps, but nothing fills", {name for one in forecasts for name in one.columns_dropped})
    for message in dict.fromkeys(one.message for one in forecasts if one.message):
        console.print(message, markup=False)
    changed = sum(one.rows.added + one.rows.withdrawn + one.rows.changed for one in forecasts)
    console.print(f"Partitions: {len(forecasts):,}, rows that would change: {changed:,}. Nothing was published.")


def _row(one: "Forecast") -> tuple[str, ...]:
    published = _move(one.before.published if one.before else None, one.after.published)
    quarantined = _move(one.before.quarantined if one.before else None, one.after.quarantined)
    version = _move(one.version_before or None, one.version_after)
    rows = (f"{number:,}" for number in (one.rows.added, one.rows.withdrawn, one.rows.changed))
    return (one.partition, one.outcome, version, published, quarantined, *rows)


def _move(before: int | str | None, after: int | str) -> str:
    words = ["nothing" if before is None else _word(before), _word(after)]
    return words[1] if before == after else " → ".join(words)


def _word(value: int | str) -> str:
    return value if isinstance(value, str) else f"{value:,}"


def _print_columns(what: str, names: set[str]) -> None:
    if names:
        console.print(f"{what}: {', '.join(sorted(names))}", markup=False)
