"""`lakehouse quality …`: the group; its commands are in the modules `quality_…` beside it."""

import typer

from lakehouse_assets.cli import quality_rules, quality_score


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(help="How good tables are, and what rules are good for.", no_args_is_help=True)
    group.callback()(_group)
    group.command("score")(quality_score.score)
    group.command("coverage")(quality_score.coverage)
    group.command("idle")(quality_rules.idle)
    group.command("cost")(quality_rules.cost)
    app.add_typer(group, name="quality")


def _group() -> None:
    """How good tables are, and what rules are good for."""
