"""The engine for what outgrows one machine: Spark, classic or Connect. Stages files, never commits.

One branch is written at a time. Rows that were counted while they were written are not computed again to be counted,
and a branch that is known to be empty is not computed at all. Imported only where a table needs it.
"""

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any

import narwhals as nw
import polars as pl

from lakehouse_assets.engines.protocol import Branch, DataFile, EngineStage, Target, Totals
from lakehouse_assets.engines.spark_faults import translated
from lakehouse_assets.engines.spark_files import adopted, forget, new_folder
from lakehouse_assets.engines.spark_stages import Account
from lakehouse_assets.engines.spark_types import quoted, spark_schema
from lakehouse_assets.engines.staged_files import described, write_empty
from lakehouse_assets.errors import ComputationError, EngineLostError
from lakehouse_assets.results import StagedFile

ROWS_PER_FILE = 1_000_000
_MARKED, _KNOWN_BY = "__marked", "__known_by"
_WRITING = {"maxRecordsPerFile": str(ROWS_PER_FILE), "mapreduce.fileoutputcommitter.marksuccessfuljobs": "false"}


class SparkEngine:
    """Computes in a Spark session. `storage_options` open the object store for the driver; Spark has its own."""

    name = "spark"
    spills = True

    def __init__(self, session: Any, storage_options: Mapping[str, str] | None = None) -> None:  # noqa: ANN401 - classic or Connect
        self.session = session
        self._options = dict(storage_options or {})
        self._held: list[Any] = []
        self._account = Account(session)

    def scan(
        self, root: str, files: Sequence[DataFile], partition_column: str, schema: Mapping[str, nw.dtypes.DType]
    ) -> nw.LazyFrame:
        """Return the rows of exactly these files; columns a file lacks are null, the partition column is text."""
        stored = {name: dtype for name, dtype in schema.items() if name != partition_column}
        columns = spark_schema({**stored, partition_column: nw.String()})
        with self._acting(root):
            if not files:
                return _lazy(self.session.createDataFrame([], columns))
            reader = self.session.read.schema(columns).option("basePath", root)
            return _lazy(reader.parquet(*(f"{root}/{file.path}" for file in files)))

    def stage(
        self, branches: Sequence[Branch], totals: Totals | nw.LazyFrame | None = None
    ) -> tuple[list[list[StagedFile]], pl.DataFrame]:
        """Write every branch and return what was written, with `totals`."""
        takes = all(branch.take is not None for branch in branches)
        if isinstance(totals, Totals) and totals.only is not None and takes and self._observes:
            return self._counting(branches, totals)
        if totals is None:
            return [self._written(branch, None) for branch in branches], pl.DataFrame()
        counted = self.collect(totals.frame() if isinstance(totals, Totals) else totals)
        return [self._written(branch, counted) for branch in branches], counted

    def stage_empty(self, target: Target, partition: str, schema: Mapping[str, nw.dtypes.DType]) -> StagedFile:
        """Write the one zero-row file that says "published and empty"; no work for Spark."""
        return write_empty(target, partition, schema, self._options)

    def collect(self, frame: nw.LazyFrame) -> pl.DataFrame:
        """Return a small frame."""
        native = frame.to_native()
        if isinstance(native, pl.LazyFrame):  # what was decided without any row: a reason, an empty answer
            return native.collect()
        with self._acting():
            collected = _as_polars(native.toArrow())
        self._account.note(native)
        return collected

    def collect_all(self, frames: Sequence[nw.LazyFrame]) -> list[pl.DataFrame]:
        """Return several small frames, one after the other."""
        return [self.collect(frame) for frame in frames]

    def hold(self, frame: nw.LazyFrame) -> nw.LazyFrame:
        """Return a frame that is computed when first used, and kept by Spark until `release`."""
        with self._acting():
            held = frame.to_native().persist()
        self._held.append(held)
        return _lazy(held)

    def lift(self, frame: pl.DataFrame) -> nw.LazyFrame:
        """Return a small frame as one of Spark's."""
        arrow = frame.to_arrow(compat_level=pl.CompatLevel.oldest())
        with self._acting():
            return _lazy(self.session.createDataFrame(arrow))

    def release(self) -> None:
        """Give back what was held."""
        held, self._held = self._held, []
        with self._acting():
            for frame in held:
                frame.unpersist()

    def repeated(self, frame: nw.LazyFrame, columns: Sequence[str], *, known_by: str = "") -> nw.LazyFrame | None:
        """Return a superset of the rows whose values in `columns` occur more than once, or None; nulls are equal here.

        Rows are told apart by a 64-bit hash: what is put together across the cluster is eight bytes a row.
        """
        del known_by
        with self._acting():
            hashed = _with_hash(frame.to_native(), columns)
        again = _lazy(hashed.select(_KNOWN_BY)).group_by(_KNOWN_BY).agg(nw.len().alias("__times"))
        known = self.hold(again.filter(nw.col("__times") > 1).select(_KNOWN_BY)).to_native()
        with self._acting():
            if not known.head(1):
                return None
            return _lazy(hashed.join(known, _KNOWN_BY, "left_semi").drop(_KNOWN_BY))

    def last_stages(self) -> list[EngineStage]:
        """Return the stages of what was computed since this was last asked, or nodes of its plans."""
        return self._account.since()

    @contextlib.contextmanager
    def _acting(self, where: str = "") -> Iterator[None]:
        """Tell faults of Spark as ours; of a Spark that is gone nothing is held any more."""
        try:
            with translated(where):
                yield
        except EngineLostError:
            self._held.clear()
            raise

    @cached_property
    def _observes(self) -> bool:
        """Whether the server counts rows while it writes them; some that speak Spark's protocol do not."""
        rows = _lazy(self.session.range(1))
        observation, observed = _observed(Totals(rows, (nw.len().alias("rows"),), "", ""))
        try:
            with self._acting():
                observed.to_native().toArrow()
                return bool(observation.get == {"rows": 1})
        except ComputationError:
            return False

    def _counting(self, branches: Sequence[Branch], totals: Totals) -> tuple[list[list[StagedFile]], pl.DataFrame]:
        """Write branches and count the rows that they are taken from in the same passes.

        Spark takes metrics row by row, and each costs as much as a rule: of all rows only what is needed of all is
        counted; the marks are, while the few rows that have one are written.
        """
        first, *others = branches
        marked = (totals.is_marked.cast(nw.Int8).sum().alias(_MARKED),) if totals.marks else ()
        staged, found = self._observing(first, replace(totals, sums=(*totals.sums, *marked), marks=()))
        has_marks = bool(found.pop(_MARKED, 0))
        counts = dict.fromkeys(totals.marks, 0)
        written = [staged]
        for branch in others:
            if has_marks and found[branch.counted_as]:
                staged, counts = self._observing(branch, totals.marked)
                written.append(staged)
                has_marks = False
            else:
                written.append(self._write(branch.frame, branch) if found[branch.counted_as] else [])
        if has_marks:
            (counts,) = self.collect(totals.marked.frame().drop(totals.by)).to_dicts()
        return written, pl.DataFrame([{**found, **counts, totals.by: totals.only}])

    def _observing(self, branch: Branch, totals: Totals) -> tuple[list[StagedFile], dict[str, Any]]:
        """Write what a branch takes from the rows of some totals, and count those on the way."""
        observation, rows = _observed(totals)
        staged = self._write(branch.take(rows) if branch.take else rows, branch)
        with self._acting(branch.target.root):
            return staged, dict(observation.get)

    def _written(self, branch: Branch, counted: pl.DataFrame | None) -> list[StagedFile]:
        if counted is not None and branch.counted_as and not counted[branch.counted_as].fill_null(0).sum():
            return []
        return self._write(branch.frame, branch)

    def _write(self, frame: nw.LazyFrame, branch: Branch) -> list[StagedFile]:
        target, folder = branch.target, new_folder(branch.target)
        try:
            with self._acting(target.root):
                native = frame.to_native()
                writer = native.write.mode("append").partitionBy(target.partition_column)
                writer.options(**_WRITING).parquet(folder)
            self._account.note(native)
            return described(target, adopted(target, folder, self._options), self._options)
        finally:
            forget(folder, self._options)


