"""What a control file says, in whichever form its sender writes; what cannot be read says nothing, and why."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from lakehouse_assets.connectors.file_formats.control import Word, read_word, without_controls
from lakehouse_assets.connectors.file_formats.locations import Entry
from lakehouse_assets.connectors.said import together
from lakehouse_assets.contracts.model import ReadOptions
from lakehouse_assets.results import SourceObject

DAY = "2026-01-05"
A, B = SourceObject("in/a.csv", 1, "aa"), SourceObject("in/b.csv", 1, "bb")


@dataclass
class Memory:
    """A location whose objects are bytes."""

    files: dict[str, bytes]
    name: str = "memory"
    is_atomic: bool = True

    def find(self, path: str) -> Entry | None:
        return Entry(path, len(self.files[path]), "1", 0.0) if path in self.files else None

    def entries(self, prefix: str, *, deep: bool) -> list[Entry]:
        raise NotImplementedError

    def read(self, entry: Entry) -> Iterator[bytes]:
        yield self.files[entry.path]

    def handle(self, entry: Entry) -> None:
        raise NotImplementedError

    def close(self) -> None:
        raise NotImplementedError


def said(path: str, content: str, *objects: SourceObject) -> Word:
    read = ReadOptions("{partition}/*.csv", control=path.replace(DAY, "{partition}"))
    return read_word(Memory({path: content.encode()}), read, DAY, objects or (A,))


@pytest.mark.parametrize(
    ("path", "content"),
    [
        (f"{DAY}.json", '{"rows": 3, "sums": {"amount": 10.10}, "sha256": "AA", "sender": {"name": "shop"}}'),
        (f"{DAY}.yaml", 'rows: 3\nsums: {amount: "10.10"}\nsha256: AA\nsender: {name: shop}\n'),
    ],
)
def test_json_and_yaml_say_the_same_and_more_than_is_asked_is_not_read(path: str, content: str) -> None:
    assert said(path, content) == Word({"rows": 3, "sums": {"amount": "10.10"}, "sha256": {"in/a.csv": "aa"}})


def test_decimals_of_json_are_exact() -> None:
    assert said(f"{DAY}.json", '{"sums": {"x": 0.1000000000000000055511151231257827}}').said["sums"] == {
        "x": "0.1000000000000000055511151231257827"
    }


def test_hashes_are_told_by_file_name_or_path() -> None:
    word = said(f"{DAY}.json", '{"sha256": {"a.csv": "AA", "in/b.csv": "bb", "c.csv": "cc"}}', A, B)

    assert word.said == {"sha256": {"in/a.csv": "aa", "in/b.csv": "bb", "c.csv": "cc"}}


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("", "is no JSON"),
        ('{"rows": 1', "is no JSON"),
        ("[1]", "is no JSON object"),
        ('{"rows": 1, "rows": 2}', "is no JSON"),
        ('{"rows": "1"}', "rows cannot be what the source recorded"),
        ('{"rows": 1.5}', "rows cannot be"),
        ('{"rows": -1}', "rows cannot be"),
        ('{"rows": true}', "rows cannot be"),
        ('{"sums": {"amount": "ten"}}', "sums.amount cannot be"),
        ('{"sums": {"amount": NaN}}', "sums.amount cannot be"),
        ('{"sums": {"amount": null}}', "sums.amount cannot be"),
        ('{"sums": 10}', "sums cannot be"),
        ('{"sha256": 10}', "cannot be"),
    ],
)
def test_what_cannot_be_read_says_nothing_and_why(content: str, reason: str) -> None:
    word = said(f"{DAY}.json", content)

    assert word.said == {}
    assert reason in word.unsaid


def test_bytes_that_are_no_text_say_nothing() -> None:
    read = ReadOptions("{partition}.csv", control="{partition}.json")

    assert "is no JSON" in read_word(Memory({f"{DAY}.json": b"\xff\xfe\x00"}), read, DAY, [A]).unsaid


def test_strict_yaml_is_strict_here_too() -> None:
    assert "already set" in said(f"{DAY}.yaml", "rows: 1\nrows: 2\n").unsaid


def test_reasons_hold_no_numbers_of_the_sender() -> None:
    assert "4711" not in said(f"{DAY}.json", '{"sums": {"amount": "4711 EUR"}}').unsaid


def test_one_hash_for_two_files_is_nobodys() -> None:
    assert "one sha256 for 2 files" in said(f"{DAY}.json", '{"sha256": "aa"}', A, B).unsaid


def test_a_control_file_that_has_not_arrived_is_named() -> None:
    read = ReadOptions("{partition}.csv", control="{partition}.json")

    assert read_word(Memory({}), read, DAY, [A]) == Word(unsaid=f"{DAY}.json has not arrived")


def test_each_file_may_have_its_own_and_one_that_is_missing_leaves_all_unsaid() -> None:
    read = ReadOptions("{partition}/*.csv", control="{file}.ctl.json")
    place = Memory({"in/a.csv.ctl.json": b'{"rows": 2}'})

    assert read_word(place, read, DAY, [A]).said == {"rows": 2}
    assert read_word(place, read, DAY, [A, B]) == Word(unsaid="in/b.csv.ctl.json has not arrived")


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ([], {}),
        ([{"rows": 1}, {"rows": 2}], {"rows": 3}),
        ([{"rows": 1}, {}], {}),
        ([{"sums": {"x": "0.1", "y": "1"}}, {"sums": {"x": "0.2"}}], {"sums": {"x": "0.3"}}),
        ([{"sha256": {"a": "1"}}, {"sha256": {"b": "2"}}], {"sha256": {"a": "1", "b": "2"}}),
        ([{"sha256": {"a": "1"}}, {"rows": 1}], {}),
    ],
)
def test_words_are_added_up_and_what_one_leaves_out_is_unknown(words: list[dict[str, Any]], expected: object) -> None:
    assert together(words) == expected


@pytest.mark.parametrize(
    ("control", "kept"),
    [
        ("", ["in/a.csv", "in/a.csv.ctl", "in/2026-01-05.ctl"]),
        ("{file}.ctl", ["in/a.csv", "in/2026-01-05.ctl"]),
        ("in/{partition}.ctl", ["in/a.csv", "in/a.csv.ctl"]),
    ],
)
def test_control_files_are_no_data_although_the_pattern_matches_them(control: str, kept: list[str]) -> None:
    entries = [Entry(path, 1, "1", 0.0) for path in ("in/a.csv", "in/a.csv.ctl", "in/2026-01-05.ctl")]

    found = without_controls(ReadOptions("in/*", control=control), DAY, entries)

    assert [entry.path for entry in found] == kept
