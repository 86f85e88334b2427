"""What each rule of a table costs: judged by itself over what one partition serves, in memory, a few times.

A run judges all row rules in one pass, so the time of one cannot be read off a run; `together_seconds` is that pass.
Nothing is written. Polars measures, whatever computes the table.
"""

import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import median

import narwhals as nw

from lakehouse_assets.contracts.model import Contract, RuleKind, RuleSpec
from lakehouse_assets.errors import LakehouseError
from lakehouse_assets.naming import SNAPSHOT_PARTITION, TableName
from lakehouse_assets.pipeline.dry_run import open_dry_step
from lakehouse_assets.pipeline.groups import find_groups
from lakehouse_assets.pipeline.lake import Lake
from lakehouse_assets.pipeline.over_time import look, results_over_time
from lakehouse_assets.pipeline.references import reference_rules, with_references
from lakehouse_assets.pipeline.refine import scope_of
from lakehouse_assets.pipeline.step import Step
from lakehouse_assets.quality.judge import RowRule, bind, counts, flag, reason_of, rule_errors
from lakehouse_assets.quality.partition_rules import ERROR, judge_partitions
from lakehouse_assets.storage.table import OpenTable

ROUNDS = 5
# No rule can have these ids.
_ASKING, _TOGETHER = " asking", " together"


@dataclass(frozen=True, slots=True)
class RuleCost:
    """The median time of one rule alone; `share` is its part of the sum of all. `why` it could not be measured."""

    rule_id: str
    rule: str
    kind: str
    seconds: float = 0.0
    share: float = 0.0
    why: str = ""


@dataclass(frozen=True, slots=True)
class Cost:
    """What the rules of a table cost over the rows that one partition serves.

    `asking_seconds` is the time of a question without a rule, and part of every other; `together_seconds` that of all
    row rules in one pass, `row_rules` how many those are.
    """

    table: str
    partition: str
    rows: int
    rounds: int
    reading_seconds: float
    asking_seconds: float
    together_seconds: float
    row_rules: int
    rules: tuple[RuleCost, ...]


@dataclass(frozen=True, slots=True)
class _Bench:
    """The rows of one partition in memory, and the step their rules are judged in."""

    step: Step
    rows: nw.LazyFrame
    partition: str
    count: int

    def alone(self, spec: RuleSpec) -> Callable[[], str]:
        """Return what judges one rule and says why it could not."""
        contract = self.step.contract
        step = replace(self.step, contract=replace(contract, rules=(spec,)))
        if spec.kind is RuleKind.OVER_TIME:
            return lambda: self._over_time(step)
        if spec.kind in {RuleKind.PARTITION, RuleKind.TABLE}:
            return lambda: self._partition(step, spec)
        judges = {
            RuleKind.ROW: self._row,
            RuleKind.GROUP: self._group,
            RuleKind.FOREIGN_KEY: self._reference,
        }
        judge = judges.get(spec.kind)
        if judge is None:
            return lambda: f"a rule of kind {spec.kind} looks at more than the rows of its table"
        return lambda: judge(step)

    def together(self, specs: Sequence[RuleSpec]) -> Callable[[], str]:
        """Return what judges several row rules in one pass."""
        step = replace(self.step, contract=replace(self.step.contract, rules=tuple(specs)))
        return lambda: self._row(step)

    def ask(self) -> str:
        """Ask for something that needs no rule."""
        self.step.lake.engine.collect(self.rows.select(nw.len().alias("rows")))
        return ""

    def _row(self, step: Step) -> str:
        specs = [spec for spec in step.contract.rules if spec.kind is RuleKind.ROW]
        return self._count(self.rows, bind(specs, step.lake.rule_functions, scope_of(step.contract)))

    def _group(self, step: Step) -> str:
        groups = find_groups(step, self.rows, scope_of(step.contract))
        return self._count(groups.mark(self.rows), groups.rules)

    def _reference(self, step: Step) -> str:
        return self._count(with_references(step, self.rows), reference_rules(step.contract))

    def _count(self, rows: nw.LazyFrame, rules: Sequence[RowRule]) -> str:
        self.step.lake.engine.collect(flag(rows, rules).select(*counts(rules)))
        return next((rule.error for rule in rules if rule.error), "")

    def _partition(self, step: Step, spec: RuleSpec) -> str:
        contract, functions = step.contract, step.lake.rule_functions
        asked = judge_partitions(self.rows, contract.partition_column, [spec], functions, scope_of(contract))
        (found,) = step.lake.engine.collect_all(asked)
        return str(found[ERROR][0]) if found.columns == [ERROR] else ""

    def _over_time(self, step: Step) -> str:
        times = look(step, self.rows, {self.partition: self.count})
        results_over_time(step, times, self.partition)
        return times.blind


