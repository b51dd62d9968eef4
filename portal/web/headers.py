"""What every answer tells the browser: no foreign or inline code, no frames, nothing kept of a person's pages."""

from __future__ import annotations

from flask import Flask, Response, request

POLICY = "; ".join(
    (
        "default-src 'self'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",  # Tabler draws its ticks and arrows as data: images
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)


def install(app: Flask, *, is_https: bool) -> None:
    """Add the headers to every answer."""

    def add(response: Response) -> Response:
        headers = response.headers
        headers["Content-Security-Policy"] = POLICY
        headers["X-Content-Type-Options"] = "nosniff"
        headers["X-Frame-Options"] = "DENY"
        # An address that holds a secret is told to nobody, not even to this site's other pages.
        headers["Referrer-Policy"] = "no-referrer" if "token" in (request.view_args or {}) else "same-origin"
        headers["Cross-Origin-Opener-Policy"] = "same-origin"
        headers["Permissions-Policy"] = "camera=(), geolocation=(), microphone=()"
        if is_https:
            headers["Strict-Transport-Security"] = "max-age=31536000"
        if request.endpoint != "static":
            headers["Cache-Control"] = "no-store"
        return response

    app.after_request(add)
