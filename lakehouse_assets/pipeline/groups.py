"""Rules that judge rows beside the others of their partition, in a step: found on all rows, then told to every pass."""

from collections.abc import Sequence
from dataclasses import dataclass

import narwhals as nw
import polars as pl

from lakehouse_assets.contracts.model import RuleKind, RuleSpec
from lakehouse_assets.engines.faults import engine_errors
from lakehouse_assets.pipeline.step import Step
from lakehouse_assets.quality.group_rules import group_rule, violating_groups, with_group
from lakehouse_assets.quality.judge import RowRule, Scope, reason_of


@dataclass(frozen=True, slots=True)
class Groups:
    """Group rules of a step as row rules, and the combinations of values that violate each that could run."""

    step: Step
    rules: tuple[RowRule, ...] = ()
    found: tuple[tuple[RuleSpec, pl.DataFrame], ...] = ()

    def mark(self, rows: nw.LazyFrame) -> nw.LazyFrame:
        """Add one boolean column a rule that could run: whether the row violates it."""
        for spec, combinations in self.found:
            rows = with_group(rows, spec, self.step.lake.engine.lift(combinations))
        return rows


def find_groups(step: Step, rows: nw.LazyFrame, scope: Scope) -> Groups:
    """Judge all rows of a step by the group rules of its contract."""
    specs = [spec for spec in step.contract.rules if spec.kind is RuleKind.GROUP]
    if not specs:
        return Groups(step)
    partition, functions = step.contract.partition_column, step.lake.rule_functions
    frames = violating_groups(rows, partition, specs, functions, scope)
    answers = collected(step, frames)
    rules = [
        group_rule(spec, found if isinstance(found, str) else "") for spec, found in zip(specs, answers, strict=True)
    ]
    found = [(spec, one) for spec, one in zip(specs, answers, strict=True) if not isinstance(one, str)]
    return Groups(step, tuple(rules), tuple(found))


def collected(step: Step, frames: Sequence[nw.LazyFrame | str]) -> list[pl.DataFrame | str]:
    """Collect frames together, or each alone where that fails: then the reason stands in the place of some."""
    lazy = [frame for frame in frames if not isinstance(frame, str)]
    try:
        found = iter(step.lake.engine.collect_all(lazy))
    except engine_errors():
        return [frame if isinstance(frame, str) else _alone(step, frame) for frame in frames]
    return [frame if isinstance(frame, str) else next(found) for frame in frames]


def _alone(step: Step, frame: nw.LazyFrame) -> pl.DataFrame | str:
    try:
        return step.lake.engine.collect(frame)
    except engine_errors() as error:
        return reason_of(error)
