"""Euro reference rates: the real history, small ones with one fault each, and days on which there are none."""

import io
import zipfile
from collections.abc import Iterator
from datetime import date, timedelta
from importlib.resources import files
from pathlib import Path

import duckdb
import pytest

from lakehouse_assets.connectors.access import Access
from lakehouse_assets.connectors.ecb import Ecb
from lakehouse_assets.connectors.protocol import Extraction, Rejection
from lakehouse_assets.connectors.target_days import easter, is_closed
from lakehouse_assets_tests.doubles.api import Api, Told, serving
from lakehouse_assets_tests.doubles.sources import PATIENT, Hands, rows_of, source_of, table

pytestmark = pytest.mark.integration
HISTORY = "Date,USD,JPY,RUB,\n2026-01-06,1.17,183.1,N/A,\n2026-01-05,1.16,182.9,N/A,\n2022-03-01,1.12,128.4,117.2010,\n"


@pytest.fixture(scope="module")
def real() -> Path:
    return Path(str(files("currency_converter") / "eurofxref-hist.zip"))


def rates(location: object, *days: str, allowed: str = "") -> dict[str, Extraction | Rejection]:
    asked = table("date", "currency", "rate")
    source = source_of("ecb", {"location": str(location), "allowedHosts": allowed}, asked)
    access = Access(environ={}, policy=PATIENT, clock=Hands().clock)
    return dict(Ecb(source, access).extract(asked, days))


def history(tmp_path: Path, text: str = HISTORY) -> Path:
    file = tmp_path / "rates.csv"
    file.write_text(text, encoding="utf-8")
    return file


def triples(answer: Extraction | Rejection) -> list[tuple[str, ...]]:
    return sorted(rows_of(answer).select("date", "currency", "rate").rows())


def test_a_day_becomes_a_row_a_currency(tmp_path: Path) -> None:
    answer = rates(history(tmp_path), "2026-01-05")["2026-01-05"]

    assert triples(answer) == [("2026-01-05", "JPY", "182.9"), ("2026-01-05", "USD", "1.16")]


def test_a_discontinued_currency_has_rows_until_it_ended(tmp_path: Path) -> None:
    answers = rates(history(tmp_path), "2022-03-01", "2026-01-06")

    assert [[one for _, one, _ in triples(answer)] for answer in answers.values()] == [
        ["JPY", "RUB", "USD"],
        ["JPY", "USD"],
    ]


@pytest.mark.parametrize("day", ["2026-01-03", "2026-01-04", "2026-01-01", "2025-12-26", "2026-04-03", "2026-04-06"])
def test_a_day_without_rates_is_empty_and_not_missing(day: str, tmp_path: Path) -> None:
    assert triples(rates(history(tmp_path), day)[day]) == []


@pytest.mark.parametrize(
    ("day", "told"), [("2026-01-07", "newest rates are those of 2026-01-06"), ("2025-12-29", "no rates of")]
)
def test_a_working_day_without_rates_is_missing(day: str, told: str, tmp_path: Path) -> None:
    answer = rates(history(tmp_path), day)[day]

    assert isinstance(answer, Rejection)
    assert answer.error.code == "missing"
    assert told in str(answer.error)


def test_a_correction_is_seen_when_its_day_is_asked_for_again(tmp_path: Path) -> None:
    file = history(tmp_path, HISTORY.replace("1.16", "1.61"))

    assert ("2026-01-05", "USD", "1.61") in triples(rates(file, "2026-01-05")["2026-01-05"])


def test_ids_are_the_same_when_a_rate_is_corrected(tmp_path: Path) -> None:
    keyed = table("date", "currency", "rate", key=("date", "currency"))
    ids = []
    for text in (HISTORY, HISTORY.replace("1.16", "1.61")):
        source = source_of("ecb", {"location": str(history(tmp_path, text))}, keyed)
        answer = Ecb(source, Access(environ={})).extract(keyed, ["2026-01-05"])["2026-01-05"]
        ids.append(sorted(rows_of(answer)["_row_id"]))

    assert ids[0] == ids[1]


