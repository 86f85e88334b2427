"""The repository as guards see it: its files and its commands. No rules here; those are in `guards`."""

import ast
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "lakehouse_assets"
SCRIPTS = Path(sys.executable).parent


def kept_files() -> list[Path]:
    """Return every file that is, or is about to be, under version control."""
    listed = run("git", "ls-files", "--cached", "--others", "--exclude-standard")
    if listed.returncode != 0:
        raise AssertionError(listed.stderr)
    return [ROOT / name for name in listed.stdout.splitlines() if (ROOT / name).is_file()]


def texts(files: list[Path]) -> Iterator[tuple[Path, str]]:
    """Yield every file that holds text."""
    for file in files:
        content = file.read_bytes()
        if b"\0" not in content:
            yield file, content.decode("utf-8")


def modules(folder: Path = PACKAGE) -> Iterator[tuple[Path, ast.Module]]:
    """Yield the syntax tree of every module below `folder`."""
    for file in sorted(folder.rglob("*.py")):
        yield file, ast.parse(file.read_text(encoding="utf-8"), filename=str(file))


def tool(name: str) -> str:
    """Return the path of a command of the environment that runs the tests."""
    return str(SCRIPTS / name)


def run(
    *command: str | Path, cwd: Path = ROOT, env: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end and return what it said; the caller judges the exit code."""
    return subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, check=False, timeout=240)
