"""Imports that failed, remembered for those who did not see it: by provider, until one goes well."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa

from portal.errors import Refused
from portal.models import Connection, FailedImport
from portal.providers import ProviderError
from portal.services import Portal


@contextmanager
def noting_failure(portal: Portal, connection_id: int, provider: str, file_name: str) -> Iterator[None]:
    """Around an import: what it raises is remembered, and forgotten when it goes well."""
    try:
        yield
    except (ProviderError, Refused) as error:
        _keep(portal, connection_id, provider, file_name, error)
        raise
    with portal.database.write() as db:
        db.execute(sa.delete(FailedImport).filter_by(connection_id=connection_id, provider=provider))


def _keep(portal: Portal, connection_id: int, provider: str, file_name: str, error: ProviderError | Refused) -> None:
    with portal.database.write() as db:
        if db.get(Connection, connection_id, with_for_update={"key_share": True}) is None:
            return
        row = db.scalar(sa.select(FailedImport).filter_by(connection_id=connection_id, provider=provider))
        if row is None:
            row = FailedImport(connection_id=connection_id, provider=provider)
            db.add(row)
        row.file_name, row.failed_at = file_name, portal.now()
        if isinstance(error, ProviderError):
            row.error_key, row.template, row.values = error.key, error.template, error.values
        else:
            row.error_key, row.template = None, error.sentence.template
            row.values = dict(error.sentence.values)
