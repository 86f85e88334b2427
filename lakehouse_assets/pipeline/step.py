"""One step: a table and one chunk of its partitions, opened and pinned in the order that keeps races harmless.

The target is opened *before* its upstreams are pinned: a run that read older input than what is served
then always loses the compare-and-swap instead of overwriting newer content.
"""

import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from lakehouse_assets.contracts.loading import Role
from lakehouse_assets.contracts.model import Contract
from lakehouse_assets.engines.protocol import DataFile, Target
from lakehouse_assets.errors import LakehouseError
from lakehouse_assets.naming import (
    BRONZE_COLUMNS,
    BUCKET,
    DELETED,
    PROC_DATE,
    RAW_HASH,
    ROW_ID,
    TableName,
    partition_folder,
    publish_id,
    publish_of,
    quarantine_of,
)
from lakehouse_assets.pipeline.computing import computing
from lakehouse_assets.pipeline.intent import ORDINARY, Intent
from lakehouse_assets.pipeline.lake import Lake
from lakehouse_assets.pipeline.renamed import formers_of, with_former_columns
from lakehouse_assets.storage.pins import write_pins
from lakehouse_assets.storage.proof import require_atomic
from lakehouse_assets.storage.table import REASONS_TYPE, OpenTable, create_table, delta_columns, delta_type

FILES_PER_PASS = 100


@dataclass(frozen=True, slots=True)
class Step:
    """What one chunk of one run works on. `columns` are the Delta types this run writes.

    `stage_root`: where files are staged instead of in the lake, by a step that will never publish them.
    """

    lake: Lake
    contract: Contract
    partitions: tuple[str, ...]
    publish: str
    run_id: str
    table: OpenTable
    columns: Mapping[str, str]
    upstreams: Mapping[TableName, OpenTable | None]
    started_at: datetime
    intent: Intent = ORDINARY
    stage_root: str = ""

    @property
    def name(self) -> TableName:
        """The table this step writes."""
        return self.contract.table

    def target(self, table: TableName | None = None, *, pass_number: int = 0) -> Target:
        """Return where to stage files of the table itself, or of one of its side tables."""
        root = f"{self.stage_root or self.lake.root}/{table or self.name}"
        return Target(root, self.contract.partition_column, self.publish, pass_number * FILES_PER_PASS)


def open_step(
    lake: Lake, contract: Contract, partitions: list[str], *, run_id: str, chunk: int, intent: Intent = ORDINARY
) -> Step:
    """Open the target (creating it empty), then pin every upstream; a redo after a lost race pins anew."""
    lake = computing(lake, contract)
    # Before anything is staged: a store without proof is not written to at all.
    require_atomic(lake.root, lake.options)
    columns = stored_columns(lake, contract)
    publish = publish_id(run_id, chunk, secrets.token_hex(4))
    table = lake.open(contract.table) or create_table(
        lake.root_of(contract.table),
        lake.options,
        columns,
        partition_column=contract.partition_column,
        description=contract.description,
    )
    columns = with_former_columns(columns, formers_of(contract, table.columns))
    upstreams = pinned(lake, contract)
    versions = {str(name): upstream.version for name, upstream in upstreams.items() if upstream is not None}
    if versions:
        write_pins(lake.objects_of(contract.table), publish, versions)
    now = datetime.now(UTC)
    return Step(lake, contract, tuple(partitions), publish, run_id, table, columns, upstreams, now, intent)


def remove_files_of(step: Step) -> None:
    """Delete everything that a step staged; only before its files were offered to a commit."""
    for name in (step.name, quarantine_of(step.name)):
        objects = step.lake.objects_of(name)
        column = step.contract.partition_column
        for folder in [""] if column == BUCKET else [partition_folder(column, name) for name in step.partitions]:
            objects.delete(path for path in objects.names(folder) if publish_of(path) == step.publish)


def is_overtaken(step: Step) -> bool:
    """Whether an upstream's partitions of the same name moved since they were pinned.

    The run that reads the newer ones may have found what was served before us, and made no commit to lose against.
    """
    for name, pinned in step.upstreams.items():
        newest = step.lake.open(name)
        if pinned and newest and not newest.holds_same(pinned, _partitions_read(step, newest, pinned)):
            return True
    return False


def files_behind(table: OpenTable, partitions: Iterable[str]) -> tuple[DataFile, ...]:
    """Return the active files of partitions as they are asked for: a table kept in buckets is one partition."""
    return table.files if table.partition_column == BUCKET else table.files_of(partitions)


def _partitions_read(step: Step, newest: OpenTable, pinned: OpenTable) -> Iterable[str]:
    # A derived table reads all of its log, a snapshot all of its upstreams.
    return step.partitions if step.contract.is_partitioned else {*newest.partitions, *pinned.partitions}


def pinned(lake: Lake, contract: Contract) -> dict[TableName, OpenTable | None]:
    """Open every table that rows of this one are made from or refer to; raise LakehouseError when one is missing."""
    tables = {name: lake.open(name) for name in _upstreams(lake, contract)}
    missing = [str(name) for name in contract.upstreams if tables[name] is None and name.layer != "bronze"]
    if missing:
        raise LakehouseError(
            f"{missing[0]} was never published.", where=str(contract.table), fix=f"Materialise {missing[0]} first."
        )
    return tables


def stored_columns(lake: Lake, contract: Contract) -> dict[str, str]:
    """Return names and Delta types of a table's columns, technical ones included, partition column last."""
    layer, partition = contract.table.layer, contract.partition_column
    kind = partition_type(contract)
    if layer == "bronze":
        raw = lake.catalog.source_table(contract.table).columns
        technical = {name: "long" if name == RAW_HASH else "string" for name in BRONZE_COLUMNS if name != PROC_DATE}
        return {**{name: delta_type(t) for name, t in raw.items()}, **technical, partition: kind}
    promised = {name: t for name, t in delta_columns(contract.columns).items() if name != partition}
    deleted = {DELETED: "boolean"} if contract.role is Role.CHANGES else {}
    identity = {ROW_ID: "string"} if layer == "silver" else {}
    # What a change was received as decides between two that claim the same time.
    received = {} if contract.role is Role.TABLE else {RAW_HASH: "long"}
    return {**promised, **deleted, **identity, **received, partition: kind}


def quarantine_columns(contract: Contract) -> dict[str, str]:
    """Return names and Delta types of a table's quarantine (and of its blocked rows)."""
    return {
        ROW_ID: "string",
        "reasons": REASONS_TYPE,
        "contract_version": "string",
        "rule_set": "string",
        "raw": "string",
        contract.partition_column: partition_type(contract),
    }


def open_quarantine(step: Step, side: TableName | None = None) -> OpenTable:
    """Open the quarantine (or another side table of the same shape), creating it empty."""
    name = side or quarantine_of(step.name)
    return step.lake.open(name) or create_table(
        step.lake.root_of(name),
        step.lake.options,
        quarantine_columns(step.contract),
        partition_column=step.contract.partition_column,
        description=f"Rows that {step.name} refused, with every reason.",
    )


def partition_type(contract: Contract) -> str:
    """Return the Delta type of a table's partition column."""
    return "date" if contract.is_partitioned and not contract.is_hourly else "string"


def _upstreams(lake: Lake, contract: Contract) -> list[TableName]:
    references = [
        TableName.parse(str(spec.arguments["table"])) for spec in contract.rules if spec.rule == "foreign_key"
    ]
    known = [name for name in references if name in lake.catalog.contracts]
    return list(dict.fromkeys([*contract.upstreams, *known]))
