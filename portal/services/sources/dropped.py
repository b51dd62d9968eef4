"""Files that are dropped into a watched folder of the server: imported once each, then filed under done or refused.

Below PORTAL_WATCHED_FOLDER each connection has a folder by its number, and in it one for each provider whose files are
read as they come, such as `3/microsoft`. A file is taken when two looks in a row found it the same, so that one that is
still being copied is left alone. It is imported before it is moved: a crash between imports it again, and the same file
twice changes nothing.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import sqlalchemy as sa
import structlog

from portal.errors import PortalError, Refused, Unusable
from portal.models import Connection
from portal.providers import ProviderError
from portal.services import Portal, catalog
from portal.services.failed_imports import noting_failure
from portal.services.speaking import LANGUAGES, explain_provider, say

DONE, REFUSED = "done", "refused"
LARGEST = 64 * 1024 * 1024
"""Bytes of a file; as for one that is brought on a page."""
_UNFINISHED = (".part", ".tmp", ".crdownload", ".partial", ".filepart")

log = structlog.get_logger("portal")


class _Unreadable(Exception):
    """A file stays where it is, since it could not be read; that is noted already."""


@dataclass(frozen=True, slots=True)
class _Look:
    size: int
    changed_ns: int


@dataclass(slots=True)
class Watch:
    """What the last look found. One for each process."""

    seen: dict[Path, _Look] = field(default_factory=dict)
    unreadable: set[tuple[Path, _Look]] = field(default_factory=set)


def folder_of(portal: Portal, connection_id: int, provider: str) -> Path | None:
    """Where files of a provider are dropped for a connection; None when no folder is watched."""
    root = portal.settings.watched_folder
    return None if root is None else _folder(root, connection_id, provider)


def _folder(root: Path, connection_id: int, provider: str) -> Path:
    return root.absolute() / str(connection_id) / provider


def import_what_was_dropped(portal: Portal, watch: Watch) -> int:
    """Look once; import the files that did not change since the look before. Returns how many were imported."""
    root = portal.settings.watched_folder
    if root is None:
        return 0
    with portal.database.read() as db:
        ids = db.scalars(sa.select(Connection.id).order_by(Connection.id)).all()
    found: dict[Path, _Look] = {}
    count = 0
    for connection_id in ids:
        for provider in catalog.PROVIDERS:
            for path, look in _look(_folder(root, connection_id, provider)):
                found[path] = look
                if watch.seen.get(path) == look and (path, look) not in watch.unreadable:
                    count += _take(portal, watch, connection_id, provider, path, look)
    watch.seen = found
    watch.unreadable &= set(found.items())
    return count


def _look(folder: Path) -> Iterator[tuple[Path, _Look]]:
    """The files of a folder by name, made when it is not there; none that is a link, hidden or unfinished."""
    try:
        for name in ("", DONE, REFUSED):
            (folder / name).mkdir(parents=True, exist_ok=True)
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError as error:
        raise Unusable(
            "PORTAL_WATCHED_FOLDER: %(path)s cannot be used: %(reason)s. Let the portal's account write there.",
            path=folder,
            reason=error.strerror or type(error).__name__,
        ) from None
    for entry in entries:
        is_whole = not entry.name.startswith(".") and not entry.name.lower().endswith(_UNFINISHED)
        if is_whole and entry.is_file(follow_symlinks=False):
            state = entry.stat(follow_symlinks=False)
            yield Path(entry.path), _Look(state.st_size, state.st_mtime_ns)


def _take(portal: Portal, watch: Watch, connection_id: int, provider: str, path: Path, look: _Look) -> bool:
    try:
        _import(portal, connection_id, provider, path)
    except FileNotFoundError:
        return False  # another process got there first
    except _Unreadable as error:
        watch.unreadable.add((path, look))
        log.warning("dropped file cannot be read", connection=connection_id, file=path.name, reason=str(error))
        return False
    except (ProviderError, PortalError) as error:
        log.warning("dropped file refused", connection=connection_id, file=path.name, reason=str(error))
        why = explain_provider(error) if isinstance(error, ProviderError) else error.sentence
        _file_away(portal, path, REFUSED, "\n\n".join(say(why, language) for language in LANGUAGES))
        return False
    _file_away(portal, path, DONE)
    return True


def _import(portal: Portal, connection_id: int, provider: str, path: Path) -> None:
    name = path.name
    if path.stat().st_size > LARGEST:
        with noting_failure(portal, connection_id, provider, name):
            raise Refused("%(file)s is larger than 64 MB, the most that is read. Export less at once.", file=name)
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise
    except OSError as error:
        told = Refused(
            "%(file)s in the watched folder cannot be read: %(reason)s. Let the portal's account read it.",
            file=name,
            reason=error.strerror or type(error).__name__,
        )
        with suppress(Refused), noting_failure(portal, connection_id, provider, name):
            raise told from None
        raise _Unreadable(str(told)) from None
    catalog.import_charges(portal, connection_id, data, name=name, provider=provider)


def _file_away(portal: Portal, path: Path, folder: str, reason: str | None = None) -> None:
    """Move a file beside the others of its kind, under the moment of the import; with the reason in a text."""
    moment = portal.now().strftime("%Y%m%dT%H%M%SZ")
    to = path.parent / folder / f"{moment}-{path.name}"
    try:
        os.replace(path, to)
        if reason is not None:
            to.with_name(to.name + ".txt").write_text(reason + "\n", encoding="utf-8")
    except FileNotFoundError:
        pass  # another process got there first
    except OSError as error:
        log.warning("dropped file cannot be moved", file=path.name, reason=error.strerror)
