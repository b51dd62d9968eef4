"""Sherweb's API, against a stand-in on this computer: whole months only, tokens for their owner, no secret told."""

from __future__ import annotations

import gzip
import importlib.util
import json
import logging
import socket
import ssl
import sys
import threading
import traceback
import tracemalloc
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from portal.providers import MAX_BYTES, ProviderError, sherweb, sherweb_api
from portal.providers.sherweb_api import Credentials, Patience, TokenCache

_SPEC = importlib.util.spec_from_file_location("sherweb_server", Path(__file__).with_name("sherweb_server.py"))
assert _SPEC is not None
assert _SPEC.loader is not None
sherweb_server = importlib.util.module_from_spec(_SPEC)
sys.modules["sherweb_server"] = sherweb_server
_SPEC.loader.exec_module(sherweb_server)
CHARGES, TOKEN = sherweb_server.CHARGES, sherweb_server.TOKEN
Reply, reply_json = sherweb_server.Reply, sherweb_server.reply_json

SAMPLE = (Path(__file__).parents[3] / "samples" / "sherweb" / "payable-charges-2026-10.json").read_bytes()
DAY = date(2026, 10, 15)
NOW = datetime(2026, 11, 1, 9, 0, tzinfo=UTC)
SECRET, KEY = "s3cr3t/+of&partner=1%", "key-0f-partner-1"
MEGABYTE = 1024**2
PROBLEM = "application/problem+json"


