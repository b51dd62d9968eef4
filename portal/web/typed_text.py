"""What people type and addresses carry, without the NUL that no field takes and PostgreSQL refuses."""

from __future__ import annotations

from typing import Any

from flask import Request
from werkzeug.datastructures import ImmutableMultiDict


class _Typed(ImmutableMultiDict[str, Any]):
    """Fields and their values."""

    def __init__(self, mapping: Any = None) -> None:
        pairs = ImmutableMultiDict(mapping).items(multi=True)
        super().__init__([(_plain(name), _plain(value)) for name, value in pairs])


class TypedRequest(Request):
    """A request whose form and query hold no NUL."""

    parameter_storage_class = _Typed


def _plain(value: Any) -> Any:
    return value.replace("\0", "") if isinstance(value, str) else value
