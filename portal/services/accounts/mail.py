"""The letters about passwords, in the language of who gets them."""

from __future__ import annotations

from portal.channels import email
from portal.errors import NotFound, Sentence
from portal.services import Portal
from portal.services.accounts.links import PasswordLink, reset_link
from portal.services.speaking import say


def mail_reset(portal: Portal, address: str) -> None:
    """Mail a link to choose a new password to whoever has this address; nobody learns whether anybody has."""

    def make() -> email.Letter | None:
        try:
            return compose(reset_link(portal, address))
        except NotFound:
            return None

    email.send_in_background(portal.settings, make)


def mail_link(portal: Portal, link: PasswordLink) -> None:
    """Mail a link that an administrator made."""
    email.send_in_background(portal.settings, lambda: compose(link))


def compose(link: PasswordLink) -> email.Letter:
    """The letter with a link: a welcome for who never had a password."""
    if link.is_first:
        subject = Sentence("Your access to the billing portal of %(partner)s", {"partner": link.partner_name})
        before = (
            Sentence("Hello,"),
            Sentence(
                "%(partner)s gives you access to its billing portal. Choose your password first.",
                {"partner": link.partner_name},
            ),
        )
        button = Sentence("Choose my password")
        after: tuple[Sentence, ...] = (
            Sentence("The link works once, for seven days. If it has expired, ask who sent you here for another."),
        )
    else:
        subject = Sentence("A new password for the billing portal")
        before = (
            Sentence("Hello,"),
            Sentence("Somebody asked for a new password for %(email)s.", {"email": link.email}),
        )
        button = Sentence("Choose a new password")
        after = (
            Sentence("The link works once, for an hour. Choosing a password logs you out everywhere."),
            Sentence("If it was not you, do nothing: your password stays as it is."),
        )
    language = link.language
    return email.Letter(
        to=link.email,
        language=language,
        subject=say(subject, language),
        before=tuple(say(sentence, language) for sentence in before),
        button=say(button, language),
        url=link.url,
        after=tuple(say(sentence, language) for sentence in after),
    )