BAD = {
    "cut line": (HISTORY[:-6], "truncated"),
    "day twice": (HISTORY + "2022-03-01,1,1,1,\n", "duplicate"),
    "no header": (HISTORY.partition("\n")[2], "header"),
    "currency twice": (HISTORY.replace("JPY", "USD"), "header"),
    "no date": (HISTORY.replace("2022-03-01", "yesterday"), "format"),
    "only a header": ("Date,USD,\n", "empty"),
    "nothing": ("", "header"),
    "HTML": ("<html></html>", "header"),
}


@pytest.mark.parametrize(("text", "code"), BAD.values(), ids=BAD)
def test_a_damaged_history_is_refused(text: str, code: str, tmp_path: Path) -> None:
    answer = rates(history(tmp_path, text), "2026-01-05")["2026-01-05"]

    assert isinstance(answer, Rejection)
    assert answer.error.code == code


def test_a_damaged_zip_is_refused(real: Path, tmp_path: Path) -> None:
    content = bytearray(real.read_bytes())
    content[len(content) // 2] ^= 0xFF
    (tmp_path / "rates.zip").write_bytes(content)

    answer = rates(tmp_path / "rates.zip", "2020-01-02")["2020-01-02"]

    assert isinstance(answer, Rejection)
    assert answer.error.code == "corrupt"


def test_a_history_that_is_not_there_is_missing(tmp_path: Path) -> None:
    answer = rates(tmp_path / "rates.zip", "2020-01-02")["2020-01-02"]

    assert isinstance(answer, Rejection)
    assert answer.error.code == "missing"


def test_the_daily_file_is_read_too(tmp_path: Path) -> None:
    file = history(tmp_path, "Date, USD, JPY, \n30 October 2026, 1.1172, 175.68, \n")

    assert triples(rates(file, "2026-10-30")["2026-10-30"])[1] == ("2026-10-30", "USD", "1.1172")


@pytest.fixture
def bank(real: Path) -> Iterator[Api]:
    content = real.read_bytes()
    with serving(Api(answer=lambda *_: Told(content))) as api:
        yield api


def test_a_url_is_asked_once_for_all_days(bank: Api) -> None:
    bank.faults[1] = lambda *_: Told(b"PK\x03\x04 not a zip")

    answers = rates(f"{bank.url}/eurofxref-hist.zip", "2020-01-02", "2020-01-03", allowed="127.0.0.1")

    assert [len(triples(answer)) for answer in answers.values()] == [32, 32]
    assert len(bank.asked) == 2


def test_every_rate_of_the_real_history_arrives_and_no_other(real: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(io.BytesIO(real.read_bytes())) as archive:
        (name,) = archive.namelist()
        archive.extract(name, tmp_path)
    told = duckdb.sql(
        f"SELECT Date, currency, rate FROM (UNPIVOT (FROM read_csv('{tmp_path / name}', all_varchar=true, header=true,"  # noqa: S608 - our own file
        " null_padding=true)) ON COLUMNS(* EXCLUDE (Date)) INTO NAME currency VALUE rate)"
        " WHERE rate <> 'N/A' AND length(currency) = 3 AND Date >= '2026-08-01'"
    )
    assert told is not None
    oracle = told.fetchall()
    days = sorted({day for day, _, _ in oracle})

    answers = rates(real, *days)

    assert sorted(row for answer in answers.values() for row in triples(answer)) == sorted(oracle)


def test_the_calendar_agrees_with_every_day_of_the_real_history(real: Path) -> None:
    with zipfile.ZipFile(io.BytesIO(real.read_bytes())) as archive:
        text = archive.read(archive.namelist()[0]).decode()
    published = {line[:10] for line in text.splitlines()[1:]}
    first, last = date.fromisoformat(min(published)), date.fromisoformat(max(published))
    every = [first + timedelta(number) for number in range((last - first).days + 1)]

    # What the calendar calls open without rates, and closed with rates, is told below; there is nothing else.
    assert [day.isoformat() for day in every if not is_closed(day) and day.isoformat() not in published] == []
    assert [day.isoformat() for day in every if is_closed(day) and day.isoformat() in published] == []


@pytest.mark.parametrize(
    ("year", "day"),
    [(1999, date(1999, 4, 4)), (2000, date(2000, 4, 23)), (2024, date(2024, 3, 31)), (2038, date(2038, 4, 25))],
)
def test_easter_is_when_it_is(year: int, day: date) -> None:
    assert easter(year) == day
