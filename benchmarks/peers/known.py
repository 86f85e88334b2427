"""The peers, how each one's work differs from ours, and running one of them in its own environment."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

from benchmarks.measure import ROOT, Run, note, run, run_module
from benchmarks.peers.check import fault_of

ENVIRONMENTS = ROOT / ".lake/peers"
OURS, FLOOR = "ours", "copy"


@dataclass(frozen=True, slots=True)
class Peer:
    """A tool, and in one sentence what its run does less or otherwise than ours."""

    name: str
    title: str
    differs: str

    @property
    def python(self) -> str:
        """The interpreter of its environment."""
        return str(ENVIRONMENTS / self.name / "bin/python")


PEERS = (
    Peer("dataframely", "dataframely", "Two Parquet files, no table, record or hashes; times are parsed by hand."),
    Peer("pandera", "pandera (Polars)", "Validates; parsing by hand, and so is the split by its failure cases."),
    Peer("pointblank", "pointblank", "Validates; parsing by hand, and so is the split by its extracts."),
    Peer(
        "great_expectations",
        "Great Expectations",
        "Validates with pandas; parsing and split by hand, prices are floats.",
    ),
    Peer("duckdb", "DuckDB", "One SQL statement by hand; two Parquet files, no table, record or hashes."),
    Peer("spark", "PySpark + Delta", "Rules by hand; two Delta tables, two commits, no record or hashes."),
    Peer("dlt", "dlt", "Loads; parsing and rules by hand in Polars, as it has no row rules."),
    Peer(
        "delta_rs", "delta-rs MERGE", "Parsing and rules by hand in Polars; upserts into a Delta table, all in memory."
    ),
    Peer(
        "floe",
        "floe",
        "From CSV; has no rules on ranges, patterns or lists, keeps the first of repeated ids, leaves times text.",
    ),
    Peer(
        "lakelogic",
        "LakeLogic",
        "Types and rules from its contract, uniqueness in SQL; two Parquet files are written by hand.",
    ),
)


@dataclass(frozen=True, slots=True)
class Result:
    """One run of one peer; `fault` says what is wrong about its output, or why it did not run."""

    peer: str
    run: Run | None
    fault: str = ""


def run_peer(peer: Peer, folder: Path, rows: int) -> Result:
    """Run a peer on the input in `folder` and check what it wrote."""
    module, out = f"benchmarks.peers.{peer.name}.job", folder / "out" / peer.name
    try:
        done = run_module(module, str(folder / "orders.parquet"), str(out), python=peer.python)
    except (RuntimeError, FileNotFoundError) as error:
        is_there = Path(peer.python).exists()
        fault = str(error).splitlines()[0] if is_there else "its environment is missing: `make bench-peers`"
        note(Run(f"peers.{peer.name}.job", 0, 0, 0, {"rows": rows, "fault": fault}))
        return Result(peer.name, None, fault)
    reasons = str(done.printed.pop("reasons", "reasons"))
    fault = fault_of(out / "good", out / "refused", rows, reasons=reasons)
    done.printed.update(rows=rows, fault=fault)
    return Result(peer.name, done, fault)


def run_ours(folder: Path, rows: int) -> Result:
    """Run our own job on the same rows and check it in the same way."""
    done = run("whole", "ours", str(folder), str(rows))
    lake = folder / "lake"
    fault = fault_of(lake / "silver/orders", lake / "quarantine/silver/orders", rows)
    done.printed["rows"] = rows
    assert not fault, fault
    return Result(OURS, done)


def run_floor(folder: Path, rows: int) -> Result:
    """Copy the same rows with Polars."""
    done = run("whole", "plain", str(folder), str(rows))
    done.printed["rows"] = rows
    return Result(FLOOR, done)


@cache
def prepared(folder: Path, rows: int) -> Path:
    """Make the input of one size once and return its folder."""
    where = folder / f"whole-{rows}"
    run("whole", "prepare", str(where), str(rows))
    return where