class Time:
    """A clock that moves only when somebody waits."""

    def __init__(self) -> None:
        self.at = 0.0
        self.waits: list[float] = []

    def clock(self) -> float:
        return self.at

    def wait(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.at += seconds

    def patience(self, **changes: Any) -> Patience:
        return Patience(**{"wait": self.wait, "clock": self.clock, "connect": 5, "read": 5} | changes)


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def server() -> Iterator[Any]:
    with sherweb_server.serving() as running:
        add(running, 1)
        yield running


@pytest.fixture
def tokens() -> TokenCache:
    return TokenCache()


def add(server: Any, number: int, charges: bytes = SAMPLE) -> None:
    secret, key = SECRET.replace("1", str(number)), KEY.replace("1", str(number))
    server.add(
        sherweb_server.Account(
            client_id=f"partner-{number}", client_secret=secret, subscription_key=key, charges=charges
        )
    )


def credentials_of(server: Any, number: int = 1, **changes: str) -> Credentials:
    account = server.accounts[f"partner-{number}"]
    return Credentials(
        **{
            "client_id": account.client_id,
            "client_secret": account.client_secret,
            "subscription_key": account.subscription_key,
            "authorization_url": f"{server.url}/auth",
            "distributor_url": f"{server.url}/distributor/v1",
        }
        | changes
    )


class Caller:
    """Calls the stand-in; whatever goes wrong is searched for secrets."""

    def __init__(self, server: Any, tokens: TokenCache, time: Time, log: pytest.LogCaptureFixture) -> None:
        self.server, self.tokens, self.time, self.log = server, tokens, time, log

    def fetch(self, *, now: datetime = NOW, day: date = DAY, **options: Any) -> sherweb_api.Fetched:
        credentials = options.pop("credentials", None) or credentials_of(self.server)
        options.setdefault("patience", self.time.patience())
        return sherweb_api.fetch(credentials, day, tokens=self.tokens, now=now, **options)

    def refuse(self, **options: Any) -> ProviderError:
        with pytest.raises(ProviderError) as caught:
            self.fetch(**options)
        return self.searched(caught.value)

    def refuse_check(self, **changes: str) -> ProviderError:
        with pytest.raises(ProviderError) as caught:
            sherweb_api.check(credentials_of(self.server, **changes), patience=self.time.patience())
        return self.searched(caught.value)

    def searched(self, error: ProviderError) -> ProviderError:
        told = "".join(traceback.format_exception(error)) + str(error) + repr(error) + repr(error.values)
        told += repr(vars(error)) + repr(error.args) + repr(self.tokens) + self.log.text
        chained: BaseException | None = error
        while chained is not None:
            told += str(chained) + repr(chained) + repr(vars(chained))
            chained = chained.__cause__ or chained.__context__
        for secret in (SECRET, KEY, "s3cr3t", "s3cr3t%2F%2Bof%26partner%3D1%25", *self.server.tokens):
            assert secret not in told
        assert error.__cause__ is None
        assert error.__context__ is None, "what is raised carries the request with it"
        assert "{" not in str(error)
        return error


@pytest.fixture
def caller(server: Any, tokens: TokenCache, time: Time, caplog: pytest.LogCaptureFixture) -> Caller:
    caplog.set_level(logging.DEBUG)
    return Caller(server, tokens, time, caplog)


def make_month(first: str, last: str) -> bytes:
    return json.dumps({"periodFrom": first, "periodTo": last, "charges": []}).encode()


# A month


def test_a_month_is_fetched_as_the_file_would_be_read(caller: Caller) -> None:
    fetched = caller.fetch()
    assert fetched.data == SAMPLE
    assert fetched.name == "payable-charges-2026-10-15.json"
    assert fetched.delivery == sherweb.read(SAMPLE, fetched.name)
    assert "charges=" not in repr(fetched)


def test_read_gives_the_charges(caller: Caller, tokens: TokenCache) -> None:
    delivery = sherweb_api.read(credentials_of(caller.server), DAY, tokens=tokens, now=NOW)
    assert len(delivery.charges) == 72


def test_what_is_sent_is_what_the_documents_say(caller: Caller) -> None:
    caller.fetch()
    log_in, charges = caller.server.seen
    assert (log_in.method, log_in.path) == ("POST", "/auth/oidc/connect/token")
    assert log_in.form == {
        "grant_type": "client_credentials",
        "scope": "distributor",
        "client_id": "partner-1",
        "client_secret": SECRET,
    }
    assert log_in.headers["content-type"] == "application/x-www-form-urlencoded"
    assert log_in.headers["ocp-apim-subscription-key"] == KEY
    assert "authorization" not in log_in.headers
    assert (charges.method, charges.path) == ("GET", "/distributor/v1/billing/payable-charges")
    assert charges.query == {"date": "2026-10-15"}
    assert charges.headers["authorization"] == "Bearer token-partner-1-1"
    assert charges.headers["ocp-apim-subscription-key"] == KEY
    assert charges.form == {}


def test_the_official_addresses_are_the_default() -> None:
    credentials = Credentials(client_id="a", client_secret="b", subscription_key="c")
    assert credentials.authorization_url == "https://api.sherweb.com/auth"
    assert credentials.distributor_url == "https://api.sherweb.com/distributor/v1"


@pytest.mark.parametrize(("day", "is_within"), [(1, True), (31, True), (0, False), (32, False)])
def test_only_the_period_of_the_asked_day_is_taken(caller: Caller, day: int, is_within: bool) -> None:
    asked = date(2026, 9, 30) + timedelta(days=day)
    if is_within:
        assert caller.fetch(day=asked).data == SAMPLE
        return
    error = caller.refuse(day=asked)
    assert error.key == "sherweb_api.other_period"
    assert error.values == {"day": str(asked), "start": "2026-10-01", "last": "2026-10-31"}
    assert "Nothing was imported." in str(error)


def test_a_compressed_answer_is_read(caller: Caller) -> None:
    told: list[tuple[int, int | None]] = []
    caller.server.answer(CHARGES, Reply(body=gzip.compress(SAMPLE), headers={"Content-Encoding": "gzip"}))
    assert caller.fetch(progress=lambda size, total: told.append((size, total))).data == SAMPLE
    assert told[-1] == (len(SAMPLE), None)


def test_a_chunked_answer_is_read(caller: Caller) -> None:
    told: list[tuple[int, int | None]] = []
    pieces = [SAMPLE[at : at + 10_000] for at in range(0, len(SAMPLE), 10_000)]
    caller.server.answer(CHARGES, Reply(pieces=lambda: iter(pieces)))
    assert caller.fetch(progress=lambda size, total: told.append((size, total))).data == SAMPLE
    assert told[-1] == (len(SAMPLE), None)


def test_progress_is_told_with_the_whole_size(caller: Caller) -> None:
    told: list[tuple[int, int | None]] = []
    caller.fetch(progress=lambda size, total: told.append((size, total)))
    assert told == sorted(told)
    assert told[-1] == (len(SAMPLE), len(SAMPLE))


def test_what_has_come_is_read_without_waiting_for_more(caller: Caller) -> None:
    """Each piece leaves only when the one before was told: a reader that waits for a full buffer would wait forever."""
    halfway = threading.Event()

    def send() -> Iterator[bytes]:
        yield SAMPLE[:10]
        assert halfway.wait(2)
        yield SAMPLE[10:]

    caller.server.answer(CHARGES, Reply(pieces=send))
    patience = caller.time.patience(read=1, attempts=1)
    assert caller.fetch(progress=lambda size, total: halfway.set(), patience=patience).data == SAMPLE


def test_whoever_watches_may_end_the_fetch(caller: Caller) -> None:
    def stop(_size: int, _total: int | None) -> None:
        raise BrokenPipeError

    with pytest.raises(BrokenPipeError):
        caller.fetch(progress=stop)
    assert caller.server.count(CHARGES) == 1


@pytest.mark.parametrize("kind", ["", "application/json", "text/json; charset=utf-8"])
def test_json_by_any_of_its_names_is_read(caller: Caller, kind: str) -> None:
    caller.server.answer(CHARGES, Reply(body=SAMPLE, type=kind))
    assert caller.fetch().data == SAMPLE


# Tokens


def test_a_token_is_used_again_until_a_minute_before_its_end(caller: Caller) -> None:
    caller.server.lifetime = 3600
    for seconds in (0, 3539):
        caller.fetch(now=NOW + timedelta(seconds=seconds))
    assert caller.server.count(TOKEN) == 1
    caller.fetch(now=NOW + timedelta(seconds=3540))
    assert caller.server.count(TOKEN) == 2


def test_a_short_token_serves_for_half_of_its_life(caller: Caller) -> None:
    caller.server.lifetime = 30
    for seconds in (0, 14):
        caller.fetch(now=NOW + timedelta(seconds=seconds))
    assert caller.server.count(TOKEN) == 1
    caller.fetch(now=NOW + timedelta(seconds=15))
    assert caller.server.count(TOKEN) == 2


@pytest.mark.parametrize("lifetime", [None, 0, -5, True, "3600"])
def test_a_token_without_a_told_life_serves_once(caller: Caller, lifetime: object) -> None:
    caller.server.lifetime = lifetime
    caller.fetch()
    caller.fetch()
    assert caller.server.count(TOKEN) == 2


def test_a_refused_kept_token_is_replaced_once(caller: Caller) -> None:
    caller.fetch()
    caller.server.tokens.clear()
    assert caller.fetch().data == SAMPLE
    assert (caller.server.count(TOKEN), caller.server.count(CHARGES)) == (2, 3)


def test_a_second_refusal_ends_it(caller: Caller) -> None:
    caller.fetch()
    caller.server.answer(CHARGES, Reply(status=401), Reply(status=401))
    assert caller.refuse().key == "sherweb_api.token_refused"
    assert (caller.server.count(TOKEN), caller.server.count(CHARGES)) == (2, 3)


def test_a_refused_token_is_forgotten_even_if_no_other_comes(caller: Caller) -> None:
    caller.fetch()
    caller.server.tokens.clear()
    caller.server.answer(TOKEN, Reply(status=404))
    assert caller.refuse().key == "sherweb_api.no_log_in"
    assert caller.fetch().data == SAMPLE
    assert caller.server.count(CHARGES) == 3


def test_a_fresh_token_that_is_refused_is_not_replaced(caller: Caller) -> None:
    caller.server.answer(CHARGES, Reply(status=401))
    assert caller.refuse().key == "sherweb_api.token_refused"
    assert (caller.server.count(TOKEN), caller.server.count(CHARGES)) == (1, 1)


def test_a_refused_subscription_key_is_no_matter_of_the_token(caller: Caller) -> None:
    caller.fetch()
    caller.server.accounts["partner-1"].subscription_key = "another"
    credentials = credentials_of(caller.server, subscription_key=KEY)
    assert caller.refuse(credentials=credentials).key == "sherweb_api.key_refused"
    assert caller.server.count(TOKEN) == 1


def test_callers_at_once_log_in_once(caller: Caller) -> None:
    start = threading.Barrier(8)

    def call(_number: int) -> bytes:
        start.wait()
        return caller.fetch().data

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(call, range(8))) == {SAMPLE}
    assert caller.server.count(TOKEN) == 1


