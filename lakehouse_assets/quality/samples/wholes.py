"""How rows are arranged so that a rule over all of them holds: shares, sums, orders and dependencies."""

from collections.abc import Callable, Mapping
from decimal import Decimal
from random import Random
from typing import Any

from lakehouse_assets.quality.samples.pattern_text import text_of
from lakehouse_assets.quality.samples.promise import Meant
from lakehouse_assets.quality.samples.row_meaning import Row

# Nobody misses a null where a rule counts them.
WITHOUT_NULLS = frozenset(
    {"required", "not_blank", "null_rate", "null_values", "missing_values", "share_of", "share_not_before"}
    | {"sum_between", "mean_between", "sequence_without_gaps"}
)


def _middle(given: Mapping[str, Any], step: float) -> Decimal:
    low, high = given.get("min"), given.get("max")
    low = float(high) - step if low is None and high is not None else float(low or 0)
    return Decimal(str((low + (low + step if high is None else float(high))) / 2))


def _share(rows: list[Row], rule: Meant, random: Random) -> None:
    column, chosen = str(rule.spec.column), list(rule.given["values"])
    wanted = round(len(rows) * float(_middle({"min": 0.0, "max": 1.0, **rule.given}, 1)))
    others = [row[column] for row in rows if row[column] not in chosen]
    for number, row in enumerate(rows):
        row[column] = random.choice(chosen) if number < wanted or not others else random.choice(others)


def _total(rows: list[Row], rule: Meant, _: Random) -> None:
    _spread(rows, rule, _middle(rule.given, len(rows)))


def _mean(rows: list[Row], rule: Meant, _: Random) -> None:
    _spread(rows, rule, _middle(rule.given, 1) * len(rows))


def _spread(rows: list[Row], rule: Meant, total: Decimal) -> None:
    column = str(rule.spec.column or rule.given["column"])
    kind = type(rows[0][column])
    for number, row in enumerate(rows):
        each = total / len(rows)
        whole = int(total) // len(rows) + (number < int(total) % len(rows))
        row[column] = whole if kind is int else kind(str(round(each, 2)))


def _determined(rows: list[Row], rule: Meant, _: Random) -> None:
    known: dict[tuple[Any, ...], Any] = {}
    for row in rows:
        key = tuple(row[name] for name in rule.given["columns"])
        row[rule.given["determines"]] = known.setdefault(key, row[rule.given["determines"]])


def _risen(rows: list[Row], rule: Meant, _: Random) -> None:
    column, place = str(rule.spec.column or rule.given["column"]), rule.given["order_by"]
    known = [row for row in rows if row[column] is not None and row[place] is not None]
    values = sorted(row[column] for row in known)
    for row, value in zip(sorted(known, key=lambda one: one[place]), values, strict=True):
        row[column] = value
    for row in known:
        same = [other[column] for other in known if other[place] == row[place]]
        row[column] = min(same)


def _followed(rows: list[Row], rule: Meant, _: Random) -> None:
    column = str(rule.spec.column or rule.given["column"])
    first = min(row[column] for row in rows)
    for number, row in enumerate(rows):
        row[column] = first + number


def _valid(rows: list[Row], rule: Meant, random: Random) -> None:
    column, valid = str(rule.spec.column or rule.given["column"]), rule.given.get("validValues")
    for row in rows:
        row[column] = random.choice(list(valid)) if valid else text_of(rule.given["pattern"], random)


def _recent(rows: list[Row], rule: Meant, _: Random) -> None:
    column = str(rule.spec.column or rule.given["column"])
    for row in rows:
        row[column] = max(row[column], rule.given["value"])


def _answered(rows: list[Row], rule: Meant, random: Random) -> None:
    """Give rows that break a query alone what those hold in the columns it looks at that keep it alone."""
    kept = [row for row in rows if not any(rule.breaks([row]))]
    for row in rows if kept else ():
        if any(rule.breaks([row])):
            row |= {name: value for name, value in random.choice(kept).items() if name in rule.columns}


ARRANGED: Mapping[str, Callable[[list[Row], Meant, Random], None]] = {
    "share_of": _share,
    "sum_between": _total,
    "mean_between": _mean,
    "functional_dependency": _determined,
    "monotonic": _risen,
    "sequence_without_gaps": _followed,
    "share_not_before": _recent,
    "invalid_values": _valid,
    "sql": _answered,
}
