"""The only import of spyne, and what it needs on Python 3.12+.

spyne 2.14.0 carries a copy of six whose import hook lacks `find_spec`, so that on 3.12 and later its
`spyne.util.six.moves` cannot be imported; putting the modules it asks for into `sys.modules` first cures it.
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


if sys.version_info >= (3, 12):
    _provide_six_moves()

# This logger writes whole bodies, passwords included.
logging.getLogger("spyne.protocol.soap.soap11.invalid").disabled = True

from spyne import Application, ComplexModel, Fault, Integer32, ServiceBase, Unicode, rpc  # noqa: E402
from spyne.protocol.soap import Soap11  # noqa: E402
from spyne.server.wsgi import WsgiApplication  # noqa: E402

__all__ = [
    "Application",
    "ComplexModel",
    "Fault",
    "Integer32",
    "ServiceBase",
    "Soap11",
    "Unicode",
    "WsgiApplication",
    "rpc",
]
