"""Alembic's entry point; the connection and its transaction come from `store.migrate`."""

from alembic import context

from keyturn.store.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    transactional_ddl=False,
)
context.run_migrations()
