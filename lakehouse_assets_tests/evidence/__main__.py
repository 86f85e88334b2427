"""`make evidence [ARGS=--check]`: measures how much the contracts find and writes `docs/quality-evidence.md`.

With `--check` nothing is written; exits with 1 when the page is not what would be written.
"""

import sys
import tempfile
from pathlib import Path

from lakehouse_assets_tests.evidence.measure import measure
from lakehouse_assets_tests.evidence.page import REPORT, page
from lakehouse_assets_tests.tiers import KNOWN_TRUTH, REPOSITORY


def main(arguments: list[str]) -> int:
    """Measure, then write the page or compare with it."""
    if not KNOWN_TRUTH.is_dir():
        sys.stderr.write("put the data sets into ../shared/data/raha\n")
        return 1
    with tempfile.TemporaryDirectory() as folder:
        measured = measure(KNOWN_TRUTH, Path(folder))
    text = page(measured)
    is_current = REPORT.exists() and REPORT.read_text(encoding="utf-8") == text
    for name, one in measured.items():
        scores = (one.total.precision, one.total.recall, one.total.f1)
        sys.stdout.write("{}: precision {:.4f}, recall {:.4f}, F1 {:.4f}\n".format(name, *scores))
    if "--check" in arguments:
        return 0 if is_current else 1
    REPORT.write_text(text, encoding="utf-8")
    sys.stdout.write(f"{REPORT.relative_to(REPOSITORY)} {'is current' if is_current else 'written'}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
