"""The exceptions of the library, one tree.

QbwcError
├── QbxmlError              a message cannot be written or read
│   ├── EncodeError         a value does not fit its qbXML field: names the field and the remedy
│   └── DecodeError         QuickBooks' answer is not the qbXML that was expected
├── QueueError              a job cannot be queued as asked
│   └── UnknownJobKind      nobody registered what to do with this kind of job
└── NewerDatabase           the tables were made by a newer release
"""

from __future__ import annotations


class QbwcError(Exception):
    """Anything this library raises on purpose."""


class QbxmlError(QbwcError):
    """A qbXML message cannot be written or read."""


class EncodeError(QbxmlError):
    """A value does not fit its qbXML field.

    `path` is the element, e.g. ``InvoiceAdd/PONumber``; `reason` says what is wrong with the value.
    """

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(f"{path}: {reason}")
        self.path = path
        self.reason = reason

    def below(self, parent: str) -> EncodeError:
        """The same error, seen from one element further up."""
        return EncodeError(f"{parent}/{self.path}", self.reason)


class DecodeError(QbxmlError):
    """An answer is not well-formed, or holds a value that its type does not allow."""


class QueueError(QbwcError):
    """A job cannot be queued as asked."""


class UnknownJobKind(QueueError):
    """No handler is registered for this kind of job."""

    def __init__(self, kind: str) -> None:
        super().__init__(f"No job is registered under the kind {kind!r}.")
        self.kind = kind


class NewerDatabase(QbwcError):
    """The database holds a schema revision this release does not know."""

    def __init__(self, revision: str) -> None:
        super().__init__(
            f"The database was made by a newer release (schema {revision}). "
            "Install that release, or use another database."
        )
        self.revision = revision
