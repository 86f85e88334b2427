# ruff: noqa: INP001 - a script, in no package
"""What EMR Serverless starts: the command `lakehouse` with the arguments of the job."""

from lakehouse_assets.cli.main import main

main()
