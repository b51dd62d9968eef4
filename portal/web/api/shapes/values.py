"""Values that all shapes share: money and quantities as decimal texts, names, fingerprints."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer, StringConstraints, WithJsonSchema

DECIMAL = r"^-?[0-9]{1,13}(\.[0-9]{1,10})?$"
PLAIN = r"^[^\x00-\x1f\x7f]*$"
"""One line of text."""

Number = Annotated[
    Decimal,
    PlainSerializer(lambda value: f"{value:f}", return_type=str),
    WithJsonSchema({"type": "string", "pattern": r"^-?[0-9]+(\.[0-9]+)?$", "examples": ["12.50"]}),
]
"""An exact decimal on its way out: a text, so that no program makes a binary fraction of it."""
NumberText = Annotated[str, StringConstraints(pattern=DECIMAL), Field(examples=["12.50"])]
"""An exact decimal on its way in."""
ListId = Annotated[str, StringConstraints(min_length=1, max_length=36, pattern=PLAIN), Field(examples=["80000003-1"])]
"""The ListID of an object of QuickBooks."""


class Shape(BaseModel):
    """What every shape is: unknown fields are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)
