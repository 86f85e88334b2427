"""`dagster asset materialize` on a range: exit code and the last thing a person reads."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.integration

MODULE = """
from pathlib import Path
from lakehouse_assets.defs.build import assemble
from lakehouse_assets_tests.scripted import Script, lake, shop

defs = assemble(lake(Path({root!r}), Script(blocked={blocked!r}), *shop()))
"""


def materialise(folder: Path, *, blocked: set[str]) -> subprocess.CompletedProcess[str]:
    """Materialise three days of silver/orders in a process of its own."""
    module, home = folder / "shop_definitions.py", folder / "home"
    module.write_text(MODULE.format(root=str(folder), blocked=blocked))
    home.mkdir()
    (home / "dagster.yaml").write_bytes(Path("dagster.yaml").read_bytes())
    command = [sys.executable, "-m", "dagster", "asset", "materialize", "-f", str(module)]
    selection = ["--select", "key:silver/orders", "--partition-range", "2026-01-05...2026-01-07"]
    environment = {**os.environ, "DAGSTER_HOME": str(home), "PYTHONPATH": str(Path.cwd())}
    return subprocess.run([*command, *selection], env=environment, capture_output=True, text=True, check=False)


def test_a_range_with_a_day_that_is_kept_back_exits_with_our_sentence_as_the_last_line(tmp_path: Path) -> None:
    done = materialise(tmp_path, blocked={"2026-01-06"})

    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith(
        "silver/orders 2026-01-06 is kept back: amount.conformity: 12 of 100"
    )


def test_a_clean_range_exits_with_zero(tmp_path: Path) -> None:
    done = materialise(tmp_path, blocked=set())

    assert done.returncode == 0, done.stderr
    assert "kept back" not in done.stderr
