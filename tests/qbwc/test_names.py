"""The public names: all of them are there and documented, and none is loaded before it is asked for."""

from __future__ import annotations

import importlib
import inspect
import re
import subprocess
import sys
from pathlib import Path

import pytest

import qbwc

PAGE = (Path(__file__).parents[2] / "portal" / "help" / "library.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", qbwc.__all__)
def test_every_public_name_is_there_and_documented(name: str) -> None:
    assert inspect.getdoc(getattr(qbwc, name))
    assert name in dir(qbwc)


@pytest.mark.parametrize("name", qbwc.__all__)
def test_the_page_names_it(name: str) -> None:
    assert f"`{name}`" in PAGE


def test_every_public_name_has_its_place() -> None:
    assert sorted(qbwc._PLACES) == sorted(qbwc.__all__)


def test_another_name_is_not_there() -> None:
    with pytest.raises(AttributeError, match="'qbwc' has no attribute 'nothing'"):
        _ = qbwc.nothing


def test_importing_the_package_loads_no_library() -> None:
    asked = "import sys, qbwc; print(sorted({'sqlalchemy', 'spyne', 'lxml', 'alembic'} & set(sys.modules)))"
    ended = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True, timeout=60)
    assert ended.stdout.strip() == "[]"


@pytest.mark.parametrize("name", sorted(set(re.findall(r"`((?:\w+\.)+\w+)`", PAGE))))
def test_what_the_page_calls_by_name_exists(name: str) -> None:
    """Such as `queue.put`, `qbwc.sandbox` or `visit.ask`."""
    first, *rest = name.split(".")
    if rest[-1] in ("py", "json", "qwc", "sqlite3", "password"):
        return
    if first == "qbwc":
        assert importlib.import_module(name)
        return
    values = {"visit": qbwc.Visit, "database": qbwc.Database, "connection": qbwc.Connection, "answer": qbwc.Answer}
    found = values.get(first) or getattr(qbwc, first)
    assert hasattr(found, rest[0])
