"""Daily files of the small shop, written before there is a lake that says where they belong."""

import csv
from collections.abc import Sequence
from pathlib import Path

from lakehouse_assets_tests import customers, lakes


def write_shop_file(path: Path, rows: Sequence[Sequence[str]], *, people: bool = False) -> None:
    """Write a file of orders, or of changes of customers."""
    path.parent.mkdir(parents=True, exist_ok=True)
    header = customers.HEADER if people else lakes.HEADER
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, lineterminator="\n").writerows([header, *rows])
