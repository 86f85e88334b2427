"""What a source records about its partitions, and findings about rules that could never be reconciled with anything."""

from collections.abc import Iterator, Mapping

from lakehouse_assets.contracts.loading import Mode, Reconcile
from lakehouse_assets.contracts.model import Contract, RuleKind, RuleSpec, SourceTable
from lakehouse_assets.contracts.odcs import upstream_of
from lakehouse_assets.contracts.reading import Reading
from lakehouse_assets.contracts.rules import Declaration, to_spec
from lakehouse_assets.contracts.source_blocks import SourceFile, TableBlock
from lakehouse_assets.contracts.vocabulary import ArgumentError
from lakehouse_assets.documents.findings import Spot, nearest
from lakehouse_assets.naming import TableName
from lakehouse_assets.results import Dimension

WITH_SOURCE = "reconciles_with_source"
NOTHING, FILE = "LH426", "{file}"
_Found = Iterator[tuple[str, str, str]]


def reconcile_of(block: TableBlock) -> Reconcile | None:
    """Return what a source promises to record: as written, or the rows of a table whose files have a control file."""
    if block.reconcile is not None:
        return Reconcile(**block.reconcile.model_dump())
    return Reconcile() if block.read is not None and block.read.control else None


def check_reconcile(block: SourceFile, reading: Reading) -> None:
    """Find measures that a source could not record, or that what lands could not be compared with."""
    for name, table in block.tables.items():
        at = ["tables", name]
        for code, key, message, hint in _wrong(block, table):
            reading.tell(code, [*at, key] if key in _written(table) else at, message, hint)


def reconcile_rules(table: SourceTable, reading: Reading) -> tuple[RuleSpec, ...]:
    """Return a rule for every measure that a source promises to record; the pipeline judges them as rows land."""
    promised = table.reconcile
    if promised is None:
        return ()
    found: list[tuple[str, str | None, str]] = [("rows_reconcile", None, "rows")] if promised.rows else []
    found += [(f"{column}.sum_reconciles", column, "sum") for column in promised.sums]
    found += [("sha256_reconciles", None, "sha256")] if promised.sha256 else []
    share = {"tolerance": promised.tolerance}
    declared = (
        Declaration(
            rule_id,
            WITH_SOURCE,
            ["tables", table.name],
            column=column,
            arguments={"measure": measure, **({"column": column} if column else {}), **share},
        )
        for rule_id, column, measure in found
    )
    return tuple(to_spec(rule, RuleKind.RECONCILED, Dimension.ACCURACY, reading) for rule in declared)


def check_reconciled(
    contract: Contract,
    contracts: Mapping[TableName, Contract],
    landing: Mapping[TableName, SourceTable],
    reading: Reading,
) -> None:
    """Find rules of a contract that nothing could be reconciled with."""
    for spec in contract.rules:
        if spec.kind is not RuleKind.RECONCILED:
            continue
        if spec.rule == WITH_SOURCE:
            found = _with_source(spec, contract, landing)
        else:
            found = _with_upstream(spec, contract, contracts, reading)
        for code, message, hint in found:
            reading.report.add(code, Spot(spec.place.path, spec.place.line), message, hint)


def recorded_name(spec: RuleSpec, contract: Contract) -> str:
    """Return what the source calls the column that a rule adds up."""
    if spec.arguments.get("recorded") or contract.table.layer == "bronze":
        return str(spec.arguments.get("recorded") or spec.column)
    column = next((one for one in contract.columns if one.name == spec.column), None)
    found = upstream_of(column.sources[0]) if column is not None and len(column.sources) == 1 else None
    return found[1] if found else str(spec.column)


def _written(table: TableBlock) -> set[str]:
    return {key for key in ("reconcile", "read", "load") if key in table.model_fields_set}


