"""`datacontract lint` in its own environment, which `make datacontract` installs: its versions are not the project's.

All files are asked about in one process: starting it takes longer than reading them.
"""

import json
from collections.abc import Sequence
from pathlib import Path

from lakehouse_assets_tests.repository import ROOT, run

LINTER = ROOT / ".lake/tools/datacontract"
# What the command does with each file, without its table of results.
_LINT = """
import json, sys
from datacontract.data_contract import DataContract

told = {}
for path in sys.argv[1:]:
    outcome = DataContract(data_contract_file=path).lint()
    said = "; ".join(f"{one.name}: {one.reason}" for one in outcome.checks if str(one.result.value) != "passed")
    told[path] = str(outcome.result.value) if not said else said
print(json.dumps(told))
"""


def has_linter() -> bool:
    """Whether it is installed here."""
    return (LINTER / ".installed").exists()


def lint(paths: Sequence[Path]) -> dict[str, str]:
    """Return what the linter says of each file, `passed` when it has nothing to say."""
    done = run(LINTER / "bin/python", "-c", _LINT, *map(str, paths))
    assert done.returncode == 0, done.stderr[-2000:]
    told: dict[str, str] = json.loads(done.stdout.strip().splitlines()[-1])
    return told
