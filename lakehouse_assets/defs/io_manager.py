"""How frames enter and leave steps: a table's publish is verified, an upstream comes as a pinned lazy frame.

Tables with a contract have published before their output arrives here. A hand-written asset that simply returns
a frame is published here, through the same primitive.
"""

from typing import Any

import dagster as dg
import narwhals as nw

from lakehouse_assets.defs.events import Published
from lakehouse_assets.defs.lake import LakeResource
from lakehouse_assets.defs.sentences import to_failure
from lakehouse_assets.errors import StorageError
from lakehouse_assets.naming import SNAPSHOT_PARTITION, TableName
from lakehouse_assets.pipeline.renamed import fill_renamed


class LakeIOManager(dg.IOManager):
    """Verifies what was published, publishes frames, reads tables; keeps nothing itself."""

    def __init__(self, lake: LakeResource) -> None:
        self._lake = lake

    def handle_output(self, context: dg.OutputContext, obj: object) -> None:
        """Check that `Published` is what readers see; publish anything else as a frame of the asset's table."""
        if isinstance(obj, Published):
            context.add_output_metadata(self._verified(obj))
            return
        context.add_output_metadata(self._published(context, obj))

    def load_input(self, context: dg.InputContext) -> nw.LazyFrame:
        """Return the rows of the partitions a step reads, from one version of the table."""
        table = _table(context.asset_key)
        opened = self._lake.open(table)
        if opened is None:
            raise StorageError("was never published.", where=str(table), fix=f"Materialise {table} first.")
        partitions = list(context.asset_partition_keys) if context.has_asset_partitions else None
        return fill_renamed(self._lake.scan(opened, partitions), self._lake.contract(table))

    def _published(self, context: dg.OutputContext, obj: Any) -> dict[str, Any]:  # noqa: ANN401 - what a person returned
        table = _table(context.asset_key)
        partitions = list(context.asset_partition_keys) if context.has_asset_partitions else [SNAPSHOT_PARTITION]
        results = self._lake.publish(table, nw.from_native(obj).lazy(), partitions, run_id=context.run_id)
        blocked = [result for result in results if result.is_blocked]
        if blocked:
            raise to_failure(self._lake.contract(table), blocked)
        return {
            "dagster/row_count": sum(result.record.ledger.published for result in results),
            "lakehouse/rows_quarantined": sum(result.record.ledger.quarantined for result in results),
            "lakehouse/delta_version": max(result.version for result in results),
        }

    def _verified(self, published: Published) -> dict[str, Any]:
        totals = self._lake.totals(published.table)
        if totals is None or totals.version < published.version:
            found = "no table" if totals is None else f"version {totals.version}"
            raise StorageError(
                f"version {published.version} was published, but readers see {found}: its log was damaged since.",
                where=str(published.table),
                fix="Restore the table's log from a backup, then run the partitions again.",
            )
        return {
            "dagster/row_count": totals.rows,
            "lakehouse/delta_version": totals.version,
            "lakehouse/partitions": len(published.publishes),
        }


def _table(key: dg.AssetKey) -> TableName:
    layer, *path = key.path
    return TableName(layer, tuple(path))
