"""Serving: whose word counts about where a request comes from."""

from __future__ import annotations

import socket

import pytest

from portal.server import Background, build_server, listen

Environ = dict[str, str]


def told_by(host: str, trusted: str | None, header: str | None) -> str:
    """The address that the application is told, of a request with this X-Forwarded-For."""

    def application(environ: Environ, start_response: object) -> list[bytes]:
        start_response("200 OK", [("Content-Type", "text/plain")])  # type: ignore[operator]
        return [f"{environ['REMOTE_ADDR']} {environ['wsgi.url_scheme']} {environ['HTTP_HOST']}".encode()]

    lines = ["GET / HTTP/1.0", "Host: portal.example", "X-Forwarded-Proto: https", "X-Forwarded-Host: evil.example"]
    if header:
        lines.append(f"X-Forwarded-For: {header}")
    sock = listen(host, 0)
    server = Background(build_server(application, sock, trusted))
    try:
        address = ("127.0.0.1", sock.getsockname()[1])
        with socket.create_connection(address, timeout=20) as client, client.makefile("rb") as answer:
            client.sendall("".join(f"{line}\r\n" for line in lines).encode() + b"\r\n")
            told = answer.read().rpartition(b"\r\n")[2].decode()  # up to the end: then the server closed it, too
    finally:
        server.close()
    assert told.endswith(" http portal.example"), "nothing else of the proxy is believed"
    return told.split()[0]


@pytest.mark.parametrize(
    ("trusted", "header", "told"),
    [
        (None, "192.0.2.7", "127.0.0.1"),
        ("192.0.2.1", "192.0.2.7", "127.0.0.1"),
        ("127.0.0.1", "192.0.2.7", "192.0.2.7"),
        ("127.0.0.1", "203.0.113.9, 192.0.2.7", "192.0.2.7"),
        ("127.0.0.1", "2001:db8::7", "2001:db8::7"),
        ("127.0.0.1", None, "127.0.0.1"),
        ("*", "192.0.2.7", "192.0.2.7"),
    ],
)
def test_only_the_proxy_that_is_trusted_tells_where_people_come_from(
    trusted: str | None, header: str | None, told: str
) -> None:
    assert told_by("127.0.0.1", trusted, header) == told


@pytest.mark.parametrize("trusted", ["127.0.0.1", "::ffff:127.0.0.1"])
def test_a_proxy_of_the_older_protocol_is_known_by_a_server_of_both(trusted: str) -> None:
    assert told_by("::", trusted, "192.0.2.7") == "192.0.2.7"
