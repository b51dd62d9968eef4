"""What an invitation is outside: a signed text, which a link or a `.qbinvite` file carries. No clock, no database.

The text names the invitation, its connection and its role beside the secret, so that what was changed is told from what
is too old. A file says in plain words what it is for; those words are signed as well.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import Any

from itsdangerous import BadData, URLSafeSerializer

from portal.errors import Refused
from portal.settings import Settings

FORMAT = "qbinvite"
LARGEST_FILE = 16 * 1024
_LONGEST_TEXT = 2000
_TEXT, _FILE = "invitation", "invitation file"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticket:
    """What the holder of an invitation shows."""

    invitation_id: int
    connection_id: int
    role: str
    secret: str = field(repr=False)


def write_text(settings: Settings, ticket: Ticket) -> str:
    """The ticket as a text that fits into an address."""
    return _signer(settings, _TEXT).dumps([ticket.invitation_id, ticket.connection_id, ticket.role, ticket.secret])


def read_text(settings: Settings, text: str) -> Ticket:
    """The ticket of a text. Raises Refused for one that is changed, or another portal's."""
    try:
        if len(text) > _LONGEST_TEXT:
            raise ValueError
        invitation_id, connection_id, role, secret = _signer(settings, _TEXT).loads(text)
        return Ticket(
            invitation_id=int(invitation_id), connection_id=int(connection_id), role=str(role), secret=str(secret)
        )
    except (BadData, TypeError, ValueError):
        raise changed() from None


def write_file(settings: Settings, ticket: Ticket, about: dict[str, str]) -> str:
    """The ticket as a file; `about` says in plain words what it opens."""
    said = {"format": FORMAT, **about, "ticket": write_text(settings, ticket)}
    return json.dumps({**said, "signature": _signature(settings, said)}, ensure_ascii=False, indent=1) + "\n"


def read_file(settings: Settings, data: bytes) -> str:
    """The text of the ticket in a file. Raises Refused for what is no such file, is changed, or another portal's."""
    try:
        said = json.loads(data.decode("utf-8-sig")) if len(data) <= LARGEST_FILE else None
    except (ValueError, RecursionError):
        said = None
    if not isinstance(said, dict) or said.get("format") != FORMAT:
        raise Refused("This is not an invitation. Choose the file whose name ends in .qbinvite.")
    given = said.pop("signature", None)
    if given != _signature(settings, said) or not isinstance(said.get("ticket"), str):
        raise changed()
    return str(said["ticket"])


def hash_of(secret: str) -> str:
    """The secret as it is kept: it is 256 random bits, so a slow hash would protect nothing more."""
    return hashlib.sha256(secret.encode("utf-8", "replace")).hexdigest()


def changed() -> Refused:
    """What somebody is told who brings an invitation that was tampered with; which part of it, nobody needs to know."""
    return Refused("This invitation was changed since it was made, or another portal made it. Ask for a new one.")


def _signature(settings: Settings, said: dict[str, Any]) -> str:
    whole = json.dumps(said, sort_keys=True)
    return str(_signer(settings, _FILE).dumps(hashlib.sha256(whole.encode()).hexdigest()))


def _signer(settings: Settings, purpose: str) -> URLSafeSerializer:
    return URLSafeSerializer(settings.key, salt=purpose, signer_kwargs={"digest_method": hashlib.sha256})
