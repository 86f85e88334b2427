"""The usual stack: PySpark and Delta, rules as column expressions, two Delta tables written from one cached frame."""

import os
import time
from pathlib import Path
from typing import Any

import pyspark
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F  # noqa: N812 - what everybody calls it

from benchmarks.peers.job import CURRENCIES, ORDER_ID, STATUSES, Job, carry_out

_JARS = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache", "lakehouse-assets/jars")
_SETTINGS = {
    "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
    "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.parquet.outputTimestampType": "TIMESTAMP_MICROS",
    "spark.sql.shuffle.partitions": str(os.cpu_count()),
    "spark.databricks.delta.snapshotPartitions": "1",
    "spark.driver.memory": "4g",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.log.level": "ERROR",
}
_STARTED: dict[str, Any] = {}


def session() -> SparkSession:
    """Start Spark on all cores with Delta, tuned for one small machine."""
    started = time.perf_counter()
    jars = ",".join(str(jar) for jar in sorted(_JARS.glob("delta-*.jar")))
    builder = SparkSession.builder.master("local[*]").config("spark.jars", jars)
    for name, value in _SETTINGS.items():
        builder = builder.config(name, value)
    spark = builder.getOrCreate()
    _STARTED.update(spark=spark, seconds=time.perf_counter() - started)
    return spark


def work(job: Job) -> dict[str, Any]:
    """Parse, judge, cache, write good and refused rows."""
    spark = _STARTED["spark"]
    judged = _judged(spark.read.parquet(str(job.source))).persist()
    judged.filter(F.col("reasons") == "").drop("reasons").write.format("delta").save(str(job.good))
    judged.filter(F.col("reasons") != "").write.format("delta").save(str(job.refused))
    server = spark.sparkContext._gateway.proc.pid  # noqa: SLF001 - the Java process
    return {
        "version": pyspark.__version__,
        "start_seconds": round(_STARTED["seconds"], 3),
        "helpers_peak_gib": peak_gib(server),
    }


def _judged(raw: DataFrame) -> DataFrame:
    repeated = raw.groupBy("order_id").count().filter("count > 1").select("order_id", F.lit(1).alias("repeated"))
    rows = raw.join(F.broadcast(repeated), "order_id", "left").withColumns(
        {
            "quantity": F.expr("try_cast(quantity AS int)"),
            "unit_price": F.expr("try_cast(unit_price AS decimal(18, 4))"),
            "ordered_at": F.expr("try_to_timestamp(ordered_at, 'yyyy-MM-dd HH:mm:ss')"),
        }
    )
    wrong = [F.when(~F.coalesce(rule, F.lit(True)), name) for name, rule in _fine().items()]  # noqa: FBT003
    return rows.withColumn("reasons", F.concat_ws(" ", *wrong)).drop("repeated")


def _fine() -> dict[str, Column]:
    c = F.col
    return {
        "order_id": c("order_id").isNotNull() & c("order_id").rlike(f"^{ORDER_ID}$") & c("repeated").isNull(),
        "customer_id": c("customer_id").isNotNull() & F.length("customer_id").between(3, 20),
        "product_id": F.length("product_id") == 6,
        "quantity": c("quantity").isNotNull() & c("quantity").between(1, 100),
        "unit_price": c("unit_price").isNotNull() & c("unit_price").between(0, 10_000),
        "currency": c("currency").isin(*CURRENCIES),
        "status": c("status").isin(*STATUSES),
        "ordered_at": c("ordered_at").isNotNull(),
        "country": c("country").isNotNull(),
    }


def peak_gib(process: int) -> float:
    """Return the peak memory of a process that still runs."""
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) / 2**20


if __name__ == "__main__":
    session()
    carry_out(work)
