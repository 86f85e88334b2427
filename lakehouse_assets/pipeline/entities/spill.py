"""A change log cut by key once, into files beside the lake that last as long as a derivation.

Many passes over one log would each read all of it; so they read the part that holds their keys.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from tempfile import TemporaryDirectory

import narwhals as nw

from lakehouse_assets.engines.protocol import Branch, DataFile, Target
from lakehouse_assets.naming import BUCKET
from lakehouse_assets.pipeline.entities.passes import spill_part
from lakehouse_assets.pipeline.entities.work import Spill, Work

FEW_PASSES = 2


@contextmanager
def cut_by_key(work: Work, passes: int) -> Iterator[Work]:
    """Hand on the work, with its log cut by key when more than a few passes would read it."""
    if passes <= FEW_PASSES:
        yield work
        return
    with TemporaryDirectory(prefix="lakehouse-derive-") as folder:
        part = spill_part(work.entity).cast(nw.String).alias(BUCKET)
        rows = work.changes(work.log.files).with_columns(part)
        branch = Branch(rows.select(*work.entity.changed, BUCKET), Target(folder, BUCKET, work.step.publish))
        staged, _ = work.step.lake.engine.stage([branch])
        files = tuple(DataFile(file.path, file.rows, file.partition) for file in staged[0])
        yield replace(work, spill=Spill(folder, files))
