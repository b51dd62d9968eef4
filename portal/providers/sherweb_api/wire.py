"""One call over the wire: sent to where the credentials say, read within limits, and broken off without a trace."""

from __future__ import annotations

import enum
import io
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

import requests
import urllib3
from authlib.integrations.requests_client import OAuth2Session  # type: ignore[import-untyped]

from portal.providers.sherweb_api.credentials import Credentials, Patience

Progress = Callable[[int, int | None], None]
"""Told the bytes that came so far and the bytes that will come, if known. What it raises ends the fetch."""

_SCOPE = "distributor"
_PIECE = 64 * 1024
_MOST_PROBLEM = 64 * 1024


class Trouble(enum.StrEnum):
    """Why no answer came, or not a whole one."""

    UNREACHABLE = "unreachable"
    INSECURE = "insecure"
    SLOW = "slow"
    CUT = "cut"
    TOO_LARGE = "too large"
    TOO_LONG = "too long"


class Broken(Exception):
    """No whole answer. It holds no other exception, because those hold the request."""

    def __init__(self, trouble: Trouble) -> None:
        super().__init__(trouble.value)
        self.trouble = trouble


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    status: int
    headers: requests.structures.CaseInsensitiveDict[str] = field(repr=False)
    body: bytes = field(repr=False)

    @property
    def content_type(self) -> str:
        return self.headers.get("Content-Type", "").partition(";")[0].strip().lower()

    @property
    def is_page(self) -> bool:
        return "html" in self.content_type or self.body[:200].lstrip().startswith(b"<")

    @property
    def problem(self) -> dict[str, Any]:
        """The error as an object, whether by RFC 7807, RFC 6749 §5.2 or Azure API Management; {} if it is none."""
        try:
            value = json.loads(self.body)
        except (ValueError, RecursionError):
            return {}
        return value if isinstance(value, dict) else {}

    @property
    def is_about_key(self) -> bool:
        """Azure API Management's refusal of the subscription key, which is no matter of the token."""
        is_challenge = "AzureApiManagementKey" in self.headers.get("WWW-Authenticate", "")
        return self.status == 401 and (is_challenge or "subscription key" in str(self.problem.get("message")).lower())

    @property
    def retry_after(self) -> float | None:
        """Seconds to wait (RFC 9110 §10.2.3). A date counts from the answer's own date: clocks differ."""
        text = self.headers.get("Retry-After", "").strip()
        if re.fullmatch(r"[0-9]{1,9}", text):
            return float(text)
        try:
            at, sent = parsedate_to_datetime(text), parsedate_to_datetime(self.headers.get("Date", ""))
            return max((at - sent).total_seconds(), 0)
        except (ValueError, TypeError):  # no dates, or one of them without a zone
            return None


class Session(OAuth2Session):  # type: ignore[misc]
    """A session that follows no redirect and reads every answer itself, within the limits of bytes and time."""

    def __init__(self, credentials: Credentials, patience: Patience) -> None:
        urls = credentials.authorization_url, credentials.distributor_url
        super().__init__(
            client_id=credentials.client_id,
            client_secret=credentials.client_secret,
            token_endpoint_auth_method="client_secret_post",  # noqa: S106 -- the name of a method
            scope=_SCOPE,
            # the environment may name a proxy, which must not see what goes to this computer without TLS
            trust_env=all(urlsplit(url).scheme == "https" for url in urls),
        )
        self.patience = patience
        self.deadline = patience.clock() + patience.total
        self.progress: Progress | None = None
        self.answer: Answer | None = None

    def get_redirect_target(self, _response: requests.Response) -> None:
        """Never: requests would read the whole body of a redirect, even of one that is not followed."""

    def request(self, method: str, url: str, **options: Any) -> requests.Response:
        """Send, and read the answer to its end. Raises Broken."""
        self.answer = None
        left = self.deadline - self.patience.clock()
        if left <= 0:
            raise Broken(Trouble.TOO_LONG)
        options |= {"stream": True, "allow_redirects": False}
        options["timeout"] = (min(self.patience.connect, left), min(self.patience.read, left))
        try:
            response: requests.Response = super().request(method, url, **options)
        except requests.exceptions.SSLError:
            trouble = Trouble.INSECURE
        except requests.exceptions.Timeout:
            trouble = Trouble.SLOW
        except OSError:  # every exception of requests is one, and so is a missing file of certificates
            trouble = Trouble.UNREACHABLE
        else:
            with response:
                body = self._read_body(response)
            self.answer = Answer(status=response.status_code, headers=response.headers, body=body)
            return _make_plain(self.answer)
        raise Broken(trouble)

    def _read_body(self, response: requests.Response) -> bytes:
        """The whole body of a good answer; of another, the beginning, which holds what is said."""
        is_good = response.status_code == 200
        length = response.headers.get("Content-Length", "")
        coming = int(length) if re.fullmatch(r"[0-9]{1,15}", length) else None
        if is_good and (coming or 0) > self.patience.most_bytes:
            raise Broken(Trouble.TOO_LARGE)
        if response.headers.get("Content-Encoding"):
            coming = None  # it counts what is compressed
        pieces, size = [], 0
        while piece := _read_piece(response):
            pieces.append(piece)
            size += len(piece)
            if not is_good and size >= _MOST_PROBLEM:
                break
            if size > self.patience.most_bytes:
                raise Broken(Trouble.TOO_LARGE)
            if self.patience.clock() >= self.deadline:
                raise Broken(Trouble.TOO_LONG)
            if is_good and self.progress is not None:
                self.progress(size, coming)
        return b"".join(pieces)


def _read_piece(response: requests.Response) -> bytes:
    """What has come, decompressed, at most _PIECE bytes; b"" at the end.

    read1 gives what is there, where read would wait for a full piece and so let a slow answer pass any limit of time.
    """
    try:
        piece: bytes = response.raw.read1(_PIECE, decode_content=True)
    except urllib3.exceptions.ReadTimeoutError:
        trouble = Trouble.SLOW
    except urllib3.exceptions.HTTPError:  # an early end, or what cannot be decompressed
        trouble = Trouble.CUT
    else:
        return piece
    raise Broken(trouble)


def _make_plain(answer: Answer) -> requests.Response:
    """An answer that is already read, for Authlib."""
    plain = requests.Response()
    plain.status_code = answer.status
    plain.headers = answer.headers
    plain.raw = io.BytesIO(answer.body)
    return plain
