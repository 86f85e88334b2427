"""Foreign keys: the referenced keys are joined once, at the version this step pinned, and become a flag.

Order never decides content: rows refused here mark their partition stale, and a publish of the referenced
table requests it again (`defs`).
"""

import narwhals as nw

from lakehouse_assets.contracts.model import Contract, RuleKind, RuleSpec
from lakehouse_assets.naming import TableName
from lakehouse_assets.pipeline.renamed import fill_renamed
from lakehouse_assets.pipeline.step import Step
from lakehouse_assets.quality.judge import RowRule


def with_references(step: Step, rows: nw.LazyFrame) -> nw.LazyFrame:
    """Add one boolean column a foreign key: whether the row points to nothing."""
    for spec in _foreign_keys(step.contract):
        rows = flag_missing(rows, spec, _keys(step, spec))
    return rows


def reference_rules(contract: Contract) -> tuple[RowRule, ...]:
    """Return the foreign keys as row rules over the columns that `with_references` adds."""
    return tuple(RowRule(spec, nw.col(_flag(spec))) for spec in _foreign_keys(contract))


def flag_missing(rows: nw.LazyFrame, spec: RuleSpec, keys: nw.LazyFrame | None) -> nw.LazyFrame:
    """Add whether a row points to none of the `keys`, a column of the same name; without keys every row does."""
    column, flag = str(spec.column), _flag(spec)
    allows_null = spec.arguments.get("nulls", "allow") == "allow"
    null_is_wrong = nw.lit(False) if allows_null else nw.lit(True)  # noqa: FBT003 - literals
    wrong, present = nw.lit(value=True), nw.lit(value=True).alias(f"{flag}_found")
    if keys is None:
        # Never published: every row points to nothing until it is, whichever of the two runs first.
        return rows.with_columns(nw.when(nw.col(column).is_null()).then(null_is_wrong).otherwise(wrong).alias(flag))
    joined = rows.join(keys.unique().with_columns(present), on=column, how="left")
    missing = nw.col(f"{flag}_found").is_null()
    return joined.with_columns(
        nw.when(nw.col(column).is_null()).then(null_is_wrong).otherwise(missing).alias(flag)
    ).drop(f"{flag}_found")


def _foreign_keys(contract: Contract) -> list[RuleSpec]:
    return [spec for spec in contract.rules if spec.kind is RuleKind.FOREIGN_KEY]


def _keys(step: Step, spec: RuleSpec) -> nw.LazyFrame | None:
    table = TableName.parse(str(spec.arguments["table"]))
    referenced = step.upstreams.get(table)
    if referenced is None:
        return None
    named = fill_renamed(step.lake.scan(referenced), step.lake.contract(table))
    return named.select(nw.col(str(spec.arguments["column"])).alias(str(spec.column)))


def _flag(spec: RuleSpec) -> str:
    return f"__fk_{spec.fingerprint[:16]}"
