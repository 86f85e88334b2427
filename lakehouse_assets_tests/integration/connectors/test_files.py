"""Files in real folders: partitions, repeated and changing objects, refusals, conservation of every record."""

import csv
import gzip
import io
import tempfile
from pathlib import Path

import narwhals as nw
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakehouse_assets.connectors.access import Access
from lakehouse_assets.connectors.files import Files
from lakehouse_assets.connectors.protocol import Extraction, Rejection
from lakehouse_assets.errors import SourceError
from lakehouse_assets_tests.builders import file_source

pytestmark = pytest.mark.integration

DAY, NEXT = "2026-01-05", "2026-01-06"
COLUMNS = ("id", "name", "amount")
HEAD = "id,name,amount\n"
OVER_ONE_BLOCK = 5_000_000


def extract(folder: Path, *partitions: str, **options: object) -> dict[str, Extraction | Rejection]:
    source = file_source(folder, *COLUMNS, **options)
    return dict(Files(source, Access(environ={})).extract(source.tables["orders"], partitions or [DAY]))


def arrived(answer: Extraction | Rejection) -> Extraction:
    assert isinstance(answer, Extraction), answer
    return answer


def refused(answer: Extraction | Rejection) -> Rejection:
    assert isinstance(answer, Rejection), answer
    return answer


def values(answer: Extraction | Rejection) -> list[tuple[str | None, ...]]:
    rows: list[tuple[str | None, ...]] = arrived(answer).frame.to_native().select(COLUMNS).collect().rows()
    return rows


def test_a_refused_partition_never_stops_a_good_one(tmp_path: Path) -> None:
    (tmp_path / f"{DAY}.csv").write_text("")
    (tmp_path / f"{NEXT}.csv").write_text(HEAD + "1,a,10\n")

    answers = extract(tmp_path, DAY, NEXT, "2026-01-07")

    assert refused(answers[DAY]).error.code == "empty"
    assert arrived(answers[NEXT]).rows == 1
    assert refused(answers["2026-01-07"]).error.code == "missing"


def test_one_bad_file_refuses_its_whole_partition_and_is_kept(tmp_path: Path) -> None:
    (tmp_path / f"{DAY}_a.csv").write_text(HEAD + "1,a,10\n")
    (tmp_path / f"{DAY}_b.csv").write_text(HEAD + "1,a,1")

    answer = refused(extract(tmp_path, pattern="{partition}_*.csv")[DAY])

    assert answer.error.code == "truncated"
    assert [(letter.object, letter.content) for letter in answer.dead_letters] == [
        (f"{DAY}_b.csv", (HEAD + "1,a,1").encode())
    ]


def test_c39_connector_repeated_content_in_a_partition_counts_once(tmp_path: Path) -> None:
    for name in "ab":
        (tmp_path / f"{DAY}_{name}.csv").write_text(HEAD + "1,a,10\n2,b,20\n")
    (tmp_path / f"{DAY}_c.csv").write_text(HEAD + "3,c,30\n")

    answer = arrived(extract(tmp_path, pattern="{partition}_*.csv")[DAY])

    rows = answer.frame.to_native().collect()
    assert rows["_row_id"].to_list() == [f"{DAY}_a.csv#000000001", f"{DAY}_a.csv#000000002", f"{DAY}_c.csv#000000001"]
    assert (answer.rows, answer.deduplicated) == (3, 2)


def test_c39_connector_repeated_content_under_two_partitions_lands_twice_with_one_hash(tmp_path: Path) -> None:
    for day in (DAY, NEXT):
        (tmp_path / f"{day}.csv").write_text(HEAD + "1,a,10\n")

    answers = extract(tmp_path, DAY, NEXT)

    assert [arrived(answers[day]).rows for day in (DAY, NEXT)] == [1, 1]
    assert arrived(answers[DAY]).objects[0].sha256 == arrived(answers[NEXT]).objects[0].sha256


def test_c40_connector_a_file_still_being_written_is_incomplete(tmp_path: Path) -> None:
    (tmp_path / f"{DAY}.csv.part").write_text(HEAD)

    assert refused(extract(tmp_path)[DAY]).error.code == "incomplete"


