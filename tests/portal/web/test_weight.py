"""What pages weigh on the wire: compressed, 300 kB the first time with everything they need, 30 kB after that."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from lxml import html

import portal as package
from portal.web.compress import SMALLEST

FIRST, NEXT = 300_000, 30_000
BROWSER = {"Accept-Encoding": "gzip, deflate, br, zstd"}
STATIC = Path(package.__file__).parent / "static"


def pages(app: Flask) -> Iterator[str]:
    """The address of every page that needs nothing but a connection, a run, an import."""
    known = {"connection_id": 1, "run_id": 1, "import_id": 1, "organization_id": 1, "visit_id": 1, "exchange_id": 1}
    adapter = app.url_map.bind("localhost")
    for rule in app.url_map.iter_rules():
        if "GET" not in (rule.methods or ()) or rule.endpoint == "static":
            continue
        if rule.arguments <= known.keys():
            yield adapter.build(rule.endpoint, {name: known[name] for name in rule.arguments})


def test_every_page_is_light(site: Flask, admin: Any, billed: Any) -> None:
    sizes: dict[str, tuple[int, int]] = {}
    for path in pages(site):
        answer = admin.client.get(path, headers=BROWSER, buffered=True)
        if answer.status_code != 200 or answer.mimetype != "text/html" or len(answer.data) < SMALLEST:
            continue
        assert answer.headers.get("Content-Encoding") == "br", path
        tree = html.fromstring(admin.client.get(path, buffered=True).text)
        needed = {
            *(one.get("src") for one in tree.findall(".//script[@src]")),
            *(one.get("href") for one in tree.findall(".//link[@href]")),
        }
        files = sum(len(admin.client.get(one, headers=BROWSER, buffered=True).data) for one in needed)
        sizes[path] = (len(answer.data) + files, len(answer.data))
    assert len(sizes) >= 12
    assert {path: size for path, (size, _) in sizes.items() if size > FIRST} == {}
    assert {path: size for path, (_, size) in sizes.items() if size > NEXT} == {}


@pytest.mark.parametrize("name", sorted(path.relative_to(STATIC).as_posix() for path in STATIC.rglob("*.[cj]s*")))
@pytest.mark.parametrize("encoding", ["gzip", "br"])
def test_files_leave_compressed_and_are_asked_for_once(stranger: Any, name: str, encoding: str) -> None:
    answer = stranger.client.get(f"/static/{name}", headers={"Accept-Encoding": encoding}, buffered=True)
    whole = (STATIC / name).read_bytes()
    if len(whole) < SMALLEST:
        return
    assert answer.headers["Content-Encoding"] == encoding
    assert "Accept-Encoding" in answer.headers["Vary"]
    assert len(answer.data) < len(whole)
    if encoding == "gzip":
        assert gzip.decompress(answer.data) == whole
    known = {"Accept-Encoding": encoding, "If-None-Match": answer.headers["ETag"]}
    assert stranger.client.get(f"/static/{name}", headers=known, buffered=True).status_code == 304


def test_whoever_takes_no_compression_gets_the_plain_page(admin: Any) -> None:
    answer = admin.client.get("/", headers={"Accept-Encoding": "identity"}, buffered=True)
    assert "Content-Encoding" not in answer.headers
    assert answer.text.startswith("<!doctype html>")
