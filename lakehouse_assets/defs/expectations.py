"""What earlier partitions made one expect, for a person: a row of Markdown a rule, with a plot as small as a word."""

from collections.abc import Iterable, Sequence

from lakehouse_assets.quality.anomaly import shown
from lakehouse_assets.results import Expectation, RuleResult, State

_BARS = "▁▂▃▄▅▆▇█"
_HEAD = (
    "| rule | observed | expected | usual | score | | earlier partitions, then this one |\n"
    "|---|---:|---:|---|---:|---|---|\n"
)
_WORDS = {
    State.LEARNING: "learning",
    State.USUAL: "usual",
    State.UNUSUAL: "**unusual**",
    State.NAMED: "named by the calendar",
}


def to_markdown(rules: Iterable[RuleResult]) -> str:
    """Return a table of the rules that compared a partition with earlier ones; "" where there is none."""
    rows = [_row(rule.rule_id, rule.expectation) for rule in rules if rule.expectation is not None]
    return _HEAD + "\n".join(rows) if rows else ""


def plot(values: Sequence[float]) -> str:
    """Return a sparkline: one bar a value, as high as it lies between nothing and the largest."""
    largest = max(map(abs, values), default=0.0)
    steps = (abs(value) / largest if largest else 0.0 for value in values)
    return "".join(_BARS[min(len(_BARS) - 1, int(step * len(_BARS)))] for step in steps)


def _row(rule_id: str, told: Expectation) -> str:
    expected = "" if told.expected is None else shown(told.expected)
    score = "" if told.score is None else f"{told.score:.1f}"
    drawn = f"`{plot(told.recent)} {plot([*told.recent, told.observed])[-1]}`" if told.recent else ""
    words = _WORDS[told.state] + (f": {told.reason}" if told.reason else "")
    cells = (rule_id, shown(told.observed), expected, _usual(told), score, words, drawn)
    return f"| {' | '.join(cells)} |"


def _usual(told: Expectation) -> str:
    if told.low is not None and told.high is not None:
        return f"{shown(told.low)} to {shown(told.high)}"
    return f"at most {shown(told.high)}" if told.high is not None else ""
