"""Cases of rules that judge rows beside the others of their partition: which rows each flags, on every type."""

from collections.abc import Iterator, Sequence

import narwhals as nw
import polars as pl

from lakehouse_assets.contracts.model import RuleKind, RuleSpec
from lakehouse_assets.naming import PROC_DATE
from lakehouse_assets.quality.group_rules import group_rule, violating_groups, with_group
from lakehouse_assets.quality.judge import Scope, flag, flag_of, window_end_of
from lakehouse_assets_tests.parity.cases import ROW, Engine, Task
from lakehouse_assets_tests.parity.catalog import RULES
from lakehouse_assets_tests.parity.operations import TYPES
from lakehouse_assets_tests.parity.partitions import ALL_COLUMNS, drawn, every_type


def tasks() -> Iterator[Task]:
    """Yield every group rule on columns of every type."""
    for name, rule in RULES.items():
        if rule.signature.kind is RuleKind.GROUP:
            specs = [spec for kind in TYPES for spec in drawn(rule, kind)]
            yield _flagged(f"{name} on every type", specs)


def _flagged(name: str, specs: Sequence[RuleSpec]) -> Task:
    rows = every_type().with_row_index(ROW).cast({ROW: pl.Int64})
    scope = Scope(ALL_COLUMNS, window_end_of())

    def flagged(engine: Engine) -> pl.DataFrame:
        marked = engine.lift(rows)
        rules = []
        for spec, found in zip(specs, violating_groups(marked, PROC_DATE, specs, RULES, scope), strict=True):
            rules.append(group_rule(spec, found if isinstance(found, str) else ""))
            if not isinstance(found, str):
                marked = with_group(marked, spec, engine.lift(engine.collect(found)))
        flags = [nw.col(flag_of(number)) for number in range(len(rules))]
        assert not [rule.error for rule in rules if rule.error]
        return engine.collect(flag(marked, rules).select(ROW, *flags))

    return Task(name, flagged)
