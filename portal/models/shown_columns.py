"""What each person wants to see of a list."""

from __future__ import annotations

from sqlalchemy import JSON, ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from portal.models.tables import Base

LONGEST_LISTING = 40


class ShownColumns(Base):
    """The columns that a person chose for a list, by the names of the columns; without a row, the usual ones."""

    __tablename__ = "shown_columns"

    user_id: Mapped[int] = mapped_column(ForeignKey("user_account.id", ondelete="CASCADE"), primary_key=True)
    listing: Mapped[str] = mapped_column(String(LONGEST_LISTING), primary_key=True)
    columns: Mapped[list[str]] = mapped_column(JSON)
