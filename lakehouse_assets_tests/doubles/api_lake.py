"""Whole lakes whose one source is an API on this machine: this repository's configuration and one source file more."""

import shutil
from pathlib import Path

from lakehouse_assets.naming import TableName
from lakehouse_assets.pipeline.lake import Lake, open_lake
from lakehouse_assets.settings import load_settings
from lakehouse_assets_tests.repository import ROOT

ORDERS = TableName.parse("bronze/webshop/orders")
SOURCE = """\
source: webshop
kind: rest
description: Orders of a shop on the web.
owner: shop@example.com
connection: {{url: "{url}", allowedHosts: 127.0.0.1{connection}}}
cadence: daily_morning
calendar: {{starts: "2026-01-01", ends: "2026-01-31"}}
retryPolicy: {policy}
onError: {on_error}
tables:
  orders:
    columns: {{id: text, amount: text, note: text}}
    key: [id]
    options:
      path: cursor
      params: {{day: "{{partition}}"}}
      records: data.items
      total: meta.total
      paging: {{by: cursor, cursor: meta.next}}
"""
POLICIES = """
at_once: {delays: [0s, 0s], openAfter: 0}
touchy: {delays: [0s], openAfter: 2, openFor: 1h}
"""


def api_lake(
    folder: Path, url: str, *, connection: str = "", policy: str = "at_once", on_error: str = "dead-letter"
) -> Lake:
    """Write the configuration below `folder` and open its lake; `connection` is YAML behind a comma."""
    config = folder / "config"
    if not config.exists():
        shutil.copytree(ROOT / "config", config)
        with (config / "retry_policies.yaml").open("a", encoding="utf-8") as policies:
            policies.write(POLICIES)
    more = f", {connection}" if connection else ""
    text = SOURCE.format(url=url, connection=more, policy=policy, on_error=on_error)
    (config / "sources" / "webshop.yaml").write_text(text, encoding="utf-8")
    return open_lake(load_settings(environment(folder), config))


def environment(folder: Path) -> dict[str, str]:
    """Return the variables under which a process works on that lake."""
    return {
        "LAKEHOUSE_ENV": "local",
        "LAKEHOUSE_ROOT": str(folder / "lake"),
        "LAKEHOUSE_CONFIG_DIR": str(folder / "config"),
        "LAKEHOUSE_RUN_LOG": "off",
    }
