"""The only import of spyne, and what it needs on newer Pythons.

spyne 2.14.0 carries a copy of six whose import hook lacks `find_spec`: on 3.12 and later its `spyne.util.six.moves`
cannot be imported, and on 3.11 every later import warns. Putting the modules that spyne asks for into `sys.modules`
first, and taking the hook away afterwards, cures both. `cgi`, gone in 3.13, comes from the package legacy-cgi there.
"""

from __future__ import annotations

import collections.abc
import http.client
import http.cookies
import importlib
import io
import logging
import pickle
import sys
import types
import urllib.error
import urllib.parse
import urllib.request
import warnings
from typing import Any


def _provide_six_moves() -> None:
    moves = types.ModuleType("spyne.util.six.moves")
    moves.__path__ = []
    urllib_module = types.ModuleType("spyne.util.six.moves.urllib")
    urllib_module.__path__ = []
    content = {
        "http_client": http.client,
        "http_cookies": http.cookies,
        "cPickle": pickle,
        "collections_abc": collections.abc,
        "StringIO": io.StringIO,
        "zip": zip,
        "map": map,
        "filter": filter,
        "range": range,
        "xrange": range,
        "input": input,
        "reduce": importlib.import_module("functools").reduce,
        "builtins": importlib.import_module("builtins"),
        "queue": importlib.import_module("queue"),
        "configparser": importlib.import_module("configparser"),
        "urllib": urllib_module,
    }
    for name, value in content.items():
        setattr(moves, name, value)
    for name, module in (("parse", urllib.parse), ("request", urllib.request), ("error", urllib.error)):
        setattr(urllib_module, name, module)
        sys.modules[f"spyne.util.six.moves.urllib.{name}"] = module
    sys.modules["spyne.util.six.moves"] = moves
    sys.modules["spyne.util.six.moves.urllib"] = urllib_module
    for name in ("http_client", "http_cookies", "cPickle", "collections_abc", "builtins", "queue", "configparser"):
        sys.modules[f"spyne.util.six.moves.{name}"] = content[name]


_provide_six_moves()

# These loggers write whole bodies or values, passwords included. What matters is logged by the service.
# A filter, because a logging configuration that comes later would set `disabled` back.
for _logger in (
    "spyne.protocol._base",
    "spyne.protocol._inbase",
    "spyne.protocol._outbase",
    "spyne.protocol.soap.soap11",
    "spyne.protocol.soap.soap11.invalid",
    "spyne.protocol.xml",
    "spyne.protocol.xml.invalid",
    "spyne.server._base",
):
    logging.getLogger(_logger).addFilter(lambda _record: False)

with warnings.catch_warnings():
    # Old syntax and old imports inside spyne; nothing that this package could change.
    warnings.simplefilter("ignore")
    from spyne import Application, ComplexModel, Fault, Integer32, ServiceBase, Unicode, const, rpc
    from spyne.protocol.soap import Soap11
    from spyne.server.wsgi import WsgiApplication

# Spyne would collect garbage once a second, in the middle of a call; Python does so by itself.
const.MIN_GC_INTERVAL = float("inf")

#: Where in a WSGI environment the envelope of a call waits, read already.
ENVELOPE = "qbwc.envelope"


class ReadSoap11(Soap11):  # type: ignore[misc]
    """SOAP 1.1 whose envelope the caller has parsed and put into the WSGI environment.

    Spyne would copy the body several times, hold the tree for as long as the call lasts, and follow href attributes,
    with which a small body asks for a large one many times over.
    """

    def create_in_document(self, ctx: Any, charset: str | None = None) -> None:
        """Take the envelope; the second of the pair are elements with an id, which nobody may refer to."""
        ctx.in_document = ctx.transport.req_env.pop(ENVELOPE), None

    def deserialize(self, ctx: Any, message: Any) -> None:
        """Read the parameters, then let their elements go; several contexts still refer to the tree."""
        super().deserialize(ctx, message)
        ctx.in_body_doc.clear()


sys.meta_path[:] = [hook for hook in sys.meta_path if type(hook).__module__ != "spyne.util.six"]

__all__ = [
    "ENVELOPE",
    "Application",
    "ComplexModel",
    "Fault",
    "Integer32",
    "ReadSoap11",
    "ServiceBase",
    "Soap11",
    "Unicode",
    "WsgiApplication",
    "rpc",
]
