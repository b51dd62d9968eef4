"""Sherweb's payable charges, fetched from the distributor API; `sherweb.read` reads them as it reads an exported file.

Sources: Sherweb's OpenAPI documents "Authorization API" 1.0 and "Distributor API" 1. The log-in is OAuth 2 client
credentials with the secret in the form (RFC 6749 §2.3.1, §4.4). The header Ocp-Apim-Subscription-Key is that of Azure
API Management, which answers a wrong key with 401 and a spent quota with 403. Errors are problem details (RFC 7807).

Secrets go only where the credentials say: redirects are not followed, and only this computer is called without TLS.
What is raised here holds no request, no answer and no other exception, so that nothing secret can be printed with it.
"""

from __future__ import annotations

from portal.providers.sherweb_api.credentials import (
    AUTHORIZATION_URL,
    DISTRIBUTOR_URL,
    PATIENT,
    Credentials,
    Patience,
)
from portal.providers.sherweb_api.fetching import Fetched, TokenCache, check, fetch, read
from portal.providers.sherweb_api.wire import Progress

__all__ = [
    "AUTHORIZATION_URL",
    "DISTRIBUTOR_URL",
    "PATIENT",
    "Credentials",
    "Fetched",
    "Patience",
    "Progress",
    "TokenCache",
    "check",
    "fetch",
    "read",
]
