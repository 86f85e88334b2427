"""What publishing partitions would change, without publishing: same verbs, same audit, files in a temporary folder.

Nothing is written into the lake: no file, no record, no pin, no table. Another configuration may be asked about.
"""

import secrets
import tempfile
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import narwhals as nw

from lakehouse_assets.contracts.loading import Mode
from lakehouse_assets.contracts.model import Contract
from lakehouse_assets.engines import kit
from lakehouse_assets.engines.protocol import DataFile
from lakehouse_assets.errors import LakehouseError
from lakehouse_assets.naming import RAW_HASH, ROW_ID, TableName, publish_id
from lakehouse_assets.pipeline.audit import Audited, audit
from lakehouse_assets.pipeline.computing import computing
from lakehouse_assets.pipeline.draft import Draft
from lakehouse_assets.pipeline.intent import ORDINARY, Intent
from lakehouse_assets.pipeline.lake import Lake
from lakehouse_assets.pipeline.recorded import Recorded, recorded
from lakehouse_assets.pipeline.renamed import formers_of, with_former_columns
from lakehouse_assets.pipeline.run import drafted, verb_of
from lakehouse_assets.pipeline.step import Step, pinned, stored_columns
from lakehouse_assets.results import BLOCKED, PUBLISHED, UNCHANGED, Ledger
from lakehouse_assets.storage.commit import widened
from lakehouse_assets.storage.staged import in_memory
from lakehouse_assets.storage.table import create_table

_NEW, _OLD, _HASH = "__new", "__old", "__hash"


@dataclass(frozen=True, slots=True)
class RowChanges:
    """How many rows of a partition would be new, gone, or have another content under the same identity."""

    added: int = 0
    withdrawn: int = 0
    changed: int = 0


@dataclass(frozen=True, slots=True)
class Forecast:
    """What a publish of one partition would do. `before` and `version_before` are empty where nothing is served."""

    table: str
    partition: str
    outcome: str
    columns_added: tuple[str, ...]
    columns_dropped: tuple[str, ...]
    before: Ledger | None
    after: Ledger
    version_before: str
    version_after: str
    message: str = ""
    rows: RowChanges = RowChanges()


def dry_run(lake: Lake, table: TableName, partitions: Sequence[str], intent: Intent = ORDINARY) -> Iterator[Forecast]:
    """Compute partitions as a run would and yield what it would change; raises what a run would raise."""
    contract = lake.contract(table)
    _check_mode(contract)
    wanted = lake.check_partitions(table, partitions)
    size = contract.load.partitions_per_chunk
    for start in range(0, len(wanted), size):
        with tempfile.TemporaryDirectory(prefix="lakehouse-dry-run-") as folder:
            step = open_dry_step(lake, contract, wanted[start : start + size], folder)
            yield from _forecasts(replace(step, intent=intent))


def _check_mode(contract: Contract) -> None:
    logs = ", ".join(map(str, contract.upstreams))
    fixes = {
        Mode.DERIVED: f"Ask about its change log, {logs}: everything follows from it.",
        Mode.APPEND_ONCE: "What landed is never landed again.",
    }
    if contract.load.mode in fixes:
        raise LakehouseError(
            f"a table with mode {contract.load.mode} has no dry run.",
            where=str(contract.table),
            fix=fixes[contract.load.mode],
        )


def open_dry_step(lake: Lake, contract: Contract, partitions: Sequence[str], folder: str) -> Step:
    """Return a step that stages into `folder` and will never publish; pins nothing, creates nothing in the lake."""
    lake = computing(lake, contract)
    columns = stored_columns(lake, contract)
    about = {"partition_column": contract.partition_column, "description": contract.description}
    found = lake.open(contract.table)
    table = found or create_table(str(Path(folder, "empty", *contract.table.parts)), {}, columns, **about)
    columns = with_former_columns(columns, formers_of(contract, table.columns))
    return Step(
        lake,
        contract,
        partitions=tuple(partitions),
        publish=publish_id("dryrun", 0, secrets.token_hex(4)),
        run_id="dry run",
        table=table,
        columns=columns,
        upstreams=pinned(lake, contract),
        started_at=datetime.now(UTC),
        stage_root=folder,
    )


