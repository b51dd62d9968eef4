"""The .qwc file: what the Web Connector learns of an application when somebody adds it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from lxml import etree

from qbwc.sandbox.errors import ManifestError

_NEEDED = ("AppName", "AppURL", "AppSupport", "UserName", "OwnerID", "FileID", "QBType")
_GUID = re.compile(r"\{[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}\}")
_LOCAL = re.compile(r"http://(localhost|127\.0\.0\.1|\[::1\])(:\d+)?(/.*)?", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What a .qwc file says. `run_every` is in seconds, None when the file sets no schedule."""

    app_name: str
    app_url: str
    app_support: str
    user_name: str
    owner_id: str
    file_id: str
    is_read_only: bool = False
    run_every: int | None = None


def read_manifest(path: Path | str) -> Manifest:
    """Read a .qwc file as strictly as Intuit's connector does.

    Raises ManifestError, naming the element: a missing one, an OwnerID or FileID that is no GUID in braces, an
    address that is neither https nor on this machine.
    """
    try:
        text = Path(path).read_bytes()
        root = etree.fromstring(text, etree.XMLParser(resolve_entities=False, no_network=True))
    except OSError as error:
        raise ManifestError(f"The .qwc file {path} cannot be read: {error.strerror}.") from None
    except etree.XMLSyntaxError as error:
        raise ManifestError(f"The .qwc file {path} is not XML: {error}.") from None
    return parse_manifest(root, str(path))


def parse_manifest(root: etree._Element, name: str = "the .qwc file") -> Manifest:
    """The values of a QBWCXML element."""
    if root.tag != "QBWCXML":
        raise ManifestError(f"{name}: the root element must be QBWCXML, not {root.tag!s}.")
    values = {str(child.tag): (child.text or "").strip() for child in root if isinstance(child.tag, str)}
    for tag in _NEEDED:
        if not values.get(tag):
            raise ManifestError(f"{name}: {tag} is missing or empty.")
    for tag in ("OwnerID", "FileID"):
        if not _GUID.fullmatch(values[tag]):
            raise ManifestError(f"{name}: {tag} must be a GUID in braces, not {values[tag]!r}.")
    url = values["AppURL"]
    if not url.lower().startswith("https://") and not _LOCAL.fullmatch(url):
        raise ManifestError(f"{name}: AppURL must begin with https:// unless it is on localhost (QBWC1010): {url}.")
    return Manifest(
        app_name=values["AppName"],
        app_url=url,
        app_support=values["AppSupport"],
        user_name=values["UserName"],
        owner_id=values["OwnerID"],
        file_id=values["FileID"],
        is_read_only=values.get("IsReadOnly", "").lower() == "true",
        run_every=_interval(root, name),
    )


def _interval(root: etree._Element, name: str) -> int | None:
    for tag, seconds in (("RunEveryNMinutes", 60), ("RunEveryNSeconds", 1)):
        text = root.findtext(f"Scheduler/{tag}")
        if text is not None:
            if not text.strip().isdigit():
                raise ManifestError(f"{name}: Scheduler/{tag} must be a whole number, not {text!r}.")
            return int(text) * seconds
    return None
