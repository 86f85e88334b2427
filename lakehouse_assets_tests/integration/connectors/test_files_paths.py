"""Nothing outside of a location is read, whatever lies in it."""

from pathlib import Path

import pytest

from lakehouse_assets_tests.drops import DAY, arrived, drop, refused

pytestmark = pytest.mark.integration

COLUMNS = {"id": "text"}
CSV = b"id\n1\n"


def test_a_link_to_a_file_outside_is_refused(tmp_path: Path) -> None:
    inside = tmp_path / "in"
    inside.mkdir()
    (tmp_path / "secret.csv").write_bytes(CSV)
    (inside / f"{DAY}_x.csv").symlink_to(tmp_path / "secret.csv")

    answer = refused(drop(inside, CSV, COLUMNS, pattern="{partition}_*.csv", path="other.csv"))

    assert answer.error.code == "outside"
    assert answer.dead_letters == ()


def test_a_link_to_a_folder_outside_is_refused(tmp_path: Path) -> None:
    inside, beside = tmp_path / "in", tmp_path / "beside"
    inside.mkdir()
    beside.mkdir()
    (beside / "a.csv").write_bytes(CSV)
    (inside / DAY).symlink_to(beside)

    assert refused(drop(inside, CSV, COLUMNS, pattern="{partition}/a.csv", path="other.csv")).error.code == "outside"


def test_a_link_inside_is_a_file_like_any_other(tmp_path: Path) -> None:
    (tmp_path / f"{DAY}.csv").symlink_to("real.csv")

    assert arrived(drop(tmp_path, CSV, COLUMNS, pattern="{partition}.csv", path="real.csv"))["id"].to_list() == ["1"]
