"""floe: a YAML contract over CSV; it casts, asks for presence and uniqueness, and has no other rules.

Times stay text: it reads none that are written with a blank between day and time.
"""

import json
from importlib.metadata import version
from typing import Any

import floe

from benchmarks.peers.job import Job, carry_out

_COLUMNS = {
    "order_id": "string",
    "customer_id": "string",
    "product_id": "string",
    "quantity": "int32",
    "unit_price": "decimal",
    "currency": "string",
    "status": "string",
    "ordered_at": "string",
    "country": "string",
    "note": "string",
}
_OPTIONAL = {"product_id", "currency", "status", "note"}


def work(job: Job) -> dict[str, Any]:
    """Run one entity; a contract in JSON is one in YAML."""
    columns = [{"name": name, "type": kind, "nullable": name in _OPTIONAL} for name, kind in _COLUMNS.items()]
    entity = {
        "name": "orders",
        "source": {"format": "csv", "path": str(job.csv), "options": {"separator": ","}},
        "sink": {
            "accepted": {"format": "parquet", "path": str(job.good)},
            "rejected": {"format": "csv", "path": str(job.refused)},
        },
        "policy": {"severity": "reject"},
        "schema": {"columns": columns, "unique_keys": [["order_id"]]},
    }
    contract = job.good.parent / "floe.yml"
    report = {"path": str(job.good.parent / "report")}
    contract.write_text(json.dumps({"version": "0.1", "report": report, "entities": [entity]}))
    floe.run(str(contract))
    return {"version": version("floe-python"), "reasons": "__floe_errors"}


if __name__ == "__main__":
    carry_out(work)
