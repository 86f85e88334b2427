"""Follows a page of the documentation as a person would: writes its files, runs its commands, expects its output.

The convention is in CONTRIBUTING.md, "How recipes are tested". What a page is followed in is made by `checkout`.
"""

import os
import re
import shutil
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from lakehouse_assets.naming import TableName
from lakehouse_assets.pipeline.absorb import absorb, store_of
from lakehouse_assets.pipeline.lake import Lake, open_lake
from lakehouse_assets.pipeline.run import materialise
from lakehouse_assets.settings import load_settings
from lakehouse_assets_tests.repository import ROOT, SCRIPTS, run
from lakehouse_assets_tests.retail_files import write_days

DAYS = ("2011-12-06", "2011-12-07", "2011-12-08", "2011-12-09")
SHOWN_ONLY = frozenset({"console", "mermaid"})
_TABLES = ("bronze/retail/order_lines", "silver/retail_order_lines", "gold/retail_sales_daily", "gold/retail_products")
_FENCE = re.compile(r"^```(\w+)(?: ([^\n]*))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_WORD = re.compile(r'(\w+)=(?:"([^"]*)"|(\S+))')


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block: its language, the words after it (`title`, `exit`), its text, and the line it begins at."""

    language: str
    words: Mapping[str, str]
    text: str
    line: int


def blocks(page: str) -> Iterator[Block]:
    """Yield the fenced blocks of a page in order."""
    for match in _FENCE.finditer(page):
        words = {name: quoted or bare for name, quoted, bare in _WORD.findall(match[2] or "")}
        yield Block(match[1], words, match[3], page.count("\n", 0, match.start()) + 1)


def follow(page: str, folder: Path) -> None:
    """Do what every block of a page says inside `folder`; raise AssertionError with the line that is not true."""
    said = ""
    for block in blocks(page):
        if "title" in block.words:
            _write(folder / block.words["title"], block)
        elif block.language in {"sh", "python"}:
            said = _run(block, folder)
        elif block.language == "text":
            expect(block, said)
        else:
            assert block.language in SHOWN_ONLY, f"line {block.line}: nobody runs {block.language!r}"


def expect(block: Block, said: str) -> None:
    """Check that each line of a `text` block is in the output, in this order; `…` stands for anything in a line."""
    lines, at = [" ".join(line.split()) for line in said.splitlines()], 0
    for wanted in filter(str.strip, block.text.splitlines()):
        shape = re.compile(".*".join(re.escape(part.strip()) for part in " ".join(wanted.split()).split("…")))
        found = next((number for number, line in enumerate(lines[at:], at) if shape.search(line)), None)
        assert found is not None, f"line {block.line}: {wanted!r} was not said after line {at} of:\n{said}"
        at = found + 1


def checkout(folder: Path) -> None:
    """Make a small checkout whose lake looks like the demo's last days."""
    for name in ("config", "lakehouse_assets", "docs/runbooks"):
        shutil.copytree(ROOT / name, folder / name)
    for name in ("dagster.yaml", "workspace.yaml"):
        shutil.copy(ROOT / name, folder)
    drop = folder / ".lake/demo/drop"
    write_days(drop, 200, DAYS)
    for file in drop.iterdir():
        _age(file)
    lake = lake_of(folder)
    for table in _TABLES:
        materialise_days(lake, table)
    with store_of(lake) as store:
        absorb(lake, store)


def lake_of(folder: Path) -> Lake:
    """Open the demo lake of a checkout in this process."""
    location = str(folder / ".lake/demo/drop")
    environ = {"LAKEHOUSE_ENV": "demo", "LAKEHOUSE_SOURCES__RETAIL__CONNECTION__LOCATION": location}
    return open_lake(load_settings(environ, folder / "config"))


def materialise_days(lake: Lake, table: str, days: tuple[str, ...] = DAYS) -> None:
    """Run a table for the days that have files."""
    name = TableName.parse(table)
    partitions = days if lake.contract(name).is_partitioned else ("0",)
    assert not [one.message for one in materialise(lake, name, partitions, run_id="recipes") if one.is_blocked]


def _write(file: Path, block: Block) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    text = _changed(file.read_text(encoding="utf-8"), block) if block.language == "diff" else block.text
    file.write_text(text, encoding="utf-8")
    _age(file)


def _changed(text: str, block: Block) -> str:
    lines = block.text.splitlines(keepends=True)
    old, new = ("".join(line[1:] for line in lines if not line.startswith(skip)) for skip in "+-")
    assert text.count(old) == 1, f"line {block.line}: the file has these lines {text.count(old)} times, not once"
    return text.replace(old, new)


def _age(file: Path) -> None:
    # A file that was written just now may not be complete, and the connector would wait for it.
    os.utime(file, (time.time() - 3600,) * 2)


def _run(block: Block, folder: Path) -> str:
    program = ("sh", "-eu", "-c") if block.language == "sh" else (sys.executable, "-c")
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("LAKEHOUSE_", "DAGSTER_", "COV_"))
    }
    path = f"{SCRIPTS}{os.pathsep}{os.environ['PATH']}"
    env = kept | {"PATH": path, "PYTHONPATH": str(folder), "LAKEHOUSE_ENV": "demo", "COLUMNS": "200"}
    done = run(*program, block.text, cwd=folder, env=env)
    said = done.stdout + done.stderr
    assert done.returncode == int(block.words.get("exit", "0")), f"line {block.line}: exit {done.returncode}\n{said}"
    return said
