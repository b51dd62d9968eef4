"""What the tables share: exact decimals, the metadata, and the lengths of names and keys."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import JSON, String, Text
from sqlalchemy.engine import Dialect
from sqlalchemy.orm import DeclarativeBase
from sqlalchemy.types import TypeDecorator

from qbwc import models as qbwc_models
from qbwc.models import UtcDateTime

LONGEST_NAME = 120
LONGEST_KEY = 200


class ExactDecimal(TypeDecorator[Decimal]):
    """A decimal kept as text: no digit of a provider's number is lost on any database."""

    impl = String(40)
    cache_ok = True

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> str | None:
        return None if value is None else str(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> Decimal | None:
        return None if value is None else Decimal(value)


class Base(DeclarativeBase):
    """The portal's tables, beside the library's."""

    metadata = qbwc_models.Base.metadata
    type_annotation_map = {datetime: UtcDateTime(), str: Text(), Decimal: ExactDecimal(), dict[str, Any]: JSON()}
