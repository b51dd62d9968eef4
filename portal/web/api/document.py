"""The OpenAPI document: what APIFlask makes of the routes and shapes, completed by what every route has in common.

Each operation gets its name, its scope, the headers it takes and tells, and the problems it may answer.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from apiflask import APIFlask

from portal.web.api.guard import declared_scope
from portal.web.api.problems import CODES, MEDIA_TYPE
from portal.web.api.shapes.notices import EVENTS
from portal.web.api.versions import is_versioned

_REF = "#/components/schemas/"
_METHODS = ("get", "post", "put", "patch", "delete")
_SECURITY = "token"
_DESCRIPTION = """\
The portal for programs: a partner's connections, charges, mappings, previews, runs and invoices.

Every call shows a token in the header `Authorization: Bearer …`; an administrator makes it in the portal. Money and
quantities are decimal texts, dates are ISO 8601, and moments are UTC. Texts follow `Accept-Language` (`en` or `fr`).
Lists come in pages: send `next` back as `cursor`. Errors are problem details (RFC 9457)."""
_PROBLEM: dict[str, Any] = {
    "type": "object",
    "title": "Problem",
    "description": "Why a call was not done (RFC 9457). `code` is for programs, `detail` for people.",
    "properties": {
        "type": {"type": "string", "format": "uri"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "code": {"type": "string", "enum": list(CODES)},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"field": {"type": "string"}, "detail": {"type": "string"}},
                "required": ["field", "detail"],
            },
        },
    },
    "required": ["type", "title", "status", "detail", "code", "errors"],
    "examples": [
        {
            "type": "https://portal.example.com/api#stale",
            "title": "Something changed in the meantime",
            "status": 412,
            "detail": "Somebody changed this mapping after you read it. Read it again, and save yours then.",
            "code": "stale",
            "errors": [],
        }
    ],
}
_HEADERS: dict[str, Any] = {
    "RateLimit": {"description": "Calls that are left, and the seconds until all are.", "schema": {"type": "string"}},
    "RateLimit-Policy": {"description": "Calls in a window of seconds.", "schema": {"type": "string"}},
}
_ETAG: dict[str, Any] = {
    "ETag": {"description": "The version: send it back in If-Match to change it.", "schema": {"type": "string"}}
}
_RETRY: dict[str, Any] = {"Retry-After": {"description": "Seconds until the next call.", "schema": {"type": "integer"}}}
_IF_MATCH: dict[str, Any] = {
    "name": "If-Match",
    "in": "header",
    "required": False,
    "description": "The ETag of the version that is changed; without it, 428. `*` takes any.",
    "schema": {"type": "string"},
}
_SIGNATURE: list[dict[str, Any]] = [
    {"name": name, "in": "header", "required": True, "description": what, "schema": {"type": "string"}}
    for name, what in (
        ("webhook-id", "The message, the same however often it is sent."),
        ("webhook-timestamp", "Seconds since 1970, of this attempt."),
        ("webhook-signature", "Standard Webhooks: `v1,` and the signature in base64."),
    )
]


def install(api: APIFlask, address: str) -> None:
    """Complete the document of the API at `address`."""
    api.servers = [{"url": address}]
    api.description = _DESCRIPTION
    api.security_schemes = {
        _SECURITY: {"type": "http", "scheme": "bearer", "description": "A token of the portal, with its scopes."}
    }
    for name in ("VALIDATION_ERROR", "AUTH_ERROR", "404"):
        api.config[f"AUTO_{name}_RESPONSE"] = False
    api.config["OPENAPI_VERSION"] = "3.1.0"

    @api.spec_processor
    def complete(document: dict[str, Any] | str) -> dict[str, Any] | str:
        assert isinstance(document, dict)  # noqa: S101 -- it is text only where YAML is asked for
        for path, method, operation in _operations(document):
            _complete(operation, _view(api, path, method), path, method)
        document["components"]["schemas"]["Problem"] = _PROBLEM
        _add_events(document)
        _flatten(document)
        return document


def _operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, operations in document["paths"].items():
        for method in _METHODS:
            if method in operations:
                yield path, method, operations[method]


def _view(api: APIFlask, path: str, method: str) -> tuple[str, Any]:
    """The endpoint of an operation, and its view."""
    for rule in api.url_map.iter_rules():
        names = {argument: f"{{{argument}}}" for argument in rule.arguments}
        told = "".join(names.get(part, part) for _, part in rule._trace if part != "|")
        if told == path and method.upper() in (rule.methods or ()):
            return rule.endpoint, api.view_functions[rule.endpoint]
    raise LookupError(path)


def _complete(operation: dict[str, Any], found: tuple[str, Any], path: str, method: str) -> None:
    endpoint, view = found
    operation["operationId"] = endpoint.rpartition(".")[2]
    scope = declared_scope(view)
    operation["security"] = [{_SECURITY: [] if scope is None else [scope.value]}]
    if scope is not None:
        needs = f"Permission: `{scope.value}`."
        operation["description"] = "\n\n".join(filter(None, (operation.get("description"), needs)))
    has_version = is_versioned(view) or endpoint.endswith(("_mapping", "get_settings", "get_rule"))
    for status, response in operation["responses"].items():
        response["description"] = {"201": "Made"}.get(status, "Done")
        response["headers"] = {**_HEADERS, **(_ETAG if has_version else {})}
        if status == "201":
            response["headers"]["Location"] = {"description": "Its address.", "schema": {"type": "string"}}
    if is_versioned(view):
        operation["parameters"].append(_IF_MATCH)
    if endpoint.endswith("get_qwc"):
        operation["responses"]["200"]["content"] = {"application/xml": {"schema": {"type": "string"}}}
    for parameter in operation["parameters"]:
        if parameter["in"] == "path":
            parameter["required"] = True
            if parameter["schema"].get("type") == "integer":
                parameter["schema"] = {"type": "integer", "minimum": 1, "maximum": 2**31 - 1}
        parameter.setdefault("description", parameter["schema"].pop("description", ""))
    if "requestBody" in operation:
        operation["requestBody"]["required"] = True
    _add_problems(operation, path, method, is_versioned=is_versioned(view))


def _add_problems(operation: dict[str, Any], path: str, method: str, *, is_versioned: bool) -> None:
    codes = ["refused", "unauthenticated", "forbidden", "too-many-calls"]
    if "{" in path:
        codes.append("not-found")
    if operation.get("requestBody") or any(one["in"] == "query" for one in operation["parameters"]):
        codes.append("invalid")
    if method != "get":
        codes += ["conflict", "too-large"]
    if is_versioned:
        codes += ["stale", "precondition-required"]
    content = {MEDIA_TYPE: {"schema": {"$ref": f"{_REF}Problem"}}}
    for status, title in sorted(CODES[code] for code in codes):
        headers = {} if status in (400, 413) else dict(_HEADERS)
        operation["responses"][str(status)] = {
            "description": title,
            "content": content,
            "headers": {**headers, **(_RETRY if status == 429 else {})},
        }


def _add_events(document: dict[str, Any]) -> None:
    """What webhooks are told, beside what is asked for."""
    document["webhooks"] = {}
    for name, (shape, what) in EVENTS.items():
        schema = shape.model_json_schema(ref_template=_REF + "{model}")
        document["components"]["schemas"] |= schema.pop("$defs", {}) | {shape.__name__: schema}
        content = {"application/json": {"schema": {"$ref": f"{_REF}{shape.__name__}"}}}
        document["webhooks"][name] = {
            "post": {
                "summary": what,
                "parameters": _SIGNATURE,
                "requestBody": {"required": True, "content": content},
                "responses": {"2XX": {"description": "Received. After anything else it is sent again."}},
            }
        }


def _flatten(document: dict[str, Any]) -> None:
    """Name every schema by itself: APIFlask names those inside of another one after both, as in `Page.Row`."""
    schemas = document["components"]["schemas"]
    _rename(document)
    flat: dict[str, Any] = {}
    for name in sorted(schemas):
        own = name.rpartition(".")[2]
        if flat.setdefault(own, schemas[name]) != schemas[name]:
            raise ValueError(f"two shapes are called {own}")
    document["components"]["schemas"] = flat


def _rename(part: Any) -> None:
    values = part.values() if isinstance(part, dict) else part if isinstance(part, list) else ()
    if isinstance(part, dict) and str(part.get("$ref", "")).startswith(_REF):
        part["$ref"] = _REF + part["$ref"].removeprefix(_REF).rpartition(".")[2]
    for one in values:
        _rename(one)
