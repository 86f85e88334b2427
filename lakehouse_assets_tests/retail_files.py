"""Small daily files in the shape of the web shop's export, with a little of every kind of dirt; made by arithmetic."""

import csv
import os
import time
from collections.abc import Sequence
from pathlib import Path

HEADER = ("InvoiceNo", "StockCode", "Description", "Quantity", "InvoiceDate", "UnitPrice", "CustomerID", "Country")
DAYS = ("2010-12-01", "2010-12-02", "2010-12-03", "2010-12-05", "2010-12-06")


def retail_row(day: str, number: int, **changes: str) -> list[str]:
    """Return one clean order line of a day; `changes` replace columns."""
    row = {
        "InvoiceNo": str(536000 + number // 7),
        "StockCode": f"{20000 + number * 7919 % 900}",
        "Description": f"ARTICLE {number * 7919 % 900}",
        "Quantity": str(number % 24 + 1),
        "InvoiceDate": f"{day} {8 + number % 10:02d}:{number % 60:02d}:00",
        "UnitPrice": f"{number % 40 + 0.25:.2f}",
        "CustomerID": f"{12000 + number % 300}.0",
        "Country": ("United Kingdom", "France", "EIRE")[number % 3],
    }
    return list((row | changes).values())


def retail_rows(day: str, rows: int) -> list[list[str]]:
    """Return a day of order lines: 1 % bad quantities, 0.5 % zero quantities, 1 % without a customer."""
    made = [retail_row(day, number) for number in range(rows)]
    for number in range(50, rows, 100):
        made[number] = retail_row(day, number, Quantity="many")
    for number in range(75, rows, 200):
        made[number] = retail_row(day, number, Quantity="0")
    for number in range(20, rows, 100):
        made[number] = retail_row(day, number, CustomerID="")
    return made


def write_day(folder: Path, day: str, rows: Sequence[Sequence[str]], *, header: Sequence[str] = HEADER) -> Path:
    """Write one daily file and return its path."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{day}.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)
    # Written an hour ago: a file of this moment would be waited for until it is stable.
    written_at = time.time() - 3600
    os.utime(path, (written_at, written_at))
    return path


def write_days(folder: Path, rows: int, days: Sequence[str] = DAYS) -> None:
    """Write a file for every day."""
    for day in days:
        write_day(folder, day, retail_rows(day, rows))