def test_a_column_that_only_some_files_have_is_null_in_the_others(tmp_path: Path) -> None:
    (tmp_path / f"{DAY}_a.csv").write_text(HEAD + "1,a,10\n")
    (tmp_path / f"{DAY}_b.csv").write_text("id,name,amount,new\n2,b,20,x\n")

    answer = arrived(extract(tmp_path, pattern="{partition}_*.csv", unknown="evolve")[DAY])

    assert answer.frame.to_native().select("id", "new").collect().rows() == [("1", None), ("2", "x")]


def test_a_large_file_rewritten_after_the_check_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / f"{DAY}.csv"
    path.write_text(HEAD + "1,a,10\n" * (OVER_ONE_BLOCK // 7))
    answer = arrived(extract(tmp_path)[DAY])
    assert answer.confirm is not None
    answer.confirm()

    path.write_text(HEAD)

    with pytest.raises(SourceError, match="changed_during_read"):
        answer.confirm()


def test_a_small_file_is_what_it_was_when_it_was_read(tmp_path: Path) -> None:
    path = tmp_path / f"{DAY}.csv"
    path.write_text(HEAD + "1,a,10\n")
    answer = extract(tmp_path)[DAY]

    path.write_text("gone")

    assert values(answer) == [("1", "a", "10")]


@pytest.mark.parametrize("name", ["a b", "100%", "[x]", "ü", "a%20b", "o'clock", "a\\b", "-rf", "a\nb", "$1", "1"])
def test_file_names_are_taken_as_they_are(name: str, tmp_path: Path) -> None:
    (tmp_path / f"{DAY} {name}.csv").write_text(HEAD + "1,a,10\n")

    answer = arrived(extract(tmp_path, pattern="{partition} *.csv")[DAY])

    assert answer.frame.to_native().collect()["_row_id"].to_list() == [f"{DAY} {name}.csv#000000001"]


def test_a_folder_in_place_of_the_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / f"{DAY}.csv").mkdir()

    assert refused(extract(tmp_path)[DAY]).error.code == "not_a_file"


def test_a_file_that_cannot_be_opened_is_refused(tmp_path: Path) -> None:
    (tmp_path / f"{DAY}.csv").symlink_to(f"{DAY}.csv")

    assert refused(extract(tmp_path)[DAY]).error.code == "unreadable"


@pytest.mark.parametrize("location", ["nowhere", "file.txt", ""])
def test_a_location_that_is_no_folder_refuses_every_partition(location: str, tmp_path: Path) -> None:
    (tmp_path / "file.txt").write_text("")
    source = file_source({"location": str(tmp_path / location) if location else ""}, *COLUMNS)

    answers = Files(source, Access(environ={})).extract(source.tables["orders"], [DAY, NEXT])

    assert [refused(answer).error.code for answer in answers.values()] == ["missing", "missing"]
    assert "config/sources/shop.yaml:4" in str(refused(answers[DAY]).error)


@pytest.mark.parametrize(
    ("options", "code"),
    [({"encoding": "utf-9"}, "encoding"), ({"encoding": "rot13"}, "encoding")],
)
def test_read_options_that_cannot_be_used_are_named(options: dict[str, str], code: str, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=rf"config/sources/shop\.yaml:9: {code}"):
        extract(tmp_path, **options)


@pytest.mark.parametrize("terminator", ["\n", "\r\n"])
@pytest.mark.parametrize("quoting", [csv.QUOTE_MINIMAL, csv.QUOTE_ALL])
def test_records_that_cross_blocks_are_read_as_python_reads_them(quoting: int, terminator: str, tmp_path: Path) -> None:
    rows = [(str(number), f'line\n"{number}"\n{"é" * (number % 50)}', "x") for number in range(90_000)]
    path = tmp_path / f"{DAY}.csv"
    with path.open("w", newline="") as file:
        csv.writer(file, quoting=quoting, lineterminator=terminator).writerows([COLUMNS, *rows])  # type: ignore[arg-type]
    assert path.stat().st_size > OVER_ONE_BLOCK

    assert values(extract(tmp_path)[DAY]) == rows


def test_a_large_compressed_file_with_a_few_bad_lines_keeps_every_record(tmp_path: Path) -> None:
    lines = [f"{number},name {number},10" for number in range(400_000)]
    for number in range(0, 400_000, 50_000):
        lines[number] = "broken"
    (tmp_path / f"{DAY}.csv").write_bytes(gzip.compress((HEAD + "\n".join(lines) + "\n").encode(), 1))

    answer = arrived(extract(tmp_path, compression=("gzip",))[DAY])

    rows = answer.frame.to_native().collect()
    assert rows.height == answer.rows == 400_000
    assert rows["_defect"].drop_nulls().to_list() == ["ragged_short"] * 8
    assert rows["id"][399_999] == "399999"


TEXT = st.text(st.sampled_from('ab,;"\n\x00é\\# '), max_size=8)
RECORDS = st.lists(st.tuples(TEXT, TEXT, TEXT), max_size=8)
DIRT = st.text(st.sampled_from('ab,;"\n\r\x00é# '), max_size=60).map(lambda text: (text + "\n").encode())


@given(RECORDS, st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]), st.sampled_from(["\n", "\r\n"]))
def test_well_formed_records_are_all_there(records: list[tuple[str, str, str]], quoting: int, terminator: str) -> None:
    written = io.StringIO(newline="")
    csv.writer(written, quoting=quoting, lineterminator=terminator).writerows([COLUMNS, *records])  # type: ignore[arg-type]
    expected = list(csv.reader(io.StringIO(written.getvalue(), newline="")))[1:]

    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / f"{DAY}.csv").write_bytes(written.getvalue().encode())
        answer = arrived(extract(Path(folder))[DAY])
        rows = answer.frame.to_native().collect()

    assert rows.height == answer.rows == len(expected)
    for row, record in zip(rows.rows(named=True), expected, strict=True):
        if row["_defect"] is None:
            assert [row[name] or "" for name in COLUMNS] == record
        else:
            assert row["_defect"] == "control_char"
            assert "\x00" in "".join(record)


