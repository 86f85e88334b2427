"""Every malformed CSV gets what was promised: accepted, refused with a code, or kept as a defect row for silver.

The numbers are those of the list of bad inputs. `connector` lines are decided here; of a `silver` line the connector
only has to hand over the text exactly as it came, and parsing decides later.
"""

import codecs
import gzip
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import zstandard

from lakehouse_assets.connectors.access import Access
from lakehouse_assets.connectors.files import Files
from lakehouse_assets.connectors.protocol import Extraction, Rejection
from lakehouse_assets_tests.builders import file_source

pytestmark = pytest.mark.integration

DAY = "2026-01-05"
HEAD = b"id,name,amount\n"
GOOD = ("1", "a", "10")
ALL_NULL = (None, None, None)
Row = tuple[str | None, ...]


@dataclass(frozen=True)
class Case:
    """Content of one file, how the source declares it, and what must come of it."""

    id: str
    content: bytes
    rows: tuple[Row, ...] = ()
    defects: Mapping[int, str] = field(default_factory=dict)
    code: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)


def accepted(case_id: str, content: bytes, *rows: Row, **options: Any) -> Any:  # noqa: ANN401 - a pytest parameter
    """Return a case whose rows are all fine."""
    return pytest.param(Case(case_id, content, rows, options=options), id=case_id)


def defective(case_id: str, content: bytes, code: str, *, at: int = 1, **options: Any) -> Any:  # noqa: ANN401 - same
    """Return a case of three rows, one of which is a defect; the others are `GOOD`."""
    rows = tuple(ALL_NULL if number == at else GOOD for number in range(3))
    return pytest.param(Case(case_id, content, rows, {at: code}, options=options), id=case_id)


def refused(case_id: str, content: bytes, code: str, **options: Any) -> Any:  # noqa: ANN401 - same
    """Return a case that is refused whole."""
    return pytest.param(Case(case_id, content, code=code, options=options), id=case_id)


G = b"1,a,10\n"
LONG = b"x" * 10_000_000

