"""Is every partition there? Days before a partition that its calendar opens, beside those that were published."""

from datetime import timedelta

from lakehouse_assets.contracts.model import RuleKind
from lakehouse_assets.quality.anomaly import learning
from lakehouse_assets.quality.rule import Example, rule
from lakehouse_assets.quality.seen import Seen
from lakehouse_assets.results import Dimension, Expectation, State

_LISTED = 5


@rule(
    kind=RuleKind.OVER_TIME,
    dimension=Dimension.TIMELINESS,
    example=Example(
        arguments={"days": 7},
        passing={"before": 1000, "now": 1000},
        failing={"before": 1000, "now": 1000, "missing_days_before": [2]},
    ),
)
def partitions_without_gaps(seen: Seen, *, days: int = 28, allowed: int = 0) -> Expectation:
    """Of the `days` days before a partition at most `allowed` open ones, since the first there was, have none."""
    known = {one.day for one in seen.earlier}
    if not known:
        return learning(0, 0, "there is no partition before this one")
    wanted = [seen.day - timedelta(days=number) for number in range(days, 0, -1)]
    missing = [
        day
        for day in wanted
        if day > min(known) and day not in known and (seen.calendar is None or seen.calendar.is_open(day))
    ]
    is_gap = len(missing) > allowed
    return Expectation(
        State.UNUSUAL if is_gap else State.USUAL,
        len(missing),
        expected=0,
        high=allowed,
        is_severe=is_gap,
        partitions=len(known & set(wanted)),
        reason=_sentence([day.isoformat() for day in missing], days),
    )


def _sentence(missing: list[str], days: int) -> str:
    if not missing:
        return ""
    named = ", ".join(missing[:_LISTED]) + (", …" if len(missing) > _LISTED else "")
    return f"{len(missing)} of the open days in the {days} before have no partition: {named}"
