"""The charges of a period from the distributor API, and the tokens that are kept for the next time."""

from __future__ import annotations

import hashlib
import json
import threading
from dataclasses import astuple, dataclass, field
from datetime import UTC, date, datetime, timedelta

from portal.providers import Delivery, ProviderError, sherweb
from portal.providers.sherweb_api.credentials import PATIENT, Credentials, Patience
from portal.providers.sherweb_api.errand import Errand
from portal.providers.sherweb_api.sentences import NOTHING, explain_trouble
from portal.providers.sherweb_api.wire import Progress, Trouble


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """The answer's bytes, a name for them as if they were a file, and what `sherweb.read` made of them."""

    data: bytes = field(repr=False)
    name: str
    delivery: Delivery = field(repr=False)


class _Slot:
    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.token = ""
        self.usable_until = datetime.min.replace(tzinfo=UTC)


class TokenCache:
    """The tokens of this process, in memory only; safe to share among threads and partners.

    A token is kept for one partner with exactly these credentials and addresses. Who needs one that another thread is
    fetching waits for it, so that a log-in happens once.
    """

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._slots: dict[str, _Slot] = {}

    def __repr__(self) -> str:
        return f"<TokenCache of {len(self._slots)}>"

    def take(self, key: str, errand: Errand, *, refused: str = "") -> tuple[str, bool]:
        """A token that is not the `refused` one, and whether it was kept from before."""
        with self._guard:
            slot = self._slots.setdefault(key, _Slot())
        if not slot.lock.acquire(timeout=max(errand.left, 0)):
            raise explain_trouble(errand.case(errand.token_url), Trouble.TOO_LONG)
        try:
            if slot.token and slot.token != refused and errand.now < slot.usable_until:
                return slot.token, True
            slot.token = ""
            slot.token, slot.usable_until = errand.log_in()
            return slot.token, False
        finally:
            slot.lock.release()


def fetch(
    credentials: Credentials,
    day: date,
    *,
    tokens: TokenCache,
    now: datetime,
    partner: str = "",
    patience: Patience = PATIENT,
    progress: Progress | None = None,
) -> Fetched:
    """The charges of the billing period that holds `day`, whole and checked, or a ProviderError that says what to do.

    `now` (UTC) decides whether a kept token still holds. An answer for a period without `day` is refused: the API may
    give another one without saying so.
    """
    key = _make_key(partner, credentials)
    with Errand(credentials, now, patience) as errand:
        token, is_kept = tokens.take(key, errand)
        answer = errand.ask_charges(day, token, progress)
        if is_kept and answer.status == 401 and not answer.is_about_key:
            token, _ = tokens.take(key, errand, refused=token)
            answer = errand.ask_charges(day, token, progress)
        data = errand.accept(answer, day)
    name = f"payable-charges-{day}.json"
    return Fetched(data=data, name=name, delivery=_read_answer(data, name, day))


def read(
    credentials: Credentials,
    day: date,
    *,
    tokens: TokenCache,
    now: datetime,
    partner: str = "",
    patience: Patience = PATIENT,
    progress: Progress | None = None,
) -> Delivery:
    """What `fetch` brings, without the bytes."""
    fetched = fetch(credentials, day, tokens=tokens, now=now, partner=partner, patience=patience, progress=progress)
    return fetched.delivery


def check(credentials: Credentials, *, patience: Patience = PATIENT) -> None:
    """Log in and do nothing else. Raises ProviderError with what to correct. It never uses a kept token."""
    with Errand(credentials, datetime.min.replace(tzinfo=UTC), patience) as errand:
        errand.log_in()


def _make_key(partner: str, credentials: Credentials) -> str:
    return hashlib.sha256(json.dumps([partner, *astuple(credentials)]).encode()).hexdigest()


def _read_answer(data: bytes, name: str, day: date) -> Delivery:
    failure: ProviderError
    try:
        delivery = sherweb.read(data, name)
    except ProviderError as error:
        failure = error
        if error.key in ("charges.not_json", "charges.not_text", "charges.empty"):
            failure = ProviderError(
                "sherweb_api.garbled",
                "Sherweb's answer for {day} is cut off or damaged." + NOTHING + " Try again.",
                day=str(day),
            )
    else:
        if delivery.period_start <= day < delivery.period_end:
            return delivery
        failure = ProviderError(
            "sherweb_api.other_period",
            "Sherweb was asked for the charges of {day}, and sent those from {start} to {last}."
            + NOTHING
            + " If {day} is in a period that is not open yet, try again later; otherwise choose another date.",
            day=str(day),
            start=str(delivery.period_start),
            last=str(delivery.period_end - timedelta(days=1)),
        )
    raise failure