CASES = [
    accepted("C1 connector: byte order mark", codecs.BOM_UTF8 + HEAD + G, GOOD),
    accepted("C2 connector: UTF-16 with mark is detected", (HEAD + G).decode().encode("utf-16"), GOOD),
    accepted("C2 connector: UTF-16 big-endian", codecs.BOM_UTF16_BE + (HEAD + G).decode().encode("utf-16-be"), GOOD),
    refused("C2 connector: UTF-16 without mark", (HEAD + G).decode().encode("utf-16-le"), "encoding"),
    refused("C3 connector: cp1252 in UTF-8", HEAD + G + "1,é,10\n".encode("cp1252"), "encoding"),
    accepted("C3 connector: cp1252 declared", HEAD + "1,é,10\n".encode("cp1252"), ("1", "é", "10"), encoding="cp1252"),
    refused("C4 connector: gzip not allowed", gzip.compress(HEAD + G), "compression"),
    refused("C4 connector: zstd not allowed", zstandard.compress(HEAD + G), "compression"),
    accepted("C4 connector: gzip by magic", gzip.compress(HEAD + G), GOOD, compression=("gzip",)),
    accepted("C4 connector: zstd by magic", zstandard.compress(HEAD + G), GOOD, compression=("zstd",)),
    refused("C4 connector: gzip cut off", gzip.compress(HEAD + G)[:-9], "truncated", compression=("gzip",)),
    refused("C4 connector: zstd cut off", zstandard.compress(HEAD + G)[:-3], "truncated", compression=("zstd",)),
    accepted("C5 connector: quoted line break", HEAD + b'1,"a\nb",10\n' + G, ("1", "a\nb", "10"), GOOD),
    accepted("C5 connector: quoted CRLF", HEAD + b'1,"a\r\nb",10\r\n' + G, ("1", "a\r\nb", "10"), GOOD),
    refused("C6 connector: CR only", HEAD.replace(b"\n", b"\r") + b"1,a,10\r", "line_terminator"),
    defective("C6 connector: CR in the middle of a field", HEAD + G + b"1,a\rb,10\n" + G, "control_char"),
    defective("C7 connector: unclosed quote", HEAD + G + b'1,"a,10\n' + G, "unclosed_quote"),
    defective("C7 connector: unclosed quote, later quotes", HEAD + G + b'1,"a,10\n' + b'1,"a",10\n', "unclosed_quote"),
    accepted("C8 connector: stray quote is text", HEAD + b'1,a"b,10\n' + G, ("1", 'a"b', "10"), GOOD),
    accepted("C8 connector: two stray quotes", HEAD + b'1,a"b"c,10\n', ("1", 'a"b"c', "10")),
    accepted("C8 connector: doubled stray quotes", HEAD + b'1,a""b,10\n', ("1", 'a""b', "10")),
    defective("C8 connector: text after a closing quote", HEAD + G + b'1,"a"b,10\n' + G, "stray_quote"),
    defective("C8 connector: polars would read x", HEAD + G + b'1,""x"",10\n' + G, "stray_quote"),
    refused("C9 connector: undeclared backslash", HEAD + b'1,"a\\"b",10\n', "escape"),
    accepted("C9 connector: declared backslash", HEAD + b'1,"a\\"b",10\n', ("1", 'a"b', "10"), escape="\\"),
    defective("C10 connector: too few fields", HEAD + G + b"1,a\n" + G, "ragged_short"),
    defective("C11 connector: too many fields", HEAD + G + b"1,a,10,11\n" + G, "ragged_long"),
    refused("C12 connector: last line cut inside a value", HEAD + G + b"1,a,1", "truncated"),
    refused("C12 connector: last line cut, ends not needed", HEAD + G + b"1,a", "truncated", final_newline=False),
    accepted("C12 connector: no last end, ends not needed", HEAD + b"1,a,10", GOOD, final_newline=False),
    refused("C12 connector: trailer missing", HEAD + G, "truncated", trailer="END {rows}"),
    refused("C12 connector: trailer counts more", HEAD + G + b"END 2\n", "truncated", trailer="END {rows}"),
    accepted("C12 connector: trailer fits", HEAD + G + b"END 1\n", GOOD, trailer="END {rows}"),
    defective("C13 connector: NUL in a field", HEAD + G + b"1,\x00,10\n" + G, "control_char"),
    refused("C14 connector: NUL padding", HEAD + G + b"\x00" * 512, "trailing_garbage"),
    refused("C14 connector: padding and a line end", HEAD + G + b"\x00" * 9 + b"\n", "trailing_garbage"),
    refused("C15 connector: no byte", b"", "empty"),
    refused("C15 connector: only line ends", b"\n\r\n\n", "empty"),
    accepted("C15 connector: empty where no row is needed", b"", min_rows=0),
    accepted("C16 connector: header only", HEAD),
    refused("C17 connector: no header", G + G, "schema"),
    refused("C18 connector: a name twice", b"id,name,amount,name\n1,a,10,b\n", "header"),
    refused("C19 connector: empty name", b"id,name,amount,\n1,a,10,\n", "header"),
    refused("C19 connector: blanks around a name", b"id, name ,amount\n" + G, "header"),
    accepted("C19 connector: trimmed names", b"id, name ,amount\n" + G, GOOD, trim_header=True),
    accepted("C20 connector: other order", b"amount,id,name\n10,1,a\n", GOOD),
    refused("C21 connector: other case", b"id,Name,amount\n" + G, "schema_drift"),
    refused("C22 connector: required column missing", b"id,name\n1,a\n", "schema_drift"),
    accepted("C22 connector: optional column missing", b"id,name\n1,a\n", ("1", "a", None), optional=("amount",)),
    accepted("C23 connector: extra column set aside", b"id,name,amount,new\n1,a,10,x\n", GOOD),
    refused("C23 connector: extra column, fail", b"id,name,amount,new\n1,a,10,x\n", "schema_drift", unknown="fail"),
    accepted("C23 connector: extra column, ignore", b"id,name,amount,new\n1,a,10,x\n", GOOD, unknown="ignore"),
    refused("C24 connector: semicolons", b"id;name;amount\n1;a;10\n", "delimiter"),
    refused("C24 connector: semicolons, no header", b"1;a;10\n", "delimiter", header=False),
    accepted("C25 silver: decimal comma, currency", HEAD + b'1,a,"1,5"\n1,a,$5\n', ("1", "a", "1,5"), ("1", "a", "$5")),
    accepted("C26 silver: overflow", HEAD + b"9223372036854775808,a,10\n", ("9223372036854775808", "a", "10")),
    accepted("C27 silver: 1.0 and 1e3", HEAD + b"1.0,a,1e3\n", ("1.0", "a", "1e3")),
    accepted("C28 silver: 007", HEAD + b"007,a,10\n", ("007", "a", "10")),
    accepted("C29 silver: +7, 1_000, blanks", HEAD + b"+7, 1 ,1_000\n", ("+7", " 1 ", "1_000")),
    accepted("C30 silver: NaN, 1e400", HEAD + b"1,NaN,1e400\n", ("1", "NaN", "1e400")),
    accepted("C31 silver: NULL, N/A", HEAD + b"NULL,N/A,-\n", ("NULL", "N/A", "-")),
    accepted("C32 connector: quoted empty and empty", HEAD + b'1,"",\n,,""\n', ("1", "", None), (None, None, "")),
    accepted("C32 connector: the same after repair", HEAD + b'1,"",\n1,a"b,\n', ("1", "", None), ("1", 'a"b', None)),
    accepted("C33 silver: bad value late", HEAD + G * 2_000 + b"x,a,10\n", *[GOOD] * 2_000, ("x", "a", "10")),
    defective("C34 connector: header repeated", HEAD + G + HEAD + G, "non_data_line"),
    defective("C34 connector: total", HEAD + G + b"TOTAL,,20\n" + G, "non_data_line"),
    defective("C34 connector: ragged total", HEAD + G + b"Grand total: 20\n" + G, "non_data_line"),
    defective("C34 connector: undeclared comment", HEAD + G + b"# made by hand\n" + G, "non_data_line"),
    defective("C34 connector: comment", HEAD + G + b"!a,b,c\n" + G, "non_data_line", comment="!"),
    defective("C34 connector: blank line", HEAD + G + b"\n" + G, "non_data_line"),
    defective("C34 connector: blank last line", HEAD + G + G + b"\n", "non_data_line", at=2),
    accepted("C34 connector: a brand called Total", HEAD + b"Total,a,10\n", ("Total", "a", "10")),
    defective("C35 connector: field of 10 MB", HEAD + G + b"1," + LONG + b",10\n" + G, "field_too_large"),
    defective("C35 connector: quoted field of 10 MB", HEAD + G + b'1,"' + LONG + b'",10\n' + G, "field_too_large"),
    accepted("C36 silver: zero width, bidi", HEAD + "1,a\u200bb\u202e,10\n".encode(), ("1", "a\u200bb\u202e", "10")),
    accepted(
        "C37 silver: NFC, NFD", HEAD + "1,é,10\n1,e\u0301,10\n".encode(), ("1", "é", "10"), ("1", "e\u0301", "10")
    ),
    accepted("C38 silver: formula", HEAD + b"1,=cmd|' /C calc'!A0,10\n", ("1", "=cmd|' /C calc'!A0", "10")),
    accepted("dialect: single quotes", HEAD + b"1,'a,b',10\n", ("1", "a,b", "10"), quote="'"),
    accepted("dialect: no quotes", HEAD + b'1,"a,10\n', ("1", '"a', "10"), quote=""),
    defective("dialect: no quotes, ragged", HEAD + G + b'1,"a,b",10\n' + G, "ragged_long", quote=""),
    accepted("dialect: tabs, CRLF", b"id\tname\tamount\r\n1\ta\t10\r\n", GOOD, delimiter="\t"),
    accepted("dialect: delimiter of two bytes", "id§name§amount\n1§a§10\n".encode(), GOOD, delimiter="§"),
    accepted("dialect: no header", G, GOOD, header=False),
    accepted("dialect: no header but a mark", codecs.BOM_UTF8 + G, GOOD, header=False),
    refused("C19 connector: line break in a name", b'id,name,"amo\nunt"\n1,a,x\n', "header"),
    accepted("dialect: ours inside a value", HEAD + b"1,\x01\x02,10\n", ("1", "\x01\x02", "10")),
]


