"""What only who runs the server may do for a person: a link for a new password, and the second factor off."""

from __future__ import annotations

from portal.errors import NotFound
from portal.services import Portal, audit
from portal.services.accounts.links import PasswordLink, reset_link
from portal.services.accounts.log_ins import end_others
from portal.services.accounts.people import find_user
from portal.services.accounts.second_factor import forget


def reset_by_operator(portal: Portal, email: str, *, drops_second_factor: bool = False) -> PasswordLink:
    """A link to choose a new password; with `drops_second_factor` the telephone is lost, too. Raises NotFound."""
    link = reset_link(portal, email)
    with portal.database.write() as db:
        user = find_user(db, email, for_update=True)
        if user is None:
            raise NotFound("There is no user %(email)s.", email=email)
        audit.note_of_person(db, user.id, user.email, at=portal.now(), action="make-password-link", who="")
        if drops_second_factor:
            forget(db, user)
            end_others(db, user.id)
            audit.note_of_person(db, user.id, user.email, at=portal.now(), action="second-factor-off", who="")
    return link
