"""E-mail: a letter as plain text and HTML, handed to the mail server that the settings name.

The connection is encrypted, except to a mail server on this machine: letters carry links that open accounts.
"""

from __future__ import annotations

import smtplib
import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import formatdate, make_msgid, parseaddr
from html import escape
from urllib.parse import unquote, urlsplit

import structlog

from portal.settings import Settings

TIMEOUT = 10.0
_MOST_AT_ONCE = 20
_LONGEST_ANSWER = 200
_PORTS = {"smtp": 587, "smtps": 465}
_THIS_MACHINE = ("localhost", "127.0.0.1", "::1")

_places = threading.BoundedSemaphore(_MOST_AT_ONCE)
log = structlog.get_logger("portal")


class NotSent(Exception):
    """The mail server did not take the letter. The text says why, and holds no secret."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """What somebody is told, in their language: paragraphs, a list, a button with its address, and paragraphs after it.

    `why` says at the end why they get it, with the address at which they change that.
    `key` stays the same when the letter is sent once more, so that a repetition can be told from another letter.
    """

    to: str
    language: str
    subject: str
    before: tuple[str, ...]
    button: str
    url: str = field(repr=False)
    after: tuple[str, ...] = ()
    items: tuple[str, ...] = ()
    why: str = ""
    why_url: str = ""
    key: str = ""


def send(settings: Settings, letter: Letter) -> None:
    """Send a letter now. Raises NotSent."""
    if settings.smtp_url is None or settings.mail_from is None:
        raise NotSent("no mail server is set up")
    parts = urlsplit(settings.smtp_url.get_secret_value())
    host, port = parts.hostname or "", parts.port or _PORTS[parts.scheme]
    try:
        message = compose(settings.mail_from, letter)
    except ValueError:
        raise NotSent("an address has letters that e-mail cannot carry") from None
    context = ssl.create_default_context()
    try:
        if parts.scheme == "smtps":
            server: smtplib.SMTP = smtplib.SMTP_SSL(host, port, timeout=TIMEOUT, context=context)
        else:
            server = smtplib.SMTP(host, port, timeout=TIMEOUT)
        with server:
            if parts.scheme == "smtp":
                _encrypt(server, context, is_needed=host not in _THIS_MACHINE)
            if parts.username:
                server.login(unquote(parts.username), unquote(parts.password or ""))
            server.send_message(message)
    except smtplib.SMTPAuthenticationError:
        raise NotSent(f"{host} does not accept the user name and password of PORTAL_SMTP_URL") from None
    except smtplib.SMTPRecipientsRefused as error:
        raise NotSent(_refusal(host, *next(iter(error.recipients.values())))) from None
    except smtplib.SMTPResponseException as error:
        raise NotSent(_refusal(host, error.smtp_code, error.smtp_error)) from None
    except (smtplib.SMTPException, OSError) as error:
        raise NotSent(f"{host} port {port}: {type(error).__name__}") from None


def send_in_background(settings: Settings, make: Callable[[], Letter | None]) -> None:
    """Make and send a letter in a thread of its own, so that nobody waits for it, or learns whether there is one."""
    if not _places.acquire(blocking=False):
        log.error("a letter was not sent: too many are being sent")
        return

    def work() -> None:
        try:
            letter = make()
            if letter is not None:
                send(settings, letter)
        except NotSent as error:
            log.error("a letter was not sent", reason=str(error))
        except Exception:
            log.exception("a letter was not sent")
        finally:
            _places.release()

    threading.Thread(target=work, name="portal-mail", daemon=True).start()


def compose(sender: str, letter: Letter) -> EmailMessage:
    """The letter as a message."""
    name, address = parseaddr(sender)
    message = EmailMessage()
    message["From"] = Address(name, addr_spec=address)
    message["To"] = Address(addr_spec=letter.to)
    message["Subject"] = letter.subject
    message["Date"] = formatdate()
    domain = address.rpartition("@")[2]
    message["Message-ID"] = f"<{letter.key}@{domain}>" if letter.key else make_msgid(domain=domain)
    message["Auto-Submitted"] = "auto-generated"
    items = ("\n".join(f"- {item}" for item in letter.items),) if letter.items else ()
    why = (f"{letter.why}\n{letter.why_url}".strip(),) if letter.why else ()
    text = "\n\n".join((*letter.before, *items, f"{letter.button}:\n{letter.url}", *letter.after, *why))
    message.set_content(text + "\n")
    message.add_alternative(_html(letter), subtype="html")
    message["Content-Language"] = letter.language  # at last: setting a content clears what is said of it
    return message


def _encrypt(server: smtplib.SMTP, context: ssl.SSLContext, *, is_needed: bool) -> None:
    server.ehlo()
    if server.has_extn("starttls"):
        server.starttls(context=context)
    elif is_needed:
        raise NotSent("the mail server does not offer STARTTLS; use smtps:// in PORTAL_SMTP_URL")


def _refusal(host: str, code: int, text: bytes | str) -> str:
    """What the mail server said, in one line."""
    said = text.decode("utf-8", "replace") if isinstance(text, bytes) else str(text)
    plain = " ".join("".join(one if one.isprintable() else " " for one in said).split())[:_LONGEST_ANSWER]
    return f"{host} answered {code} {plain}".rstrip()


def _html(letter: Letter) -> str:
    def paragraphs(texts: tuple[str, ...]) -> str:
        return "".join(f'<p style="margin:0 0 16px">{escape(text)}</p>' for text in texts)

    listed = "".join(f'<li style="margin:0 0 8px">{escape(item)}</li>' for item in letter.items)
    items = f'<ul style="margin:0 0 16px;padding-left:20px">{listed}</ul>' if listed else ""
    small = "margin:0 0 16px;font-size:14px;overflow-wrap:anywhere"
    link = f'<br><a href="{escape(letter.why_url)}">{escape(letter.why_url)}</a>' if letter.why_url else ""
    why = f'<p style="{small}">{escape(letter.why)}{link}</p>' if letter.why else ""
    look = "display:inline-block;padding:10px 20px;border-radius:4px;background:#0054a6;color:#ffffff"
    return (
        f'<!doctype html><html lang="{escape(letter.language)}-CA"><head><meta charset="utf-8">'
        f"<title>{escape(letter.subject)}</title></head>"
        '<body style="margin:0;padding:24px;font:16px/1.5 sans-serif;color:#182433;background:#ffffff">'
        f'<div style="max-width:560px;margin:0 auto">{paragraphs(letter.before)}{items}'
        f'<p style="margin:0 0 16px"><a href="{escape(letter.url)}" style="{look};text-decoration:none">'
        f"{escape(letter.button)}</a></p>"
        f'<p style="{small}">{escape(letter.url)}</p>'
        f"{paragraphs(letter.after)}{why}</div></body></html>\n"
    )