def _wrong(block: SourceFile, table: TableBlock) -> Iterator[tuple[str, str, str, str]]:
    promised, control = reconcile_of(table), table.read.control if table.read else ""
    if control and "{partition}" not in control and FILE not in control:
        hint = "Write {partition} or {file} into it."
        yield NOTHING, "read", "every partition would read the same control file.", hint
    if control and Mode(table.load) is Mode.APPEND_ONCE and FILE not in control:
        hint = "Write a control file for each: control: '{file}.control.json'."
        yield "LH921", "read", "a batch is one file, and the control file is about all of a partition.", hint
    if promised is None:
        return
    for column in promised.sums:
        if column not in table.columns:
            hint = nearest(column, table.columns)
            yield "LH910", "reconcile", f"{column!r}, whose sum is recorded, is not among the columns.", hint
    if promised.sums and block.replay == "state":
        message = "sums of a source with replay: state differ, for rows that it no longer has stay here."
        yield NOTHING, "reconcile", message, "Reconcile rows only."
    if promised.sha256 and table.read is None:
        yield NOTHING, "reconcile", "only files have a hash.", "Reconcile rows and sums."
    has_trailer = table.read is not None and "{rows}" in table.read.trailer
    beyond_rows = bool(promised.sums) or promised.sha256
    if table.read is not None and not control and (beyond_rows or not has_trailer):
        hint = "Write read.control, the file in which it does."
        yield NOTHING, "reconcile", "nothing says what the source recorded.", hint


def _with_source(spec: RuleSpec, contract: Contract, landing: Mapping[TableName, SourceTable]) -> _Found:
    bronze = contract.table if contract.table.layer == "bronze" else next(iter(contract.upstreams), None)
    source = landing.get(bronze) if bronze is not None else None
    if not contract.is_partitioned:
        message = f"{spec.id!r}: a source records partitions, and {contract.table} has only one."
        yield NOTHING, message, "Declare it at the table that its rows come from."
    elif source is None:
        message = f"{spec.id!r}: {contract.table} is not made from one bronze table, so no source speaks of it."
        yield NOTHING, message, "Use reconciles_with_upstream."
    elif source.reconcile is None:
        message = f"{spec.id!r}: the source {source.source!r} does not promise to record anything of {source.name}."
        yield NOTHING, message, f"Write reconcile: at {source.name} in sources/{source.source}.yaml."
    elif spec.arguments.get("measure", "rows") == "rows" and not source.reconcile.rows:
        message = f"{spec.id!r}: the source {source.source!r} does not promise to record rows of {source.name}."
        yield NOTHING, message, f"Write reconcile: {{rows: true}} at {source.name} in sources/{source.source}.yaml."
    elif spec.arguments.get("measure") == "sum" and recorded_name(spec, contract) not in source.reconcile.sums:
        name = recorded_name(spec, contract)
        message = f"{spec.id!r}: the source {source.source!r} does not promise to record the sum of {name!r}."
        yield NOTHING, message, nearest(name, source.reconcile.sums) or f"Write reconcile: {{sums: [{name}]}} there."


def _with_upstream(
    spec: RuleSpec, contract: Contract, contracts: Mapping[TableName, Contract], reading: Reading
) -> _Found:
    words = [str(name) for name in contract.upstreams]
    if spec.arguments["table"] not in words:
        message = f"{spec.id!r}: {contract.table} is not computed from {spec.arguments['table']!r}."
        yield NOTHING, message, nearest(str(spec.arguments["table"]), words) or f"Write {' or '.join(words)}."
        return
    upstream = contracts.get(TableName.parse(str(spec.arguments["table"])))
    if upstream is None:
        return
    if contract.is_partitioned and not upstream.is_partitioned:
        message = f"{spec.id!r}: {upstream.table} is one for all partitions of {contract.table}."
        yield NOTHING, message, "Declare it at a table with mode: snapshot."
    check = reading.vocabulary.rules[spec.rule].check
    if check is None:
        return
    try:
        # Asked of the other table, what is expected is a query like any other.
        check({**spec.arguments, "column": None, "query": spec.arguments["expected"]}, upstream.columns)
    except ArgumentError as error:
        yield error.code, f"{spec.id!r}, expected: {error.what}", error.fix
