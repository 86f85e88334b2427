"""What became of the customer desk's exports, read back from the lake, and whether it is what was planted."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import narwhals as nw

from lakehouse_assets.demo.desk_files import PlantedChanges
from lakehouse_assets.demo.desk_truth import NOW, VERSIONS, Row, accounts_now, versions
from lakehouse_assets.naming import DELETED, PROC_DATE, ROW_ID, TableName, bronze, changes_of, history_of
from lakehouse_assets.pipeline.lake import Lake
from lakehouse_assets.pipeline.recorded import served

ACCOUNTS = TableName("silver", ("retail_customers",))
LOG, HISTORY = changes_of(ACCOUNTS), history_of(ACCOUNTS)
LANDED = bronze("retail", "customers")
_KEY, _AT = "customer_id", "changed_at"
# A rule about how much was refused, not about which rows.
_RATIO = "quarantine_ratio"


@dataclass(frozen=True, slots=True)
class FoundChanges:
    """Everything that can be compared with `desk_files.PlantedChanges`, and the derived rows themselves."""

    changes: int = 0
    deletions: int = 0
    repeated: int = 0
    again: int = 0
    earlier_days: int = 0
    out_of_order: int = 0
    bad: int = 0
    rules: Counter[str] = field(default_factory=Counter)
    now: frozenset[Row] = frozenset()
    versions: frozenset[Row] = frozenset()


def look_at_accounts(lake: Lake) -> FoundChanges:
    """Read back the change log, its records and the derived tables."""
    log = _rows(lake, LOG, (_KEY, _AT, DELETED, PROC_DATE, ROW_ID))
    records = [one.of for one in served(lake, LOG).values()]
    told = {(key, at): deleted for key, at, deleted, *_ in log}
    failed = (one for record in records for one in record.results if one.failed_rows and one.rule_id != _RATIO)
    rules: Counter[str] = Counter()
    for one in failed:
        rules[one.rule_id] += one.failed_rows
    return FoundChanges(
        changes=len(told),
        deletions=sum(map(bool, told.values())),
        repeated=sum(record.ledger.deduplicated for record in records),
        again=len(log) - len(told),
        earlier_days=sum(str(at)[:10] < str(day) for _, at, _, day, _ in log),
        out_of_order=_out_of_order(log),
        bad=sum(record.ledger.quarantined for record in records),
        rules=rules,
        now=frozenset(_rows(lake, ACCOUNTS, NOW)),
        versions=frozenset(_rows(lake, HISTORY, VERSIONS)),
    )


def compare_accounts(planted: PlantedChanges, found: FoundChanges) -> Iterator[str]:
    """Yield one sentence for every difference."""
    counts = {
        "changes of accounts": (len(planted.changes), found.changes),
        "closed accounts": (planted.deletions, found.deletions),
        "changes that came twice in a file": (planted.repeated, found.repeated),
        "changes that came again another day": (planted.again, found.again),
        "changes of an earlier day": (planted.late + planted.again, found.earlier_days),
        "changes after a newer one": (planted.out_of_order, found.out_of_order),
        "changes in quarantine": (planted.bad, found.bad),
        "rules that changes broke": (dict(planted.rules), dict(found.rules)),
    }
    for what, (expected, seen) in counts.items():
        if expected != seen:
            yield f"{what}: planted {expected}, found {seen}"
    yield from _differs("accounts", accounts_now(planted.changes), found.now)
    yield from _differs("versions of accounts", versions(planted.changes), found.versions)


def _differs(what: str, expected: set[Row], found: frozenset[Row]) -> Iterator[str]:
    if expected != found:
        yield f"{what}: {len(expected - found)} of {len(expected)} are not there, {len(found - expected)} are too many"


def _rows(lake: Lake, table: TableName, columns: Sequence[str]) -> list[Row]:
    opened = lake.open(table)
    if opened is None:
        return []
    return list(lake.engine.collect(lake.scan(opened).select(*map(nw.col, columns))).iter_rows())


def _out_of_order(log: Sequence[Row]) -> int:
    newest: dict[object, str] = {}
    count = 0
    for key, at, _, _, _ in sorted(log, key=lambda row: (str(row[3]), str(row[4]))):
        count += str(at) < newest.get(key, "")
        newest[key] = max(newest.get(key, ""), str(at))
    return count
