"""Sharing a connection: who sees it in which role, the invitations to it, and the people who joined."""

from __future__ import annotations

from portal.services.sharing.invitations import (
    INVITATION_LASTS,
    InvitationView,
    Made,
    invitation_file,
    invite,
    invite_again,
    list_invitations,
    revoke,
)
from portal.services.sharing.joining import Offered, accept, accept_as_stranger, look
from portal.services.sharing.participants import (
    JoinedView,
    People,
    PersonView,
    change_joined_role,
    leave,
    list_joined,
    list_people,
    remove_joined,
)
from portal.services.sharing.places import Entered, Place, count_places, enter, list_places
from portal.services.sharing.tickets import LARGEST_FILE, read_file

__all__ = [
    "INVITATION_LASTS",
    "LARGEST_FILE",
    "Entered",
    "InvitationView",
    "JoinedView",
    "Made",
    "Offered",
    "People",
    "PersonView",
    "Place",
    "accept",
    "accept_as_stranger",
    "change_joined_role",
    "count_places",
    "enter",
    "invitation_file",
    "invite",
    "invite_again",
    "leave",
    "list_invitations",
    "list_joined",
    "list_people",
    "list_places",
    "look",
    "read_file",
    "remove_joined",
    "revoke",
]
