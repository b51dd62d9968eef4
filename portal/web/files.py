"""What a browser keeps as a file."""

from __future__ import annotations

from collections.abc import Iterator
from contextvars import Context, copy_context

from flask import Response
from werkzeug.utils import secure_filename

from portal.services.connections import ConnectionView


def as_file(content: str | bytes | Iterator[str], name: str, kind: str = "text/csv") -> Response:
    """A text or a document to be kept as a file, at once or in pieces.

    Pieces are made while they are sent, when the request has ended: for whoever asked, with what is kept from them.
    """
    if isinstance(content, Iterator):
        content = _as_asked(content, copy_context())
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(content, content_type=f"{kind}; charset=utf-8", headers=headers)


def named_after(connection: ConnectionView) -> str:
    """A file's name, without its ending, after a connection."""
    return secure_filename(connection.name) or f"connection-{connection.id}"


def _as_asked(pieces: Iterator[str], context: Context) -> Iterator[str]:
    while (piece := context.run(next, pieces, None)) is not None:
        yield piece
