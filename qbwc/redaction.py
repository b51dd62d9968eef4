"""What is never kept of what QuickBooks says: tax numbers, birth dates, cards, bank accounts (pure).

Answers are kept for the history. An answer to a query without IncludeRetElement brings everything that QuickBooks knows
of a customer or of the company, also what no invoice needs. A request is kept as it is: its bytes may leave again.
"""

from __future__ import annotations

import re

HIDDEN = "***"
_SECRETS = re.compile(
    r"<(SSN|EIN|SIN|BirthDate|TaxIdentifier|TaxRegistrationNumber|BusinessNumber|VendorTaxIdent|ResaleNumber"
    r"|CreditCardNumber|NameOnCard|ExpirationMonth|ExpirationYear|CreditCardTransID|MerchantAccountNumber"
    r"|BankAccountNumber|BankNumber|AccountNumber|RoutingNumber)>[^<]+</\1>"
)


def without_secrets(text: str) -> str:
    """The same qbXML with the content of those elements hidden; the text itself when it has none of them."""
    return _SECRETS.sub(rf"<\1>{HIDDEN}</\1>", text)
