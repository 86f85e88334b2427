"""A sheet of an .xlsx workbook as Parquet of text; runs in the sandbox only.

What belongs here: cells to text, blank rows, merged cells, formulas without a value. What does not: columns, which the
caller matches. A number is the shortest text that gives the same double, which is what a workbook holds; a date is
`2026-01-05`, a moment `2026-01-05T10:00:00`, both without a zone; an error such as `#N/A` is its name.
"""

import re
import zipfile
from collections.abc import Mapping, Sequence
from datetime import date, datetime, time, timedelta
from functools import reduce
from typing import Any, BinaryIO
from xml.etree import ElementTree as ET

import polars as pl

_TOTAL = re.compile(r"(?i)\s*(?:grand |sub)?totals?\s*:?\s*")
_SMALL_BYTES = 64 << 20
_MAGIC, _LEGACY = b"PK\x03\x04", b"\xd0\xcf\x11\xe0"
_MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
_LINK = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"
_ASK = "Ask for the file again."
Rows = list[list[Any]]


class SheetError(Exception):
    """Why a workbook is refused; no value of a cell is part of it."""

    def __init__(self, code: str, what: str, fix: str) -> None:
        super().__init__(what)
        self.code, self.what, self.fix = code, what, fix


def convert_sheet(task: Mapping[str, Any], source: BinaryIO, target: BinaryIO) -> dict[str, Any]:
    """Write the rows of a sheet as text and return its header; raise SheetError for what cannot be taken as it is."""
    from python_calamine import load_workbook

    parts = _open(source, task["max_expansion"])
    workbook = load_workbook(source)
    name = _sheet_name(workbook.sheet_names, task["sheet"])
    sheet = workbook.get_sheet_by_name(name)
    grid: Rows = sheet.to_python(skip_empty_area=False)
    top = int(task["header_row"])
    for at, text in _errors(parts, name).items():
        _put(grid, at, text)
    _merge(grid, sheet.merged_cell_ranges or [], top, task["merged_cells"])
    header = [_text(cell) or "" for cell in grid[top - 1]] if 0 < top <= len(grid) else []
    body = [[_text(cell) for cell in row] for row in grid[top:]]
    fields = _width([header, *body]) if top else max(task["fields"], _width(body))
    if not any(header) and (top or not body):
        raise SheetError("empty", "the sheet has no cell where the header should be.", "Correct `read.headerRow`.")
    while body and not any(cell is not None for cell in body[-1]):
        body.pop()
    rows = [_record(row, fields) for row in body]
    schema = {f"field_{place}": pl.String for place in range(fields + 2)}
    pl.DataFrame(rows, schema=schema, orient="row").write_parquet(target, compression="lz4")
    return {"header": header[:fields], "fields": fields, "rows": len(rows)}


def _open(source: BinaryIO, max_expansion: int) -> zipfile.ZipFile:
    head = source.read(4)
    if head == _LEGACY:
        what = "the workbook is encrypted, or of the old .xls format."
        raise SheetError("format", what, "Ask for .xlsx without a password.")
    if head != _MAGIC:
        raise SheetError("not_excel", "the file is no .xlsx workbook.", "Correct `read.format`, or ask the sender.")
    try:
        parts = zipfile.ZipFile(source)
    except zipfile.BadZipFile as error:
        raise SheetError("truncated", "the workbook is damaged or cut off.", _ASK) from error
    size, expanded = source.seek(0, 2), sum(part.file_size for part in parts.infolist())
    source.seek(0)
    if expanded > max(_SMALL_BYTES, size * max_expansion):
        what = f"its {size} bytes would become {expanded}, more than {max_expansion} times as many."
        raise SheetError("bomb", what, "Ask the sender; if it is as it should be, raise `read.maxExpansion`.")
    return parts


def _sheet_name(names: Sequence[str], wanted: str) -> str:
    if wanted in names:
        return wanted
    if wanted:
        raise SheetError("schema", f"the workbook has no sheet {wanted!r}.", "Correct `read.sheet`, or ask the sender.")
    if len(names) != 1:
        raise SheetError("schema", f"the workbook has {len(names)} sheets.", "Say which one: `read.sheet`.")
    return names[0]


def _errors(parts: zipfile.ZipFile, sheet: str) -> dict[str, str]:
    """Return the cells that hold an error, with its name: the library reads them as empty.

    Raises SheetError for a formula that was never computed: it would be read as an empty cell, too.
    """
    found: dict[str, str] = {}
    with parts.open(_part_of(parts, sheet)) as file:
        for _, element in ET.iterparse(file):  # noqa: S314 - see `sandbox`
            if element.tag == f"{_MAIN}c":
                at, value = element.get("r", ""), element.findtext(f"{_MAIN}v")
                if element.find(f"{_MAIN}f") is not None and not value and element.get("t") != "str":
                    fix = "Open and save the workbook with a program that computes it."
                    raise SheetError("formula", f"the formula in {at} has no value.", fix)
                if element.get("t") == "e":
                    found[at] = value or ""
            elif element.tag == f"{_MAIN}row":
                element.clear()
    return found


def _put(grid: Rows, at: str, text: str) -> None:
    letters = at.rstrip("0123456789")
    column = reduce(lambda number, letter: number * 26 + ord(letter) - 64, letters, 0) - 1
    grid[int(at.removeprefix(letters)) - 1][column] = text


def _part_of(parts: zipfile.ZipFile, sheet: str) -> str:
    book = ET.fromstring(parts.read("xl/workbook.xml"))  # noqa: S314 - see `sandbox`
    links = ET.fromstring(parts.read("xl/_rels/workbook.xml.rels"))  # noqa: S314 - same
    ids = {one.get("name"): one.get(_LINK) for one in book.iter(f"{_MAIN}sheet")}
    targets = {link.get("Id"): link.get("Target") or "" for link in links}
    target = targets[ids[sheet]]
    return target.lstrip("/") if target.startswith("/") else f"xl/{target}"


def _merge(grid: Rows, ranges: Sequence[Any], top: int, policy: str) -> None:
    for (first_row, first_column), (last_row, last_column) in ranges:
        if last_row < top or policy == "first":
            continue
        if policy == "fail" or first_row < top:
            what = f"cells of row {max(first_row, top) + 1} are merged."
            raise SheetError("merged_cells", what, "Ask for one value in one cell, or declare `mergedCells`.")
        for row in grid[first_row : last_row + 1]:
            row[first_column : last_column + 1] = [grid[first_row][first_column]] * (last_column + 1 - first_column)


def _width(rows: Sequence[Sequence[str | None]]) -> int:
    return max((place + 1 for row in rows for place, cell in enumerate(row) if cell), default=0)


def _record(row: Sequence[str | None], fields: int) -> list[str | None]:
    cells = [*row, *[None] * fields][:fields]
    filled = [cell for cell in cells if cell is not None]
    is_total = bool(cells and cells[0] and _TOTAL.fullmatch(cells[0])) and None in cells
    if filled and not is_total:
        return [*cells, None, None]
    return [*[None] * fields, "non_data_line", "\t".join(cell or "" for cell in cells)]


def _text(cell: Any) -> str | None:  # noqa: ANN401 - what a cell holds
    if cell is None or cell == "":
        return None
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, float):
        return str(int(cell)) if cell.is_integer() and abs(cell) < 2**53 else repr(cell)
    if isinstance(cell, datetime | date | time):
        return cell.isoformat()
    if isinstance(cell, timedelta):
        return _duration(cell)
    return str(cell)


def _duration(span: timedelta) -> str:
    seconds = span // timedelta(seconds=1)
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
