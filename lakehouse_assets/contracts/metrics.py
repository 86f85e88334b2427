"""Library metrics of the standard as rules of ours. They judge a partition as a whole and never refuse single rows."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from lakehouse_assets.contracts.reading import Reading

METRICS = {
    "rowCount": "row_count",
    "nullValues": "null_values",
    "missingValues": "missing_values",
    "invalidValues": "invalid_values",
    "duplicateValues": "duplicate_values",
}
UNITS = ("rows", "percent")
_WHOLE_STEP = {"mustBeGreaterThan": ("min", 1), "mustBeLessThan": ("max", -1)}
_INCLUSIVE = {"mustBeGreaterOrEqualTo": "min", "mustBeLessOrEqualTo": "max"}
_Steps = list[str | int]


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric as a rule: its name, its column and its arguments."""

    rule: str
    column: str | None = None
    arguments: Mapping[str, Any] = field(default_factory=dict)


def read_metric(entry: Mapping[str, Any], at: _Steps, column: str | None, reading: Reading) -> Metric | None:
    """Return the rule that a library metric stands for, or None and a finding when there is none."""
    metric = str(entry.get("metric"))
    bounds = _bounds(entry)
    if entry.get("unit", "rows") not in UNITS:
        reading.tell("LH416", [*at, "unit"], f"unknown unit {entry['unit']!r}.", f"Use {' or '.join(UNITS)}.")
    if bounds is None:
        hint = "Use mustBe, mustBeBetween, mustBeGreaterOrEqualTo or mustBeLessOrEqualTo."
        reading.tell("LH416", at, "the metric has no threshold that can be judged.", hint)
        return None
    if metric == "rowCount":
        return Metric(METRICS[metric], None, bounds)
    given = dict(entry.get("arguments") or {})
    unit = {"unit": entry["unit"]} if "unit" in entry else {}
    return Metric(METRICS[metric], given.pop("column", column), {**bounds, **unit, **given})


def _bounds(entry: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the threshold as inclusive bounds; a strict one can only be told for whole rows."""
    for key, (bound, step) in _WHOLE_STEP.items():
        if key in entry and entry.get("unit", "rows") == "rows" and float(entry[key]).is_integer():
            return {bound: int(entry[key]) + step}
    for key, bound in _INCLUSIVE.items():
        if key in entry:
            return {bound: entry[key]}
    if "mustBe" in entry:
        return {"min": entry["mustBe"], "max": entry["mustBe"]}
    if "mustBeBetween" in entry:
        low, high = entry["mustBeBetween"]
        return {"min": low, "max": high}
    return None
