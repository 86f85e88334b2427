"""The quarantine as people read it: counts by rule, and rows with their reasons, of what is served now.

Values of classified columns are masked unless somebody asks for them; so is what nobody has classified.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import narwhals as nw

from lakehouse_assets.contracts.model import Contract
from lakehouse_assets.naming import DEFECT, DEFECT_LINE, ROW_ID, SOURCE_OBJECT, TableName, blocked_of
from lakehouse_assets.pipeline.content import served_quarantine
from lakehouse_assets.pipeline.lake import Lake
from lakehouse_assets.pipeline.recorded import blocked, served

MASK = "***"
RULE = "rule_id"


@dataclass(frozen=True, slots=True)
class QuarantineCount:
    """Rows of one partition that one rule refused; a row that broke several rules is counted under each."""

    table: str
    partition: str
    rule: str
    rows: int
    is_waived: bool


@dataclass(frozen=True, slots=True)
class QuarantinedRow:
    """A refused row: where it came from, every reason, and the row as it was in bronze, masked or not."""

    partition: str
    row_id: str
    reasons: tuple[Mapping[str, str | None], ...]
    contract_version: str
    raw: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Choice:
    """Which rows of a quarantine. `of_blocked`: of partitions that were kept back, instead of what is served."""

    rule: str = ""
    partition: str = ""
    of_blocked: bool = False


def count_quarantine(lake: Lake, table: TableName, choice: Choice | None = None) -> list[QuarantineCount]:
    """Return the rows in quarantine by partition and rule, of what readers see now."""
    choice = choice or Choice()
    rows = _chosen(lake, table, choice)
    if rows is None:
        return []
    partition = lake.contract(table).partition_column
    rules = by_reason(rows, partition)
    if choice.rule:
        rules = rules.filter(nw.col(RULE) == choice.rule)
    counted = lake.engine.collect(rules.group_by(partition, RULE).agg(nw.len().alias("rows")))
    words = blocked(lake, table) if choice.of_blocked else served(lake, table, skip_damaged=True)
    waived = {(name, rule) for name, word in words.items() for rule in word.of.waived}
    lines = sorted((str(p), str(rule), int(n)) for p, rule, n in counted.select(partition, RULE, "rows").iter_rows())
    return [QuarantineCount(str(table), p, rule, n, is_waived=(p, rule) in waived) for p, rule, n in lines]


def quarantined_rows(
    lake: Lake, table: TableName, choice: Choice, *, limit: int, unmasked: bool = False
) -> list[QuarantinedRow]:
    """Return rows in quarantine in the order they were received, at most `limit` of them."""
    contract = lake.contract(table)
    rows = _chosen(lake, table, choice)
    if rows is None:
        return []
    partition = contract.partition_column
    if choice.rule:
        wanted = by_reason(rows, partition).filter(nw.col(RULE) == choice.rule).select(partition, ROW_ID).unique()
        rows = rows.join(wanted, on=[partition, ROW_ID], how="semi")
    found = lake.engine.collect(rows.sort(partition, ROW_ID).head(limit))
    return [_row(row, contract, unmasked=unmasked) for row in found.iter_rows(named=True)]


def by_reason(rows: nw.LazyFrame, partition: str) -> nw.LazyFrame:
    """Return partition, row id and rule id of rows of a quarantine: one line a reason."""
    each = rows.select(partition, ROW_ID, "reasons").explode("reasons")
    return each.select(partition, ROW_ID, nw.col("reasons").struct.field(RULE).alias(RULE))


def masked(contract: Contract, raw: Mapping[str, Any]) -> dict[str, Any]:
    """Return a raw row with every value hidden that is classified, or that nobody has classified."""
    return {name: value if value is None or _is_open(contract, name) else MASK for name, value in raw.items()}


def _is_open(contract: Contract, field: str) -> bool:
    if field in {ROW_ID, SOURCE_OBJECT, DEFECT}:
        return True
    columns = contract.columns
    if field != DEFECT_LINE:
        columns = tuple(
            one for one in columns if field == one.name or field in {path.rpartition(".")[2] for path in one.sources}
        )
    return bool(columns) and not any(one.is_classified for one in columns)


def _row(row: Mapping[str, Any], contract: Contract, *, unmasked: bool) -> QuarantinedRow:
    raw = json.loads(row["raw"])
    return QuarantinedRow(
        partition=str(row[contract.partition_column]),
        row_id=row[ROW_ID],
        reasons=tuple(row["reasons"]),
        contract_version=row["contract_version"],
        raw=raw if unmasked else masked(contract, raw),
    )


def _chosen(lake: Lake, table: TableName, choice: Choice) -> nw.LazyFrame | None:
    contract = lake.contract(table)
    if choice.of_blocked:
        side = lake.open(blocked_of(table))
        rows = lake.scan(side) if side is not None else None
    else:
        rows = served_quarantine(lake, table)
    if rows is not None and choice.partition:
        rows = rows.filter(nw.col(contract.partition_column) == choice.partition)
    return rows
