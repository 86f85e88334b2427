"""Rules that reconcile a partition: with what its source recorded of it, or with a table it was computed from.

One side is measured on exactly the staged files, the other is a record or an upstream at the version that this step
pinned. A side that nobody said makes the rule an error, which blocks: docs/adr/0024-two-numbers-that-must-agree.md.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import narwhals as nw
import polars as pl

from lakehouse_assets.contracts.model import RuleKind, RuleSpec
from lakehouse_assets.contracts.reconciled import WITH_SOURCE, recorded_name
from lakehouse_assets.naming import SNAPSHOT_PARTITION, TableName
from lakehouse_assets.pipeline.curate import input_of
from lakehouse_assets.pipeline.draft import Draft, Tally
from lakehouse_assets.pipeline.groups import collected
from lakehouse_assets.pipeline.recorded import recorded
from lakehouse_assets.pipeline.replay import STATE
from lakehouse_assets.pipeline.step import Step
from lakehouse_assets.quality.judge import reason_of, result_of, rule_errors
from lakehouse_assets.quality.reconcile import ROWS, SHA256, SUM, Sides, result_reconciled
from lakehouse_assets.quality.sql_query import VALUE
from lakehouse_assets.quality.sql_rule import asked
from lakehouse_assets.quality.sums import sums
from lakehouse_assets.results import Outcome, RuleResult

_KEY = "__reconciled"
_DAY = len("YYYY-MM-DD")
_NAMED = 3
_RECORDED = "recorded by the source"
_Rows = Callable[[], nw.LazyFrame]


@dataclass(frozen=True, slots=True)
class _Measured:
    """Numbers by partition of one side of a rule; `error` says why there are none."""

    numbers: Mapping[str, float | None]
    error: str = ""

    def of(self, partition: str) -> float | None:
        """Return the number of a partition; a sum of nothing is zero."""
        if self.error:
            return None
        return self.numbers.get(partition) or 0.0


@dataclass(frozen=True, slots=True)
class _Word:
    """What a source recorded of one partition, or why it recorded nothing."""

    said: Mapping[str, Any]
    unsaid: str = ""


def reconciliations(step: Step, draft: Draft, arrived: Sequence[Tally], rows: _Rows) -> dict[str, list[RuleResult]]:
    """Return what each reconciling rule says about every partition that arrived; `rows` are those that were staged."""
    specs = [spec for spec in step.contract.rules if spec.kind is RuleKind.RECONCILED]
    if not specs or not arrived or draft.derivation is not None:
        return {}
    measured = _measured(step, specs, rows)
    words = _words(step, arrived) if any(spec.rule == WITH_SOURCE for spec in specs) else {}
    return {
        tally.partition: [
            _judged(step, spec, tally, _sides(step, spec, tally, measured, words.get(tally.partition, _Word({}))))
            for spec in specs
        ]
        for tally in arrived
    }


def _judged(step: Step, spec: RuleSpec, tally: Tally, sides: Sides) -> RuleResult:
    checked = tally.ledger.published
    function = step.lake.rule_functions.get(spec.rule)
    if function is None:
        return result_of(spec, Outcome.ERROR, checked=checked, reason=f"no rule is named {spec.rule!r}")
    try:
        told = function(sides, **spec.arguments)
    except rule_errors() as error:
        return result_of(spec, Outcome.ERROR, checked=checked, reason=reason_of(error))
    return result_reconciled(spec, told, checked)


def _measured(step: Step, specs: Sequence[RuleSpec], rows: _Rows) -> dict[tuple[str, str], _Measured]:
    """Measure both sides of all rules in one go; what is no frame is known from tallies and records."""
    wanted = dict(_frames(step, specs, rows))
    answers = collected(step, list(wanted.values()))
    return {side: _numbers(answer) for side, answer in zip(wanted, answers, strict=True)}


def _frames(step: Step, specs: Sequence[RuleSpec], rows: _Rows) -> Iterator[tuple[tuple[str, str], nw.LazyFrame | str]]:
    for spec in specs:
        if spec.rule != WITH_SOURCE or spec.arguments.get("measure") == SUM:
            yield (spec.id, "own"), _tried(partial(_own, step, spec, rows))
        if spec.rule != WITH_SOURCE:
            yield (spec.id, "other"), _tried(partial(_expected, step, spec))


def _own(step: Step, spec: RuleSpec, rows: _Rows) -> nw.LazyFrame:
    by = step.contract.partition_column
    if spec.rule == WITH_SOURCE:
        return sums(rows(), by, str(spec.column))
    return asked(rows(), by, str(spec.arguments["query"]), spec.arguments.get("column"))


def _expected(step: Step, spec: RuleSpec) -> nw.LazyFrame:
    return asked(_upstream(step, TableName.parse(str(spec.arguments["table"]))), _KEY, str(spec.arguments["expected"]))


def _tried(build: Callable[[], nw.LazyFrame]) -> nw.LazyFrame | str:
    try:
        return build()
    except rule_errors() as error:
        return reason_of(error)


def _numbers(answer: pl.DataFrame | str) -> _Measured:
    if isinstance(answer, str):
        return _Measured({}, answer)
    return _Measured({str(row[0]): row[1] for row in answer.select(answer.columns[0], VALUE).iter_rows()})


def _upstream(step: Step, name: TableName) -> nw.LazyFrame:
    """Return the rows of an upstream that the function was given, each under the partition it was computed into."""
    rows = input_of(step, name)
    return rows.with_columns(_partition(step, name, rows).alias(_KEY))


def _partition(step: Step, name: TableName, rows: nw.LazyFrame) -> nw.Expr:
    upstream = step.lake.contract(name)
    if not step.contract.is_partitioned:
        return nw.lit(SNAPSHOT_PARTITION)
    event_time = upstream.load.event_time
    if not event_time:
        key = nw.col(upstream.partition_column)
        # A day of gold may be made of hours.
        return key if step.contract.is_hourly else key.str.slice(0, _DAY)
    day = nw.col(event_time)
    return (day if rows.collect_schema()[event_time] == nw.Date() else day.dt.date()).cast(nw.String)


def _sides(
    step: Step, spec: RuleSpec, tally: Tally, measured: Mapping[tuple[str, str], _Measured], word: _Word
) -> Sides:
    if spec.rule == WITH_SOURCE:
        return _beside_source(step, spec, tally, measured.get((spec.id, "own"), _Measured({})), word)
    own, other = measured[spec.id, "own"], measured[spec.id, "other"]
    said_by = f"in {spec.arguments['table']}"
    return Sides(own.of(tally.partition), other.of(tally.partition), said_by, reason=own.error or other.error)


def _beside_source(step: Step, spec: RuleSpec, tally: Tally, own: _Measured, word: _Word) -> Sides:
    measure = spec.arguments.get("measure", ROWS)
    if measure == SHA256:
        return _hashes(tally, word)
    name = recorded_name(spec, step.contract)
    said = word.said.get("rows") if measure == ROWS else word.said.get("sums", {}).get(name)
    what = "number of rows" if measure == ROWS else f"sum of {name}"
    reason = own.error or ("" if said is not None else _unsaid(what, word))
    number = float(_landed(step, tally)) if measure == ROWS else own.of(tally.partition)
    return Sides(number, None if said is None else float(said), _RECORDED, reason)


def _hashes(tally: Tally, word: _Word) -> Sides:
    said = word.said.get("sha256")
    if not said:
        return Sides(None, None, reason=_unsaid("hash of a file", word))
    have = {one.path: one.sha256 for one in tally.objects}
    wrong = sorted(path for path in {*said, *have} if said.get(path) != have.get(path))
    every = len({*said, *have})
    more = f" and {len(wrong) - _NAMED} more" if len(wrong) > _NAMED else ""
    note = f"{', '.join(wrong[:_NAMED])}{more}"
    return Sides(float(every - len(wrong)), float(every), _RECORDED, note=note)


def _unsaid(what: str, word: _Word) -> str:
    return f"the source recorded no {what}" + (f": {word.unsaid}" if word.unsaid else "")


def _landed(step: Step, tally: Tally) -> int:
    if step.name.layer != "bronze":
        return tally.ledger.published
    # Rows that an earlier extraction of a `state` source left are no part of what it speaks of.
    is_united = step.lake.catalog.sources[step.name.path[0]].replay == STATE and not step.intent.re_extract
    rows = tally.measures.get("rows", tally.ledger.published) if is_united else tally.ledger.published
    return int(rows) + tally.ledger.deduplicated


def _words(step: Step, arrived: Sequence[Tally]) -> dict[str, _Word]:
    if step.name.layer == "bronze":
        return {tally.partition: _Word(tally.said, tally.unsaid) for tally in arrived}
    bronze = step.contract.upstreams[0]
    table = step.upstreams[bronze]
    if table is None:
        return {}
    partitions = [tally.partition for tally in arrived]
    known = recorded(step.lake.objects_of(bronze), table, partitions, skip_damaged=True)
    unsaid = f"nothing is recorded of {bronze}"
    return {name: _Word(known[name].of.said) if name in known else _Word({}, unsaid) for name in partitions}