def test_who_waits_for_anothers_log_in_waits_no_longer_than_its_own_time(caller: Caller) -> None:
    held = threading.Event()
    caller.server.answer(TOKEN, Reply(status=400, held=held))
    first = threading.Thread(target=caller.refuse)
    first.start()
    while not caller.server.seen:
        held.wait(0.005)
    assert caller.refuse(patience=Patience(total=0.02)).key == "sherweb_api.too_long"
    held.set()
    first.join()


def test_partners_at_once_never_exchange_tokens(caller: Caller) -> None:
    add(caller.server, 1, make_month("2026-10-01", "2026-10-31"))
    add(caller.server, 2, make_month("2026-10-02", "2026-10-30"))
    start = threading.Barrier(8)

    def call(number: int) -> date:
        start.wait()
        for _ in range(5):
            fetched = caller.fetch(credentials=credentials_of(caller.server, number % 2 + 1))
        return fetched.delivery.period_start

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(call, range(8))) == [date(2026, 10, 1), date(2026, 10, 2)] * 4
    assert caller.server.count(TOKEN) == 2
    for seen in caller.server.seen:
        if seen.path == CHARGES:
            owner = caller.server.tokens[seen.headers["authorization"].removeprefix("Bearer ")]
            assert caller.server.accounts[owner].subscription_key == seen.headers["ocp-apim-subscription-key"]


