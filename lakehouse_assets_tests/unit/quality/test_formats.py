"""Rules about well-known formats agree with the standard library, arithmetic on paper, and published examples."""

import ipaddress
import re
import string
import uuid
from collections.abc import Sequence
from contextlib import suppress
from datetime import date, timedelta
from importlib.resources import files
from typing import Any
from urllib.parse import urlsplit

import narwhals as nw
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakehouse_assets.errors import LakehouseError
from lakehouse_assets.quality.codes import COUNTRIES, CURRENCIES, IBAN_LENGTHS
from lakehouse_assets.quality.rule import load_rules

RULES = load_rules()
FORMATS = ("country", "currency", "email", "iban", "iso_date", "luhn", "phone", "url", "uuid")
# What is in none of the formats, however strange it is.
STRANGE = (
    "",
    " ",
    "\n",
    "\x00",
    "x" * 10_000,
    "1" * 10_000,
    "a." * 5_000,
    "a@" + "a." * 5_000 + "a",
    "e\u0301",
    "\u0661\u0662\u0663",
    "\uff11" * 8,
)
# From the IBAN registry, printed there as examples.
IBANS = (
    "AD1200012030200359100100", "AE070331234567890123456", "BE68539007547034",  # pragma: allowlist secret
    "AT611904300234573201",
    "CH9300762011623852957", "CR05015202001026284066", "DE89370400440532013000", "DK5000400440116243",
    "ES9121000418450200051332", "FR1420041010050500013M02606", "GB29NWBK60161331926819", "GI75NWBK000000007099453",
    "GR1601101250000000012300695", "IE29AIBK93115212345678", "IL620108000000099999999", "IS140159260076545510730339",
    "IT60X0542811101000000123456", "KW81CBKU0000000000001234560101", "LC55HEMM000100010012001200023015",
    "MT84MALT011000012345MTLCAST001S", "NL91ABNA0417164300", "NO9386011117947", "PL61109010140000071219812874",
    "SA0380000000608010167519", "SE4550000000058398257466", "TR330006100519786457841326", "XK051212012345678906",
)  # fmt: skip
LUHNS = ("79927398713", "4111111111111111", "378282246310005", "490154203237518", "8944500102198304826", "00", "18")
ALPHABET = string.digits + string.ascii_uppercase


def fine(rule: str, values: Sequence[str | None], **arguments: Any) -> list[bool | None]:  # noqa: ANN401 - YAML values
    frame = nw.from_native(pl.LazyFrame({"x": values}, schema={"x": pl.String}))
    found: list[bool | None] = frame.select(RULES[rule](nw.col("x"), **arguments)).collect("polars")["x"].to_list()
    return found


@pytest.mark.parametrize("rule", FORMATS)
def test_no_format_accepts_or_raises_on_strange_texts(rule: str) -> None:
    assert fine(rule, STRANGE) == [False] * len(STRANGE)


@pytest.mark.parametrize("rule", FORMATS)
@given(text=st.text())
def test_any_text_is_judged(rule: str, text: str) -> None:
    assert fine(rule, [text])[0] in {True, False}


@pytest.mark.parametrize("rule", FORMATS)
def test_a_null_is_not_judged(rule: str) -> None:
    assert fine(rule, [None]) == [None]


@pytest.mark.parametrize("rule", FORMATS)
def test_an_empty_frame_is_judged(rule: str) -> None:
    assert fine(rule, []) == []


@pytest.mark.parametrize("rule", FORMATS)
@pytest.mark.parametrize("around", [" {}", "{} ", "{}\n", "\ufeff{}", "{}\x00"])
def test_what_is_around_a_value_belongs_to_it(rule: str, around: str) -> None:
    assert fine(rule, [around.format(RULES[rule].example.passing)]) == [False]


@pytest.mark.parametrize("text", ["+12345678", "+123456789012345", "+442079460018"])
def test_a_number_of_e164_is_a_phone(text: str) -> None:
    assert fine("phone", [text]) == [True]


@pytest.mark.parametrize(
    "text",
    ["12345678", "+1234567", "+1234567890123456", "+02079460018", "+44 2079460018", "0044207946", "++4420794600",
     "+44-207946001", "+4420794600\u0661", "tel:+442079460018"],
)  # fmt: skip
def test_what_is_no_number_of_e164_is_no_phone(text: str) -> None:
    assert fine("phone", [text]) == [False]


@given(text=st.one_of(st.uuids().map(str), st.from_regex(r"\A[0-9a-fA-F{}-]{30,38}\Z"), st.text()))
def test_a_uuid_is_what_python_writes_as_one(text: str) -> None:
    canonical = None
    with suppress(ValueError):
        canonical = str(uuid.UUID(text))

    assert fine("uuid", [text, text.upper()]) == [text.lower() == canonical, text.upper().lower() == canonical]


