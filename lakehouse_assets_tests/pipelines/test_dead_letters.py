"""Dead letters on a real lake: kept byte for byte, open until their day is published without them, shown masked."""

import json
import stat
from collections.abc import Mapping
from pathlib import Path

import pytest
from typer.testing import CliRunner

from lakehouse_assets.cli.main import build_app
from lakehouse_assets.errors import LakehouseError
from lakehouse_assets.naming import TableName
from lakehouse_assets.pipeline.lake import Lake
from lakehouse_assets.pipeline.refused.letters import Letter, find_letter, list_letters, preview
from lakehouse_assets_tests.lakes import DAY, NEXT, RAW, deliver, order, run, shop_lake, statuses, stored
from lakehouse_assets_tests.places import Place

SIDE = TableName.parse("dead_letters/shop/orders")
BAD = b"order_id,customer,amount,changed_at,note\n1,Ann\xff,10,2010-12-01 10:00:00,\n"


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    """Return a shop whose first day came in another encoding, and whose second is fine."""
    shop = shop_lake(tmp_path)
    deliver(shop, DAY, [order(1)]).write_bytes(BAD)
    deliver(shop, NEXT, [order(1)])
    run(shop, RAW, DAY, NEXT)
    return shop


def letters(lake: Lake, *, everything: bool = False) -> list[Letter]:
    return list_letters(lake, [RAW], with_superseded=everything)


def test_a_refused_file_is_kept_to_the_byte_with_its_reason(lake: Lake) -> None:
    (letter,) = letters(lake)

    assert (letter.table, letter.partition, letter.object) == (str(RAW), DAY, f"{DAY}.csv")
    assert (letter.size, letter.is_open) == (len(BAD), True)
    assert "encoding: the byte at offset 46 is not utf-8" in letter.reason
    assert find_letter(lake, letter.id[:6]) == (letter, BAD)


def test_it_is_superseded_once_its_day_is_published_and_its_bytes_stay(lake: Lake) -> None:
    (letter,) = letters(lake)
    deliver(lake, DAY, [order(1)])

    result = run(lake, RAW, DAY)[DAY]

    assert letters(lake) == []
    (kept,) = letters(lake, everything=True)
    assert (kept.superseded_by, kept.id) == (result.publish, letter.id)
    assert find_letter(lake, letter.id)[1] == BAD


def test_running_again_after_that_writes_nothing(lake: Lake) -> None:
    deliver(lake, DAY, [order(1)])
    run(lake, RAW, DAY, NEXT)
    before = stored(Path(lake.root))

    assert statuses(run(lake, RAW, DAY, NEXT)) == {DAY: "unchanged", NEXT: "unchanged"}
    assert stored(Path(lake.root)) == before


def test_the_same_refusal_again_writes_nothing(lake: Lake) -> None:
    before = stored(Path(lake.root))

    run(lake, RAW, DAY)

    assert stored(Path(lake.root)) == before


def test_a_day_that_goes_back_to_what_is_served_supersedes_its_letter_too(lake: Lake) -> None:
    deliver(lake, NEXT, [order(1)]).write_bytes(BAD)
    run(lake, RAW, NEXT)
    was_open = [letter.partition for letter in letters(lake)]
    deliver(lake, NEXT, [order(1)])

    assert statuses(run(lake, RAW, NEXT)) == {NEXT: "unchanged"}
    assert (was_open, [letter.partition for letter in letters(lake)]) == ([DAY, NEXT], [DAY])


def test_a_letter_stays_open_while_the_file_is_gone(lake: Lake) -> None:
    (Path(lake.catalog.sources["shop"].connection["location"]) / f"{DAY}.csv").unlink()

    assert statuses(run(lake, RAW, DAY)) == {DAY: "blocked"}
    assert [letter.partition for letter in letters(lake)] == [DAY]