def test_a_token_is_kept_for_exactly_its_partner_and_credentials(caller: Caller) -> None:
    add(caller.server, 2)
    caller.fetch()
    caller.fetch(partner="7")
    assert caller.server.count(TOKEN) == 2
    changed = credentials_of(caller.server, subscription_key=KEY.replace("1", "2"))
    assert caller.refuse(credentials=changed).key == "sherweb_api.forbidden"
    assert caller.server.count(TOKEN) == 3
    assert caller.refuse(credentials=credentials_of(caller.server, client_secret="old")).key.endswith("invalid_client")


def test_check_logs_in_and_does_nothing_else(caller: Caller) -> None:
    sherweb_api.check(credentials_of(caller.server), patience=caller.time.patience())
    assert [seen.path for seen in caller.server.seen] == [TOKEN]


# What is refused, and what is said


ERRORS: list[tuple[Any, str, tuple[str, ...]]] = [
    (Reply(status=400, body=b"", type=""), "bad_request", ("2026-10-15", "HTTP 400")),
    (
        reply_json(
            {"title": "Bad", "detail": "Not so.", "status": 400, "errors": {"date": ["It is \x1b odd."]}},
            400,
            type=PROBLEM,
        ),
        "bad_request",
        ("HTTP 400, Bad, Not so, date: It is odd",),
    ),
    (Reply(status=401, headers={"WWW-Authenticate": "Bearer"}), "token_refused", ("one account",)),
    (
        Reply(status=401, headers={"WWW-Authenticate": 'AzureApiManagementKey realm="x"'}),
        "key_refused",
        ("subscription key",),
    ),
    (reply_json({"title": "Forbidden", "status": 403}, 403, type=PROBLEM), "forbidden", ("HTTP 403, Forbidden",)),
    (reply_json({"statusCode": 403, "message": "Out of call volume quota."}, 403), "forbidden", ("volume quota",)),
    (reply_json({"title": "Not Found"}, 404, type=PROBLEM), "not_found", ("2026-10-15", "127.0.0.1", "Not Found")),
    (Reply(status=418, body=b"<html>teapot</html>", type="text/html"), "unexpected", ("HTTP 418",)),
    (reply_json([1], 409), "unexpected", ("HTTP 409",)),
    (Reply(status=409, body=b"[" * 60_000), "unexpected", ("HTTP 409",)),
    (Reply(body=b"<!doctype html><p>Sign in", type="text/html"), "web_page", ("127.0.0.1",)),
    (Reply(body=b"\n <html></html>"), "web_page", ("127.0.0.1",)),
    (Reply(body=SAMPLE, type="text/csv; charset=utf-8"), "not_json", ("text/csv",)),
    (Reply(body=b" \n"), "empty", ("2026-10-15",)),
    (Reply(status=204), "empty", ("2026-10-15",)),
    (Reply(body=SAMPLE[:-40]), "garbled", ("Nothing was imported",)),
    (Reply(body=b'{"x": "\xff"}'), "garbled", ("Nothing was imported",)),
    (Reply(body=gzip.compress(SAMPLE)[:-300], headers={"Content-Encoding": "gzip"}), "garbled", ("Try again",)),
]


@pytest.mark.parametrize(("reply", "key", "words"), ERRORS)
def test_a_refusal_says_what_to_do(caller: Caller, reply: Any, key: str, words: tuple[str, ...]) -> None:
    caller.server.answer(CHARGES, reply)
    error = caller.refuse()
    assert error.key == f"sherweb_api.{key}"
    assert [word for word in words if word not in str(error)] == []
    assert caller.server.count(CHARGES) == 1, "asking again would not help"
    assert caller.time.waits == []