@given(DIRT | st.binary(max_size=60))
def test_every_line_of_any_content_is_in_a_row_or_in_a_refusal(body: bytes) -> None:
    content = HEAD.encode() + body

    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / f"{DAY}.csv").write_bytes(content)
        answer = extract(Path(folder))[DAY]
        if isinstance(answer, Rejection):
            assert [letter.content for letter in answer.dead_letters] == [content]
            return
        rows = answer.frame.to_native().collect()

    assert rows.height == answer.rows
    assert rows.filter(rows["_defect"].is_not_null())["_line"].null_count() == 0
    inside = sum((text or "").count("\n") for row in rows.select(*COLUMNS, "_line").rows() for text in row)
    assert rows.height + inside == body.count(b"\n")


@given(st.binary(max_size=60))
def test_bytes_that_are_no_csv_are_refused_and_kept(content: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / f"{DAY}.csv").write_bytes(content)
        answer = refused(extract(Path(folder), compression=("gzip", "zstd"))[DAY])

    assert [letter.content for letter in answer.dead_letters] == [content]


def test_frames_of_partitions_can_be_concatenated(tmp_path: Path) -> None:
    (tmp_path / f"{DAY}.csv").write_text(HEAD + "1,a,10\n")
    (tmp_path / f"{NEXT}.csv").write_text(HEAD + "1,a\n")

    answers = extract(tmp_path, DAY, NEXT)

    frame = nw.concat([arrived(answer).frame for answer in answers.values()])
    assert frame.to_native().collect().height == 2


@pytest.mark.real_data
def test_the_real_data_set_is_all_clean(retail_folder: Path) -> None:
    days = sorted(path.stem for path in retail_folder.glob("*.csv"))
    with (retail_folder / f"{days[0]}.csv").open(newline="") as file:
        names = next(csv.reader(file))
    source = file_source(retail_folder, *names)

    answers = Files(source, Access(environ={})).extract(source.tables["orders"], days)

    counts = {}
    for day in days:
        with (retail_folder / f"{day}.csv").open(newline="") as file:
            expected = list(csv.DictReader(file))
        rows = arrived(answers[day]).frame.to_native().collect()
        assert rows["_defect"].null_count() == rows.height
        assert rows.select(names).fill_null("").rows() == [tuple(row.values()) for row in expected]
        counts[day] = rows.height
    assert len(counts) == 305
    assert sum(counts.values()) == 541_909
