"""The texts: found in the code, translated in messages.po, compiled to messages.mo.

English is the key. Beside the marks that pages use, the first text of a Sentence or of an error is a key. A provider's
error is put together from pieces, so its own key stands for it, with the context `provider`. After a text was added or
changed, `python -m portal.translations` brings messages.po up to date and lists what to translate there; translate it,
then run the command once more.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

FOLDER = Path(__file__).parent
FRENCH = FOLDER / "fr" / "LC_MESSAGES"
_EPOCH = datetime(2026, 1, 1, tzinfo=UTC)  # the same texts give the same bytes, whenever they are compiled
_KEYWORDS = {
    "_": None,
    "gettext": None,
    "ngettext": (1, 2),
    "msgid": None,
    "Sentence": None,
    "Refused": None,
    "NotFound": None,
    "Forbidden": None,
    "Conflict": None,
    "NotDelivered": None,
    "Stale": None,
    "_line": (3,),
}
_PROVIDER_KEYWORDS = {"ProviderError": (1,), "refuse": (1,)}
_CODE = [
    ("web/**.py", "python"),
    ("services/**.py", "python"),
    ("notices/**.py", "python"),
    ("channels/**.py", "python"),
    ("billing/**.py", "python"),
    ("templates/**.html", "jinja2"),
]
PROVIDER = "provider"


def extract() -> Catalog:
    """Every text of the code."""
    catalog = _empty()
    for message in _find(_CODE, _KEYWORDS):
        catalog.add(message)
    for message in _find([("providers/**.py", "python")], _PROVIDER_KEYWORDS):
        catalog.add(message, context=PROVIDER)
    return catalog


def _find(methods: list[tuple[str, str]], keywords: Mapping[str, Any]) -> Iterator[str | tuple[str, ...]]:
    for _name, _line, message, _comments, _context in extract_from_dir(FOLDER.parent, methods, keywords=keywords):
        yield message


def _empty() -> Catalog:
    return Catalog(
        locale="fr",
        header_comment="# The French texts. Brought up to date by: python -m portal.translations",
        project="qbwc-portal",
        version="1",
        charset="utf-8",
        creation_date=_EPOCH,
        revision_date=_EPOCH,
        msgid_bugs_address="the issues of the project",
        last_translator="the authors of the project",
        language_team="fr",
        fuzzy=False,
    )


def read() -> Catalog:
    """The French texts as translated."""
    path = FRENCH / "messages.po"
    with path.open("rb") as file:
        return read_po(file, locale="fr")


def compiled(catalog: Catalog) -> bytes:
    """The content of messages.mo."""
    out = io.BytesIO()
    write_mo(out, catalog)
    return out.getvalue()


def update() -> list[str]:
    """Bring messages.po and messages.mo up to date; returns the texts that lack a translation."""
    catalog = read() if (FRENCH / "messages.po").exists() else _empty()
    catalog.update(extract(), no_fuzzy_matching=True, update_creation_date=False)
    catalog.obsolete.clear()
    FRENCH.mkdir(parents=True, exist_ok=True)
    with (FRENCH / "messages.po").open("wb") as file:
        write_po(file, catalog, width=120, no_location=True, omit_header=False, sort_output=True, ignore_obsolete=True)
    (FRENCH / "messages.mo").write_bytes(compiled(read()))
    return missing(catalog)


def missing(catalog: Catalog) -> list[str]:
    """The texts of the code that the catalog does not translate, or only doubtfully."""
    lacking = []
    for message in extract():
        if not message.id:
            continue
        known = catalog.get(message.id, message.context)
        texts = [] if known is None else known.string if isinstance(known.string, list | tuple) else [known.string]
        if known is None or known.fuzzy or not texts or not all(texts):
            lacking.append(message.id if isinstance(message.id, str) else message.id[0])
    return lacking
