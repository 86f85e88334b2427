"""What Alembic runs: it works on the connection `migrate` hands over, inside that transaction."""

from alembic import context

from lakehouse_assets.state.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    transactional_ddl=False,
)
context.run_migrations()
