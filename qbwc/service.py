"""The SOAP operations, a line or three each.

Parameter names, their order and the names of the results are Intuit's (WSDL of the Web Connector service). Nothing is
validated by schema: serverVersion arrives with and without a parameter, and absent text means empty text.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, TypeVar

from qbwc._spyne import ComplexModel, Integer32, ServiceBase, Unicode, rpc
from qbwc.endpoint import GO_ON, UNEXPECTED, Endpoint
from qbwc.qbxml.text import clean

NAMESPACE = "http://developer.intuit.com/"

log = logging.getLogger("qbwc")
T = TypeVar("T")


class ArrayOfString(ComplexModel):  # type: ignore[misc]
    """Intuit's shape: every item a ``<string>`` in the service's namespace, an empty one still there."""

    __namespace__ = NAMESPACE
    __type_name__ = "ArrayOfString"

    string = Unicode(min_occurs=0, max_occurs="unbounded", nillable=True)


def _guarded(operation: str, otherwise: T, call: Callable[[], T]) -> T:
    """Whatever goes wrong inside is logged and answered by protocol, never with a stack trace."""
    try:
        return call()
    except Exception:
        log.exception("%s failed", operation)
        return otherwise


def _interactive_url(endpoint: Endpoint, operation: str, ticket: str | None, session_id: str | None) -> str:
    return clean(_guarded(operation, "", lambda: endpoint.interactive_url(ticket or "", session_id or "")))


def build_service(endpoint: Endpoint) -> type[ServiceBase]:
    """The service class around one endpoint."""

    class QBWebConnectorSvc(ServiceBase):  # type: ignore[misc]
        """The operations that the Web Connector calls."""

        @rpc(Unicode, _returns=Unicode)  # type: ignore[untyped-decorator]
        def serverVersion(ctx: Any, strVersion: str | None) -> str:
            return clean(_guarded("serverVersion", "", endpoint.server_version))

        @rpc(Unicode, _returns=Unicode)  # type: ignore[untyped-decorator]
        def clientVersion(ctx: Any, strVersion: str | None) -> str:
            return clean(_guarded("clientVersion", "", lambda: endpoint.client_version(strVersion or "")))

        @rpc(Unicode, Unicode, _returns=ArrayOfString)  # type: ignore[untyped-decorator]
        def authenticate(ctx: Any, strUserName: str | None, strPassword: str | None) -> ArrayOfString:
            address = str(ctx.transport.req_env.get("REMOTE_ADDR") or "")
            answer = _guarded(
                "authenticate",
                ["", "busy"],
                lambda: endpoint.authenticate(strUserName or "", strPassword or "", address),
            )
            return ArrayOfString(string=[clean(item) for item in answer])

        @rpc(Unicode, Unicode, Unicode, Unicode, Integer32, Integer32, _returns=Unicode)  # type: ignore[untyped-decorator]
        def sendRequestXML(
            ctx: Any,
            ticket: str | None,
            strHCPResponse: str | None,
            strCompanyFileName: str | None,
            qbXMLCountry: str | None,
            qbXMLMajorVers: int | None,
            qbXMLMinorVers: int | None,
        ) -> str:
            return _guarded(
                "sendRequestXML",
                "",
                lambda: endpoint.send_request(ticket or "", strHCPResponse or "", strCompanyFileName or ""),
            )

        @rpc(Unicode, Unicode, Unicode, Unicode, _returns=Integer32)  # type: ignore[untyped-decorator]
        def receiveResponseXML(
            ctx: Any,
            ticket: str | None,
            response: str | None,
            hresult: str | None,
            message: str | None,
        ) -> int:
            return _guarded(
                "receiveResponseXML",
                GO_ON,
                lambda: endpoint.receive_response(ticket or "", response or "", hresult or "", message or ""),
            )

        @rpc(Unicode, Unicode, Unicode, _returns=Unicode)  # type: ignore[untyped-decorator]
        def connectionError(ctx: Any, ticket: str | None, hresult: str | None, message: str | None) -> str:
            return clean(
                _guarded(
                    "connectionError",
                    "done",
                    lambda: endpoint.connection_error(ticket or "", hresult or "", message or ""),
                )
            )

        @rpc(Unicode, _returns=Unicode)  # type: ignore[untyped-decorator]
        def getLastError(ctx: Any, ticket: str | None) -> str:
            return clean(_guarded("getLastError", UNEXPECTED, lambda: endpoint.get_last_error(ticket or "")))

        @rpc(Unicode, _returns=Unicode)  # type: ignore[untyped-decorator]
        def closeConnection(ctx: Any, ticket: str | None) -> str:
            return clean(_guarded("closeConnection", UNEXPECTED, lambda: endpoint.close_connection(ticket or "")))

        # The interactive operations are in no WSDL that Intuit publishes; connectors call the first by either name.

        @rpc(Unicode, Unicode, _returns=Unicode)  # type: ignore[untyped-decorator]
        def interactiveUrl(ctx: Any, wcTicket: str | None, sessionID: str | None) -> str:
            return _interactive_url(endpoint, "interactiveUrl", wcTicket, sessionID)

        @rpc(Unicode, Unicode, _returns=Unicode)  # type: ignore[untyped-decorator]
        def getInteractiveURL(ctx: Any, wcTicket: str | None, sessionID: str | None) -> str:
            return _interactive_url(endpoint, "getInteractiveURL", wcTicket, sessionID)

        @rpc(Unicode, Unicode, _returns=Unicode)  # type: ignore[untyped-decorator]
        def interactiveRejected(ctx: Any, wcTicket: str | None, reason: str | None) -> str:
            return clean(
                _guarded(
                    "interactiveRejected",
                    UNEXPECTED,
                    lambda: endpoint.interactive_rejected(wcTicket or "", reason or ""),
                )
            )

        @rpc(Unicode, _returns=Unicode)  # type: ignore[untyped-decorator]
        def interactiveDone(ctx: Any, wcTicket: str | None) -> str:
            return clean(_guarded("interactiveDone", "Done", lambda: endpoint.interactive_done(wcTicket or "")))

    return QBWebConnectorSvc