LOG_IN_ERRORS: list[tuple[Any, str]] = [
    (reply_json({"error": "invalid_client"}, 400), "invalid_client"),
    (reply_json({"error": "invalid_client", "error_description": "Unknown or disabled"}, 401), "invalid_client"),
    (reply_json({"error": "invalid_scope"}, 400), "no_scope"),
    (reply_json({"error": "unauthorized_client"}, 400), "no_scope"),
    (reply_json({"error": "unsupported_grant_type"}, 400), "log_in_refused"),
    (reply_json({"error": ["odd"]}, 200), "log_in_refused"),
    (reply_json({"statusCode": 401, "message": "Access denied due to invalid subscription key."}, 401), "key_refused"),
    (Reply(status=401), "log_in_refused"),
    (Reply(status=403, body=b"<html>", type="text/html"), "log_in_refused"),
    (Reply(status=404), "no_log_in"),
    (Reply(body=b"<html></html>", type="text/html"), "web_page"),
    (Reply(body=b"[]"), "no_token"),
    (Reply(body=b""), "no_token"),
    (Reply(body=b"[" * 60_000), "no_token"),
    (reply_json({"access_token": "", "token_type": "Bearer"}), "no_token"),
    (reply_json({"access_token": "a\r\nX-Evil: 1", "token_type": "Bearer"}), "no_token"),
    (reply_json({"access_token": 7, "token_type": "Bearer"}), "no_token"),
    (reply_json({"access_token": "abc", "token_type": "mac"}), "no_token"),
    (reply_json({"access_token": "abc", "expires_in": "soon"}), "no_token"),
    (reply_json({"access_token": "abc", "expires_at": []}), "no_token"),
    (reply_json({"access_token": "abc"}, 201), "log_in_refused"),
]


@pytest.mark.parametrize(("reply", "key"), LOG_IN_ERRORS)
def test_a_refused_log_in_says_what_to_do(caller: Caller, reply: Any, key: str) -> None:
    caller.server.answer(TOKEN, reply, reply)
    assert caller.refuse_check().key == f"sherweb_api.{key}"
    assert caller.refuse().key == f"sherweb_api.{key}"
    assert (caller.server.count(TOKEN), caller.server.count(CHARGES)) == (2, 0)


def test_a_wrong_secret_and_a_wrong_key_are_told_apart(caller: Caller) -> None:
    assert caller.refuse_check(client_secret="wrong").key == "sherweb_api.invalid_client"
    assert caller.refuse_check(subscription_key="wrong").key == "sherweb_api.key_refused"


@pytest.mark.parametrize("path", [TOKEN, CHARGES])
def test_an_answer_that_repeats_secrets_is_told_without_them(caller: Caller, path: str) -> None:
    forms = [SECRET, "s3cr3t%2F%2Bof%26partner%3D1%25", KEY, "Bearer token-partner-1-1"]
    problem = {"title": "Bad", "detail": " ".join(forms), "error_description": SECRET * 20, "errors": {KEY: [SECRET]}}
    caller.server.answer(path, reply_json(problem, 400, type=PROBLEM))
    error = caller.refuse()
    assert "***" in error.values["said"]
    assert len(error.values["said"]) <= 300


def test_a_long_problem_is_shortened_and_made_harmless(caller: Caller) -> None:
    problem = {"title": "a\r\n\u202eb\x00c", "detail": "x" * 5000, "errors": [1], "message": {"a": 1}}
    caller.server.answer(CHARGES, reply_json(problem, 403, type=PROBLEM))
    said = caller.refuse().values["said"]
    assert said.startswith("HTTP 403, a b c, xxx")
    assert len(said) == 300


def test_an_endless_problem_is_not_read_to_its_end(caller: Caller) -> None:
    sent = count_pieces(caller, Reply, status=403)
    assert caller.refuse().key == "sherweb_api.forbidden"
    assert sent() < 1000


def test_an_unusable_row_is_told_as_in_a_file(caller: Caller) -> None:
    caller.server.answer(CHARGES, Reply(body=make_month("2026-10-01", "2026-10-31").replace(b"[]", b"[{}]")))
    assert caller.refuse().key == "charges.row.missing"


# Trouble on the way


