"""Bronze contracts that source files imply; a bronze contract file, where there is one, takes their place."""

from lakehouse_assets.contracts.fingerprints import rule_set
from lakehouse_assets.contracts.loading import Gate, Load
from lakehouse_assets.contracts.model import Arrival, Column, Contract, RuleKind, RuleSpec, Source, SourceTable
from lakehouse_assets.contracts.reading import Reading
from lakehouse_assets.contracts.reconciled import reconcile_rules
from lakehouse_assets.contracts.rules import Declaration, to_spec
from lakehouse_assets.naming import RAW_HASH
from lakehouse_assets.results import Dimension

VERSION = "1.0.0"
ROW_BOUNDS, DUPLICATE_SHARE = "row_bounds", "duplicate_share"


def bronze_contract(source: Source, table: SourceTable, reading: Reading) -> Contract:
    """Return what a source file promises about one of its tables; technical columns are not listed."""
    columns = tuple(Column(name, found, line=table.place.line) for name, found in table.columns.items())
    gate = gate_of(table.arrival)
    rules = (*arrival_rules(table, reading), *reconcile_rules(table, reading))
    # Read later, a new column makes nothing outdated that has landed; landed again, it does.
    decisive = columns if table.schema == "on_write" else ()
    return Contract(
        table=table.table,
        version=VERSION,
        columns=columns,
        rules=rules,
        load=Load(mode=table.load),
        gate=gate,
        place=table.place,
        calendar=source.calendar,
        rule_set=rule_set((rule.fingerprint for rule in rules), decisive, Load(), gate),
        description=source.description,
        owner=source.owner,
    )


def gate_of(arrival: Arrival) -> Gate:
    """Return the gate of a bronze table; a source that may deliver nothing has `minRows: 0`."""
    return Gate(min_rows=arrival.min_rows, empty_partition="fail" if arrival.min_rows else "allow")


def arrival_rules(table: SourceTable, reading: Reading) -> tuple[RuleSpec, ...]:
    """Return the bounds of what arrives as partition rules; the pipeline judges them while it lands the rows."""
    arrival, at = table.arrival, ["tables", table.name]
    bounds = {"min": arrival.min_rows} | ({} if arrival.max_rows is None else {"max": arrival.max_rows})
    declared = [(Declaration(ROW_BOUNDS, "row_count", at, arguments=bounds), Dimension.COVERAGE)]
    if arrival.max_duplicate_share < 1:
        share = {"columns": [RAW_HASH], "max": arrival.max_duplicate_share}
        declared.append((Declaration(DUPLICATE_SHARE, "duplicate_rate", at, arguments=share), Dimension.UNIQUENESS))
    return tuple(to_spec(rule, RuleKind.PARTITION, dimension, reading) for rule, dimension in declared)