def _forecasts(step: Step) -> Iterator[Forecast]:
    draft = drafted(step, verb_of(step.contract))
    written = draft.columns or step.columns
    widened(step.table.columns, written, where=step.table.root)
    served = recorded(step.lake.objects_of(step.name), step.table, step.partitions, skip_damaged=True)
    changes = _row_changes(step, draft)
    for one in audit(step, draft):
        rows = RowChanges() if one.is_blocked else changes.get(one.partition, RowChanges())
        forecast = _forecast(step, one, served.get(one.partition), written)
        yield replace(forecast, rows=rows)


def _forecast(step: Step, audited: Audited, served: Recorded | None, written: Collection[str]) -> Forecast:
    contract, of = step.contract, audited.record
    same = served is not None and (
        (served.of.content_hash, served.of.quarantine_hash, served.record.rule_set, served.record.contract_version)
        == (of.content_hash, of.quarantine_hash, contract.rule_set, contract.version)
        and (served.of.waived, served.of.overridden) == (of.waived, of.overridden)
    )
    stored = step.table.columns
    return Forecast(
        str(step.name),
        audited.partition,
        BLOCKED if audited.is_blocked else UNCHANGED if same else PUBLISHED,
        columns_added=tuple(name for name in written if name not in stored),
        columns_dropped=tuple(name for name in stored if name not in written and not name.startswith("_")),
        before=served.of.ledger if served else None,
        after=of.ledger,
        version_before=served.record.contract_version if served else "",
        version_after=contract.version,
        message=audited.sentence,
    )


def _row_changes(step: Step, draft: Draft) -> dict[str, RowChanges]:
    """Compare what was staged with what is served: rows of one identity count as changed when their hashes differ."""
    partition, columns = step.contract.partition_column, draft.columns or step.columns
    staged = {name: kind for name, kind in columns.items() if name != partition}
    files = [DataFile(file.path, file.rows, file.partition) for file in draft.valid]
    new = step.lake.engine.scan(step.target().root, files, partition, in_memory(staged))
    old = step.lake.scan(step.table, step.table.files_of(step.partitions))
    identity = [partition, *_identity(step.contract, columns)]
    compared = sorted({*staged, *step.table.columns} - {ROW_ID, RAW_HASH, partition})
    both = nw.concat([_hashed(new, identity, compared, _NEW), _hashed(old, identity, compared, _OLD)], how="vertical")
    each = both.group_by([*identity, _HASH]).agg(nw.col(_NEW).sum(), nw.col(_OLD).sum())
    surplus, balance = nw.col(_NEW) - nw.col(_OLD), [*identity] if len(identity) > 1 else [partition, _HASH]
    each = each.with_columns(_positive(surplus).alias("plus"), _positive(-surplus).alias("minus"))
    rows = each.group_by(balance).agg(nw.col("plus").sum(), nw.col("minus").sum())
    changed = nw.min_horizontal("plus", "minus")
    counted = rows.with_columns(changed.alias("changed")).group_by(partition)
    totals = step.lake.engine.collect(counted.agg(nw.col("plus", "minus", "changed").sum()))
    return {
        str(name): RowChanges(int(plus - both), int(minus - both), int(both))
        for name, plus, minus, both in totals.select(partition, "plus", "minus", "changed").iter_rows()
    }


def _identity(contract: Contract, columns: Collection[str]) -> list[str]:
    if ROW_ID in columns:
        return [ROW_ID]
    return [key for key in contract.load.keys if key != contract.partition_column]


def _hashed(rows: nw.LazyFrame, identity: Sequence[str], compared: Sequence[str], side: str) -> nw.LazyFrame:
    have: Mapping[str, nw.dtypes.DType] = rows.collect_schema()
    absent = [nw.lit(None, nw.String()).alias(name) for name in compared if name not in have]
    rows = rows.with_columns(nw.lit(1).alias(side), *absent)
    types = {name: have.get(name, nw.String()) for name in compared}
    other = _OLD if side == _NEW else _NEW
    hashed = rows.with_columns(kit.row_hash(types).alias(_HASH), nw.lit(0).alias(other))
    return hashed.select(*identity, _HASH, _NEW, _OLD)


def _positive(number: nw.Expr) -> nw.Expr:
    return nw.when(number > 0).then(number).otherwise(nw.lit(0))
