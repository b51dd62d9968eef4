"""Settings, from the environment: where the portal keeps its data, for how long, and how the world reaches it.

A secret may also be given as a file: PORTAL_SECRET_KEY_FILE, PORTAL_DATABASE_URL_FILE or PORTAL_SMTP_URL_FILE names
it. Without a secret key one is made and kept in the data folder, readable by its owner only.
"""

from __future__ import annotations

import ipaddress
import os
import secrets
from collections.abc import Mapping
from email.utils import parseaddr
from pathlib import Path
from urllib.parse import urlsplit

from email_validator import EmailNotValidError, validate_email
from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from portal.errors import Unusable

SECRETS = ("PORTAL_SECRET_KEY", "PORTAL_DATABASE_URL", "PORTAL_SMTP_URL")


DEFAULT_URL = "http://localhost:8080"
MOST_DAYS = 36_500


class Settings(BaseSettings):
    """Where the portal keeps its data, for how long, and how the world reaches it."""

    model_config = SettingsConfigDict(env_prefix="PORTAL_", env_ignore_empty=True, frozen=True)

    data: Path = Field(default=Path("portal-data"), description="Folder for the embedded database and the secret key.")
    database_url: SecretStr | None = Field(
        default=None, description="SQLAlchemy URL, such as postgresql://…; by default a SQLite file in the data folder."
    )
    url: str = Field(
        default=DEFAULT_URL,
        description="The address at which people and the Web Connector reach the portal.",
    )
    trusted_proxy: str | None = Field(
        default=None,
        description="The address of the reverse proxy in front, which tells where people come from; * for any.",
    )
    secret_key: SecretStr | None = Field(
        default=None, description="Signs log-ins; by default made once and kept in the data folder."
    )
    smtp_url: SecretStr | None = Field(
        default=None,
        description="The mail server: smtp://user:password@host:587 (STARTTLS) or smtps://…; without it, no e-mail.",
    )
    mail_from: str | None = Field(
        default=None, description="The sender of e-mail: an address, or a name and an address as in Name <address>."
    )
    private_webhooks: bool = Field(
        default=False,
        description="Whether webhooks may go to this machine and to private networks; only where all partners may.",
    )
    watched_folder: Path | None = Field(
        default=None,
        description="A folder where files of charges may be dropped: N/sherweb and N/microsoft for the connection N.",
    )
    history_days: int = Field(
        default=400, ge=1, le=MOST_DAYS, description="How long visits of the Web Connector are kept, in days."
    )
    bodies_days: int = Field(
        default=90, ge=1, le=MOST_DAYS, description="How long the texts of their exchanges are kept, in days."
    )

    @property
    def sqlalchemy_url(self) -> str:
        """The database to use."""
        if self.database_url is not None:
            return self.database_url.get_secret_value()
        return f"sqlite:///{(self.data / 'portal.sqlite3').absolute()}"

    @property
    def endpoint_url(self) -> str:
        """Where the Web Connector calls."""
        return f"{self.url.rstrip('/')}/qbwc"

    @property
    def has_mail(self) -> bool:
        """Whether letters can be sent."""
        return self.smtp_url is not None

    @property
    def key(self) -> str:
        """The secret key. Raises Unusable when it is neither given nor kept yet."""
        if self.secret_key is not None:
            return self.secret_key.get_secret_value()
        path = (self.data / "secret-key").absolute()
        try:
            kept = path.read_text(encoding="ascii").strip()
        except OSError as error:
            raise Unusable(
                "The secret key %(path)s cannot be read: %(reason)s.", path=path, reason=error.strerror
            ) from None
        except UnicodeDecodeError:
            kept = ""
        if not kept:
            raise Unusable("The secret key %(path)s is empty or damaged. Delete it, and a new one is made.", path=path)
        return kept


def data_folder() -> Path:
    """The data folder that the environment names, or the default one."""
    return Path(os.environ.get("PORTAL_DATA") or Settings.model_fields["data"].default)