def extract(folder: Path, case: Case) -> Extraction | Rejection:
    """Return what the connector says about one file with this content."""
    (folder / f"{DAY}.csv").write_bytes(case.content)
    source = file_source(folder, "id", "name", "amount", **case.options)
    return Files(source, Access(environ={})).extract(source.tables["orders"], [DAY])[DAY]


@pytest.mark.parametrize("case", CASES)
def test_input_gets_what_was_promised(case: Case, tmp_path: Path) -> None:
    answer = extract(tmp_path, case)

    if case.code:
        assert isinstance(answer, Rejection)
        assert answer.error.code == case.code
        assert [letter.content for letter in answer.dead_letters] == [case.content]
        assert answer.error.fix
        return
    assert isinstance(answer, Extraction)
    rows = answer.frame.to_native().collect()
    assert rows.select("id", "name", "amount").rows() == list(case.rows)
    assert answer.rows == len(case.rows)
    assert {n: code for n, code in enumerate(rows["_defect"]) if code} == case.defects
    assert rows["_row_id"].to_list() == [f"{DAY}.csv#{n:09}" for n in range(1, len(case.rows) + 1)]
    assert set(rows["_source_object"]) <= {f"{DAY}.csv"}


def test_a_defect_row_keeps_its_original_line(tmp_path: Path) -> None:
    answer = extract(tmp_path, Case("", HEAD + G + b'1,"a"b;\xc3\xa9,10\r\n' + G))

    assert isinstance(answer, Extraction)
    rows = answer.frame.to_native().collect()
    assert rows["_line"].to_list() == [None, '1,"a"b;é,10', None]


