"""What stands in the way of invoicing, in a sentence each."""

from __future__ import annotations

from portal.errors import Sentence
from portal.models import Connection
from portal.services.status.lists import ListView
from portal.services.status.mapping import Counts
from qbwc.identity import Verdict


def find_basics(connection: Connection, lists: tuple[ListView, ...], offers: Counts) -> list[Sentence]:
    """What must be there before anything can be billed."""
    if connection.wire.last_contact_at is None:
        return [Sentence("The Web Connector has never connected. Add the .qwc file to it and click Update Selected.")]
    found = []
    if connection.wire.verdict not in (None, Verdict.GO):
        found.append(
            Sentence("The company file that QuickBooks had open is in doubt: nothing is written until it is confirmed.")
        )
    if not all(one.refreshed_at for one in lists if one.kind in ("customer", "item")):
        found.append(
            Sentence(
                "QuickBooks' customers and items have not arrived yet. Click Update Selected in the Web Connector."
            )
        )
    if not offers.total:
        found.append(Sentence("No charges have been imported yet. Import the month's charges."))
    return found


def find_mapping_blockers(offers: Counts, organizations: Counts) -> list[Sentence]:
    """Rows that are not mapped, and mappings that QuickBooks does not know or cannot use."""
    found = []
    if offers.unmapped:
        found.append(
            Sentence(
                "Offers without a QuickBooks item: %(count)s. Map them, or turn their Sync switch off.",
                {"count": str(offers.unmapped)},
            )
        )
    if organizations.unmapped:
        found.append(
            Sentence(
                "Organizations without a QuickBooks customer: %(count)s. Map them, or turn their Sync switch off.",
                {"count": str(organizations.unmapped)},
            )
        )
    lost = offers.lost + organizations.lost
    if lost:
        found.append(
            Sentence(
                "Mapped items or customers that are gone, inactive or of the wrong kind in QuickBooks: %(count)s. Mend "
                "the rows listed below.",
                {"count": str(lost)},
            )
        )
    return found
