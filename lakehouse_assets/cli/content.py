"""`lakehouse hash` and `lakehouse tables`: what the lake serves now."""

from typing import Annotated

import typer

from lakehouse_assets.cli.console import console, print_json
from lakehouse_assets.cli.lake import current_lake, table_argument


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("hash")(content_hash)
    app.command("tables")(tables)


def content_hash(
    table: Annotated[str, typer.Argument(help="A table, such as gold/retail_products or quarantine/silver/x.")],
    *,
    partitions: Annotated[bool, typer.Option("--partitions", help="Also print every partition's hash.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print as JSON.")] = False,
) -> None:
    """Print the order-independent content hash of what readers of a table see now."""
    from lakehouse_assets.pipeline.content import content_of  # noqa: PLC0415 - start fast for --help

    content = content_of(current_lake(), table_argument(table))
    if as_json:
        detail = {p: {"rows": n, "hash": digest} for p, (n, digest) in content.partitions.items()}
        print_json({"table": content.table, "rows": content.rows, "hash": content.hash, "partitions": detail})
        return
    for name, (rows, digest) in content.partitions.items() if partitions else ():
        console.print(f"{name}  {digest}  {rows:,} rows")
    console.print(f"{content.hash}  {content.table}  {content.rows:,} rows, version {content.version}")


def tables(*, as_json: Annotated[bool, typer.Option("--json", help="Print as JSON.")] = False) -> None:
    """List every table with its version, rows and partitions."""
    from lakehouse_assets.pipeline.outdated import find_outdated  # noqa: PLC0415 - start fast for --help

    lake = current_lake()
    rows = []
    for name in lake.catalog.contracts:
        opened = lake.open(name)
        files = opened.files if opened else ()
        rows.append(
            {
                "table": str(name),
                "version": opened.version if opened else None,
                "rows": sum(file.rows for file in files),
                "partitions": len(opened.partitions if lake.contract(name).is_partitioned else files[:1])
                if opened
                else 0,
                "outdated": len(find_outdated(lake, name)),
                "uri": lake.root_of(name),
            }
        )
    if as_json:
        print_json(rows)
        return
    from rich.table import Table  # noqa: PLC0415 - only when a person reads

    table = Table("table", "version", "rows", "partitions", "outdated", "where")
    for row in rows:
        version = "never published" if row["version"] is None else str(row["version"])
        numbers = (f"{row[key]:,}" for key in ("rows", "partitions", "outdated"))
        table.add_row(str(row["table"]), version, *numbers, str(row["uri"]))
    console.print(table)
