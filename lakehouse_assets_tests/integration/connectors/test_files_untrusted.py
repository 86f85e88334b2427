"""Files that were made to do harm, or that a disk damaged: whatever becomes of them, the worker lives and goes on."""

import io
import os
import random
import signal
import struct
import threading
from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest

from lakehouse_assets.connectors.access import Access
from lakehouse_assets.connectors.file_formats.sandbox import Sandbox
from lakehouse_assets.connectors.files import Files
from lakehouse_assets.connectors.protocol import Extraction, Rejection
from lakehouse_assets.errors import SourceError
from lakehouse_assets_tests.drops import drop, refused, typed_source

pytestmark = pytest.mark.integration

TYPES = {"id": "long", "name": "text", "share": "double", "day": "date"}
FLIPS = 120


def healthy() -> bytes:
    """Return a small file of several types."""
    rows = 300
    out = io.BytesIO()
    pl.DataFrame(
        {
            "id": range(rows),
            "name": [f"name {number % 7}" for number in range(rows)],
            "share": [number / 7 for number in range(rows)],
            "day": [date(2026, 1, 1) + timedelta(days=number) for number in range(rows)],
        }
    ).write_parquet(out, row_group_size=100)
    return out.getvalue()


def test_p2_files_with_flipped_bits_are_rows_or_refusals_and_the_worker_reads_on(tmp_path: Path) -> None:
    chosen, content = random.Random(7), healthy()  # noqa: S311 - the same bits every time
    days = [f"2026-{number // 28 + 1:02}-{number % 28 + 1:02}" for number in range(FLIPS + 1)]
    for day in days:
        damaged = bytearray(content)
        if day != days[-1]:
            damaged[chosen.randrange(len(damaged))] ^= 1 << chosen.randrange(8)
        (tmp_path / f"{day}.parquet").write_bytes(damaged)
    source = typed_source(tmp_path, TYPES, pattern="{partition}.parquet", format="parquet")

    answers = Files(source, Access(environ={})).extract(source.tables["orders"], days)

    assert all(isinstance(answer, Extraction | Rejection) for answer in answers.values())
    assert {answer.error.code for answer in answers.values() if isinstance(answer, Rejection)} >= {"damaged"}
    last = answers[days[-1]]
    assert isinstance(last, Extraction)
    assert last.rows == 300


def children() -> set[int]:
    """Return the processes that this thread has started; servers of other tests may be among them."""
    path = Path(f"/proc/self/task/{threading.get_native_id()}/children")
    return {int(number) for number in path.read_text().split()}


def test_p2_a_process_that_dies_while_it_decodes_costs_its_file_only(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    path.write_bytes(healthy())
    others = children()
    with Sandbox() as sandbox, path.open("rb") as file:
        task, size = {"format": "parquet", "legacy": []}, path.stat().st_size
        sandbox.convert(task, file, size=size, where="a")[0].close()
        (child,) = children() - others
        os.kill(child, signal.SIGKILL)

        with pytest.raises(SourceError, match="damaged"):
            sandbox.convert(task, file, size=size, where="a")

        converted, _ = sandbox.convert(task, file, size=size, where="a")
        with converted:
            assert pl.scan_parquet(converted).select(pl.len()).collect().item() == 300


def test_p14_text_that_expands_ten_thousand_times_is_refused_before_it_is_read(tmp_path: Path) -> None:
    out = io.BytesIO()
    pl.DataFrame({"name": ["x" * 1_000_000] * 80}).with_columns(id=pl.int_range(80)).write_parquet(
        out, compression="zstd", use_pyarrow=False, row_group_size=1
    )

    assert refused(drop(tmp_path, out.getvalue(), TYPES, format="parquet")).error.code == "bomb"


def test_p14_a_footer_that_lies_about_the_size_is_stopped_by_the_limit_of_the_process(tmp_path: Path) -> None:
    # The header of the first page says 2 GiB: zigzag of 2^31 - 1 in five bytes.
    content = bytearray(healthy())
    at = content.index(b"\x15", 4) + 3
    content[at : at + 1] = struct.pack("5B", 0xFE, 0xFF, 0xFF, 0xFF, 0x0F)

    answer = drop(tmp_path, bytes(content), TYPES, format="parquet")

    assert refused(answer).error.code == "damaged"


def test_a_gzip_bomb_is_refused_before_it_fills_the_disk(tmp_path: Path) -> None:
    import gzip  # noqa: PLC0415

    bomb = gzip.compress(b"id\n" + b"1\n" * 50_000_000, compresslevel=9)

    answer = refused(drop(tmp_path, bomb, {"id": "text"}, compression=("gzip",)))

    assert answer.error.code == "bomb"
