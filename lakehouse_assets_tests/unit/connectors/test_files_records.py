"""Records are read as Python's csv module reads them, and no line is ever lost."""

import csv
import io

from hypothesis import given
from hypothesis import strategies as st

from lakehouse_assets.connectors.file_formats.csv_lines import Dialect, irregular_lines
from lakehouse_assets.connectors.file_formats.csv_records import Shape, read_record

COMMA = Dialect(",", '"', "", "", 1_000_000)
SHAPE = Shape(COMMA, 3, None, "here")
CELLS = st.text(st.sampled_from('ab ",\n\r;é'), max_size=5)


@given(st.lists(CELLS, min_size=3, max_size=3))
def test_a_quoted_record_is_read_back(cells: list[str]) -> None:
    written = io.StringIO(newline="")
    csv.writer(written, quoting=csv.QUOTE_ALL, lineterminator="\n").writerow(cells)
    lines = written.getvalue().removesuffix("\n").split("\n")

    record = read_record(lines, 0, SHAPE, is_end=True)

    assert record is not None
    assert record.lines == len(lines)
    if any(cells):
        assert record.fields == tuple(cells)


@given(st.text(st.sampled_from('ab,"\r\x00'), max_size=12))
def test_a_line_called_regular_means_the_same_to_pythons_csv(line: str) -> None:
    if irregular_lines([line], COMMA, 3, None):
        return
    record = read_record([line], 0, SHAPE, is_end=True)
    (expected,) = csv.reader(io.StringIO(line + "\n", newline=""), strict=True)

    assert record is not None
    assert record.defect is None
    assert [field or "" for field in record.fields] == expected


@given(st.lists(st.text(st.sampled_from('a,"\r'), max_size=8), min_size=1, max_size=6))
def test_every_line_belongs_to_exactly_one_record(lines: list[str]) -> None:
    taken = []
    position = 0
    while position < len(lines):
        record = read_record(lines, position, SHAPE, is_end=True)
        assert record is not None
        taken.append("\n".join(lines[position : position + record.lines]))
        position += record.lines

    assert "\n".join(taken) == "\n".join(lines)


def test_a_record_waits_for_lines_that_have_not_come_yet() -> None:
    assert read_record(['1,"a'], 0, SHAPE, is_end=False) is None


def test_the_end_of_a_quote_is_not_looked_for_without_limit() -> None:
    small = Shape(Dialect(",", '"', "", "", 10), 3, None, "here")

    record = read_record(['1,"a', *["x" * 20] * 9, 'b",2'], 0, small, is_end=False)

    assert record is not None
    assert (record.defect, record.lines) == ("unclosed_quote", 1)
