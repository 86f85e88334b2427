"""When a table counts as stale in the UI. A badge about the newest materialisation; the truth is the SLA sensor's."""

from collections.abc import Mapping
from datetime import timedelta

import dagster as dg

from lakehouse_assets.contracts.model import Contract, Sla

LAYER_LATENCY: Mapping[str, timedelta] = {
    "bronze": timedelta(hours=1),
    "silver": timedelta(hours=2),
    "gold": timedelta(hours=4),
}
_DAY = timedelta(days=1)
_UNITS: Mapping[str, timedelta] = {
    "s": timedelta(seconds=1),
    "m": timedelta(minutes=1),
    "min": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": _DAY,
    "w": timedelta(weeks=1),
}


def to_freshness(contract: Contract, *, warn: timedelta, fail: timedelta) -> dg.FreshnessPolicy:
    """Return a policy for every table: promised frequency plus latency, or the environment's limits.

    Who promises only one of the two gets the other's default: a day, and what is usual for the layer.
    """
    latency, frequency = _promised(contract, "latency"), _promised(contract, "frequency")
    if latency is None and frequency is None:
        return dg.FreshnessPolicy.time_window(fail_window=fail, warn_window=warn)
    every = frequency or _DAY
    late = latency or LAYER_LATENCY[contract.table.layer]
    return dg.FreshnessPolicy.time_window(fail_window=every + late, warn_window=every)


def _promised(contract: Contract, name: str) -> timedelta | None:
    found = next((sla for sla in contract.slas if sla.property == name), None)
    return _duration(found) if found else None


def _duration(sla: Sla) -> timedelta | None:
    unit = _UNITS.get(sla.unit.lower()) or _UNITS.get(sla.unit.lower()[:1])
    return float(sla.value) * unit if unit else None