@given(text=st.one_of(st.dates().map(str), st.from_regex(r"\A[0-9]{4}-[0-1][0-9]-[0-3][0-9]\Z"), st.text()))
def test_a_day_is_what_python_reads_as_one(text: str) -> None:
    assert fine("iso_date", [text]) == [is_day(text)]


def test_every_day_of_four_centuries_and_none_beside_them_is_a_day() -> None:
    days = [str(date(1599, 12, 1) + timedelta(days=at)) for at in range(146_160)]
    written = [
        f"{year}-{month:02}-{day:02}" for year in (1900, 2000, 2023, 2024) for month in range(14) for day in range(33)
    ]

    assert all(fine("iso_date", days))
    assert fine("iso_date", written) == [is_day(text) for text in written]


@pytest.mark.parametrize("text", ["20240229", "2024-2-29", "0000-01-01", "10000-01-01", "-001-01-01", "2024-W09-4"])
def test_a_day_in_another_form_is_none(text: str) -> None:
    assert fine("iso_date", [text]) == [False]


def test_the_first_and_the_last_day_are_days() -> None:
    assert fine("iso_date", ["0001-01-01", "9999-12-31", "0004-02-29", "0400-02-29"]) == [True] * 4


@pytest.mark.parametrize(
    "text",
    ["http://localhost", "HTTPS://Example.COM", "https://example.com/", "http://example.com:65535/a/b;c?d=1&e=%C3%A9#f?",
     "http://192.0.2.255", "http://xn--bcher-kva.example", "http://1password.example", "http://example.com?a=?/",
     "http://a.b/%25", f"http://{'a' * 63}.example", "http://example.com/" + "%20" * 3_000],
)  # fmt: skip
def test_a_web_address_is_a_url(text: str) -> None:
    assert fine("url", [text]) == [True]


@pytest.mark.parametrize(
    "text",
    ["example.com", "ftp://example.com", "http:/example.com", "http://", "http:///a", "http://?a", "http://.example.com",
     "http://example..com", "http://-a.example", "http://a-.example", "http://exa_mple.com", "http://ada@example.com",
     "http://[::1]/", "http://example.com:", "http://example.com:0", "http://example.com:65536", "http://256.0.0.1",
     "http://1.2.3", "http://example.com/a b", "http://example.com/%", "http://example.com/%4", "http://example.com/%G0",
     "http://example.com/%4G", "http://example.com/a#b#c", "http://bücher.example", "http://example.com/é",
     "http://example.com\\a", "javascript://example.com/%0aalert(1)", f"http://{'a' * 64}.example", 'http://a.b/"<>'],
)  # fmt: skip
def test_what_is_no_web_address_is_no_url(text: str) -> None:
    assert fine("url", [text]) == [False]


@given(
    text=st.from_regex(
        r"\Ahttps?://[a-zA-Z0-9.-]{0,12}(:[0-9]{0,6})?(/[a-z%20-9]{0,6})?(\?[a-z=/%A-F]{0,6})?(#[a-z]{0,3})?\Z"
    )
)
def test_a_url_is_what_python_takes_apart_into_valid_parts(text: str) -> None:
    assert fine("url", [text]) == [is_url(text)]


def test_the_countries_are_those_of_the_time_zone_database() -> None:
    table = files("tzdata").joinpath("zoneinfo/iso3166.tab").read_text(encoding="utf-8")
    listed = {line[:2] for line in table.splitlines() if line and not line.startswith("#")}

    assert set(COUNTRIES) == listed


def test_every_country_has_a_code_of_its_own_in_both_forms() -> None:
    assert len(set(COUNTRIES.values())) == len(COUNTRIES)
    assert all(re.fullmatch("[A-Z]{2}[A-Z]{3}", two + three) for two, three in COUNTRIES.items())


def test_a_country_has_two_letters_or_three() -> None:
    values = ["DE", "DEU", "de", "UK", "EU", "XK", "ZZ"]

    assert fine("country", values) == [True, False, False, False, False, False, False]
    assert fine("country", values, form="alpha3") == [False, True, False, False, False, False, False]


def test_an_unknown_form_of_country_codes_is_refused() -> None:
    with pytest.raises(LakehouseError, match="alpha2 or alpha3"):
        RULES["country"](nw.col("x"), form="numeric")


def test_a_currency_is_one_in_use() -> None:
    gone = ["DEM", "HRK", "BGN", "ANG", "SLL", "ZWL", "CUC"]
    used = ["EUR", "USD", "JPY", "GBP", "CHF", "SLE", "XCG", "ZWG", "XOF", "XAU", "CLF"]

    assert fine("currency", used) == [True] * len(used)
    assert fine("currency", [*gone, "XXX", "XTS", "eur", "EU"]) == [False] * (len(gone) + 4)


