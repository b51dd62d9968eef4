"""The second factor: codes of an authenticator (TOTP, RFC 6238), and recovery codes for when the telephone is lost.

A code is good for its 30 seconds and the 30 before and after, and once: the time step of the last one is kept, and
nothing up to it is taken again. Recovery codes are 80 random bits, kept as SHA-256.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import pyotp
import sqlalchemy as sa
import structlog
from sqlalchemy import orm

from portal.errors import Conflict, Forbidden, Refused
from portal.models import RecoveryCode, User
from portal.services import Portal
from portal.services.accounts.log_ins import end_others, is_own_password
from portal.services.accounts.people import UserView
from portal.services.sealing import Purpose, seal, unseal

RECOVERY_CODES = 10
_DIGITS = 6
_DRIFT = 1  # steps of 30 seconds that a telephone's clock may be off
_RECOVERY_BYTES = 10

log = structlog.get_logger("portal")


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """A secret that a person may take into their authenticator: as text, as the address in the QR code, and sealed."""

    secret: str = field(repr=False)
    uri: str = field(repr=False)
    sealed: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """A code that was taken; `codes_left` counts the recovery codes after one of them was used."""

    codes_left: int | None = None


def offer(portal: Portal, user: UserView, sealed: str | None = None) -> Offer:
    """A new secret, or the one that was offered before and not confirmed yet."""
    secret = (_read_offer(portal, user.id, sealed) if sealed else None) or pyotp.random_base32()
    issuer = urlsplit(portal.settings.url).hostname or "portal"
    return Offer(
        secret=secret,
        uri=pyotp.TOTP(secret).provisioning_uri(name=user.email, issuer_name=issuer),
        sealed=seal(portal.settings, Purpose.OFFERED_FACTOR, f"{user.id} {secret}"),
    )


def switch_on(portal: Portal, user: UserView, sealed: str, code: str, password: str) -> list[str] | None:
    """Switch the second factor on and end the person's other log-ins. Returns the recovery codes, this once.

    None when the code is not the authenticator's. Raises Refused for a wrong password and for an offer that is none,
    Conflict when it is on.
    """
    secret = _read_offer(portal, user.id, sealed)
    if secret is None:
        raise Refused("This page is too old. Open it again, and scan the new code.")
    if not is_own_password(portal, user.id, password):
        raise Refused("The password is not right.")
    with portal.database.write() as db:
        row = db.get_one(User, user.id, with_for_update=True)
        if row.second_factor is not None:
            raise Conflict("The second factor is on already. To use another telephone, switch it off first.")
        step = _matching_step(portal, secret, code)
        if step is None:
            return None
        row.second_factor = seal(portal.settings, Purpose.SECOND_FACTOR, secret)
        row.second_factor_step = step
        end_others(db, user.id, but=user.log_in_id)
        codes = _make_codes(db, user.id)
    log.info("second factor switched on", user=user.id)
    return codes


def switch_off(portal: Portal, user: UserView, password: str) -> bool:
    """Switch the second factor off. False when the password is wrong; Forbidden where the partner requires one."""
    if not is_own_password(portal, user.id, password):
        return False
    with portal.database.write() as db:
        row = db.get_one(User, user.id, with_for_update=True)
        if any(member.partner.requires_second_factor for member in row.members):
            raise Forbidden("Your company requires a second factor. To use another telephone, ask an administrator.")
        forget(db, row)
    log.info("second factor switched off", user=user.id)
    return True


def forget(db: orm.Session, user: User) -> None:
    """Take a person's second factor and recovery codes away."""
    user.second_factor = user.second_factor_step = None
    db.execute(sa.delete(RecoveryCode).filter_by(user_id=user.id))


def new_codes(portal: Portal, user: UserView, password: str) -> list[str] | None:
    """New recovery codes, this once; those from before are void. None when the password is wrong."""
    if not is_own_password(portal, user.id, password):
        return None
    with portal.database.write() as db:
        row = db.get_one(User, user.id, with_for_update=True)
        if row.second_factor is None:
            raise Conflict("The second factor is off. Switch it on first.")
        codes = _make_codes(db, user.id)
    log.info("recovery codes made", user=user.id)
    return codes


def codes_left(portal: Portal, user_id: int) -> int:
    """How many recovery codes a person has not used yet."""
    with portal.database.read() as db:
        return _count_codes(db, user_id)


def accept(portal: Portal, user_id: int, code: str) -> Accepted | None:
    """Take a code of the authenticator or a recovery code, once. None for one that is wrong, or was taken before."""
    plain = "".join(code.split()).replace("-", "")
    with portal.database.write() as db:
        row = db.get(User, user_id, with_for_update=True)
        if row is None or row.second_factor is None:
            return None
        if len(plain) == _DIGITS:
            return Accepted() if _take_code(portal, row, plain) else None
        used = sa.delete(RecoveryCode).filter_by(user_id=user_id, code_hash=_hash(plain)).returning(RecoveryCode.id)
        if db.scalar(used) is None:
            return None
        left = _count_codes(db, user_id)
    log.info("recovery code used", user=user_id, left=left)
    return Accepted(codes_left=left)


def _take_code(portal: Portal, row: User, code: str) -> bool:
    secret = unseal(portal.settings, Purpose.SECOND_FACTOR, row.second_factor or "")
    if secret is None:
        raise Refused(
            "Codes cannot be checked any more, because the portal's secret key was changed. Use a recovery code, or "
            "ask an administrator to switch your second factor off."
        )
    step = _matching_step(portal, secret, code, after=row.second_factor_step)
    if step is None:
        return False
    row.second_factor_step = step
    return True


def _matching_step(portal: Portal, secret: str, code: str, after: int | None = None) -> int | None:
    """The time step of a code; None when it is another's, or not later than the one that was accepted last."""
    maker, given = pyotp.TOTP(secret), "".join(code.split()).encode()
    now = maker.timecode(portal.now())
    for step in range(now - _DRIFT, now + _DRIFT + 1):
        if hmac.compare_digest(maker.generate_otp(step).encode(), given) and (after is None or step > after):
            return step
    return None


def _read_offer(portal: Portal, user_id: int, sealed: str) -> str | None:
    owner, _, secret = (unseal(portal.settings, Purpose.OFFERED_FACTOR, sealed) or "").partition(" ")
    return secret if owner == str(user_id) and secret else None


def _make_codes(db: orm.Session, user_id: int) -> list[str]:
    db.execute(sa.delete(RecoveryCode).filter_by(user_id=user_id))
    codes = [base64.b32encode(secrets.token_bytes(_RECOVERY_BYTES)).decode().lower() for _ in range(RECOVERY_CODES)]
    db.add_all(RecoveryCode(user_id=user_id, code_hash=_hash(code)) for code in codes)
    return ["-".join(code[begin : begin + 4] for begin in range(0, len(code), 4)) for code in codes]


def _count_codes(db: orm.Session, user_id: int) -> int:
    return db.scalar(sa.select(sa.func.count()).select_from(RecoveryCode).filter_by(user_id=user_id)) or 0


def _hash(code: str) -> str:
    return hashlib.sha256(code.lower().encode("utf-8", "replace")).hexdigest()
