"""Workbooks land as text that says what the cells hold; what would be guessed is refused. Written by openpyxl."""

import io
import re
import zipfile
from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pytest
from openpyxl import Workbook
from openpyxl.worksheet.worksheet import Worksheet

from lakehouse_assets_tests.drops import arrived, drop, refused

pytestmark = pytest.mark.integration

COLUMNS = {"id": "text", "value": "text"}
HEAD = ("id", "value")


def workbook(*rows: Sequence[Any], merge: str = "", sheets: Sequence[str] = ()) -> bytes:
    """Return a workbook whose first sheet, `Data`, has these rows."""
    book = Workbook()
    sheet = book.active
    assert isinstance(sheet, Worksheet)
    sheet.title = "Data"
    for row in rows:
        sheet.append(list(row))
    if merge:
        sheet.merge_cells(merge)
    for name in sheets:
        book.create_sheet(name)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def values(folder: Path, content: bytes, **options: Any) -> list[tuple[str | None, ...]]:  # noqa: ANN401 - of `read`
    rows: list[tuple[str | None, ...]] = (
        arrived(drop(folder, content, COLUMNS, format="excel", **options)).select("id", "value").rows()
    )
    return rows


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        (10, "10"),
        (-2.5, "-2.5"),
        (1 / 3, "0.3333333333333333"),
        (123456789012345, "123456789012345"),
        (1e300, "1e+300"),
        (True, "true"),
        ("007", "007"),
        (" a ", " a "),
        (date(2026, 1, 5), "2026-01-05"),
        (
            datetime(2026, 1, 5, 10, 30),  # noqa: DTZ001 - workbooks know no zones
            "2026-01-05T10:30:00",
        ),
        (time(10, 30), "10:30:00"),
        (timedelta(hours=30), "30:00:00"),
        ("#N/A", "#N/A"),
        (None, None),
    ],
    ids=str,
)
def test_a_cell_is_the_text_of_what_it_holds(cell: object, text: str | None, tmp_path: Path) -> None:
    assert values(tmp_path, workbook(HEAD, ("1", cell), ("2", "x")))[0] == ("1", text)


def computed(content: bytes, value: str) -> bytes:
    """Return a workbook with a value for its one formula, as a program that computes it would write it."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(out, "w") as new:
        for part in old.infolist():
            data = re.sub(rb"</f><v ?/?>(</v>)?", b"</f><v>" + value.encode() + b"</v>", old.read(part))
            new.writestr(part, data)
    return out.getvalue()


def test_a_formula_is_the_value_that_was_computed_and_refused_without_one(tmp_path: Path) -> None:
    content = workbook(HEAD, ("1", "=1+1"))

    assert values(tmp_path, computed(content, "2")) == [("1", "2")]
    answer = refused(drop(tmp_path, content, COLUMNS, format="excel"))
    assert answer.error.code == "formula"
    assert "B2" in str(answer.error)


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "not_excel"),
        (b"id,value\n1,a\n", "not_excel"),
        (b"\xd0\xcf\x11\xe0" + bytes(600), "format"),
        (workbook(HEAD, ("1", "a"))[:-100], "truncated"),
        (workbook(HEAD, ("1", "a"), sheets=("More",)), "schema"),
        (workbook(("a", "b"), ("1", "a")), "schema"),
        (workbook(("id", "value", "id"), ("1", "a", "2")), "header"),
        (workbook(HEAD, ("1", "a", "beyond")), "header"),
        (workbook(("id",), ("1",)), "schema_drift"),
        (workbook(), "empty"),
        (workbook(HEAD, ("1", "a"), ("2", None), merge="B2:B3"), "merged_cells"),
    ],
    ids=["empty", "CSV", "old format", "cut", "which sheet", "no header", "name twice", "no name", "missing column",
         "nothing", "merged"],
)  # fmt: skip
def test_a_workbook_that_would_be_guessed_at_is_refused(content: bytes, code: str, tmp_path: Path) -> None:
    answer = refused(drop(tmp_path, content, COLUMNS, format="excel"))

    assert answer.error.code == code
    assert [letter.content for letter in answer.dead_letters] == [content]


def test_a_sheet_is_taken_by_its_name(tmp_path: Path) -> None:
    content = workbook(HEAD, ("1", "a"), sheets=("More",))

    assert values(tmp_path, content, sheet="Data") == [("1", "a")]
    assert refused(drop(tmp_path, content, COLUMNS, format="excel", sheet="Date")).error.code == "schema"


def test_rows_above_the_header_are_no_data(tmp_path: Path) -> None:
    content = workbook(("Report of January",), (), HEAD, ("1", "a"), merge="A1:B1")

    assert values(tmp_path, content, header_row=3) == [("1", "a")]


@pytest.mark.parametrize(("policy", "second"), [("fill", "a"), ("first", None)])
def test_merged_cells_are_read_as_declared(policy: str, second: str | None, tmp_path: Path) -> None:
    content = workbook(HEAD, ("1", "a"), ("2", None), ("3", "c"), merge="B2:B3")

    assert values(tmp_path, content, merged_cells=policy) == [("1", "a"), ("2", second), ("3", "c")]


def test_blank_and_total_rows_are_defects_and_those_at_the_end_are_none(tmp_path: Path) -> None:
    content = workbook(HEAD, ("1", "a"), (None, None), ("2", "b"), ("Total", None), ("3", "c"), (None, None), ("", ""))

    rows = arrived(drop(tmp_path, content, COLUMNS, format="excel"))

    assert rows["id"].to_list() == ["1", None, "2", None, "3"]
    assert rows["_defect"].to_list() == [None, "non_data_line", None, "non_data_line", None]
    assert rows["_line"].to_list()[3] == "Total\t"
    assert rows["_row_id"].to_list()[-1].endswith("#000000005")


def test_columns_are_matched_by_name_and_unknown_ones_set_aside(tmp_path: Path) -> None:
    content = workbook(("new", "value", "id"), (1.5, "a", "1"))

    rows = arrived(drop(tmp_path, content, COLUMNS, format="excel"))

    assert rows.select("id", "value", "_unknown").rows() == [("1", "a", '{"new":"1.5"}')]


def test_without_a_header_columns_are_taken_in_order(tmp_path: Path) -> None:
    assert values(tmp_path, workbook((1, "a"), (2, None)), header=False) == [("1", "a"), ("2", None)]


def test_a_workbook_that_would_fill_the_memory_is_refused_before_it_is_opened(tmp_path: Path) -> None:
    out = io.BytesIO(workbook(HEAD, ("1", "a")))
    with zipfile.ZipFile(out, "a", zipfile.ZIP_DEFLATED) as parts, parts.open("xl/media/big.bin", "w") as part:
        for _ in range(80):
            part.write(bytes(1 << 20))

    assert refused(drop(tmp_path, out.getvalue(), COLUMNS, format="excel")).error.code == "bomb"
