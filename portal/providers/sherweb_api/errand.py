"""One errand for one partner: its log-in, its question, its attempts, and the time that all of it may take."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta

import requests
from authlib.integrations.requests_client import OAuth2Auth, OAuthError  # type: ignore[import-untyped]

from portal.providers.sherweb_api.credentials import Credentials, Patience, is_sendable
from portal.providers.sherweb_api.sentences import Case, explain_charges, explain_log_in, explain_trouble
from portal.providers.sherweb_api.wire import Answer, Broken, Progress, Session, Trouble

_KEY_HEADER = "Ocp-Apim-Subscription-Key"
_MARGIN = timedelta(seconds=60)
_LONGEST_LIFE = 24 * 3600
_PASSING = (Trouble.UNREACHABLE, Trouble.SLOW, Trouble.CUT)


class Errand:
    """One call for one partner: its session, its time, its attempts."""

    def __init__(self, credentials: Credentials, now: datetime, patience: Patience) -> None:
        self.patience = patience
        self.secrets = {credentials.client_secret, credentials.subscription_key}
        self.token_url = credentials.authorization_url.rstrip("/") + "/oidc/connect/token"
        self._charges_url = credentials.distributor_url.rstrip("/") + "/billing/payable-charges"
        self._begun = now
        self._headers = {
            "Accept": "application/json",
            "Accept-Encoding": "gzip",
            _KEY_HEADER: credentials.subscription_key,
        }
        self._session = Session(credentials, patience)

    def __enter__(self) -> Errand:
        return self

    def __exit__(self, *_error: object) -> None:
        self._session.close()

    @property
    def left(self) -> float:
        return self._session.deadline - self.patience.clock()

    @property
    def now(self) -> datetime:
        return self._begun + timedelta(seconds=max(self.patience.total - self.left, 0))

    def case(self, url: str, answer: Answer | None = None, **values: str) -> Case:
        """What may be said of an answer, or of none."""
        return Case(self.secrets, self.patience, url, answer, **values)

    def log_in(self) -> tuple[str, datetime]:
        """A new token, and until when it is used: a minute less than it is valid, or half as long if it is short."""
        answer = self._persist(self.token_url, self._ask_token)
        token = self._session.token or {}
        text, kind = token.get("access_token"), str(token.get("token_type") or "bearer")
        if answer.status != 200 or not isinstance(text, str) or not is_sendable(text) or kind.lower() != "bearer":
            raise explain_log_in(self.case(self.token_url, answer), answer)
        life = _read_life(token.get("expires_in"))
        return text, self.now + life - min(_MARGIN, life / 2)

    def _ask_token(self) -> None:
        """Leaves what came in the session: the answer, and the token if Authlib can make one of it."""
        self._session.token = None
        try:
            self._session.fetch_token(self.token_url, grant_type="client_credentials", headers=self._headers)
        except (OAuthError, requests.RequestException, ValueError, TypeError, OverflowError, RecursionError):
            self._session.token = None

    def ask_charges(self, day: date, token: str, progress: Progress | None) -> Answer:
        self.secrets.add(token)
        self._session.progress = progress
        auth = OAuth2Auth({"access_token": token, "token_type": "Bearer"})
        return self._persist(
            self._charges_url,
            lambda: self._session.get(
                self._charges_url, params={"date": day.isoformat()}, headers=self._headers, auth=auth
            ),
        )

    def accept(self, answer: Answer, day: date) -> bytes:
        """The body of an answer with charges. Raises ProviderError for any other."""
        is_json = not answer.content_type or answer.content_type.endswith("/json")
        if answer.status == 200 and answer.body.strip() and is_json and not answer.is_page:
            return answer.body
        raise explain_charges(self.case(self._charges_url, answer, day=str(day)), answer)

    def _persist(self, url: str, ask: Callable[[], object]) -> Answer:
        """Ask again while it may help: nothing came, or Sherweb says that it is busy or ill."""
        for attempt in range(1, self.patience.attempts + 1):
            trouble: Trouble | None = None
            try:
                ask()
            except Broken as broken:
                trouble = broken.trouble
            answer = self._session.answer
            pause = self.patience.pause * 2 ** (attempt - 1)
            if answer is None:
                is_passing = trouble in _PASSING
            else:
                is_passing = answer.status == 429 or answer.status >= 500
                pause = pause if answer.retry_after is None else answer.retry_after
            may_wait = pause <= self.patience.longest_pause and pause < self.left
            if not is_passing or not may_wait or attempt == self.patience.attempts:
                break
            self.patience.wait(pause)
        if answer is None:
            raise explain_trouble(self.case(url), trouble)
        return answer


def _read_life(seconds: object) -> timedelta:
    """How long a token is valid; no time if that is not said, so that it serves once."""
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        return timedelta(0)
    return timedelta(seconds=max(0, min(seconds, _LONGEST_LIFE)))
