"""A mail server of a few lines, on this machine, that keeps what it gets: with and without TLS and passwords."""

from __future__ import annotations

import base64
import ipaddress
import socketserver
import ssl
import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

HOST = "127.0.0.2"  # this machine too, but not under a name that is let off encryption


@dataclass
class MailServer:
    """What the server does, and what it got. `said` are the commands, as far as they were in the clear."""

    certificate: Path | None = None
    is_wrapped: bool = False
    password: str | None = None
    refuses: bool = False
    letters: list[EmailMessage] = field(default_factory=list)
    in_clear: list[str] = field(default_factory=list)
    arrived: threading.Event = field(default_factory=threading.Event)
    port: int = 0

    def wait(self) -> EmailMessage:
        """The newest letter, once one has come."""
        assert self.arrived.wait(10), "no letter came"
        self.arrived.clear()
        return self.letters[-1]


def start(server: MailServer) -> Any:
    """Serve in a thread; the returned server has shutdown() and server_close()."""
    context = None
    if server.certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(server.certificate)

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self.is_encrypted = False
            try:
                if server.is_wrapped:
                    self.wrap()
                self.talk()
            except OSError:
                return

        def wrap(self) -> None:
            assert context is not None
            self.request = context.wrap_socket(self.request, server_side=True)
            self.rfile, self.wfile = self.request.makefile("rb"), self.request.makefile("wb", 0)
            self.is_encrypted = True

        def finish(self) -> None:
            for stream in (self.rfile, self.wfile, self.request):
                stream.close()

        def say(self, text: str) -> None:
            self.wfile.write(text.encode() + b"\r\n")

        def talk(self) -> None:
            self.say("220 test")
            while line := self.rfile.readline().decode().strip():
                if not self.is_encrypted:
                    server.in_clear.append(line)
                word = line.split()[0].upper()
                if word == "QUIT":
                    self.say("221 bye")
                    return
                self.answer(word, line)

        def answer(self, word: str, line: str) -> None:
            if word == "EHLO":
                offers = ["test"]
                if context is not None and not self.is_encrypted:
                    offers.append("STARTTLS")
                if server.password is not None and self.is_encrypted:
                    offers.append("AUTH PLAIN")
                for offer in offers[:-1]:
                    self.say(f"250-{offer}")
                self.say(f"250 {offers[-1]}")
            elif word == "STARTTLS":
                self.say("220 go on")
                self.wrap()
            elif word == "AUTH":
                given = base64.b64decode(line.split()[2]).decode().split("\0")[2]
                self.say("235 ok" if given == server.password else "535 no")
            elif word == "DATA":
                self.say("354 go on")
                self.keep()
                self.say("550 no" if server.refuses else "250 kept")
            else:
                self.say("250 ok")

        def keep(self) -> None:
            lines = []
            while (line := self.rfile.readline()) != b".\r\n":
                lines.append(line.removeprefix(b".") if line.startswith(b"..") else line)
            if not self.is_encrypted:
                server.in_clear.append(b"".join(lines).decode())
            if not server.refuses:
                server.letters.append(message_from_bytes(b"".join(lines), policy=policy.default))
                server.arrived.set()

    made = socketserver.ThreadingTCPServer((HOST, 0), Handler)
    made.daemon_threads = True
    server.port = made.server_address[1]
    threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    return made


def make_certificate(path: Path) -> None:
    """A certificate of this server with its key, signed by itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "mail server of the tests")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(HOST))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    encoded = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(encoded + made.public_bytes(serialization.Encoding.PEM))
