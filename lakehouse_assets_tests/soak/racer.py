"""One of several processes that work on the same lake: says `GO`, waits for a line, then runs partitions in rounds.

Arguments: rounds, tables joined by a comma, partitions. Prints `status` lines; an error of ours is one sentence.
"""

import os
import sys
import uuid

from lakehouse_assets.errors import LakehouseError
from lakehouse_assets.naming import TableName
from lakehouse_assets.pipeline.lake import open_lake
from lakehouse_assets.pipeline.run import materialise
from lakehouse_assets.settings import load_settings


def race(rounds: int, tables: list[str], partitions: list[str]) -> None:
    """Run every table, again and again."""
    lake = open_lake(load_settings(os.environ))
    sys.stdout.write("GO\n")
    sys.stdout.flush()
    sys.stdin.readline()
    for _ in range(rounds):
        for table in tables:
            name = TableName.parse(table)
            wanted = partitions if lake.contract(name).is_partitioned else ["0"]
            for result in materialise(lake, name, wanted, run_id=uuid.uuid4().hex):
                sys.stdout.write(f"{table} {result.partition} {result.status}\n")


if __name__ == "__main__":
    try:
        race(int(sys.argv[1]), sys.argv[2].split(","), sys.argv[3:])
    except LakehouseError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(1)