def test_the_same_bytes_again_open_it_again(lake: Lake) -> None:
    deliver(lake, DAY, [order(1)])
    run(lake, RAW, DAY)
    deliver(lake, DAY, [order(1)]).write_bytes(BAD)

    run(lake, RAW, DAY)

    assert [letter.is_open for letter in letters(lake, everything=True)] == [True]


def test_an_id_that_is_no_letter_is_refused(lake: Lake) -> None:
    with pytest.raises(LakehouseError, match="no dead letter begins with 'nothing'"):
        find_letter(lake, "nothing")


@pytest.mark.parametrize(
    ("content", "masked", "bare"),
    [
        (b"id,name\n7,Zo\xc3\xab A.\n", "xx,xxxx\n9,Xxx X.", "id,name\n7,Zoë A."),
        (b"7,Ann Bell\xff\n", "9,Xxx Xxxx\\xff", "7,Ann Bell\\xff"),
        (b"PK\x03\x04\x00A1", "000000  xx xx 03 04 00 xx xx", "000000  50 4b 03 04 00 41 31"),
        (b"", "", ""),
    ],
)
def test_a_preview_shows_the_shape_and_values_only_on_request(content: bytes, masked: str, bare: str) -> None:
    assert preview(content).startswith(masked)
    assert preview(content, unmasked=True).startswith(bare)


def test_a_masked_preview_holds_no_letter_or_digit_of_the_content() -> None:
    shown = preview(b"Jane Doe,1979-05-01,jane@example.org\n" * 3)

    assert set(shown) <= set("xX9 ,-@.\n")


def lakehouse(folder: Path, *words: str) -> tuple[int, str]:
    environ: Mapping[str, str] = {
        "LAKEHOUSE_CONFIG_DIR": str(folder / "config"),
        "LAKEHOUSE_ROOT": str(folder / "lake"),
        "LAKEHOUSE_RUN_LOG": "off",
        "COLUMNS": "200",
    }
    done = CliRunner().invoke(build_app(), ["dead-letters", *words], env=environ)
    return done.exit_code, done.output + (str(done.exception) if done.exception else "")


def test_the_command_line_lists_shows_exports_and_reads_again(lake: Lake, tmp_path: Path) -> None:
    copy = tmp_path / "copy.csv"
    listed = json.loads(lakehouse(tmp_path, "list", "--json")[1])
    name = listed[0]["id"]

    shown, written = lakehouse(tmp_path, "show", name), lakehouse(tmp_path, "export", name, "--to", str(copy))
    twice = lakehouse(tmp_path, "export", name, "--to", str(copy))
    still_bad = lakehouse(tmp_path, "replay")
    deliver(lake, DAY, [order(1)])
    good, nothing = lakehouse(tmp_path, "replay", str(RAW)), lakehouse(tmp_path, "replay")

    assert (shown[0], "Ann" in shown[1], "encoding" in shown[1]) == (0, False, True)
    assert (written[0], copy.read_bytes(), stat.S_IMODE(copy.stat().st_mode)) == (0, BAD, 0o600)
    assert (twice[0], "cannot be written" in twice[1]) == (1, True)
    assert (still_bad[0], f"{RAW} {DAY}: blocked" in still_bad[1], "1 dead letters are open" in still_bad[1]) == (
        1,
        True,
        True,
    )
    assert (good[0], f"{RAW} {DAY}: published" in good[1]) == (0, True)
    assert (nothing[0], "No dead letter is open." in nothing[1]) == (0, True)


@pytest.mark.integration
def test_letters_are_kept_and_superseded_on_object_stores_too(place: Place, tmp_path: Path) -> None:
    shop = shop_lake(tmp_path, environ=place.environ)
    deliver(shop, DAY, [order(1)]).write_bytes(BAD)
    run(shop, RAW, DAY)
    (letter,) = letters(shop)
    deliver(shop, DAY, [order(1)])

    run(shop, RAW, DAY)

    assert letters(shop) == []
    assert find_letter(shop, letter.id)[1] == BAD
