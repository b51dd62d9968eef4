"""The reference of the API as a page, made from the OpenAPI document: no script, and nothing that it lacks."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, current_app, render_template
from flask.typing import ResponseReturnValue

from portal.web.access import EVERYONE, allowed, portal_of_app
from portal.web.api import PREFIX, document_of
from portal.web.api.guard import CALLS
from portal.web.api.problems import CODES
from portal.web.tokens import SCOPES

blueprint = Blueprint("reference", __name__)
_METHODS = ("get", "post", "put", "patch", "delete")


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """A field of a shape, or a parameter: its type in words, where `refers` names another shape of this page."""

    name: str
    type: str
    refers: str | None
    is_required: bool
    description: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One method at one address."""

    name: str
    method: str
    path: str
    summary: str
    description: str
    scope: str | None
    parameters: tuple[Field, ...]
    takes: str | None
    gives: str | None
    statuses: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ShapeView:
    """A shape, with its fields or its values, and an example as JSON."""

    name: str
    description: str
    fields: tuple[Field, ...]
    values: tuple[str, ...]
    example: str | None


@blueprint.get("/api")
@allowed(*EVERYONE)
def show() -> ResponseReturnValue:
    """The page."""
    document = document_of(current_app._get_current_object())  # type: ignore[attr-defined]
    rooms: dict[str, list[Operation]] = {}
    for tag, operation in _operations(document):
        rooms.setdefault(tag, []).append(operation)
    return render_template(
        "reference.html",
        rooms=rooms,
        shapes=[_shape(name, schema) for name, schema in document["components"]["schemas"].items()],
        address=portal_of_app().settings.url.rstrip("/") + PREFIX,
        codes=CODES,
        scopes=SCOPES,
        calls=CALLS,
    )


def _operations(document: Mapping[str, Any]) -> Iterator[tuple[str, Operation]]:
    for path, operations in document["paths"].items():
        for method in _METHODS:
            if method in operations:
                one = operations[method]
                yield one["tags"][0], _operation(path, method, one)


def _operation(path: str, method: str, one: Mapping[str, Any]) -> Operation:
    needed = one["security"][0]["token"]
    done = next(status for status in one["responses"] if status.startswith("2"))
    return Operation(
        name=one["operationId"],
        method=method.upper(),
        path=path,
        summary=one["summary"],
        description=one.get("description", "").partition("Permission: ")[0].strip(),
        scope=needed[0] if needed else None,
        parameters=tuple(
            _field(each["name"], each["schema"], each["required"], each["description"]) for each in one["parameters"]
        ),
        takes=_refers(one.get("requestBody", {})),
        gives=_refers(one["responses"][done]),
        statuses=tuple(one["responses"]),
    )


def _refers(part: Mapping[str, Any]) -> str | None:
    """The shape of a body."""
    for content in part.get("content", {}).values():
        return _name(content["schema"])
    return None


def _shape(name: str, schema: Mapping[str, Any]) -> ShapeView:
    required = schema.get("required", ())
    examples = schema.get("examples")
    return ShapeView(
        name=name,
        description=schema.get("description", ""),
        fields=tuple(
            _field(field, one, field in required, one.get("description", ""))
            for field, one in schema.get("properties", {}).items()
        ),
        values=tuple(map(str, schema.get("enum", ()))),
        example=json.dumps(examples[0], indent=2, ensure_ascii=False) if examples else None,
    )


def _field(name: str, schema: Mapping[str, Any], is_required: bool, description: str) -> Field:
    return Field(
        name=name, type=_type(schema), refers=_refers_in(schema), is_required=is_required, description=description
    )


def _type(schema: Mapping[str, Any]) -> str:
    """A type as programmers write it."""
    if "anyOf" in schema:
        return " | ".join(_type(one) for one in schema["anyOf"])
    if name := _name(schema):
        return name
    if schema.get("type") == "array":
        return f"{_type(schema.get('items', {}))}[]"
    kind = schema.get("format") or schema.get("type") or "any"
    return "decimal" if kind == "string" and "[0-9]+" in schema.get("pattern", "") else str(kind)


def _refers_in(schema: Mapping[str, Any]) -> str | None:
    """The shape that a type is, holds, or may be."""
    inner = (schema, schema.get("items") or {}, *schema.get("anyOf", ()))
    return next((name for one in inner if (name := _name(one) or _name(one.get("items") or {}))), None)


def _name(schema: Mapping[str, Any]) -> str | None:
    reference = schema.get("$ref")
    return reference.rpartition("/")[2] if isinstance(reference, str) else None
