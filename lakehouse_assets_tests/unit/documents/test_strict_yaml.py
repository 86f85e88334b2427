"""Text that two YAML readers could understand differently is refused with its place."""

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from lakehouse_assets.documents.findings import Report
from lakehouse_assets.documents.strict_yaml import MAX_BYTES, Document, parse_document


def parsed(text: str | bytes) -> tuple[Document | None, list[tuple[str, int, int]]]:
    report = Report()
    content = text.encode() if isinstance(text, str) else text
    document = parse_document(content, "config/x.yaml", report)
    return document, [(found.code, found.spot.line, found.spot.column) for found in report.sorted()]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("a: 1\nb: [1\n", ("LH101", 3, 1), id="unclosed list"),
        pytest.param(b"a: \xff\n", ("LH101", 0, 0), id="not UTF-8"),
        pytest.param("a: \x00\n", ("LH101", 0, 0), id="control character"),
        pytest.param("a: 1\nb:\n  c: 1\n  c: 2\n", ("LH102", 4, 3), id="duplicate key"),
        pytest.param("a: &x 1\n", ("LH103", 1, 4), id="anchor"),
        pytest.param("<<: {a: 1}\n", ("LH103", 1, 1), id="merge key"),
        pytest.param("a: !!python/object:os.system ls\n", ("LH104", 1, 4), id="python tag"),
        pytest.param("a: !mine {b: 1}\n", ("LH104", 1, 4), id="local tag"),
        pytest.param("a:\n\tb: 1\n", ("LH105", 2, 1), id="tab"),
        pytest.param("a: 1\n---\nb: 2\n", ("LH106", 2, 1), id="second document"),
        pytest.param("- a\n- b\n", ("LH107", 1, 1), id="list at the root"),
        pytest.param("# nothing\n", ("LH107", 1, 0), id="empty"),
        pytest.param("a: {b: yes}\n", ("LH108", 1, 8), id="yes"),
        pytest.param("a: Off\n", ("LH108", 1, 4), id="Off"),
        pytest.param("on: 1\n", ("LH108", 1, 1), id="on as a key"),
        pytest.param("a: 1:30\n", ("LH109", 1, 4), id="sexagesimal"),
        pytest.param("a: 010\n", ("LH109", 1, 4), id="octal"),
        pytest.param("a: 1_000\n", ("LH109", 1, 4), id="underscore"),
        pytest.param("a: 0x1F\n", ("LH109", 1, 4), id="hexadecimal"),
        pytest.param("a: 1e5\n", ("LH109", 1, 4), id="exponent without a point"),
        pytest.param("a: " + "[" * 60 + "]" * 60, ("LH111", 1, 53), id="sixty levels"),
        pytest.param("1: a\n", ("LH112", 1, 1), id="number as a key"),
        pytest.param("? [a]\n: b\n", ("LH112", 1, 3), id="list as a key"),
        pytest.param("a: .inf\n", ("LH113", 1, 4), id="infinity"),
        pytest.param("a: 99999999999999999999\n", ("LH113", 1, 4), id="more than 64 bits"),
    ],
)
def test_what_readers_understand_differently_is_a_finding_with_its_place(
    text: str | bytes, expected: tuple[str, int, int]
) -> None:
    assert expected in parsed(text)[1]


def test_an_alias_is_a_finding_of_its_own() -> None:
    assert parsed("a: &x 1\nb: *x\n")[1] == [("LH103", 1, 4), ("LH103", 2, 4)]


def test_a_file_of_more_than_one_megabyte_is_not_read() -> None:
    document, found = parsed("a: " + "x" * MAX_BYTES)

    assert document is None
    assert found == [("LH110", 0, 0)]


def test_several_problems_are_found_in_one_reading() -> None:
    codes = [code for code, _, _ in parsed("a: yes\nb: 010\na: 1\n")[1]]

    assert codes == ["LH108", "LH109", "LH102"]


def test_quoted_text_stays_text() -> None:
    document, found = parsed("a: 'yes'\nb: \"010\"\nc: '1:30'\nd: '!x'\n")

    assert document is not None
    assert document.data == {"a": "yes", "b": "010", "c": "1:30", "d": "!x"}
    assert found == []


def test_plain_values_have_the_types_of_yaml_1_2() -> None:
    document, _ = parsed("a: 2011-12-09\nb: -3\nc: 1.5\nd: ~\ne:\nf: true\ng: 2.3.0\nh: text\n")

    assert document is not None
    assert document.data == {
        "a": "2011-12-09",
        "b": -3,
        "c": 1.5,
        "d": None,
        "e": None,
        "f": True,
        "g": "2.3.0",
        "h": "text",
    }


def test_a_byte_order_mark_is_no_part_of_the_first_key() -> None:
    document, _ = parsed("\ufeffa: 1\n")

    assert document is not None
    assert document.data == {"a": 1}


def test_every_node_knows_where_it_was_written() -> None:
    document, _ = parsed("a:\n  - b: 1\n    c: 2\n")

    assert document is not None
    assert str(document.spot(["a", 0, "c"])) == "config/x.yaml:3:5"


def test_the_place_of_something_absent_is_that_of_its_parent() -> None:
    document, _ = parsed("a:\n  b: 1\n")

    assert document is not None
    assert document.spot(["a", "nothing", 3]).line == 1


_PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**31), 2**31) | st.text(alphabet="abcäß09 .:#-'\"", max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text("abc", min_size=1, max_size=3), inner, max_size=3)
    ),
    max_leaves=12,
)


@given(st.dictionaries(st.text("abcxyz", min_size=1, max_size=5), _PLAIN, min_size=1, max_size=5))
def test_what_pyyaml_writes_is_read_back_unchanged(data: dict[str, object]) -> None:
    document, found = parsed(yaml.safe_dump(data, allow_unicode=True, default_style='"'))
    plain, _ = parsed(yaml.safe_dump(data, allow_unicode=True))

    assert plain is not None
    assert plain.data == data
    assert document is None or all(code == "LH104" for code, _, _ in found)


@given(st.text(max_size=60))
def test_any_text_gives_a_document_or_a_finding(text: str) -> None:
    content = text.encode("utf-8", "surrogatepass")
    report = Report()

    document = parse_document(content, "x.yaml", report)

    assert document is not None or report.errors
