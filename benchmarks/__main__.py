"""`make bench`: measure figures, compare them with what was accepted, exit 1 when one misses or got worse."""

import argparse
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.figure import Figure
from benchmarks.figures import FIGURES
from benchmarks.measure import journal
from benchmarks.page import write_page
from benchmarks.results import ACCEPTED, LAST, OK, REGRESSED, as_entry, load, save, verdict

ORDER = [figure.id for figure in FIGURES]


def main(arguments: list[str]) -> int:
    """Measure the figures asked for (default: all); with --accept they become what later runs are compared with."""
    options = _parser().parse_args(arguments)
    wanted = [figure for figure in FIGURES if not options.figures or figure.id in options.figures]
    if options.page:
        write_page(load(ACCEPTED))
        return 0
    known = load(ACCEPTED).figures
    measured = _known(wanted) if options.last else _measure(wanted)
    verdicts = {figure.id: verdict(figure, measured[figure.id]["value"], known.get(figure.id)) for figure in wanted}
    for figure in wanted:
        _tell(figure, measured[figure.id], verdicts[figure.id], known.get(figure.id, {}).get("value"))
    if options.accept:
        save(ACCEPTED, {**known, **measured}, ORDER)
        write_page(load(ACCEPTED))
        verdicts = {name: OK if word == REGRESSED else word for name, word in verdicts.items()}
    return 0 if all(word == OK for word in verdicts.values()) else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("figures", nargs="*", metavar="figure", choices=[*ORDER, []], help=", ".join(ORDER))
    parser.add_argument("--accept", action="store_true", help="write benchmarks/results.json and the page")
    parser.add_argument("--last", action="store_true", help="take the last measurement instead of measuring again")
    parser.add_argument("--page", action="store_true", help="only render the page from what was accepted")
    return parser


def _measure(wanted: list[Figure]) -> dict[str, dict[str, Any]]:
    before = dict(load(LAST).figures)
    day = datetime.now(UTC).date().isoformat()
    measured = {}
    with tempfile.TemporaryDirectory(prefix="lakehouse-bench-") as folder:
        for figure in wanted:
            print(f"… {figure.id}: {figure.says}", flush=True)
            with journal() as runs:
                value = figure.measure(Path(folder))
            measured[figure.id] = as_entry(figure, value, runs, day)
            # Each is kept at once: the next one may take an hour.
            save(LAST, {**before, **measured}, ORDER)
    return measured


def _known(wanted: list[Figure]) -> dict[str, Any]:
    last = load(LAST).figures
    missing = [figure.id for figure in wanted if figure.id not in last]
    if missing:
        raise SystemExit(f"{missing[0]} was not measured here yet; run `make bench ARGS={missing[0]}`.")
    return {figure.id: last[figure.id] for figure in wanted}


def _tell(figure: Figure, entry: dict[str, Any], word: str, accepted: float | None) -> None:
    was = "" if accepted is None else f"  accepted {accepted:.3f}, allowed {figure.allowed(accepted):.3f}"
    value = f"{entry['value']:8.3f} {figure.unit:6}"
    print(f"{figure.id:22} {value} must {figure.must}  aim {figure.aim}  {word.upper()}{was}", flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
