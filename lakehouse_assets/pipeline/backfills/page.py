"""The written record of a backfill as a page for people: what was asked, what happened, what is different now."""

from collections.abc import Iterator, Sequence
from decimal import Decimal

from lakehouse_assets.pipeline.backfills.journal import Backfill, Outcome


def to_page(backfill: Backfill) -> str:
    """Return the page as Markdown."""
    order = backfill.order
    lines = [
        f"# Backfill {backfill.id}",
        "",
        f"- **Table**: {order.table}, {order.first} to {order.last}{', and what reads it' if order.downstream else ''}",
        f"- **Reason**: {order.reason or 'none given'}",
        f"- **Status**: {backfill.status}",
        f"- **From** {backfill.created_at} **to** {backfill.finished_at or 'not finished'}",
        f"- **Throttle**: {order.at_once} partitions at once, {order.pause_seconds:g} s between",
        *_skipped(backfill),
        "",
        *_notices(backfill),
        *_problems(backfill.problems),
        "## Partitions",
        "",
        "| table | partition | status | rows before | rows after | key measures | source | read |",
        "|---|---|---|--:|--:|---|--:|--:|",
        *(_row(one) for one in backfill.outcomes),
    ]
    return "\n".join(lines) + "\n"


def changes_of(outcome: Outcome) -> list[str]:
    """Return each key measure whose sum is another one now, as `name before → after`."""
    before = outcome.before.sums if outcome.before else {}
    after = outcome.after.sums if outcome.after else {}
    names = dict.fromkeys([*before, *after])
    moved = [name for name in names if Decimal(before.get(name, "0")) != Decimal(after.get(name, "0"))]
    return [f"{name} {before.get(name, '–')} → {after.get(name, '–')}" for name in moved]  # noqa: RUF001 - a dash


def _skipped(backfill: Backfill) -> Iterator[str]:
    for word, days in backfill.skipped.items():
        if days:
            yield f"- **Skipped by design**, {word.replace('_', ' ')}: {', '.join(days)}"


def _notices(backfill: Backfill) -> list[str]:
    lines = [
        f"- {one['consumer']} ({one['kind']}) reads {one['table']}: {', '.join(one['channels'])}"
        for one in backfill.plan.get("notices", ())
    ]
    return ["## To be told", "", *lines, ""] if lines else []


def _problems(problems: Sequence[Outcome]) -> list[str]:
    lines = [f"- {one.table} {one.partition}: {one.status}. {one.message or _unevenness(one)}" for one in problems]
    return ["## Problems", "", *lines, ""] if lines else []


def _unevenness(one: Outcome) -> str:
    source = one.source
    return f"The source has {source.source_rows} rows, {source.read_rows} were read. {source.note}" if source else ""


def _row(one: Outcome) -> str:
    before, after = (f"{each.rows:,}" if each else "none" for each in (one.before, one.after))
    source = one.source
    counted = "" if source is None else source.note if source.source_rows is None else f"{source.source_rows:,}"
    read = f"{source.read_rows:,}" if source else ""
    moved = "; ".join(changes_of(one)) or "equal"
    return f"| {one.table} | {one.partition} | {one.status} | {before} | {after} | {moved} | {counted} | {read} |"
