"""The OpenAPI document: valid, complete, kept by every answer, good enough to make a client of, and shown as a page."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from flask import Flask
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from portal.server import listen, serve_in_thread
from portal.web.api.quota import Quota
from portal.wsgi import build_wsgi

EXAMPLES = 6
CHECKS = (
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
)
READS_AT_MOST = 2**31 - 1


@schemathesis.deserializer("application/xml")
def _as_text(_context: Any, response: Any) -> str:
    text: str = response.text
    return text


@pytest.fixture
def document(api: Any) -> dict[str, Any]:
    answer = api.get("/openapi.json")
    assert answer.status_code == 200
    told: dict[str, Any] = answer.json
    return told


def operations(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, methods in document["paths"].items():
        for method, one in methods.items():
            yield f"{method.upper()} {path}", one


def test_it_is_valid_and_says_so(document: dict[str, Any], api: Any) -> None:
    assert document["openapi"] == "3.1.0"
    OpenAPIV31SpecValidator(document).validate()
    api.token = None
    assert api.get("/openapi.json").status_code == 200


def test_every_operation_is_described_whole(document: dict[str, Any]) -> None:
    names = [one["operationId"] for _, one in operations(document)]
    assert len(set(names)) == len(names) >= 35
    for name, one in operations(document):
        assert one["summary"], name
        assert one["security"][0].keys() == {"token"}, name
        assert {"401", "403", "429"} <= one["responses"].keys(), name
        changes = not name.startswith("GET ")
        assert ("409" in one["responses"]) is changes, name
        if "requestBody" in one:
            shape = one["requestBody"]["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
            assert document["components"]["schemas"][shape]["examples"], shape


def test_the_examples_are_what_their_shapes_say(document: dict[str, Any]) -> None:
    for name, shape in document["components"]["schemas"].items():
        for example in shape.get("examples", ()):
            pointer = {"components": document["components"], "$ref": f"#/components/schemas/{name}"}
            Draft202012Validator(pointer).validate(example)


def test_what_takes_a_version_says_so(document: dict[str, Any]) -> None:
    taken = {name for name, one in operations(document) if "428" in one["responses"]}
    assert taken == {
        "PATCH /connections/{connection_id}/settings",
        "PUT /connections/{connection_id}/offers/{offer_id}/mapping",
        "PUT /connections/{connection_id}/organizations/{organization_id}/mapping",
        "PUT /connections/{connection_id}/rule",
    }
    for name, one in operations(document):
        if name in taken:
            assert "ETag" in one["responses"]["200"]["headers"]
            assert "If-Match" in [parameter["name"] for parameter in one["parameters"]]


def test_every_answer_is_one_that_the_document_says(site: Flask, api: Any, month: Any) -> None:
    """Whatever a program sends: no answer that is not documented, and no error of ours."""
    month.bill()
    assert month.visit().went_well
    site.extensions["api"].extensions["quotas"] = {
        name: Quota(10**9, timedelta(minutes=1)) for name in ("calls", "failures")
    }
    schema = schemathesis.openapi.from_wsgi("/api/v1/openapi.json", site)
    headers = {"Authorization": f"Bearer {api.token}", "Accept-Encoding": "identity"}
    seen: set[int] = set()

    def drive(operation: Any, mode: GenerationMode) -> None:
        cases = operation.as_strategy(generation_mode=mode)

        @settings(
            max_examples=EXAMPLES,
            deadline=None,
            derandomize=True,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=cases, number=st.sampled_from((None, 1, 1, 1, 2, READS_AT_MOST)))
        def send(case: Any, number: int | None) -> None:
            if mode is GenerationMode.NEGATIVE:  # the address stays this operation's
                known = {"kind": "item"}
                case.path_parameters = {name: known.get(name, 1) for name in case.path_parameters or {}}
            elif number is not None:  # or hardly a call would find anything
                case.path_parameters = {
                    name: 1 if name == "connection_id" else number if isinstance(value, int) else value
                    for name, value in (case.path_parameters or {}).items()
                }
            answer = case.call(headers=headers)
            seen.add(answer.status_code)
            case.validate_response(answer, checks=CHECKS)

        send()

    count = 0
    for found in schema.get_all_operations():
        operation = found.ok()
        drive(operation, GenerationMode.POSITIVE)
        if operation.query or operation.body:
            drive(operation, GenerationMode.NEGATIVE)
        count += 1
    assert count >= 35
    assert {200, 201, 400, 404, 422, 428} <= seen
    assert not seen & {403, 500}


@pytest.fixture
def server(month: Any) -> Iterator[str]:
    """The portal, served for real."""
    sock = listen("127.0.0.1", 0)
    served = serve_in_thread(build_wsgi(month.portal), sock)
    yield f"http://127.0.0.1:{sock.getsockname()[1]}"
    served.close()


def test_a_generated_client_does_what_people_do(
    document: dict[str, Any], api: Any, server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """openapi-python-client reads the document; its client pushes charges, previews and bills."""
    (tmp_path / "openapi.json").write_text(json.dumps(document), encoding="utf-8")
    config = "post_hooks: []\ncontent_type_overrides:\n  application/xml: application/octet-stream\n"
    (tmp_path / "config.yml").write_text(config, encoding="utf-8")
    command = [sys.executable, "-m", "openapi_python_client", "generate", "--path", "openapi.json", "--meta", "none"]
    made = subprocess.run(
        [*command, "--config", "config.yml", "--output-path", "made_client", "--fail-on-warning"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert made.returncode == 0, made.stdout + made.stderr
    monkeypatch.syspath_prepend(str(tmp_path))
    client = importlib.import_module("made_client").AuthenticatedClient(base_url=f"{server}/api/v1", token=api.token)
    models = importlib.import_module("made_client.models")

    def call(room: str, name: str, *given: Any, **named: Any) -> Any:
        module = importlib.import_module(f"made_client.api.{room}.{name}")
        answer = module.sync(*given, client=client, **named)
        assert not isinstance(answer, models.Problem), answer
        return answer

    example = document["components"]["schemas"]["ChargeIn"]["examples"][0]
    with client:
        body = models.PushIn(charges=[models.ChargeIn.from_dict(example)])
        assert call("charges", "push", 1, body=body).made == 1
        offers = call("offers_organizations_and_mappings", "list_offers", 1, limit=200).items
        assert example["offer_key"] in [one.key for one in offers]
        plan = call("billing", "get_preview", 1)
        run = call("billing", "add_run", 1, body=models.RunIn(invoice_date=plan.invoice_date, whole=plan.whole))
        assert sum(run.states.to_dict().values()) >= plan.sendable
    for name in [one for one in sys.modules if one.partition(".")[0] == "made_client"]:
        del sys.modules[name]


@pytest.mark.parametrize("language", ["en", "fr"])
def test_the_reference_shows_all_of_it(document: dict[str, Any], admin: Any, language: str) -> None:
    admin.post("/language", {"language": language, "next": "/"})
    page = admin.get("/api")
    assert page.status_code == 200
    for _, one in operations(document):
        assert f'id="{one["operationId"]}"' in page.text
    for name in document["components"]["schemas"]:
        assert f'id="shape-{name}"' in page.text
    for code in document["components"]["schemas"]["Problem"]["properties"]["code"]["enum"]:
        assert f'id="{code}"' in page.text
    shown = "Map an offer to an item" if language == "en" else "Associer une offre à un article"
    assert shown in page.text
