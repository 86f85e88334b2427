"""What partition rules claim, in plain Python over all rows of a partition. Rules that are not listed are asked."""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any

from lakehouse_assets.quality.samples.row_meaning import Arguments, Row

Rows = Sequence[Row]


def whole_meaning(rule: str, given: Arguments) -> Callable[[Rows], bool] | None:
    """Return whether the rows of a partition are fine for a rule, or None for one that is not known here."""
    found = OF_ROWS.get(rule)
    return None if found is None else lambda rows: bool(found(rows, given))


def _inside(measured: float, given: Arguments) -> bool:
    low, high = given.get("min"), given.get("max")
    return (low is None or measured >= low) and (high is None or measured <= high)


def _counted(rows: Rows, given: Arguments, is_found: Callable[[Row], bool]) -> bool:
    return _measured(sum(map(is_found, rows)), len(rows), given)


def _measured(found: int, rows: int, given: Arguments) -> bool:
    return not rows or _inside(found * 100 / rows if given.get("unit") == "percent" else found, given)


def _groups(rows: Rows, columns: Sequence[str]) -> Counter[tuple[Any, ...]]:
    keys = (tuple(row[name] for name in columns) for row in rows)
    return Counter(key for key in keys if None not in key)


def _repeats(rows: Rows, columns: Sequence[str]) -> tuple[int, int]:
    groups = _groups(rows, columns)
    return groups.total() - len(groups), groups.total()


def _rate(rows: Rows, given: Arguments) -> bool:
    extra, total = _repeats(rows, given["columns"])
    return extra <= total * float(given["max"])


def _known(rows: Rows, given: Arguments) -> list[Any]:
    return [row[given["column"]] for row in rows if row[given["column"]] is not None]


def _share(rows: Rows, given: Arguments) -> bool:
    chosen = sum(row[given["column"]] in given["values"] for row in rows)
    return not rows or _inside(chosen / max(len(rows), 1), given)


def _is_invalid(row: Row, given: Arguments) -> bool:
    value = row[given["column"]]
    if value is None:
        return False
    outside = given.get("validValues") is not None and value not in given["validValues"]
    return outside or (given.get("pattern") is not None and re.fullmatch(given["pattern"], value) is None)


def _determined(rows: Rows, given: Arguments) -> bool:
    pairs = _groups(rows, [*given["columns"], given["determines"]])
    return max(Counter(pair[:-1] for pair in pairs).values(), default=1) == 1


def _rises(rows: Rows, given: Arguments) -> bool:
    found = [(row[given["order_by"]], row[given["column"]]) for row in rows]
    known = sorted(pair for pair in found if None not in pair)
    places = sorted({place for place, _ in known})
    spans = [[value for at, value in known if at == place] for place in places]
    return all(max(before) <= min(after) for before, after in pairwise(spans))


def _mean(rows: Rows, given: Arguments) -> bool:
    known = _known(rows, given)
    return not known or _inside(float(sum(known)) / len(known), given)


def _without_gaps(numbers: Iterable[int]) -> bool:
    return all(after - before == 1 for before, after in pairwise(sorted(set(numbers))))


def _duplicates(rows: Rows, given: Arguments) -> bool:
    extra, total = _repeats(rows, given.get("properties") or [given["column"]])
    return _measured(extra, total, given)


OF_ROWS: Mapping[str, Callable[[Rows, Arguments], bool]] = {
    "row_count": lambda rows, given: _inside(len(rows), given),
    "sum_between": lambda rows, given: not rows or _inside(float(sum(_known(rows, given))), given),
    "mean_between": _mean,
    "share_of": _share,
    "share_not_before": lambda rows, given: (
        sum(value < given["value"] for value in _known(rows, given)) <= len(rows) * (1 - given["min"])
    ),
    "null_rate": lambda rows, given: (
        sum(row[given["column"]] is None for row in rows) <= len(rows) * (given.get("max") or 0)
    ),
    "null_values": lambda rows, given: _counted(rows, given, lambda row: row[given["column"]] is None),
    "missing_values": lambda rows, given: _counted(
        rows, given, lambda row: row[given["column"]] in (None, *(given.get("missingValues") or [""]))
    ),
    "invalid_values": lambda rows, given: _counted(rows, given, lambda row: _is_invalid(row, given)),
    "duplicate_values": _duplicates,
    "unique": lambda rows, given: _repeats(rows, given["columns"])[0] == 0,
    "duplicate_rate": _rate,
    "functional_dependency": _determined,
    "monotonic": _rises,
    "sequence_without_gaps": lambda rows, given: _without_gaps(_known(rows, given)),
}