def _lazy(native: Any) -> nw.LazyFrame:  # noqa: ANN401 - a frame of Spark
    found: nw.LazyFrame = nw.from_native(native)
    return found


def _observed(totals: Totals) -> tuple[Any, nw.LazyFrame]:
    """Return the rows so that whoever reads them makes Spark tell the totals."""
    from narwhals._spark_like.utils import evaluate_exprs  # noqa: PLC0415 - private: no public way to native aggregates

    frame: Any = totals.rows._compliant_frame  # noqa: SLF001 - as above; a canary test watches both
    names = frame.__narwhals_namespace__()
    aggregates: list[Any] = [each._to_compliant_expr(names) for each in totals.sums]  # noqa: SLF001 - as above
    sums = evaluate_exprs(frame, *aggregates)
    native = totals.rows.to_native()
    if totals.rows.implementation is nw.Implementation.PYSPARK:
        from pyspark.sql.observation import Observation
    else:
        from pyspark.sql.connect.observation import Observation  # type: ignore[assignment]
    observation = Observation()
    return observation, _lazy(native.observe(observation, *(column.alias(name) for name, column in sums)))


def _with_hash(rows: Any, columns: Sequence[str]) -> Any:  # noqa: ANN401 - frames of Spark
    # As text: Python's functions are made for one kind of session, classic or Connect.
    return rows.selectExpr("*", f"xxhash64({', '.join(map(quoted, columns))}) as {_KNOWN_BY}")


def _as_polars(table: Any) -> pl.DataFrame:  # noqa: ANN401 - a table of pyarrow, which the core does not know
    found = pl.from_arrow(table)
    return found if isinstance(found, pl.DataFrame) else found.to_frame()
