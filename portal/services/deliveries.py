"""The record of an import, as it begins: the charges follow."""

from __future__ import annotations

import hashlib
from datetime import datetime
from decimal import Decimal

from sqlalchemy import orm

from portal.billing.period import Period
from portal.models import Delivery


def begin_delivery(
    db: orm.Session,
    connection_id: int,
    data: bytes,
    *,
    provider: str,
    name: str,
    period: Period,
    total: Decimal,
    rows: int,
    at: datetime,
    scope: str = "",
) -> Delivery:
    """A delivery that was read from `data`, the first of its family. `total` is the sum of the amounts of its rows."""
    delivery = Delivery(
        connection_id=connection_id,
        provider=provider,
        scope=scope,
        file_name=name,
        digest=hashlib.sha256(data).hexdigest(),
        period_start=period.start,
        period_end=period.end,
        total=total,
        rows=rows,
        added=0,
        changed=0,
        imported_at=at,
    )
    db.add(delivery)
    db.flush()
    delivery.family = delivery.id
    return delivery


__all__ = ["begin_delivery"]
