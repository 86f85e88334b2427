"""Every malformed JSON file gets what was promised: accepted, refused with a code, or kept as a defect row for silver.

The numbers are those of the list of bad inputs. What the types of a contract decide is `silver`: of those lines the
connector only has to hand over the value exactly as it was written.
"""

import codecs
import gzip
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import zstandard

from lakehouse_assets.connectors.protocol import Extraction
from lakehouse_assets_tests.drops import arrived, drop, refused

pytestmark = pytest.mark.integration

COLUMNS = {"id": "text", "name": "text", "amount": "text"}
G = b'{"id": 1, "name": "a", "amount": 10}\n'
GOOD = ("1", "a", "10")
Row = tuple[Any, ...]


@dataclass(frozen=True)
class Case:
    """Content of one file, how the source declares it, and what must come of it."""

    content: bytes
    rows: tuple[Row, ...] = ()
    defects: Mapping[int, str] = field(default_factory=dict)
    code: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)
    columns: Mapping[str, str] = field(default_factory=lambda: COLUMNS)


def accepted(case_id: str, content: bytes, *rows: Row, **options: Any) -> Any:  # noqa: ANN401 - a pytest parameter
    """Return a case whose rows are all fine."""
    return pytest.param(Case(content, rows, options=options), id=case_id)


def defective(case_id: str, line: bytes, code: str, row: Row = (None, None, None), **options: Any) -> Any:  # noqa: ANN401 - same
    """Return a case of three rows, the second of which is a defect that is read as `row`."""
    columns = options.pop("columns", COLUMNS)
    rows = (GOOD, row, GOOD) if columns is COLUMNS else ((1, "a", 10), row, (1, "a", 10))
    return pytest.param(Case(G + line + b"\n" + G, rows, {1: code}, options=options, columns=columns), id=case_id)


def refusal(case_id: str, content: bytes, code: str, **options: Any) -> Any:  # noqa: ANN401 - same
    """Return a case that is refused whole."""
    return pytest.param(Case(content, code=code, options=options), id=case_id)


TYPED = {"id": "long", "name": "text", "amount": "long"}
DEEP = b'{"id": 1, "name": ' + b"[" * 2_000 + b"]" * 2_000 + b', "amount": 10}'
TWENTY = b'{"id": 1, "name": "a", "amount": 12345678901234567.890}\n'
LIST = b'[{"id": 1, "name": "a", "amount": 10}, {"id": 2, "name": null, "amount": 1.50}]'
TWO = (GOOD, ("2", None, "1.50"))

