"""Rows of a change log that say that their key is gone: how they are told apart, and which rules judge them.

Such a row often holds nothing but its key and its time. Only rules about those judge it; every other rule holds.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace

import narwhals as nw

from lakehouse_assets.contracts.arguments import COLUMN_PARAMETERS
from lakehouse_assets.contracts.loading import Role
from lakehouse_assets.contracts.model import Contract, RuleKind, RuleSpec
from lakehouse_assets.naming import DELETED
from lakehouse_assets.pipeline.built_in import RAW, WINDOW_RULES
from lakehouse_assets.pipeline.on_read import READ
from lakehouse_assets.pipeline.step import Step
from lakehouse_assets.quality.judge import RowRule


def with_deleted(step: Step, rows: nw.LazyFrame) -> nw.LazyFrame:
    """Add whether a row is a deletion, as the source file tells them, to the rows of a change log."""
    if step.contract.role is not Role.CHANGES:
        return rows
    deletes = step.lake.catalog.source_table(step.contract.upstreams[0]).deletes
    have = rows.collect_schema()
    named = [f"{prefix}{deletes.column}" for prefix in (READ, RAW)] if deletes else []
    found = next((name for name in named if name in have), None)
    if deletes is None or found is None:
        return rows.with_columns(nw.lit(value=False).alias(DELETED))
    told = nw.col(found).cast(nw.String).is_in(deletes.values)
    return rows.with_columns(told.fill_null(value=False).alias(DELETED))


def spare_deletions(rules: Iterable[RowRule], contract: Contract) -> tuple[RowRule, ...]:
    """Return the rules of a change log so that each leaves the deletions alone that it does not judge."""
    if contract.role is not Role.CHANGES:
        return tuple(rules)
    return tuple(rule if judges_deletions(rule.spec, contract) else _spared(rule) for rule in rules)


def judges_deletions(spec: RuleSpec, contract: Contract) -> bool:
    """Whether a rule looks at keys and their order only, or at no column at all.

    A reference does not: what points to a row that is gone, too, may go.
    """
    judged = {*contract.load.keys, contract.load.sequence_by}
    if spec.rule in WINDOW_RULES:
        return contract.load.event_time in judged
    return spec.kind is not RuleKind.FOREIGN_KEY and set(_columns_of(spec)) <= judged


def _columns_of(spec: RuleSpec) -> Iterator[str]:
    if spec.column:
        yield spec.column
    for name in COLUMN_PARAMETERS & set(spec.arguments):
        value = spec.arguments[name]
        yield from map(str, value if isinstance(value, list | tuple) else [value])


def _spared(rule: RowRule) -> RowRule:
    return rule if rule.error else replace(rule, violated=rule.violated & ~nw.col(DELETED))