def test_a_busy_api_is_asked_again_when_it_says_so(caller: Caller) -> None:
    busy = reply_json({"statusCode": 429, "message": "Rate limit is exceeded."}, 429, headers={"Retry-After": "7"})
    caller.server.answer(CHARGES, busy, busy)
    assert caller.fetch().data == SAMPLE
    assert caller.time.waits == [7, 7]


def test_a_date_to_come_back_counts_from_the_answers_own_date(caller: Caller) -> None:
    dates = {"Retry-After": "Sun, 01 Nov 2026 09:00:30 GMT", "Date": "Sun, 01 Nov 2026 09:00:00 GMT"}
    caller.server.answer(CHARGES, Reply(status=429, headers=dates))
    assert caller.fetch().data == SAMPLE
    assert caller.time.waits == [30]


@pytest.mark.parametrize("text", ["", "soon", "-1", "9" * 5000, "Sun, 99 Nov 2026 09:00:30 GMT"])
def test_an_unreadable_time_to_come_back_is_as_none(caller: Caller, text: str) -> None:
    caller.server.answer(CHARGES, Reply(status=429, headers={"Retry-After": text}))
    assert caller.fetch().data == SAMPLE
    assert caller.time.waits == [1]


def test_a_long_time_to_come_back_is_told_and_not_waited(caller: Caller) -> None:
    caller.server.answer(CHARGES, Reply(status=429, headers={"Retry-After": "61"}))
    error = caller.refuse()
    assert (error.key, error.values["pause"]) == ("sherweb_api.busy_until", "61")
    assert caller.time.waits == []


@pytest.mark.parametrize("path", [TOKEN, CHARGES])
@pytest.mark.parametrize(("status", "key"), [(429, "busy"), (500, "down"), (502, "down"), (503, "down")])
def test_an_ill_api_is_asked_a_few_times(caller: Caller, path: str, status: int, key: str) -> None:
    caller.server.answer(path, *[Reply(status=status, body=b"<html>", type="text/html")] * 3)
    assert caller.refuse().key == f"sherweb_api.{key}"
    assert caller.server.count(path) == 3
    assert caller.time.waits == [1, 2]


@pytest.mark.parametrize("path", [TOKEN, CHARGES])
def test_a_lost_connection_is_made_again(caller: Caller, path: str) -> None:
    caller.server.answer(path, Reply(is_dropped=True), Reply(status=503))
    assert caller.fetch().data == SAMPLE
    assert caller.time.waits == [1, 2]


CUTS = [
    Reply(body=SAMPLE[:5000], length=len(SAMPLE)),
    Reply(pieces=lambda: iter([SAMPLE[:5000]]), is_cut=True),
    Reply(body=b"this is not compressed", headers={"Content-Encoding": "gzip"}),
]


@pytest.mark.parametrize("reply", CUTS)
def test_a_cut_answer_is_asked_for_again(caller: Caller, reply: Any) -> None:
    caller.server.answer(CHARGES, reply)
    assert caller.fetch().data == SAMPLE
    assert caller.server.count(CHARGES) == 2


@pytest.mark.parametrize("reply", CUTS)
def test_an_answer_that_is_always_cut_is_refused(caller: Caller, reply: Any) -> None:
    caller.server.answer(CHARGES, *[reply] * 3)
    assert caller.refuse().key == "sherweb_api.cut"


@pytest.mark.parametrize("path", [TOKEN, CHARGES])
def test_a_silent_api_is_given_up(caller: Caller, path: str) -> None:
    held = threading.Event()
    caller.server.answer(path, *[Reply(held=held)] * 2)
    error = caller.refuse(patience=caller.time.patience(read=0.03, attempts=2))
    held.set()
    assert error.key == "sherweb_api.slow"
    assert caller.time.waits == [1]


def test_an_api_that_falls_silent_in_the_middle_is_given_up(caller: Caller) -> None:
    held = threading.Event()

    def send() -> Iterator[bytes]:
        yield SAMPLE[:100]
        held.wait(5)

    caller.server.answer(CHARGES, Reply(pieces=send))
    error = caller.refuse(patience=caller.time.patience(read=0.03, attempts=1))
    held.set()
    assert error.key == "sherweb_api.slow"


def test_a_trickle_does_not_pass_the_limit_of_the_whole(caller: Caller) -> None:
    def tick(_size: int, _total: int | None) -> None:
        caller.time.at += 100

    count_pieces(caller, Reply)
    error = caller.refuse(progress=tick)
    assert error.key == "sherweb_api.too_long"
    assert error.values["seconds"] == "300"