def test_currencies_are_three_capitals_each_once() -> None:
    assert all(re.fullmatch("[A-Z]{3}", code) for code in CURRENCIES)
    assert len(set(CURRENCIES)) == len(CURRENCIES)


@pytest.mark.parametrize("text", LUHNS)
def test_a_published_number_has_its_luhn_digit(text: str) -> None:
    assert fine("luhn", [text]) == [True]


@pytest.mark.parametrize("text", ["0", "7", "0" * 33, "7992739871 3", "7992-7398-713", "79927398713a", "-18", "+18"])
def test_what_is_no_plain_number_has_no_luhn_digit(text: str) -> None:
    assert fine("luhn", [text]) == [False]


@given(digits=st.from_regex(r"\A[0-9]{1,33}\Z"))
def test_luhn_is_the_sum_on_paper(digits: str) -> None:
    assert fine("luhn", [digits]) == [2 <= len(digits) <= 32 and luhn_sum(digits) % 10 == 0]


@given(digits=st.from_regex(r"\A[0-9]{1,31}\Z"), data=st.data())
def test_luhn_finds_every_wrong_digit(digits: str, data: st.DataObject) -> None:
    right = digits + str(-luhn_sum(digits + "0") % 10)
    at = data.draw(st.integers(0, len(right) - 1))
    other = data.draw(st.sampled_from([digit for digit in string.digits if digit != right[at]]))

    assert fine("luhn", [right, right[:at] + other + right[at + 1 :]]) == [True, False]


@pytest.mark.parametrize("text", IBANS)
def test_a_published_iban_is_one(text: str) -> None:
    assert fine("iban", [text]) == [True]


@pytest.mark.parametrize(
    "text",
    ["GB29 NWBK 6016 1331 9268 19", "gb29nwbk60161331926819", "GB29NWBK6016133192681", "GB29NWBK601613319268190",
     "US29NWBK60161331926819", "GB2ANWBK60161331926819", "GB29NWBK6016133192681\u0669", "GB29", "GB"],
)  # fmt: skip
def test_what_is_not_written_as_an_iban_is_none(text: str) -> None:
    assert fine("iban", [text]) == [False]


@given(country=st.sampled_from(sorted(IBAN_LENGTHS)), data=st.data())
def test_an_iban_has_exactly_one_pair_of_check_digits(country: str, data: st.DataObject) -> None:
    length = IBAN_LENGTHS[country] - 4
    account = data.draw(st.text(ALPHABET, min_size=length, max_size=length))

    found = fine("iban", [f"{country}{number:02}{account}" for number in range(100)])

    assert [number for number in range(100) if found[number]] == [98 - remainder(f"{country}00{account}")]


@given(country=st.sampled_from(sorted(IBAN_LENGTHS)), data=st.data())
def test_two_exchanged_digits_of_an_iban_are_found(country: str, data: st.DataObject) -> None:
    length = IBAN_LENGTHS[country] - 4
    account = data.draw(st.text(string.digits, min_size=length, max_size=length))
    right = f"{country}{98 - remainder(f'{country}00{account}'):02}{account}"
    at = data.draw(st.integers(4, len(right) - 2))
    exchanged = right[:at] + right[at + 1] + right[at] + right[at + 2 :]

    assert fine("iban", [right, exchanged]) == [True, exchanged == right]


def is_day(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def is_url(text: str) -> bool:
    parts = urlsplit(text)
    try:
        port = parts.port
    except ValueError:
        return False
    has_port = ":" in parts.netloc
    escapes = all(re.match("[0-9A-Fa-f]{2}", rest[:2]) for rest in text.split("%")[1:])
    return escapes and is_host(parts.netloc.split(":")[0]) and (not has_port or is_port(parts.netloc, port))


def is_port(netloc: str, port: int | None) -> bool:
    return port is not None and port > 0 and netloc.endswith(f":{port}")


def is_host(host: str) -> bool:
    with suppress(ValueError):
        return bool(ipaddress.IPv4Address(host))
    labels = host.split(".")
    edges = all(label and label[0] != "-" and label[-1] != "-" for label in labels)
    return edges and labels[-1][0].isalpha()


def luhn_sum(digits: str) -> int:
    doubled = [int(digit) * (1 + at % 2) for at, digit in enumerate(reversed(digits))]
    return sum(number // 10 + number % 10 for number in doubled)


def remainder(iban: str) -> int:
    return int("".join(str(int(each, 36)) for each in iban[4:] + iban[:4])) % 97
