"""What the lake says happened, read back from its records and tables: the other half of what was planted.

Nothing here knows what was planted; comparing the two is `check`.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal

import narwhals as nw

from lakehouse_assets.demo.desk_check import ACCOUNTS, HISTORY, LANDED, LOG, FoundChanges, look_at_accounts
from lakehouse_assets.naming import PROC_DATE, TableName, bronze
from lakehouse_assets.pipeline.lake import Lake
from lakehouse_assets.pipeline.recorded import Recorded, served
from lakehouse_assets.results import BLOCKED, LABELS, Ledger, Outcome, PartitionRecord, Record

ORDER_LINES = bronze("retail", "order_lines")
LINES = TableName("silver", ("retail_order_lines",))
SALES = TableName("gold", ("retail_sales_daily",))
PRODUCTS = TableName("gold", ("retail_products",))
CUSTOMERS = TableName("gold", ("retail_customer_orders",))
DAILY = (ORDER_LINES, LINES, SALES)
DESK_DAILY, DERIVED = (LANDED, LOG), (ACCOUNTS, HISTORY)
TABLES = (*DAILY, PRODUCTS, CUSTOMERS, *DESK_DAILY, *DERIVED)
_CODE = re.compile(r"(?:^|: )([a-z_]+): ")


@dataclass(frozen=True, slots=True)
class TableSummary:
    """Rows of all served partitions of a table together, and the mean score."""

    table: str
    partitions: int
    ledger: Ledger
    score: float


@dataclass(frozen=True, slots=True)
class Found:
    """Everything that can be compared with `dirt.Planted`, plus what people want to see."""

    tables: tuple[TableSummary, ...]
    dimensions: Mapping[str, tuple[int, int]]
    rules: Counter[str] = field(default_factory=Counter)
    rejected: Counter[str] = field(default_factory=Counter)
    blocked: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    low_scores: frozenset[str] = frozenset()
    unknown_columns: frozenset[str] = frozenset()
    late_rows: int = 0
    revenue: Decimal = Decimal(0)
    accounts: FoundChanges = field(default_factory=FoundChanges)

    @property
    def score(self) -> float:
        """Mean score of all served partitions."""
        partitions = sum(one.partitions for one in self.tables)
        return sum(one.score * one.partitions for one in self.tables) / max(1, partitions)

    def ledger(self, table: TableName) -> Ledger:
        """Return the rows of one table."""
        return next(one.ledger for one in self.tables if one.table == str(table))


def look(lake: Lake, history: Iterable[Record]) -> Found:
    """Read back what was published, refused and kept back; `history` holds every record in order."""
    now = {table: served(lake, table) for table in TABLES}
    rejected, kept_back = _kept_back(history)
    return Found(
        tables=tuple(_summary(table, records) for table, records in now.items()),
        dimensions=_dimensions(one.of for records in now.values() for one in records.values()),
        rules=_failed_rows(one.of for one in now[LINES].values()),
        rejected=rejected,
        blocked=kept_back,
        low_scores=frozenset(
            f"{table.layer} {day}"
            for table, records in now.items()
            for day, one in records.items()
            if one.of.low_score is not None
        ),
        unknown_columns=frozenset(
            name for one in now[ORDER_LINES].values() for event in one.of.drift for name in event.added
        ),
        late_rows=_late_rows(lake),
        revenue=_revenue(lake),
        accounts=look_at_accounts(lake),
    )


def _summary(table: TableName, records: Mapping[str, Recorded]) -> TableSummary:
    ledgers = [one.of.ledger for one in records.values()]
    total = Ledger(
        read=sum(one.read for one in ledgers),
        published=sum(one.published for one in ledgers),
        quarantined=sum(one.quarantined for one in ledgers),
        deduplicated=sum(one.deduplicated for one in ledgers),
        filtered=sum(one.filtered for one in ledgers),
    )
    score = sum(one.of.score for one in records.values()) / max(1, len(records))
    return TableSummary(str(table), len(records), total, score)


def _dimensions(records: Iterable[PartitionRecord]) -> dict[str, tuple[int, int]]:
    passed: Counter[str] = Counter()
    failed: Counter[str] = Counter()
    for record in records:
        for result in (one for one in record.results if one.outcome is not Outcome.SKIPPED):
            (passed if result.passed else failed)[LABELS[result.dimension]] += 1
    return {label: (passed[label], failed[label]) for label in dict.fromkeys(LABELS.values()) if passed[label]}


def _failed_rows(records: Iterable[PartitionRecord]) -> Counter[str]:
    found: Counter[str] = Counter()
    for record in records:
        found.update({result.rule_id: result.failed_rows for result in record.results if result.failed_rows})
    return found


def _kept_back(history: Iterable[Record]) -> tuple[Counter[str], dict[str, tuple[str, ...]]]:
    codes: Counter[str] = Counter()
    kept: dict[str, tuple[str, ...]] = {}
    for record in history:
        layer = record.table.partition("/")[0]
        for one in record.partitions:
            if one.status == BLOCKED:
                reasons = [result for result in one.results if result.blocks]
                kept[f"{layer} {one.partition}"] = tuple(result.rule_id for result in reasons)
                codes.update(match[1] for result in reasons if (match := _CODE.search(result.reason)))
    return codes, kept


def _late_rows(lake: Lake) -> int:
    table = lake.open(LINES)
    if table is None:
        return 0
    arrived = nw.col(PROC_DATE).str.to_date(format="%Y-%m-%d")
    late = lake.scan(table).filter(nw.col("invoiced_at").dt.date() < arrived)
    return int(lake.engine.collect(late.select(nw.len().alias("rows"))).item())


def _revenue(lake: Lake) -> Decimal:
    table = lake.open(SALES)
    if table is None:
        return Decimal(0)
    total = lake.engine.collect(lake.scan(table).select(nw.col("net_amount").sum())).item()
    return Decimal(total or 0)