def test_the_pauses_count_for_the_limit_of_the_whole(caller: Caller) -> None:
    caller.server.answer(CHARGES, *[Reply(status=503, headers={"Retry-After": "50"})] * 9)
    assert caller.refuse(patience=caller.time.patience(total=120, attempts=9)).key == "sherweb_api.down"
    assert caller.time.waits == [50, 50]


def test_a_tokens_life_begins_when_it_comes(caller: Caller) -> None:
    caller.server.lifetime = 200
    caller.server.answer(TOKEN, Reply(status=503, headers={"Retry-After": "60"}))
    caller.fetch()
    assert caller.server.count(TOKEN) == 2
    caller.fetch(now=NOW + timedelta(seconds=60 + 139))
    assert caller.server.count(TOKEN) == 2
    caller.fetch(now=NOW + timedelta(seconds=60 + 140))
    assert caller.server.count(TOKEN) == 3


def test_a_closed_door_is_told(caller: Caller) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and nobody listens
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        error = caller.refuse_check(authorization_url=url)
    assert error.key == "sherweb_api.unreachable"
    assert caller.time.waits == [1, 2]


# Sizes


def count_pieces(caller: Caller, make: Callable[..., Any], **options: Any) -> Callable[[], int]:
    """Put an endless reply in the place of the next; gives how many of its pieces of 64 kB were sent."""
    sent = 0

    def send() -> Iterator[bytes]:
        nonlocal sent
        while sent < 5000:
            sent += 1
            yield b" " * 65_536

    caller.server.answer(CHARGES, make(pieces=send, **options))
    return lambda: sent


@contextmanager
def measure() -> Iterator[Callable[[], int]]:
    """Gives how much more memory was held in the block, at most, than before it."""
    was_on = tracemalloc.is_tracing()
    if not was_on:
        tracemalloc.start()
    tracemalloc.reset_peak()
    before, most = tracemalloc.get_traced_memory()[0], 0
    try:
        yield lambda: most - before
        most = tracemalloc.get_traced_memory()[1]
    finally:
        if not was_on:
            tracemalloc.stop()


def test_the_most_that_is_read_is_what_a_file_may_have() -> None:
    assert Patience().most_bytes == MAX_BYTES


def test_an_endless_answer_is_left_where_it_grows_too_large(caller: Caller) -> None:
    sent = count_pieces(caller, Reply)
    patience = caller.time.patience(most_bytes=2 * MEGABYTE)
    with measure() as peak:
        error = caller.refuse(patience=patience)
    assert (error.key, error.values["limit"]) == ("sherweb_api.too_large", "2")
    assert sent() < 1000
    assert peak() < 8 * MEGABYTE
    assert caller.server.count(CHARGES) == 1


def test_a_bomb_is_not_unfolded(caller: Caller) -> None:
    body = gzip.compress(b" " * (48 * MEGABYTE))
    assert len(body) < MEGABYTE / 10
    caller.server.answer(CHARGES, Reply(body=body, headers={"Content-Encoding": "gzip"}))
    patience = caller.time.patience(most_bytes=MEGABYTE)
    with measure() as peak:
        assert caller.refuse(patience=patience).key == "sherweb_api.too_large"
    assert peak() < 6 * MEGABYTE


def test_an_answer_that_says_it_is_too_large_is_not_begun(caller: Caller) -> None:
    caller.server.answer(CHARGES, Reply(length=MAX_BYTES + 1))
    assert caller.refuse().key == "sherweb_api.too_large"


def test_an_answer_of_exactly_the_limit_is_read(caller: Caller) -> None:
    assert caller.fetch(patience=caller.time.patience(most_bytes=len(SAMPLE))).data == SAMPLE
    assert caller.refuse(patience=caller.time.patience(most_bytes=len(SAMPLE) - 1)).key == "sherweb_api.too_large"


# Where secrets go


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("path", [TOKEN, CHARGES])
def test_secrets_do_not_follow_a_redirect(caller: Caller, path: str, status: int) -> None:
    with sherweb_server.serving() as other:
        target = f"{other.url.replace('127.0.0.1', 'localhost')}{path}"
        caller.server.answer(path, Reply(status=status, headers={"Location": target}))
        error = caller.refuse()
        assert other.seen == []
    assert (error.key, error.values["target"]) == ("sherweb_api.redirect", "localhost")


