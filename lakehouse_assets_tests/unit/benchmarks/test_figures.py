"""What the benchmark says about values: it fails on what misses, and on what got worse beyond the noise."""

from pathlib import Path
from xml.etree import ElementTree as ET

import polars as pl
import pytest

from benchmarks.data import dirty_orders, truth_of
from benchmarks.figure import Figure, Measured
from benchmarks.figures import FIGURES
from benchmarks.measure import Run, journal, note
from benchmarks.page import DOCS, rendered
from benchmarks.peers.check import fault_of
from benchmarks.plot import Bar, bars
from benchmarks.results import ACCEPTED, MISSED, OK, REGRESSED, as_entry, load, verdict

ROWS = 20_000


def _figure(unit: str = "ratio") -> Figure:
    return Figure("copies", unit, 2.0, 1.0, lambda _: Measured(1.0, [1.0]))


@pytest.mark.parametrize(
    ("unit", "value", "accepted", "said"),
    [
        ("ratio", 2.01, 2.0, MISSED),
        ("ratio", 1.2, 1.0, OK),
        ("ratio", 1.3, 1.0, REGRESSED),
        ("GiB", 1.2, 1.0, REGRESSED),
        ("GiB", 1.1, 1.0, OK),
        # Twice of next to nothing is next to nothing.
        ("ratio", 0.02, 0.01, OK),
    ],
)
def test_a_value_is_compared_with_its_must_and_with_what_was_accepted(
    unit: str, value: float, accepted: float, said: str
) -> None:
    assert verdict(_figure(unit), value, {"value": accepted}) == said


def test_a_value_that_was_never_accepted_only_has_to_reach_its_must() -> None:
    assert verdict(_figure(), 1.99, None) == OK


@pytest.mark.parametrize(
    ("value", "accepted", "said"), [(0.84, 0.9, MISSED), (0.88, 0.9, REGRESSED), (0.895, 0.9, OK), (0.99, 0.9, OK)]
)
def test_of_what_is_found_more_is_better(value: float, accepted: float, said: str) -> None:
    found = Figure("found", "share", 0.85, 0.92, lambda _: Measured(0.9, [0.9]), more_is_better=True)

    assert verdict(found, value, {"value": accepted}) == said
    assert as_entry(found, Measured(value, [value]), [], "2026-01-05")["passed"] is (said != MISSED)


def test_an_entry_keeps_the_raw_times_of_every_process() -> None:
    with journal() as runs:
        note(Run("load ours 5", 1.5, 2.5, 0.5, {"rows": 5}))
    entry = as_entry(_figure(), Measured(1.0, [0.9, 1.1]), runs, "2026-01-05")
    assert entry["rounds"] == [{"what": "load ours 5", "seconds": 1.5, "cpu_seconds": 2.5, "peak_gib": 0.5, "rows": 5}]
    assert entry["runs"] == [0.9, 1.1]


def test_every_figure_aims_below_what_it_must_reach_and_says_what_it_is() -> None:
    for figure in FIGURES:
        assert figure.aim > 0
        assert figure.is_within(figure.aim, figure.must)
        assert figure.says.endswith(".")


def test_the_page_and_its_plots_are_those_of_the_accepted_results() -> None:
    for path, text in rendered(load(ACCEPTED)).items():
        assert (DOCS / path).read_text() == text, f"docs/{path} is old: python -m benchmarks --page"


def test_a_plot_is_well_formed_and_scales_its_bars() -> None:
    root = ET.fromstring(bars("a & b", "less", [Bar("x", 1, "1 s"), Bar("y", 2, "2 s")]))  # noqa: S314 - ours
    one, two = (float(bar.attrib["width"]) for bar in root.iter("{http://www.w3.org/2000/svg}rect"))
    assert two == pytest.approx(2 * one)


def test_the_generator_knows_its_faults() -> None:
    rows = dirty_orders(ROWS).collect()
    quantity = pl.col("quantity").cast(pl.Int32, strict=False)
    wrong = {
        "quantity": quantity.is_null() | ~quantity.is_between(1, 100),
        "currency": pl.col("currency") == "XXX",
        "order_id": (pl.col("order_id") == "no order") | pl.col("order_id").is_duplicated(),
        "customer_id": pl.col("customer_id").is_null(),
        "unit_price": pl.col("unit_price").str.starts_with("-"),
        "ordered_at": pl.col("ordered_at").str.contains("02-30"),
    }
    truth = truth_of(ROWS)
    assert {name: rows.filter(rule).height for name, rule in wrong.items()} == truth.refused
    good = rows.filter(~pl.any_horizontal(*wrong.values()))
    assert (good.height, good.select(quantity.sum()).item()) == (truth.good, truth.units)


def _written(folder: Path, good: pl.DataFrame, refused: pl.DataFrame) -> tuple[Path, Path]:
    for name, frame in (("good", good), ("refused", refused)):
        (folder / name).mkdir()
        frame.write_parquet(folder / name / "0.parquet")
    return folder / "good", folder / "refused"


def _split() -> tuple[pl.DataFrame, pl.DataFrame]:
    numbered = dirty_orders(ROWS).collect().with_row_index("n")
    faults = {7: "quantity", 13: "quantity", 29: "currency", 31: "order_id", 41: "customer_id"}
    faults |= {53: "unit_price", 59: "ordered_at"}

    def reason(n: int) -> str:
        if n % 100 == 7:
            return "quantity"
        return faults.get(n % 1000, "") or ("order_id" if n % 10_000 in (71, 72) else "")

    judged = numbered.with_columns(pl.col("n").map_elements(reason, pl.String).alias("reasons"))
    return judged.filter(pl.col("reasons") == ""), judged.filter(pl.col("reasons") != "")


def test_a_peer_that_did_it_right_has_no_fault(tmp_path: Path) -> None:
    assert fault_of(*_written(tmp_path, *_split()), ROWS) == ""


def test_a_peer_that_lost_a_row_is_wrong(tmp_path: Path) -> None:
    good, refused = _split()
    assert "good rows" in fault_of(*_written(tmp_path, good.tail(-1), refused), ROWS)


def test_a_peer_that_gives_a_wrong_reason_is_wrong(tmp_path: Path) -> None:
    good, refused = _split()
    misled = refused.with_columns(pl.col("reasons").str.replace("currency", "status"))
    assert "currency" in fault_of(*_written(tmp_path, good, misled), ROWS)
