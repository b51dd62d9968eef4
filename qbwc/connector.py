"""Which releases of the Web Connector may call: the answer to clientVersion (pure).

"" lets it go on, "W:" warns and lets the person choose, "E:" stops it with a sentence, "O:" stops it and names the
release that is needed (Web Connector guide, clientVersion). Releases are compared number by number.
"""

from __future__ import annotations

from dataclasses import dataclass, field

Release = tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectorPolicy:
    """`oldest` may call; below `advised` the person is warned; `barred` releases, with why, are stopped."""

    oldest: Release = (2, 1, 0, 30)
    advised: Release | None = None
    barred: dict[Release, str] = field(default_factory=dict)

    def answer(self, version: str) -> str:
        """What clientVersion says to this release. One that cannot be read is let in: it may be newer than we are."""
        release = read_release(version)
        if release is None:
            return ""
        if release in self.barred:
            return f"E:{self.barred[release]}"
        if release < self.oldest:
            return f"O:{_text(self.oldest)}"
        if self.advised is not None and release < self.advised:
            return f"W:Web Connector {_text(self.advised)} or newer is advised. / est conseillé."
        return ""


def read_release(version: str) -> Release | None:
    """``2.1.0.30`` as numbers, or None."""
    parts = version.strip().split(".")
    if not all(part.isascii() and part.isdigit() and len(part) < 10 for part in parts):
        return None
    return tuple(int(part) for part in parts)


def _text(release: Release) -> str:
    return ".".join(map(str, release))
