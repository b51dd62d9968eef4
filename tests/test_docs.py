"""The README and the manual say what the code says: commands, options, settings, rooms."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from portal.cli import build_parser
from portal.settings import SECRETS, Settings
from qbwc.cli import build_parser as build_qbwc_parser

ROOT = Path(__file__).parent.parent
MANUAL = (ROOT / "portal" / "help" / "manual.md").read_text(encoding="utf-8")
README = (ROOT / "README.md").read_text(encoding="utf-8")


def _commands(parser: argparse.ArgumentParser, name: str) -> Iterator[tuple[str, argparse.ArgumentParser]]:
    nested = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    if not nested:
        yield name, parser
    for action in nested:
        for child, child_parser in action.choices.items():
            yield from _commands(child_parser, f"{name} {child}")


COMMANDS = [*_commands(build_parser(), "portal"), *_commands(build_qbwc_parser(), "qbwc")]


@pytest.mark.parametrize(("name", "parser"), COMMANDS, ids=[name for name, _ in COMMANDS])
def test_the_manual_names_every_command_and_its_options(name: str, parser: argparse.ArgumentParser) -> None:
    rows = [line for line in MANUAL.splitlines() if line.startswith((f"| `{name} ", f"| `{name}`"))]
    assert len(rows) == 1, f"the table of commands has {len(rows)} rows for {name}"
    if name.startswith("portal"):
        options = {option for action in parser._actions for option in action.option_strings if option.startswith("--")}
        missing = {option for option in options - {"--help", "--json"} if option not in rows[0]}
        assert not missing, f"{name} takes {sorted(missing)}, and the manual does not say so"


def test_every_command_takes_json() -> None:
    for name, parser in COMMANDS:
        assert "--json" in {option for action in parser._actions for option in action.option_strings}, name


def test_the_manual_names_no_command_that_does_not_exist() -> None:
    known = {name for name, _ in COMMANDS}
    for line in MANUAL.splitlines():
        match = re.match(r"\| `((?:portal|qbwc) [a-z]+(?: (?:add|set|check|reset|nightly))?)", line)
        if match:
            assert match[1] in known


def test_the_manual_names_every_setting() -> None:
    for field in Settings.model_fields:
        assert f"| `PORTAL_{field.upper()}` |" in MANUAL
    for secret in SECRETS:
        assert f"`{secret}_FILE`" in MANUAL


@pytest.mark.parametrize("package", ["qbwc", "portal"])
def test_the_readme_maps_every_room_in_one_line(package: str) -> None:
    tree = README.split("## The map of the house")[1]
    section = re.split(r"^\w+/ ", tree.split(f"\n{package}/ ")[1], maxsplit=1, flags=re.MULTILINE)[0]
    mapped = set(re.findall(r"^  (\S+)", section, flags=re.MULTILINE))
    rooms = {
        f"{path.name}/" if path.is_dir() else path.name
        for path in (ROOT / package).iterdir()
        if not path.name.startswith(("__", ".")) and (path.suffix == ".py" or (path.is_dir() and any(path.iterdir())))
    }
    assert mapped == rooms


def test_the_manual_lists_every_room_that_answers_without_a_log_in() -> None:
    for address in ("/qbwc", "/healthz"):
        assert f"| `{address}` |" in MANUAL


def test_every_module_begins_with_what_it_is() -> None:
    for package in ("qbwc", "portal"):
        for path in (ROOT / package).rglob("*.py"):
            text = path.read_text(encoding="utf-8")
            assert text.startswith('"""') or not text.strip(), f"{path} has no docstring"


def test_ci_calls_the_test_command_of_the_readme() -> None:
    assert "pip install uv && uv run pytest" in README
    assert "pip install uv && uv run portal demo" in README
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    for command in ("run pytest", "run ruff check", "run mypy", "run lint-imports"):
        assert command in script
