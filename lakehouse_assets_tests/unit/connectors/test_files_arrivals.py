"""A partition is read when all of its files have arrived whole, and refused with a reason until then."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from lakehouse_assets.connectors.clock import Clock
from lakehouse_assets.connectors.file_formats.arrivals import complete_arrivals, find_arrivals, partitions_among
from lakehouse_assets.connectors.file_formats.locations import Entry
from lakehouse_assets.contracts.model import ReadOptions
from lakehouse_assets.errors import SourceError

DAY = "2026-01-05"
NOW = 1_000_000.0


@dataclass
class Folder:
    """A location that holds nothing but names; `grow` is called whenever someone waits."""

    files: dict[str, Entry] = field(default_factory=dict)
    name: str = "memory"
    is_atomic: bool = False
    waited: list[float] = field(default_factory=list)
    grow: Callable[[], None] = lambda: None

    def find(self, path: str) -> Entry | None:
        return self.files.get(path)

    def entries(self, prefix: str, *, deep: bool) -> list[Entry]:
        depth = prefix.count("/")
        paths = [path for path in self.files if path.startswith(prefix) and (deep or path.count("/") == depth)]
        return [self.files[path] for path in reversed(paths)]

    def read(self, entry: Entry) -> Iterator[bytes]:
        raise NotImplementedError

    def handle(self, entry: Entry) -> None:
        raise NotImplementedError

    def close(self) -> None:
        raise NotImplementedError

    def sleep(self, seconds: float) -> None:
        self.waited.append(seconds)
        self.grow()


def folder(*paths: str, age: float = 3600) -> Folder:
    return Folder({path: Entry(path, 10, "1", NOW - age) for path in paths})


def arrive(place: Folder, pattern: str, **options: Any) -> list[str] | str:  # noqa: ANN401 - options of `read`
    clock = Clock(now=lambda: NOW, sleep=place.sleep)
    found = find_arrivals(place, ReadOptions(pattern, **options), [DAY], clock=clock)[DAY]
    return found.code if isinstance(found, SourceError) else [entry.path for entry in found]


@pytest.mark.parametrize(
    ("pattern", "paths", "expected"),
    [
        ("{partition}.csv", [f"{DAY}.csv", "2026-01-06.csv"], [f"{DAY}.csv"]),
        (
            "orders_{partition}_*.csv",
            [f"orders_{DAY}_2.csv", f"orders_{DAY}_10.csv"],
            [f"orders_{DAY}_10.csv", f"orders_{DAY}_2.csv"],
        ),
        (
            "dt={partition}/*.csv",
            [f"dt={DAY}/b.csv", f"dt={DAY}/a.csv", f"dt={DAY}/x/c.csv"],
            [f"dt={DAY}/a.csv", f"dt={DAY}/b.csv"],
        ),
        ("*/{partition}.csv", [f"de/{DAY}.csv", f"fr/{DAY}.csv", f"{DAY}.csv"], [f"de/{DAY}.csv", f"fr/{DAY}.csv"]),
        ("{partition}*", [f"{DAY}.csv", f"{DAY}.csv.tmp", f"{DAY}.part"], [f"{DAY}.csv"]),
        ("{partition}.csv", [], "missing"),
        ("{partition}/*.csv", ["2026-01-06/a.csv"], "missing"),
        ("{partition}.csv", [f"{DAY}.csv.part"], "incomplete"),
        ("{partition}*", [f"{DAY}.csv.tmp"], "incomplete"),
        ("[{partition}].csv", [f"[{DAY}].csv"], [f"[{DAY}].csv"]),
    ],
)
def test_a_pattern_finds_finished_files_in_order_of_path(pattern: str, paths: list[str], expected: object) -> None:
    assert arrive(folder(*paths), pattern) == expected


@pytest.mark.parametrize(
    ("marker", "paths", "expected"),
    [
        ("_SUCCESS", [f"{DAY}/a.csv", f"{DAY}/_SUCCESS"], [f"{DAY}/a.csv"]),
        ("_SUCCESS", [f"{DAY}/a.csv", "_SUCCESS"], "incomplete"),
        ("{partition}.done", [f"{DAY}/a.csv", f"{DAY}.done"], [f"{DAY}/a.csv"]),
        ("{partition}.done", [f"{DAY}/a.csv"], "incomplete"),
        ("{partition}.done", [], "missing"),
    ],
)
def test_a_marker_says_that_a_delivery_is_complete(marker: str, paths: list[str], expected: object) -> None:
    assert arrive(folder(*paths), "{partition}/*.csv", success_marker=marker) == expected


def test_an_old_file_is_not_waited_for() -> None:
    place = folder(f"{DAY}.csv")

    assert arrive(place, "{partition}.csv", stable_seconds=5) == [f"{DAY}.csv"]
    assert place.waited == []


def test_a_young_file_that_does_not_grow_is_waited_for_once() -> None:
    place = folder(f"{DAY}.csv", age=1)

    assert arrive(place, "{partition}.csv", stable_seconds=5) == [f"{DAY}.csv"]
    assert place.waited == [5]


def test_a_file_that_keeps_growing_is_incomplete() -> None:
    place = folder(f"{DAY}.csv", age=1)

    def grow() -> None:
        entry = place.files[f"{DAY}.csv"]
        place.files[entry.path] = replace(entry, size=entry.size + 1)

    place.grow = grow

    assert arrive(place, "{partition}.csv", stable_seconds=5) == "incomplete"


def test_a_file_that_stops_growing_is_read() -> None:
    place = folder(f"{DAY}.csv", age=1)

    def grow() -> None:
        if len(place.waited) == 1:
            place.files[f"{DAY}.csv"] = Entry(f"{DAY}.csv", 99, "2", NOW)

    place.grow = grow

    assert arrive(place, "{partition}.csv", stable_seconds=5) == [f"{DAY}.csv"]
    assert len(place.waited) == 2


def test_objects_that_appear_whole_are_not_waited_for() -> None:
    place = folder(f"{DAY}.csv", age=0)
    place.is_atomic = True

    assert arrive(place, "{partition}.csv", stable_seconds=5) == [f"{DAY}.csv"]
    assert place.waited == []


@pytest.mark.parametrize(
    ("pattern", "marker", "path", "partition"),
    [
        ("{partition}.csv", "", "2026-01-05.csv", DAY),
        ("{partition}/*.csv", "", "2026-01-05/a b.csv", DAY),
        ("{partition}*.csv", "", "2026-01-05-a.csv", DAY),
        ("{partition}*.csv", "", "2026-01-05-13:00b.csv", "2026-01-05-13:00"),
        ("dt={partition}/{partition}-*.csv", "", "dt=2026-01-05/2026-01-05-1.csv", DAY),
        ("dt={partition}/{partition}-*.csv", "", "dt=2026-01-05/2026-01-06-1.csv", None),
        ("{partition}/*.csv", "_SUCCESS", "2026-01-05/_SUCCESS", DAY),
        ("{partition}/*.csv", "done/{partition}", "done/2026-01-05", DAY),
        ("{partition}.csv", "", "2026-01-05.csv.part", None),
        ("{partition}.csv", "", "deep/2026-01-05.csv", None),
    ],
)
def test_the_name_of_an_object_says_which_partition_it_belongs_to(
    pattern: str, marker: str, path: str, partition: str | None
) -> None:
    found = partitions_among([path], ReadOptions(pattern, success_marker=marker))

    assert found == (frozenset() if partition is None else {partition})


def test_a_file_that_may_still_be_written_has_not_arrived_yet() -> None:
    read = ReadOptions("{partition}.csv", stable_seconds=60)

    def found(age: float) -> dict[str, str]:
        return complete_arrivals(folder(f"{DAY}.csv", age=age), read, [DAY, "2026-01-06"], clock=Clock(now=lambda: NOW))

    assert found(59) == {}
    assert list(found(61)) == [DAY]


def test_the_token_of_a_partition_changes_with_its_files() -> None:
    read = ReadOptions("{partition}*.csv")

    def token(*paths: str) -> str:
        return complete_arrivals(folder(*paths), read, [DAY], clock=Clock(now=lambda: NOW))[DAY]

    assert token(f"{DAY}a.csv") == token(f"{DAY}a.csv")
    assert token(f"{DAY}a.csv") != token(f"{DAY}a.csv", f"{DAY}b.csv")
