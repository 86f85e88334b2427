"""The verbs: ingest, refine, curate, publish, absorb. The one place where rooms meet; no Dagster."""
