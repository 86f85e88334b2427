"""An engine that says what it is asked for and what that costs; the work is another engine's, whichever it is."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import narwhals as nw
import polars as pl

from lakehouse_assets.engines.protocol import Branch, DataFile, Engine, EngineStage, Target, TellsStages, Totals
from lakehouse_assets.pipeline.profiling.stopwatch import stage
from lakehouse_assets.results import StagedFile

_Scan = tuple[str, tuple[DataFile, ...], str, Mapping[str, nw.dtypes.DType]]


class Watched:
    """Does what `engine` does, each computation as a stage. It keeps what is needed to repeat parts of it alone.

    What lies below `own` was written by the work itself and is no input of it.
    """

    def __init__(self, engine: Engine, own: str) -> None:
        self._engine, self._own = engine, own
        self.name, self.spills = engine.name, engine.spills
        self.scans: dict[tuple[str, str], _Scan] = {}
        self.counted: list[nw.LazyFrame] = []
        self.stages: list[EngineStage] = []
        self._ask()
        self.stages.clear()  # of what was computed before

    def scan(
        self, root: str, files: Sequence[DataFile], partition_column: str, schema: Mapping[str, nw.dtypes.DType]
    ) -> nw.LazyFrame:
        """Return the frame, and remember each file once."""
        for file in files if not root.startswith(self._own) else ():
            self.scans.setdefault((root, file.path), (root, (file,), partition_column, schema))
        return self._engine.scan(root, files, partition_column, schema)

    def stage(
        self, branches: Sequence[Branch], totals: Totals | nw.LazyFrame | None = None
    ) -> tuple[list[list[StagedFile]], pl.DataFrame]:
        """Stage; a pass over rows that are counted can be repeated without writing."""
        if totals is not None:
            self.counted.append(totals.frame() if isinstance(totals, Totals) else totals)
        with stage("read, parse, judge, hash, write") as lap:
            staged, counted = self._engine.stage(branches, totals)
            files = [file for branch in staged for file in branch]
            lap.rows, lap.bytes_written = sum(file.rows for file in files), sum(file.size for file in files)
        self._ask()
        return staged, counted

    def stage_empty(self, target: Target, partition: str, schema: Mapping[str, nw.dtypes.DType]) -> StagedFile:
        """Write the one file of an empty partition."""
        return self._engine.stage_empty(target, partition, schema)

    def collect(self, frame: nw.LazyFrame) -> pl.DataFrame:
        """Return a small frame."""
        with stage("collect") as lap:
            collected = self._engine.collect(frame)
            lap.rows = collected.height
        self._ask()
        return collected

    def collect_all(self, frames: Sequence[nw.LazyFrame]) -> list[pl.DataFrame]:
        """Return several small frames."""
        with stage("collect") as lap:
            collected = self._engine.collect_all(frames)
            lap.rows = sum(frame.height for frame in collected)
        self._ask()
        return collected

    def repeated(self, frame: nw.LazyFrame, columns: Sequence[str], *, known_by: str = "") -> nw.LazyFrame | None:
        """Return candidates for repeats."""
        with stage(f"look for repeats of {', '.join(columns)}"):
            found = self._engine.repeated(frame, columns, known_by=known_by)
        self._ask()
        return found

    def hold(self, frame: nw.LazyFrame) -> nw.LazyFrame:
        """Return a frame that is computed once."""
        return self._engine.hold(frame)

    def lift(self, frame: pl.DataFrame) -> nw.LazyFrame:
        """Return a small frame as one of the engine's."""
        return self._engine.lift(frame)

    def release(self) -> None:
        """Forget what was held."""
        self._engine.release()

    def read_alone(self) -> nw.LazyFrame | None:
        """Return a frame that decodes every column of every file that was scanned, and keeps nothing of it."""
        frames = [self._engine.scan(*scan).select(nw.all().null_count()) for scan in _by_table(self.scans.values())]
        counts = [frame.select(nw.sum_horizontal(nw.all()).cast(nw.Int64).alias("nulls")) for frame in frames]
        return nw.concat(counts, how="vertical") if counts else None

    def bytes_read(self) -> int:
        """Return the size of all files that were scanned, as the log tells it or the disk does."""
        return sum(file.size or _size(f"{root}/{file.path}") for root, (file,), *_ in self.scans.values())

    def rows_read(self) -> int:
        """Return the rows of all files that were scanned."""
        return sum(file.rows for _, (file,), *_ in self.scans.values())

    def _ask(self) -> None:
        if isinstance(self._engine, TellsStages):
            self.stages += self._engine.last_stages()


def _by_table(scans: Iterable[_Scan]) -> list[_Scan]:
    grouped: dict[str, _Scan] = {}
    for root, files, column, schema in scans:
        known = grouped.get(root)
        grouped[root] = (root, (*known[1], *files) if known else files, column, schema)
    return list(grouped.values())


def _size(path: str) -> int:
    return Path(path).stat().st_size if "://" not in path and Path(path).exists() else 0
