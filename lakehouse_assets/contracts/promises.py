"""What a contract's `slaProperties` promise, as spans of time, with what is usual for a layer."""

from collections.abc import Mapping
from datetime import timedelta

from lakehouse_assets.contracts.model import Contract, Sla

LAYER_LATENCY: Mapping[str, timedelta] = {
    "bronze": timedelta(hours=1),
    "silver": timedelta(hours=2),
    "gold": timedelta(hours=4),
}
_UNITS: Mapping[str, timedelta] = {
    "s": timedelta(seconds=1),
    "m": timedelta(minutes=1),
    "min": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
    "w": timedelta(weeks=1),
}


def promised(contract: Contract, name: str) -> timedelta | None:
    """Return the span a contract promises under a name, such as `latency`; None when it promises none."""
    found = next((sla for sla in contract.slas if sla.property == name), None)
    return _duration(found) if found else None


def latency(contract: Contract) -> timedelta:
    """Return how long after its end a partition may be published: as promised, or as is usual for the layer."""
    return promised(contract, "latency") or LAYER_LATENCY[contract.table.layer]


def _duration(sla: Sla) -> timedelta | None:
    unit = _UNITS.get(sla.unit.lower()) or _UNITS.get(sla.unit.lower()[:1])
    return float(sla.value) * unit if unit else None
