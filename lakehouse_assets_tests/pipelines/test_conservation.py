"""Every record of every file is published, quarantined, deduplicated or filtered: nothing is lost, nothing invented.

The oracle reads the same files with Python's csv module.
"""

import csv
import io
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lakehouse_assets.pipeline.content import content_of, served_quarantine
from lakehouse_assets.pipeline.lake import Lake
from lakehouse_assets.results import Ledger
from lakehouse_assets_tests.lakes import DAY, HEADER, NEXT, ORDERS, RAW, THIRD, orders_contract, rows_of, run, shop_lake

DAYS = (DAY, NEXT, THIRD, "2010-12-04")
LOADS = {
    "keep": "{identicalRows: keep}",
    "drop": "{identicalRows: drop}",
    "newest": "{identicalRows: drop, keys: [order_id], sequenceBy: changed_at}",
    "refuse": "{identicalRows: drop, keys: [order_id], duplicates: quarantine}",
}

# Few different values, so that rows and keys repeat; unicode, quotes, line ends and a delimiter among them.
TEXTS = st.sampled_from(["", "ann", "Zoë", "a,b", 'say "x"', "two\nlines", "日本", "'; DROP", "NULL", " "])
AMOUNTS = st.sampled_from(["0", "7", "1000", "1001", "-1", "many", "", "1e3", "9" * 30])
TIMES = st.sampled_from([f"{DAY} 10:00:00", f"{DAY} 10:00:01", "yesterday", ""])
WHOLE = st.tuples(st.sampled_from(["1", "2", "3", "é", ""]), TEXTS, AMOUNTS, TIMES, TEXTS)
RAGGED = st.lists(st.sampled_from(["x", "1"]), min_size=2, max_size=8).filter(lambda fields: len(fields) != len(HEADER))
FILE = st.lists(st.one_of(WHOLE, WHOLE, WHOLE, RAGGED), max_size=14)
# A day may come in several files, and one of them twice.
DELIVERY = st.lists(FILE, min_size=1, max_size=3).flatmap(lambda files: st.sampled_from([files, [*files, files[0]]]))

Rows = Sequence[Sequence[str]]


def to_text(rows: Rows) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([HEADER, *rows])
    return text.getvalue()


def is_good(row: Sequence[str]) -> bool:
    if len(row) != len(HEADER) or not row[0] or row[3] not in {f"{DAY} 10:00:00", f"{DAY} 10:00:01"}:
        return False
    return row[2] == "" or (row[2].isdecimal() and int(row[2]) <= 1000)


def landed(texts: Sequence[str]) -> Ledger:
    """Return the ledger of bronze: a file that came twice counts once."""
    rows = [(text, sum(1 for _ in csv.reader(io.StringIO(text))) - 1) for text in texts]
    read, published = sum(count for _, count in rows), sum(dict(rows).values())
    return Ledger(read, published, deduplicated=read - published)


def expect(texts: Sequence[str], load: str) -> tuple[Ledger, Counter[tuple[str, ...]]]:
    """Return ledger and published rows of a day delivered as `texts`."""
    different = list(dict.fromkeys(texts))
    parsed = {text: list(csv.reader(io.StringIO(text)))[1:] for text in different}
    rows = [tuple(row) for text in different for row in parsed[text]]
    read = len(rows)
    if load != "keep":
        rows = list(dict.fromkeys(rows))
    good, refused = [row for row in rows if is_good(row)], sum(not is_good(row) for row in rows)
    keys = Counter(row[0] for row in good)
    identical = read - len(rows)
    if load == "newest":
        newest = {row[0]: max(one[3] for one in good if one[0] == row[0]) for row in good}
        older = len(good) - len(keys)
        candidates = Counter(row for row in good if row[3] == newest[row[0]])
        return Ledger(read, len(keys), refused, identical + older), candidates
    if load == "refuse":
        refused += sum(keys[row[0]] > 1 for row in good)
        good = [row for row in good if keys[row[0]] == 1]
    return Ledger(read, len(good), refused, identical), Counter(good)


def published(lake: Lake, day: str) -> Counter[tuple[str, ...]]:
    """Return the rows of a day as raw text."""
    rows = rows_of(lake, ORDERS).filter(pl.col("_proc_date").cast(pl.String) == day)
    texts = rows.select(
        "order_id",
        pl.col("customer").fill_null(""),
        pl.col("amount").cast(pl.String).fill_null(""),
        pl.col("changed_at").dt.strftime("%Y-%m-%d %H:%M:%S"),
        pl.col("note").fill_null(""),
    )
    return Counter(texts.rows())


@pytest.mark.parametrize("load", LOADS)
@settings(max_examples=8, suppress_health_check=[HealthCheck.too_slow])
@given(delivery=st.tuples(*[DELIVERY] * len(DAYS)))
def test_every_record_is_accounted_for(load: str, delivery: tuple[list[Rows], ...]) -> None:
    with TemporaryDirectory() as name:
        lake = shop_lake(Path(name), orders_contract(LOADS[load]))
        texts = {day: [to_text(rows) for rows in files] for day, files in zip(DAYS, delivery, strict=True)}
        for day, files in texts.items():
            for number, text in enumerate(files):
                (Path(name) / f"drop/{day}-{number}.csv").write_text(text, encoding="utf-8")

        bronze, silver = run(lake, RAW, *DAYS), run(lake, ORDERS, *DAYS)

        refused = served_quarantine(lake, ORDERS)
        kept = Counter(lake.engine.collect(refused)["_proc_date"].to_list()) if refused is not None else Counter()
        for day in DAYS:
            ledger, rows = expect(texts[day], load)
            assert silver[day].record.ledger == ledger
            assert bronze[day].record.ledger == landed(texts[day])
            assert kept[day] == ledger.quarantined
            shown = published(lake, day)
            assert shown.total() == ledger.published
            # Of versions of one key that are equally new any one may stay, but the same one each time.
            assert shown <= rows if load == "newest" else shown == rows
        before = [content_of(lake, table) for table in (RAW, ORDERS)]
        again = {result.status for table in (RAW, ORDERS) for result in run(lake, table, *DAYS).values()}
        assert again == {"unchanged"}
        assert [content_of(lake, table) for table in (RAW, ORDERS)] == before
