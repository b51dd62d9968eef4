"""Alembic's entry: run the revisions on the connection that upgrade() opened."""

from __future__ import annotations

from alembic import context

config = context.config
context.configure(
    connection=config.attributes["connection"],
    version_table=config.attributes["version_table"],
    transactional_ddl=False,  # upgrade() holds the transaction
    render_as_batch=True,
)
context.run_migrations()
