"""Strict JSON: every odd thing of the list J is told, and nothing is guessed, rounded or dropped."""

import json

import pytest

from lakehouse_assets.connectors.json_rows import JsonRead, to_batch
from lakehouse_assets.connectors.json_text import Record, read_page, read_text, to_text
from lakehouse_assets.contracts.model import ColumnType, Kind, SourceTable
from lakehouse_assets.errors import SourceError
from lakehouse_assets_tests.doubles.sources import table

LINES = {
    "J1 NaN": ('{"id": NaN}', "invalid_json"),
    "J1 Infinity": ('{"id": -Infinity}', "invalid_json"),
    "J2 duplicate key": ('{"id": 1, "id": 2}', "duplicate_key"),
    "J2 duplicate key inside": ('{"id": 1, "more": {"a": 1, "a": 1}}', "duplicate_key"),
    "J10 nesting": ("[" * 1_001 + "]" * 1_001, "depth"),
    "J10 nesting beyond any stack": ("[" * 200_000 + "]" * 200_000, "depth"),
    "J11 lone surrogate": (r'{"id": "\ud800"}', "bad_unicode"),
    "J11 lone surrogate in a key": (r'{"\udfff": 1}', "bad_unicode"),
    "J12 byte order mark": ('\ufeff{"id": 1}', "invalid_json"),
    "J12 trailing comma": ('{"id": 1,}', "invalid_json"),
    "J12 single quotes": ("{'id': 1}", "invalid_json"),
    "J12 concatenated objects": ('{"id": 1}{"id": 2}', "invalid_json"),
    "J15 cut line": ('{"id": 1, "amount": "1.', "invalid_json"),
    "control character": ('{"id": "\\u0000"}', "control_char"),
}


def rows(value: object, *, of: SourceTable | None = None, read: JsonRead | None = None) -> list[dict[str, str | None]]:
    return to_batch([read_text(json.dumps(value))], of or table(), read).rows.to_dicts()


@pytest.mark.parametrize(("line", "code"), LINES.values(), ids=LINES)
def test_a_line_that_is_no_honest_record_has_a_code_and_its_text(line: str, code: str) -> None:
    assert read_text(line) == Record(None, code, line)


def test_pairs_of_surrogates_are_one_letter() -> None:
    assert read_text(r'{"id": "\ud83d\ude00"}').value == {"id": "😀"}


@pytest.mark.parametrize(
    "number",
    ["9223372036854775808", "1180591620717411303424", "9007199254740993", "0.12345678901234567891", "1e400", "-0"],
)
def test_numbers_keep_their_digits(number: str) -> None:
    (row,) = to_batch([read_text(f'{{"id": {number}}}')], table()).rows.to_dicts()

    assert row["id"] == number  # J3, J4, J5


@pytest.mark.parametrize(("value", "kind"), [("5", Kind.LONG), (True, Kind.LONG), (1, Kind.BOOLEAN), (1, Kind.DATE)])
def test_a_value_of_another_type_than_is_declared_is_told(value: object, kind: Kind) -> None:
    typed = table("id", "other")
    typed.columns["id"] = ColumnType(kind)  # type: ignore[index]

    (row,) = rows({"id": value, "other": "x"}, of=typed)

    assert (row["id"], row["_defect"], row["other"]) == (None, "wrong_type", "x")  # J6


def test_a_missing_key_and_a_null_are_null() -> None:
    (row,) = rows({"id": 1, "note": None})

    assert (row["id"], row["amount"], row["note"], row["_defect"]) == ("1", None, None, None)  # J7


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        ("quarantine", {"_unknown": '{"extra":{"a":1.50}}'}),
        ("ignore", {"_unknown": None}),
        ("fail", {"extra": '{"a":1.50}'}),
    ],
)
def test_an_undeclared_key_goes_where_the_table_says(policy: str, expected: dict[str, str | None]) -> None:
    batch = to_batch([read_text('{"id": 1, "extra": {"a": 1.50}}')], table(unknown_columns=policy))

    assert expected.items() <= batch.rows.to_dicts()[0].items()  # J8
    assert batch.unknown == {"extra"}


def test_an_object_where_a_scalar_is_declared_is_told() -> None:
    (row,) = rows({"id": {"b": 2, "a": [1]}})

    assert (row["id"], row["_defect"], row["_line"]) == (None, "not_scalar", '{"id":{"a":[1],"b":2}}')  # J9


def test_a_nested_column_is_kept_as_json() -> None:
    (row,) = rows({"id": {"b": 2.0, "a": "ä"}}, read=JsonRead(nested=frozenset({"id"})))

    assert row["id"] == '{"a":"ä","b":2.0}'


@pytest.mark.parametrize("value", [{}, {"id": None}, {"other": 1}], ids=str)
def test_a_record_without_any_value_is_told(value: object) -> None:
    assert rows(value)[0]["_defect"] == "all_null"  # J16


@pytest.mark.parametrize("value", [1, "text", None, [1]], ids=str)
def test_a_record_that_is_no_object_is_told(value: object) -> None:
    assert rows(value)[0]["_defect"] == "not_object"


def test_columns_stand_where_fields_say_and_undeclared_keys_beside_them_are_told() -> None:
    read = JsonRead({"amount": "money.value"}, ignored=frozenset({"_links"}))

    (row,) = rows({"id": 1, "money": {"value": 2.50, "unit": "EUR"}, "_links": {}}, read=read)

    assert (row["amount"], row["_unknown"]) == ("2.5", '{"money.unit":"EUR"}')


def test_a_former_name_is_still_read() -> None:
    (row,) = rows({"number": 7}, of=table(renamed_from={"id": ("number",)}))

    assert row["id"] == "7"


def test_one_bad_record_of_a_page_does_not_cost_the_others() -> None:
    deep = "[" * 3_000 + "]" * 3_000
    page = f'{{"a": [9], "data": {{"items": [{{"id": 1}}, {{"id": 2, "id": 3}}, {{"id": {deep}}}, {{"id": "],[" }}]}}}}'

    _, records = read_page(page.encode(), ["data", "items"], where="here")

    assert [(one.value, one.defect) for one in records] == [
        ({"id": "1"}, None),
        (None, "duplicate_key"),
        (None, "depth"),
        ({"id": "],["}, None),
    ]


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"<html><body>502 Bad Gateway</body></html>", "not_json"),
        (b"", "not_json"),
        (b'{"items": [{"id": 1}, {"id"', "not_json"),
        (b'{"items": ["\xff"]}', "encoding"),
        (b'{"error": "no"}', "shape"),
        (b'[{"id": 1}]', "shape"),
    ],
    ids=["J14 HTML", "nothing", "J15 cut", "no UTF-8", "no list there", "J13 another shape"],
)
def test_a_page_that_cannot_be_used_is_refused_without_its_content(content: bytes, code: str) -> None:
    with pytest.raises(SourceError) as refused:
        read_page(content, ["items"], where="here")

    assert refused.value.code == code
    assert "Gateway" not in str(refused.value)


def test_json_is_written_with_sorted_keys_and_the_digits_it_came_with() -> None:
    assert (
        to_text(read_text('{"b": [1.10, true, null], "a": "\\"x\\""}').value) == '{"a":"\\"x\\"","b":[1.10,true,null]}'
    )