CASES = [
    defective("J1 connector: NaN", b'{"id": NaN, "name": "a", "amount": 10}', "invalid_json"),
    defective("J1 connector: -Infinity", b'{"id": 1, "name": "a", "amount": -Infinity}', "invalid_json"),
    defective("J2 connector: a key twice", b'{"id": 1, "id": 2, "name": "a", "amount": 10}', "duplicate_key"),
    defective("J2 connector: twice inside", b'{"id": 1, "name": {"a": 1, "a": 2}, "amount": 10}', "duplicate_key"),
    accepted("J3 silver: 2^63 and 2^70",
             b'{"id": 9223372036854775808, "name": "a", "amount": 1180591620717411303424}\n',
             ("9223372036854775808", "a", "1180591620717411303424")),
    defective("J3 connector: 2^63 where long is declared", b'{"id": 9223372036854775808, "name": "a", "amount": 10}',
              "overflow", (None, "a", 10), columns=TYPED),
    accepted("J4 connector: 2^53 + 1 beside a float", b'{"id": 9007199254740993, "name": "a", "amount": 0.1}\n',
             ("9007199254740993", "a", "0.1")),
    accepted("J5 connector: decimal of 20 digits", TWENTY, ("1", "a", "12345678901234567.890")),
    accepted("J6 silver: text and a boolean for numbers", b'{"id": "x", "name": "a", "amount": true}\n',
             ("x", "a", "true")),
    defective("J6 connector: a boolean where long is declared", b'{"id": true, "name": "a", "amount": 10}',
              "wrong_type", (None, "a", 10), columns=TYPED),
    accepted("J7 connector: null and a key that some lack", G + b'{"id": 2, "name": null}\n', GOOD, ("2", None, None)),
    refusal("J7 connector: a column that no record has", b'{"id": 1, "name": "a"}\n', "schema_drift"),
    accepted("J7 connector: unless it may be missing", b'{"id": 1, "name": "a"}\n', ("1", "a", None),
             optional=("amount",)),
    accepted("J8 connector: unknown key set aside", G.replace(b"}", b', "new": 1}'), GOOD),
    refusal("J8 connector: unknown key, fail", G.replace(b"}", b', "new": 1}'), "schema_drift", unknown="fail"),
    accepted("J8 connector: unknown key, ignore", G.replace(b"}", b', "new": 1}'), GOOD, unknown="ignore"),
    refusal("J8 connector: another case is the same key", G.replace(b'"name"', b'"Name"'), "schema_drift"),
    defective("J9 connector: object for a scalar", b'{"id": 1, "name": {"a": 1}, "amount": 10}', "not_scalar",
              ("1", None, "10")),
    accepted("J9 connector: object declared nested", b'{"id": 1, "name": {"b": 1.10, "a": []}, "amount": 10}\n',
             ("1", '{"a":[],"b":1.10}', "10"), nested=("name",)),
    accepted("J9 connector: a part of an object", b'{"id": 1, "who": {"name": "a"}, "amount": 10}\n', GOOD,
             fields={"name": "who.name"}),
    defective("J10 connector: 2,000 deep", DEEP, "depth"),
    defective("J11 connector: lone surrogate", rb'{"id": 1, "name": "\ud800", "amount": 10}', "bad_unicode"),
    accepted("J11 connector: a pair of surrogates", rb'{"id": 1, "name": "\ud83d\ude00", "amount": 10}' + b"\n",
             ("1", "\U0001f600", "10")),
    refusal("J12 connector: byte order mark", codecs.BOM_UTF8 + G, "encoding"),
    accepted("J12 connector: byte order mark declared", codecs.BOM_UTF8 + G, GOOD, encoding="utf-8-sig"),
    defective("J12 connector: trailing comma", b'{"id": 1, "name": "a", "amount": 10,}', "invalid_json"),
    defective("J12 connector: single quotes", b"{'id': 1, 'name': 'a', 'amount': 10}", "invalid_json"),
    defective("J12 connector: objects without a line between", G.strip() + G.strip(), "invalid_json"),
    refusal("J13 connector: a list", LIST, "format", final_newline=False),
    accepted("J13 connector: a list declared", LIST, *TWO, format="json"),
    refusal("J13 connector: lines, but a list declared", G, "format", format="json"),
    refusal("J14 connector: an error page", b"<html>502 Bad Gateway</html>\n", "not_json"),
    refusal("J14 connector: an error page for a list", b"<html>502 Bad Gateway</html>\n", "not_json", format="json"),
    refusal("J14 connector: text", b"no records today\n", "not_json"),
    refusal("J15 connector: cut inside the last line", G + b'{"id": 2, "na', "truncated"),
    refusal("J15 connector: cut, last end not needed", G + b'{"id": 2, "na', "truncated", final_newline=False),
    accepted("J15 connector: no last end, not needed", G + G.strip(), GOOD, GOOD, final_newline=False),
    refusal("J15 connector: a list that is cut", LIST[:-20], "not_json", format="json"),
    defective("J16 connector: empty object", b"{}", "all_null"),
    defective("a line that is no object", b"[1, 2]", "not_object"),
    defective("C13 connector: NUL in a value", rb'{"id": 1, "name": "\u0000", "amount": 10}', "control_char"),
    defective("C34 connector: blank line", b"", "non_data_line"),
    defective("C35 connector: a value of 10 MB", b'{"id": 1, "name": "' + b"x" * 10_000_000 + b'", "amount": 1}',
              "field_too_large"),
    refusal("C3 connector: cp1252", b'{"id": 1, "name": "\xe9", "amount": 10}\n', "encoding"),
    refusal("C14 connector: NUL padding", G + b"\x00" * 512, "trailing_garbage"),
    refusal("C15 connector: no byte", b"", "empty"),
    accepted("C15 connector: no byte where no row is needed", b"", min_rows=0),
    accepted("C15 connector: an empty list", b"[]", format="json"),
    accepted("C38 silver: formula", G.replace(b'"a"', b'"=1+1"'), ("1", "=1+1", "10")),
    refusal("C4 connector: gzip not allowed", gzip.compress(G), "compression"),
    accepted("C4 connector: gzip", gzip.compress(G), GOOD, compression=("gzip",)),
    accepted("C4 connector: zstd", zstandard.compress(G), GOOD, compression=("zstd",)),
    accepted("CRLF", G.replace(b"\n", b"\r\n"), GOOD),
    accepted("C32 connector: empty text is no null", G.replace(b'"a"', b'""'), ("1", "", "10")),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_input_gets_what_was_promised(case: Case, tmp_path: Path) -> None:
    answer = drop(tmp_path, case.content, case.columns, **{"format": "jsonl", **case.options})

    if case.code:
        assert refused(answer).error.code == case.code
        assert [letter.content for letter in refused(answer).dead_letters] == [case.content]
        return
    rows = arrived(answer)
    assert rows.select(list(case.columns)).rows() == list(case.rows)
    assert {n: code for n, code in enumerate(rows["_defect"]) if code} == case.defects
    assert rows["_row_id"].to_list() == [f"2026-01-05.data#{n:09}" for n in range(1, len(case.rows) + 1)]


def test_a_defect_row_keeps_what_was_received(tmp_path: Path) -> None:
    line = b'{"id": 1, "name": {"b": 2, "a": 1.10}, "amount": 10}'

    rows = arrived(drop(tmp_path, G + line + b"\nx\n", COLUMNS, format="jsonl"))

    assert json.loads(rows["_line"][1])["name"] == {"a": 1.1, "b": 2}
    assert '"a":1.10' in rows["_line"][1]
    assert rows["_line"][2] == "x"


@pytest.mark.parametrize(
    ("policy", "unknown", "columns"),
    [
        ("quarantine", [None, '{"new":{"deep":1.10}}', '{"more":"y","new":2}'], []),
        ("evolve", [None, None, None], ["more", "new"]),
        ("ignore", [None, None, None], []),
    ],
)
def test_undeclared_keys_follow_the_policy_and_are_told_as_drift(
    policy: str, unknown: list[str | None], columns: list[str], tmp_path: Path
) -> None:
    content = G + G.replace(b"}", b', "new": {"deep": 1.10}}') + G.replace(b"}", b', "more": "y", "new": 2}')

    answer = drop(tmp_path, content, COLUMNS, format="jsonl", unknown=policy)

    rows = arrived(answer)
    assert rows["_unknown"].to_list() == unknown
    assert rows.columns[3:-5] == columns
    if columns:
        assert rows.select(columns).rows() == [(None, None), (None, '{"deep":1.10}'), ("y", "2")]
    assert isinstance(answer, Extraction)
    assert answer.drift[0].added == ("more", "new")


def test_keys_that_come_late_in_a_long_file_are_columns_of_all_its_rows(tmp_path: Path) -> None:
    many = 25_000
    content = G * many + G.replace(b"}", b', "late": 1}')

    rows = arrived(drop(tmp_path, content, COLUMNS, format="jsonl", unknown="evolve"))

    assert rows["late"].null_count() == many
    assert rows["late"][-1] == "1"
    assert rows["_row_id"].n_unique() == many + 1
