"""The watched folder: a whole file is imported once and filed, one that is refused says why, others are left alone."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from portal.errors import Unusable
from portal.models import Charge, FailedImport
from portal.services import Portal, catalog, sources
from portal.settings import load

SAMPLES = Path(__file__).resolve().parents[3] / "samples"
SHERWEB = SAMPLES / "sherweb" / "payable-charges-2026-10.json"
MICROSOFT = next((SAMPLES / "microsoft").glob("*.csv"))


class Folder:
    """A watched folder, and the looks at it."""

    def __init__(self, portal: Portal, connection_id: int, root: Path) -> None:
        settings = portal.settings.model_copy(update={"watched_folder": root})
        self.portal, self.connection_id, self.root = replace(portal, settings=settings), connection_id, root
        self.watch = sources.Watch()

    def look(self) -> int:
        return sources.import_what_was_dropped(self.portal, self.watch)

    def of(self, provider: str) -> Path:
        folder = sources.folder_of(self.portal, self.connection_id, provider)
        assert folder is not None
        return folder

    def names(self, provider: str, where: str = "") -> list[str]:
        return sorted(path.name for path in (self.of(provider) / where).iterdir() if path.is_file())

    def imports(self) -> int:
        return len(catalog.list_imports(self.portal, self.connection_id))

    def failures(self) -> list[str]:
        with self.portal.database.read() as db:
            return list(db.scalars(sa.select(FailedImport.file_name)))


@pytest.fixture
def folder(month: Any, tmp_path: Path) -> Folder:
    folder = Folder(month.portal, month.connection_id, tmp_path / "dropped")
    assert folder.look() == 0, "the first look makes the folders"
    return folder


def quantities(folder: Folder) -> Any:
    with folder.portal.database.read() as db:
        return db.scalar(sa.select(sa.func.count()).select_from(Charge))


def test_a_file_is_imported_when_two_looks_found_it_the_same_and_is_filed(folder: Folder) -> None:
    before = folder.imports()
    (folder.of("microsoft") / "invoice.csv").write_bytes(MICROSOFT.read_bytes())
    assert folder.look() == 0
    assert folder.look() == 1
    assert folder.imports() == before + 1
    assert folder.names("microsoft") == []
    assert [name.partition("-")[2] for name in folder.names("microsoft", "done")] == ["invoice.csv"]
    assert folder.look() == 0


def test_one_that_is_still_being_copied_waits(folder: Folder) -> None:
    path, whole = folder.of("microsoft") / "invoice.csv", MICROSOFT.read_bytes()
    for size in (1000, 2000, len(whole)):
        path.write_bytes(whole[:size])
        assert folder.look() == 0
    assert folder.look() == 1
    assert folder.failures() == []


def test_one_that_is_refused_says_why_in_both_languages_and_is_a_notice(folder: Folder) -> None:
    (folder.of("sherweb") / "october.json").write_text("{", encoding="utf-8")
    folder.look()
    assert folder.look() == 0
    moved, why = folder.names("sherweb", "refused")
    assert why == f"{moved}.txt"
    english, french = (folder.of("sherweb") / "refused" / why).read_text(encoding="utf-8").strip().split("\n\n")
    assert "october.json" in english
    assert english != french
    assert folder.failures() == ["october.json"]
    (folder.of("sherweb") / "october.json").write_bytes(SHERWEB.read_bytes())
    folder.look()
    assert folder.look() == 1
    assert folder.failures() == []


def test_the_same_file_again_changes_nothing(folder: Folder) -> None:
    count, imports = quantities(folder), folder.imports()
    (folder.of("sherweb") / "again.json").write_bytes(SHERWEB.read_bytes())
    folder.look()
    assert folder.look() == 1, "the month was begun with this file"
    assert (quantities(folder), folder.imports()) == (count, imports)


@pytest.mark.parametrize("name", [".hidden.csv", "invoice.csv.part", "INVOICE.CSV.TMP", "invoice.crdownload"])
def test_unfinished_and_hidden_files_are_left_alone(folder: Folder, name: str) -> None:
    (folder.of("microsoft") / name).write_bytes(MICROSOFT.read_bytes())
    folder.look()
    assert folder.look() == 0
    assert folder.names("microsoft") == [name]


def test_links_are_not_followed(folder: Folder, tmp_path: Path) -> None:
    secret = tmp_path / "secret.csv"
    secret.write_bytes(MICROSOFT.read_bytes())
    (folder.of("microsoft") / "link.csv").symlink_to(secret)
    folder.look()
    assert folder.look() == 0


def test_one_that_is_too_large_is_refused_unread(folder: Folder) -> None:
    path = folder.of("microsoft") / "huge.csv"
    with path.open("wb") as file:
        file.truncate(64 * 1024 * 1024 + 1)
    folder.look()
    assert folder.look() == 0
    assert folder.failures() == ["huge.csv"]
    assert len(folder.names("microsoft", "refused")) == 2


def test_a_name_of_another_file_that_was_filed_is_kept_apart(folder: Folder, month: Any) -> None:
    for text in ("{", "["):
        (folder.of("sherweb") / "same.json").write_text(text, encoding="utf-8")
        folder.look()
        folder.look()
        month.clock.at += timedelta(minutes=1)
    assert len(folder.names("sherweb", "refused")) == 4


def test_another_connection_has_a_folder_of_its_own(folder: Folder, month: Any) -> None:
    assert folder.of("sherweb") == folder.root / str(month.connection_id) / "sherweb"
    assert {path.name for path in folder.root.iterdir()} == {str(month.connection_id)}


def test_two_workers_import_it_once(folder: Folder) -> None:
    other = sources.Watch()
    corrected = json.loads(SHERWEB.read_bytes())
    corrected["charges"].pop()
    (folder.of("sherweb") / "october.json").write_text(json.dumps(corrected), encoding="utf-8")
    sources.import_what_was_dropped(folder.portal, other)
    folder.look()
    before = folder.imports()
    assert sources.import_what_was_dropped(folder.portal, other) + folder.look() == 1
    assert folder.imports() == before + 1


@pytest.mark.skipif(os.name == "nt", reason="a folder that nobody may make is made otherwise there")
def test_a_folder_that_cannot_be_made_is_named_when_the_portal_starts(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(Unusable, match="PORTAL_WATCHED_FOLDER"):
        load({}, data=tmp_path / "data", watched_folder=tmp_path / "file" / "folder")


def test_without_the_setting_nothing_is_watched(month: Any) -> None:
    assert sources.folder_of(month.portal, month.connection_id, "sherweb") is None
    assert sources.import_what_was_dropped(month.portal, sources.Watch()) == 0
