"""Whether what was planted is what was found: every count, to the row and to the penny."""

from collections.abc import Iterator

from lakehouse_assets.demo.desk_check import compare_accounts
from lakehouse_assets.demo.dirt import Planted
from lakehouse_assets.demo.found import DAILY, LINES, ORDER_LINES, Found
from lakehouse_assets.demo.story import Story

# Rules that say how much dirt there is, not which rows; what they find follows from the rows.
_SUMS = frozenset({"quarantine_ratio", "row_count", "row_bounds", "schema"})


def compare(story: Story, found: Found) -> list[str]:
    """Return one sentence for every difference; an empty list is what the demo ends with."""
    return [
        *_rows(story.planted, found),
        *_rules(story.planted, found),
        *_days(story.planted, found),
        *_money(story, found),
        *compare_accounts(story.planted_changes, found.accounts),
    ]


def _rows(planted: Planted, found: Found) -> Iterator[str]:
    yield from _differs("rows in quarantine", planted.bad_rows, found.ledger(LINES).quarantined)
    yield from _differs("rows that came twice", planted.repeated_rows, found.ledger(ORDER_LINES).deduplicated)
    yield from _differs("late rows", planted.late_rows, found.late_rows)
    yield from _differs("rows into silver", found.ledger(ORDER_LINES).published, found.ledger(LINES).read)
    for one in found.tables:
        if not one.ledger.is_balanced:
            yield f"the ledger of {one.table} does not balance"


def _rules(planted: Planted, found: Found) -> Iterator[str]:
    reported = {rule: rows for rule, rows in found.rules.items() if rule not in _SUMS}
    for rule in sorted({*planted.rules, *reported}):
        yield from _differs(f"rows reported by {rule}", planted.rules[rule], reported.get(rule, 0))


def _days(planted: Planted, found: Found) -> Iterator[str]:
    yield from _differs("refused files", dict(planted.rejected), dict(found.rejected))
    yield from _differs("unexpected columns", sorted(planted.unknown_columns), sorted(found.unknown_columns))
    yield from _differs("days with a low score", sorted(planted.low_scores), sorted(found.low_scores))
    yield from _differs("days kept back", sorted(planted.blocked), sorted(found.blocked))
    for day, rule in planted.blocked.items():
        if rule not in found.blocked.get(day, ()):
            yield f"{day} was to be kept back by {rule}, not by {', '.join(found.blocked.get(day, ())) or 'nothing'}"
    served = {one.partitions for one in found.tables if one.table in set(map(str, DAILY))}
    if len(served) > 1:
        yield f"the daily tables do not have the same days: {sorted(served)}"


def _money(story: Story, found: Found) -> Iterator[str]:
    yield from _differs("net revenue", story.true_revenue - story.planted.lost_amount, found.revenue)


def _differs(what: str, planted: object, found: object) -> Iterator[str]:
    if planted != found:
        yield f"{what}: planted {planted}, found {found}"
