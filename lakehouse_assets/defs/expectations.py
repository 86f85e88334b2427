"""What earlier partitions, or where it comes from, made one expect: a row of Markdown a rule, with a small plot."""

from collections.abc import Iterable, Iterator, Sequence

from lakehouse_assets.quality.anomaly import shown
from lakehouse_assets.results import Expectation, RuleResult, State

_BARS = "▁▂▃▄▅▆▇█"
# A plain blank is where browsers break the line.
_GAP = "\u00a0"
_HEAD = (
    "| rule | observed | expected | usual | score | | earlier partitions, then this one |\n"
    "|---|---:|---:|---|---:|---|---|\n"
)
_BOTH = "| rule | here | where it comes from | tolerated | |\n|---|---:|---:|---|---|\n"
_WORDS = {
    State.LEARNING: "learning",
    State.USUAL: "usual",
    State.UNUSUAL: "**unusual**",
    State.NAMED: "named by the calendar",
}
_SIDES = {State.AGREES: "agrees", State.DIFFERS: "**differs**"}


def to_markdown(rules: Iterable[RuleResult]) -> str:
    """Return a table of the rules that compared a partition with earlier ones; "" where there is none."""
    rows = [_row(*one) for one in _told(rules) if one[1].state in _WORDS]
    return _HEAD + "\n".join(rows) if rows else ""


def to_reconciliation(rules: Iterable[RuleResult]) -> str:
    """Return a table of the rules that compared a partition with where it comes from; "" where there is none."""
    rows = [_both(*one) for one in _told(rules) if one[1].state in _SIDES]
    return _BOTH + "\n".join(rows) if rows else ""


def plot(values: Sequence[float]) -> str:
    """Return a sparkline: one bar a value, as high as it lies between nothing and the largest."""
    largest = max(map(abs, values), default=0.0)
    steps = (abs(value) / largest if largest else 0.0 for value in values)
    return "".join(_BARS[min(len(_BARS) - 1, int(step * len(_BARS)))] for step in steps)


def _told(rules: Iterable[RuleResult]) -> Iterator[tuple[str, Expectation]]:
    return ((rule.rule_id, rule.expectation) for rule in rules if rule.expectation is not None)


def _both(rule_id: str, told: Expectation) -> str:
    expected = "" if told.expected is None else f"{told.expected:,.12g}"
    cells = (rule_id, f"{told.observed:,.12g}", expected, _usual(told), f"{_SIDES[told.state]}: {told.reason}")
    return f"| {' | '.join(cells)} |"


def _row(rule_id: str, told: Expectation) -> str:
    expected = "" if told.expected is None else shown(told.expected)
    score = "" if told.score is None else f"{told.score:.1f}"
    drawn = f"`{plot(told.recent)}{_GAP}{plot([*told.recent, told.observed])[-1]}`" if told.recent else ""
    words = _WORDS[told.state] + (f": {told.reason}" if told.reason else "")
    cells = (rule_id, shown(told.observed), expected, _usual(told), score, words, drawn)
    return f"| {' | '.join(cells)} |"


def _usual(told: Expectation) -> str:
    if told.low is not None and told.high is not None:
        return f"{shown(told.low)} to {shown(told.high)}"
    return f"at most {shown(told.high)}" if told.high is not None else ""
