"""The QuickBooks Web Connector endpoint, a library of its own.

What an endpoint of one's own needs stands here: ``from qbwc import Database, Endpoint, JobKind, Registry, queue``.
Functions keep the name of their module, as in ``queue.put``; messages are in `qbwc.qbxml.lists` and
`qbwc.qbxml.transactions`, the counterpart for tests in `qbwc.sandbox`. Each name is loaded when it is first asked for,
because the database, SOAP and XML libraries behind them take far longer to load than this page.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from qbwc import company_file, connections, history, mirror, queue
    from qbwc.connector import ConnectorPolicy
    from qbwc.database import Database
    from qbwc.endpoint import Endpoint
    from qbwc.errors import EncodeError, QbwcError, QueueError
    from qbwc.jobs import JobKind, Registry, Visit
    from qbwc.migrations import upgrade
    from qbwc.models import Connection, Job, JobState
    from qbwc.qbxml import Answer
    from qbwc.qbxml.status import Status
    from qbwc.wsgi import build_wsgi

# Where each name is defined; a name without a place is a module.
_PLACES = {
    "Answer": "qbxml",
    "Connection": "models",
    "ConnectorPolicy": "connector",
    "Database": "database",
    "EncodeError": "errors",
    "Endpoint": "endpoint",
    "Job": "models",
    "JobKind": "jobs",
    "JobState": "models",
    "QbwcError": "errors",
    "QueueError": "errors",
    "Registry": "jobs",
    "Status": "qbxml.status",
    "Visit": "jobs",
    "build_wsgi": "wsgi",
    "company_file": "",
    "connections": "",
    "history": "",
    "mirror": "",
    "queue": "",
    "upgrade": "migrations",
}

__all__ = [
    "Answer",
    "Connection",
    "ConnectorPolicy",
    "Database",
    "EncodeError",
    "Endpoint",
    "Job",
    "JobKind",
    "JobState",
    "QbwcError",
    "QueueError",
    "Registry",
    "Status",
    "Visit",
    "build_wsgi",
    "company_file",
    "connections",
    "history",
    "mirror",
    "queue",
    "upgrade",
]


def __getattr__(name: str) -> Any:
    """Load a public name when it is first asked for."""
    place = _PLACES.get(name)
    if place is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    if not place:
        return import_module(f"{__name__}.{name}")
    found = globals()[name] = getattr(import_module(f"{__name__}.{place}"), name)
    return found


def __dir__() -> list[str]:
    """The public names, also those that are not loaded yet."""
    return sorted({*globals(), *__all__})
