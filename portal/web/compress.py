"""Pages, files and tables leave compressed: brotli or gzip, as the browser asks.

A page holds its form's token, so its length could tell something to somebody who makes a logged-in browser ask for it
again and again from another site. The cookie of the log-in is SameSite=Lax: such requests come without it.
"""

from __future__ import annotations

from flask import Flask, Response, request
from flask_compress import Compress

ALGORITHMS = ("br", "gzip")
TYPES = ("text/html", "text/css", "text/javascript", "text/plain", "text/csv", "text/xml", "application/json")
PICTURES = ("image/svg+xml",)
SMALLEST = 500
"""Bytes; what is smaller fits into one packet as it is."""


def install(app: Flask) -> None:
    """Compress every answer of these types, also those that are read from a file while they leave."""
    app.config.update(
        COMPRESS_MIMETYPES=[*TYPES, *PICTURES],
        COMPRESS_ALGORITHM=ALGORITHMS,
        COMPRESS_ALGORITHM_STREAMING=ALGORITHMS,
        COMPRESS_MIN_SIZE=SMALLEST,
        COMPRESS_BR_LEVEL=5,
    )
    app.before_request(_ask_for_whole_files)
    Compress(app)
    app.after_request(_read_whole)  # runs before the one of Compress


def _ask_for_whole_files() -> None:
    """A part of a compressed file means nothing: whoever asks for one gets all of it, as HTTP allows."""
    if request.endpoint == "static":
        request.environ.pop("HTTP_RANGE", None)


def _read_whole(response: Response) -> Response:
    """Read a file before it is compressed, and close it: piece by piece, it would be left open."""
    if response.direct_passthrough and response.mimetype in (*TYPES, *PICTURES):
        response.direct_passthrough = False
        response.make_sequence()
    return response