def cost_of(lake: Lake, table: TableName, partition: str = "", *, rounds: int = ROUNDS) -> Cost:
    """Measure the rules of a table over a partition that is served, the newest where none is named."""
    lake = replace(lake, computes=lake.engine)
    contract, opened = lake.contract(table), lake.open(table)
    if opened is None or not opened.files:
        raise LakehouseError(f"{table} was never published.", fix=f"Run `lakehouse run {table}` first.")
    name = _served(lake, contract, opened, partition)
    files = opened.files if not contract.is_partitioned else opened.files_of([name])
    started = time.perf_counter()
    held = lake.engine.collect(lake.scan(opened, files))
    reading = time.perf_counter() - started
    with tempfile.TemporaryDirectory(prefix="lakehouse-cost-") as folder:
        step = open_dry_step(lake, contract, [name], folder)
        bench = _Bench(step, lake.engine.lift(held), name, held.height)
        return _measured(bench, rounds, reading)


def _served(lake: Lake, contract: Contract, opened: OpenTable, partition: str) -> str:
    if not contract.is_partitioned:
        return SNAPSHOT_PARTITION
    if not partition:
        return max(opened.partitions)
    (name,) = lake.check_partitions(contract.table, [partition])
    if name not in opened.partitions:
        raise LakehouseError(
            f"{contract.table} {name} is not published.",
            fix=f"Run `lakehouse run {contract.table} --partition {name}`.",
        )
    return name


def _measured(bench: _Bench, rounds: int, reading: float) -> Cost:
    contract = bench.step.contract
    tried = {spec.id: _tried(bench.alone(spec)) for spec in contract.rules}
    sound = {spec.id: bench.alone(spec) for spec in contract.rules if not tried[spec.id]}
    fused = [spec for spec in contract.rules if spec.kind is RuleKind.ROW and spec.id in sound]
    whole = {_TOGETHER: bench.together(fused)} if fused else {}
    seconds = _rounds({_ASKING: bench.ask, **whole, **sound}, rounds)
    total = sum(seconds[name] for name in sound) or 1.0
    costs = (
        RuleCost(spec.id, spec.rule, spec.kind.value, seconds[spec.id], seconds[spec.id] / total)
        if spec.id in sound
        else RuleCost(spec.id, spec.rule, spec.kind.value, why=tried[spec.id])
        for spec in contract.rules
    )
    return Cost(
        str(contract.table),
        bench.partition,
        bench.count,
        rounds,
        reading_seconds=reading,
        asking_seconds=seconds[_ASKING],
        together_seconds=seconds.get(_TOGETHER, 0.0),
        row_rules=len(fused),
        rules=tuple(sorted(costs, key=lambda cost: -cost.seconds)),
    )


def _tried(judge: Callable[[], str]) -> str:
    try:
        return judge()
    except rule_errors() as error:
        return reason_of(error)


def _rounds(judges: Mapping[str, Callable[[], str]], rounds: int) -> dict[str, float]:
    """Return median seconds; everything takes its turn in every round, so that a busy moment hits all alike."""
    laps: dict[str, list[float]] = {name: [] for name in judges}
    for _ in range(rounds):
        for name, judge in judges.items():
            started = time.perf_counter()
            judge()
            laps[name].append(time.perf_counter() - started)
    return {name: median(each) for name, each in laps.items()}
