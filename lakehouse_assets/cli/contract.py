"""`lakehouse contract …`: the group; its commands are in the modules `contract_…` beside it."""

import typer

from lakehouse_assets.cli import contract_backtest, contract_diff, contract_exchange, contract_rows


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(help="Contracts as files.", no_args_is_help=True)
    group.callback()(_group)
    group.command("diff")(contract_diff.diff)
    group.command("backtest")(contract_backtest.backtest)
    group.command("test")(contract_rows.prove)
    group.command("sample")(contract_rows.sample)
    group.command("import")(contract_exchange.import_contract)
    group.command("suggest")(contract_exchange.suggest)
    group.command("export")(contract_exchange.export)
    app.add_typer(group, name="contract")


def _group() -> None:
    """Contracts as files."""
