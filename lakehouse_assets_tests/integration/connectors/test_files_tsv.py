"""TSV is CSV whose delimiter is known."""

from pathlib import Path

import pytest

from lakehouse_assets_tests.drops import arrived, drop, refused

pytestmark = pytest.mark.integration

COLUMNS = {"id": "text", "name": "text"}
TSV = {"format": "tsv", "delimiter": "\t"}


def test_tabs_separate_and_commas_are_text(tmp_path: Path) -> None:
    rows = arrived(drop(tmp_path, b'id\tname\n1\ta,b\n2\t"x\ty"\n', COLUMNS, **TSV))

    assert rows.select("id", "name").rows() == [("1", "a,b"), ("2", "x\ty")]


def test_a_line_with_too_many_tabs_is_a_defect(tmp_path: Path) -> None:
    rows = arrived(drop(tmp_path, b"id\tname\n1\ta\tb\n2\tc\n", COLUMNS, **TSV))

    assert rows["_defect"].to_list() == ["ragged_long", None]


def test_commas_instead_of_tabs_are_told(tmp_path: Path) -> None:
    assert refused(drop(tmp_path, b"id,name\n1,a\n", COLUMNS, **TSV)).error.code == "delimiter"
