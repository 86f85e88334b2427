"""Runs the contracts on the uncorrected files and compares what they flag with the corrected ones, cell by cell.

A cell is flagged when its row is in quarantine for a reason that names its column. A cell is wrong when the corrected
file has another text there. Neither knows of the other.
"""

import csv
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from lakehouse_assets.contracts.model import Contract
from lakehouse_assets.naming import ROW_ID, TableName
from lakehouse_assets.pipeline.content import served_quarantine
from lakehouse_assets.pipeline.lake import Lake, open_lake
from lakehouse_assets.pipeline.run import materialise
from lakehouse_assets.settings import load_settings

CONFIG = Path(__file__).parent / "config"
SETS = ("hospital", "beers")
Cell = tuple[int, str]


@dataclass(frozen=True, slots=True)
class Score:
    """How many cells are wrong, how many were flagged, and how many are both."""

    wrong: int
    flagged: int
    found: int

    @property
    def precision(self) -> float:
        """Share of flagged cells that are wrong; of none, all."""
        return self.found / self.flagged if self.flagged else 1.0

    @property
    def recall(self) -> float:
        """Share of wrong cells that were flagged; of none, all."""
        return self.found / self.wrong if self.wrong else 1.0

    @property
    def f1(self) -> float:
        """Harmonic mean of both."""
        both = self.wrong + self.flagged
        return 2 * self.found / both if both else 1.0


@dataclass(frozen=True, slots=True)
class Measured:
    """One data set: its scores, in all and by column of the file, and how many cells each rule flagged, rightly."""

    contract: Contract
    rows: int
    total: Score
    columns: Mapping[str, Score]
    rules: Mapping[str, Score]


def measure(folder: Path, root: Path) -> dict[str, Measured]:
    """Run the contracts on the data sets in `folder` in a lake below `root`; raises AssertionError when one blocks."""
    environ = {
        "LAKEHOUSE_ROOT": str(root),
        "LAKEHOUSE_RUN_LOG": "off",
        "LAKEHOUSE_SOURCES__KNOWN_TRUTH__CONNECTION__LOCATION": str(folder),
    }
    lake = open_lake(load_settings(environ, CONFIG))
    return {name: _measured(lake, name, folder / name) for name in SETS}


def wrong_cells(dirty: Path, clean: Path) -> set[Cell]:
    """Return the cells, by record number and column, that two files of the same shape do not have in common."""
    header, *rows = _read(dirty)
    _, *corrected = _read(clean)
    assert len(rows) == len(corrected), f"{dirty} and {clean} have another number of rows"
    return {
        (number, name)
        for number, pair in enumerate(zip(rows, corrected, strict=True), 1)
        for name, before, after in zip(header, *pair, strict=True)
        if before != after
    }


def flagged_cells(lake: Lake, name: str) -> dict[str, set[Cell]]:
    """Return the cells that each rule of a table flagged, by record number and column of the file."""
    table = TableName.parse(f"silver/{name}")
    for each in (TableName.parse(f"bronze/known_truth/{name}"), table):
        for result in materialise(lake, each, lake.partitions(each), run_id="measure"):
            assert not result.is_blocked, result.message
    raw = {column.name: column.sources[0].rpartition(".")[2] for column in lake.contract(table).columns}
    quarantine = served_quarantine(lake, table)
    assert quarantine is not None, f"nothing of {table} is in quarantine"
    flagged: dict[str, set[Cell]] = {}
    for row_id, reasons in lake.engine.collect(quarantine.select(ROW_ID, "reasons")).iter_rows():
        for reason in reasons:
            cell = (int(row_id.rpartition("#")[2]), raw[reason["column"]])
            flagged.setdefault(reason["rule_id"], set()).add(cell)
    return flagged


def _measured(lake: Lake, name: str, folder: Path) -> Measured:
    flagged = flagged_cells(lake, name)
    wrong = wrong_cells(folder / "dirty.csv", folder / "clean.csv")
    header, *rows = _read(folder / "dirty.csv")
    every = set().union(*flagged.values())
    counts = [Counter(column for _, column in cells) for cells in (wrong, every, wrong & every)]
    return Measured(
        contract=lake.contract(TableName.parse(f"silver/{name}")),
        rows=len(rows),
        total=Score(len(wrong), len(every), len(wrong & every)),
        columns={column: Score(*(count[column] for count in counts)) for column in header},
        rules={rule: Score(len(wrong), len(cells), len(wrong & cells)) for rule, cells in sorted(flagged.items())},
    )


def _read(path: Path) -> list[list[str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))