def test_wrong_bytes_are_named_by_their_offset(tmp_path: Path) -> None:
    content = HEAD + G + b"1,\xe9,10\n"

    answer = extract(tmp_path, Case("", content))

    assert isinstance(answer, Rejection)
    assert f"offset {content.index(0xE9)}" in str(answer.error)


def test_a_column_in_other_case_is_suggested_and_told_as_drift(tmp_path: Path) -> None:
    answer = extract(tmp_path, Case("", b"id,Name,amount\n" + G))

    assert isinstance(answer, Rejection)
    assert "'Name'" in str(answer.error)
    assert answer.drift[-1].renamed == (("name", "Name"),)


@pytest.mark.parametrize(
    ("policy", "unknown", "columns"),
    [
        ("quarantine", ['{"new":"x","more":null}', '{"new":"","more":"y"}'], ()),
        ("evolve", [None, None], ("new", "more")),
        ("ignore", [None, None], ()),
    ],
)
def test_undeclared_columns_follow_the_policy_and_are_told_as_drift(
    policy: str, unknown: list[str | None], columns: tuple[str, ...], tmp_path: Path
) -> None:
    content = b'id,new,name,amount,more\n1,x,a,10,\n1,"",a,10,y\n'

    answer = extract(tmp_path, Case("", content, options={"unknown": policy}))

    assert isinstance(answer, Extraction)
    rows = answer.frame.to_native().collect()
    assert rows["_unknown"].to_list() == unknown
    assert rows.columns[:-5] == ["id", "name", "amount", *columns]
    assert answer.drift[0].added == ("new", "more")


def test_a_defect_row_has_no_unknown_values(tmp_path: Path) -> None:
    answer = extract(tmp_path, Case("", b"id,name,amount,new\n1,a,10,x\n1,a\n"))

    assert isinstance(answer, Extraction)
    assert answer.frame.to_native().collect()["_unknown"].to_list() == ['{"new":"x"}', None]
