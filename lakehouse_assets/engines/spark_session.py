"""How a Spark session is configured: what keeps results equal is fixed, everything else is tuning.

Nothing here imports Spark: who opens a session (Dagster's resource, the command line, a test) is handed these settings.
"""

# Both engines must read the same instants, refuse the same overflows and tell the same columns apart.
PARITY = {
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.ansi.enabled": "true",
    "spark.sql.caseSensitive": "true",
    "spark.sql.parquet.outputTimestampType": "TIMESTAMP_MICROS",
    "spark.sql.parquet.datetimeRebaseModeInRead": "CORRECTED",
    "spark.sql.parquet.datetimeRebaseModeInWrite": "CORRECTED",
    "spark.sql.parquet.compression.codec": "zstd",
    "spark.sql.sources.partitionColumnTypeInference.enabled": "false",
}
# A JVM of this machine that starts quickly and stays small; a server elsewhere has its own.
LAPTOP = {
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.driver.memory": "1g",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.driver.extraJavaOptions": "-XX:+UseSerialGC -XX:TieredStopAtLevel=1",
    "spark.sql.shuffle.partitions": "2",
    # Listing in tasks costs seconds: 10,000 of them otherwise.
    "spark.sql.sources.parallelPartitionDiscovery.parallelism": "2",
}
