"""What is disturbed: for each load mode a small lake with inputs, the work on it, and what it must hold in the end."""

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from lakehouse_assets.naming import TableName, quarantine_of
from lakehouse_assets.pipeline.absorb import absorb, store_of
from lakehouse_assets.pipeline.lake import Lake
from lakehouse_assets.pipeline.run import materialise
from lakehouse_assets_tests.lakes import retail_lake
from lakehouse_assets_tests.retail_files import DAYS, write_days
from lakehouse_assets_tests.soak.chain import BRONZE, CUSTOMERS, DAILY, PRODUCTS, SILVER

ROWS = 300


@dataclass(frozen=True, slots=True)
class Mode:
    """`prepare` writes inputs into a folder shared by all trials; `open` opens a lake of its own on them."""

    name: str
    prepare: Callable[[Path], None]
    open: Callable[[Path, Path], Lake]
    tables: tuple[TableName, ...]
    partitions: tuple[str, ...]

    @property
    def watched(self) -> tuple[TableName, ...]:
        """Every table whose content is compared, quarantine included."""
        return (*self.tables, *(quarantine_of(table) for table in self.tables if table.layer == "silver"))

    def work(self, lake: Lake) -> None:
        """Run every table, each partition by itself, and take what was recorded into the state store."""
        for table in self.tables:
            for partition in self._of(lake, table):
                list(materialise(lake, table, [partition], run_id=uuid.uuid4().hex))
        absorb(lake, store_of(lake))

    def _of(self, lake: Lake, table: TableName) -> Sequence[str]:
        return self.partitions if lake.contract(table).is_partitioned else ("0",)


def _retail(name: str, *tables: TableName) -> Mode:
    return Mode(name, lambda inputs: write_days(inputs, ROWS), retail_lake, tables, DAYS[:2])


MODES = (_retail("partition", BRONZE, SILVER, DAILY), _retail("snapshot", BRONZE, SILVER, PRODUCTS, CUSTOMERS))