def test_the_body_of_a_redirect_is_not_read_to_its_end(caller: Caller) -> None:
    sent = count_pieces(caller, Reply, status=302, headers={"Location": "https://sherweb.example/"})
    assert caller.refuse().key == "sherweb_api.redirect"
    assert sent() < 1000


def test_what_goes_to_this_computer_passes_no_proxy(caller: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    with sherweb_server.serving() as proxy:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url)
        for name in ("no_proxy", "NO_PROXY"):
            monkeypatch.delenv(name, raising=False)
        assert caller.fetch().data == SAMPLE
        assert proxy.seen == []


ADDRESSES = [
    "",
    "api.sherweb.com/auth",
    "http://api.sherweb.com/auth",
    "http://127.0.0.1.example.com",
    "http://localhost.example.com",
    "http://user:s3cr3t@127.0.0.1",
    "https://user:s3cr3t@api.sherweb.com/auth",
    "https://api.sherweb.com/auth?key=s3cr3t",
    "https://api.sherweb.com/#x",
    "https://api.sherweb.com:port/",
    "https://api.sherweb.com:0/",
    "https://api sherweb.com/",
    "https://api.sherweb.com/\r\nX: 1",
    "https:///auth",
    "https://[::1/",
    "ftp://127.0.0.1/",
    "file:///etc/passwd",
]


@pytest.mark.parametrize("field", ["authorization_url", "distributor_url"])
@pytest.mark.parametrize("url", ADDRESSES)
def test_an_address_without_tls_or_sense_is_refused(field: str, url: str) -> None:
    with pytest.raises(ProviderError) as caught:
        Credentials(**{"client_id": "a", "client_secret": "b", "subscription_key": "c", field: url})
    assert caught.value.key == "sherweb_api.address"
    assert "s3cr3t" not in f"{caught.value}{caught.value.values}"


@pytest.mark.parametrize("url", ["https://api.sandbox.example:8443/auth/", "http://127.0.0.1:1", "http://[::1]:8080/x"])
def test_an_address_with_tls_or_on_this_computer_is_taken(url: str) -> None:
    assert Credentials(client_id="a", client_secret="b", subscription_key="c", authorization_url=url)


def test_an_address_may_end_with_a_slash(caller: Caller) -> None:
    urls = {
        "authorization_url": f"{caller.server.url}/auth/",
        "distributor_url": f"{caller.server.url}/distributor/v1/",
    }
    assert caller.fetch(credentials=credentials_of(caller.server, **urls)).data == SAMPLE


@pytest.mark.parametrize("field", ["client_id", "client_secret", "subscription_key"])
@pytest.mark.parametrize("text", ["", " ", "s3cr3t ", "s3cr3t\n", "s3cr3t\r\nX: 1", "s3cr3té", "s3 cr3t"])
def test_what_cannot_be_sent_is_refused_before_it_is(field: str, text: str) -> None:
    with pytest.raises(ProviderError) as caught:
        Credentials(**{"client_id": "a", "client_secret": "b", "subscription_key": "c", field: text})
    assert caught.value.key == f"sherweb_api.{field}"
    assert "s3" not in f"{caught.value!r}{caught.value}{caught.value.values}"


def test_credentials_show_no_secret(caller: Caller) -> None:
    caller.fetch()
    credentials = credentials_of(caller.server)
    shown = f"{credentials}{credentials!r}{caller.tokens!r}{caller.log.text}"
    assert "partner-1" in shown
    for secret in (SECRET, KEY, *caller.server.tokens):
        assert secret not in shown


def make_tls(folder: Path) -> ssl.SSLContext:
    """A certificate for 127.0.0.1 that nobody trusts."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = (
        builder.serial_number(1)
        .not_valid_before(datetime(2020, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(2120, 1, 1, tzinfo=UTC))
    )
    pem = builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    pem += key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / "server.pem").write_bytes(pem)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.pem")
    return context


def test_a_certificate_that_is_not_trusted_ends_the_call(
    tmp_path: Path, time: Time, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.setenv(name, "")
    with sherweb_server.serving(make_tls(tmp_path)) as server:
        add(server, 1)
        with pytest.raises(ProviderError) as caught:
            sherweb_api.check(credentials_of(server), patience=time.patience())
        assert server.seen == []
    assert caught.value.key == "sherweb_api.insecure"
    assert time.waits == []
