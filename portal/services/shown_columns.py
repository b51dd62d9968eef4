"""The columns that a person sees of a list: chosen once, kept until they choose others."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import sqlalchemy as sa

from portal.models import ShownColumns
from portal.services import Portal


def read_columns(portal: Portal, user_id: int, listing: str, *, of: Sequence[str], usual: Sequence[str]) -> list[str]:
    """Those that the person chose, in the order of `of`; the usual ones where nothing was chosen or is left of it."""
    with portal.database.read() as db:
        told = db.scalar(sa.select(ShownColumns.columns).filter_by(user_id=user_id, listing=listing))
    chosen = [name for name in of if name in (told or ())]
    return chosen or list(usual)


def save_columns(portal: Portal, user_id: int, listing: str, columns: Collection[str], *, of: Sequence[str]) -> None:
    """Keep a choice; none at all stands for the usual columns."""
    chosen = [name for name in of if name in columns]
    with portal.database.write() as db:
        db.execute(sa.delete(ShownColumns).filter_by(user_id=user_id, listing=listing))
        if chosen:
            db.add(ShownColumns(user_id=user_id, listing=listing, columns=chosen))


__all__ = ["read_columns", "save_columns"]