def load(environ: Mapping[str, str] = os.environ, **given: object) -> Settings:
    """Read the settings and prepare the data folder. Raises Unusable with the name of the setting and the remedy."""
    values: dict[str, object] = {}
    for name in SECRETS:
        path = environ.get(f"{name}_FILE")
        if path and not environ.get(name):
            values[name.removeprefix("PORTAL_").lower()] = _read_secret(name, Path(path))
    try:
        settings = Settings(**{**values, **given})  # type: ignore[arg-type]
    except ValidationError as error:
        first = error.errors()[0]
        name = "PORTAL_" + "_".join(str(part) for part in first["loc"]).upper()
        raise Unusable("%(name)s cannot be used: %(reason)s.", name=name, reason=first["msg"]) from None
    _check_addresses(settings)
    _check_mail(settings)
    if "?" in str(settings.data.absolute()):  # begins the options in a database's address
        raise Unusable("PORTAL_DATA is %(path)s; give a folder without a question mark.", path=settings.data)
    _prepare(settings)
    _prepare_watched_folder(settings)
    settings.key  # noqa: B018 -- raises when it cannot be read
    return settings


def _read_secret(name: str, path: Path) -> str:
    try:
        secret = path.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise Unusable(
            "%(name)s_FILE names %(path)s, which cannot be read: %(reason)s.",
            name=name,
            path=path,
            reason=error.strerror,
        ) from None
    except UnicodeDecodeError:
        secret = ""
    if not secret:
        raise Unusable(
            "%(name)s_FILE names %(path)s, which holds no text. Write the secret in it.", name=name, path=path
        )
    return secret


def _is_address(url: str, schemes: tuple[str, ...] = ("http", "https")) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in schemes and bool(parts.hostname) and parts.port != 0
    except ValueError:  # such as a port that is no number
        return False


def _check_addresses(settings: Settings) -> None:
    if not _is_address(settings.url):
        raise Unusable(
            "PORTAL_URL is %(url)s; give a whole address such as https://portal.example.com.", url=settings.url
        )
    parts = urlsplit(settings.url)
    if parts.path not in ("", "/") or parts.query or parts.fragment:
        raise Unusable(
            "PORTAL_URL is %(url)s; leave out what follows the host, as in https://portal.example.com: the portal needs"
            " a host name of its own.",
            url=settings.url,
        )
    try:
        if settings.trusted_proxy not in (None, "*"):
            ipaddress.ip_address(settings.trusted_proxy)
    except ValueError:
        raise Unusable(
            "PORTAL_TRUSTED_PROXY is %(given)s; give the IP address of your reverse proxy, such as 127.0.0.1.",
            given=settings.trusted_proxy,
        ) from None


def _check_mail(settings: Settings) -> None:
    if settings.smtp_url is None:
        return
    if not _is_address(settings.smtp_url.get_secret_value(), ("smtp", "smtps")):  # never shown: it holds a password
        raise Unusable(
            "PORTAL_SMTP_URL is not a mail server's address. Give one such as smtp://user:password@mail.example.com:587;"
            " in user and password, write @ as %40, : as %3A and / as %2F."
        )
    try:
        sender = parseaddr(settings.mail_from or "")[1]
        validate_email(sender, allow_smtputf8=False, check_deliverability=False, test_environment=True)
    except EmailNotValidError:
        raise Unusable(
            "PORTAL_MAIL_FROM is %(given)s; give the sender's address, such as portal@example.com.",
            given=settings.mail_from or "not given",
        ) from None


def _prepare(settings: Settings) -> None:
    try:
        settings.data.mkdir(parents=True, exist_ok=True)
        if settings.secret_key is None:
            _keep_secret_key(settings.data / "secret-key")
    except OSError as error:
        raise Unusable(
            "The data folder %(path)s cannot be written: %(reason)s. Set PORTAL_DATA to a folder that"
            " you may write to.",
            path=settings.data.absolute(),
            reason=error.strerror,
        ) from None


def _prepare_watched_folder(settings: Settings) -> None:
    if settings.watched_folder is None:
        return
    try:
        settings.watched_folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Unusable(
            "The folder %(path)s cannot be made: %(reason)s. Set PORTAL_WATCHED_FOLDER to one that you may write to.",
            path=settings.watched_folder.absolute(),
            reason=error.strerror,
        ) from None


def _keep_secret_key(path: Path) -> None:
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return
    with os.fdopen(handle, "w", encoding="ascii") as file:
        file.write(secrets.token_hex(32))
