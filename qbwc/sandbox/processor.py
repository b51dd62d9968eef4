"""QuickBooks' request processor in miniature: a request document in, an answer document out."""

from __future__ import annotations

from dataclasses import replace

from qbwc.sandbox import extensions, facts, lists, message_sets, queries, transactions
from qbwc.sandbox.company import Company
from qbwc.sandbox.elements import MessageSet, Request, read_message_set
from qbwc.sandbox.errors import StatusError
from qbwc.sandbox.features import refuse_absent
from qbwc.sandbox.request_tables import ITEM_KINDS
from qbwc.sandbox.session import Handler, Session, Work, refused
from qbwc.sandbox.writer import Outcome, severity, write_answer, write_set

_HANDLERS: dict[str, Handler] = {
    "HostQuery": facts.query_host,
    "CompanyQuery": facts.query_company,
    "PreferencesQuery": facts.query_preferences,
    "InvoiceQuery": queries.query_transactions,
    "CreditMemoQuery": queries.query_transactions,
    "TxnDeletedQuery": queries.query_deleted,
    "ListDeletedQuery": queries.query_deleted,
    "InvoiceAdd": transactions.add_form,
    "CreditMemoAdd": transactions.add_form,
    "InvoiceMod": transactions.change_form,
    "TxnVoid": transactions.void_transaction,
    "TxnDel": transactions.delete_transaction,
    "CustomerAdd": lists.add_to_list,
    "ItemServiceAdd": lists.add_to_list,
    "CustomerMod": lists.change_in_list,
    "ItemServiceMod": lists.change_in_list,
    "ItemNonInventoryMod": lists.change_in_list,
    "ItemOtherChargeMod": lists.change_in_list,
    "ListDel": lists.delete_from_list,
    "DataExtDefAdd": extensions.define,
    "DataExtDefQuery": extensions.query_definitions,
    "DataExtAdd": extensions.add_value,
    "DataExtMod": extensions.change_value,
    "DataExtDel": extensions.delete_value,
}
_LISTS = ("Customer", "Item", "Account", "Class", "Terms", "SalesTaxCode", "Template", "Currency", "CustomerMsg")
_HANDLERS |= dict.fromkeys((f"{name}Query" for name in _LISTS), queries.query_list)
_HANDLERS |= {f"Item{kind}Query": queries.query_list for kind in ITEM_KINDS}


def process(company: Company, request_text: str, session: Session | None = None) -> str:
    """Execute one request document and return the answer document, in the version that was asked for.

    Without a `session` the document is a QuickBooks session of its own: iterators end with it. The company changes
    in memory; saving it is the caller's. Raises HresultError when the whole set is refused: then nothing was executed.
    """
    session = session or Session()
    asked = read_message_set(request_text, supported=company.fact("SupportedQBXMLVersion"), country=company.country)
    recovery = message_sets.recover(company, session.application, asked)
    if recovery.answer is not None:
        return recovery.answer
    outcomes = _execute(Work(company=company, session=session), asked)
    answers = [
        write_answer(request.name, request.request_id, outcome, version=asked.version, country=company.country)
        for request, outcome in zip(asked.requests, outcomes, strict=True)
    ]
    if not recovery.store_as:
        return write_set(answers)
    if session.cannot_store:
        return write_set(answers, set_id=recovery.store_as, status=9005)
    answer = write_set(answers, set_id=recovery.store_as, status=0)
    message_sets.store(company, session.application, asked, answer)
    return answer


def _execute(work: Work, asked: MessageSet) -> list[Outcome]:
    """Every request in turn, under the set's onError rule."""
    before = work.company.snapshot() if asked.on_error == "rollbackOnError" else None
    outcomes: list[Outcome] = []
    failed = False
    for request in asked.requests:
        if failed and asked.on_error != "continueOnError":
            outcomes.append(Outcome(code=3231, message="The request has not been processed."))
            continue
        outcome = _answer(work, request)
        if severity(outcome.code) == "Error":
            failed = True
            if before is not None:
                work.company.restore(before)
                rolled_back = Outcome(code=3230, message="The request has been rolled back.")
                outcomes = [rolled_back for _ in outcomes]
        elif not asked.include_answers and not request.name.endswith("Query"):
            outcome = replace(outcome, rets=())
        outcomes.append(outcome)
    return outcomes


def _answer(work: Work, request: Request) -> Outcome:
    try:
        if request.error is not None:
            raise request.error
        if work.session.read_only and not request.name.endswith("Query"):
            raise StatusError(3263, "This application may only read data.")
        if work.session.refusal and not request.name.endswith("Query"):
            raise refused(work.session.refusal)
        refuse_absent(work.company, request)
        outcome = _HANDLERS[request.name](work, request)
    except StatusError as error:
        return Outcome(code=error.code, message=error.message, rets=error.rets)
    if work.session.hidden and request.name.endswith("Query"):
        outcome = _without(outcome, work.session.hidden)
    if request.ignored and outcome.code == 0:
        text = f"The field {request.ignored[0]} is not implemented in this edition and was ignored."
        return replace(outcome, code=530, message=text)
    return outcome


def _without(outcome: Outcome, hidden: frozenset[str]) -> Outcome:
    rets = tuple(
        (kind, {tag: value for tag, value in record.items() if tag not in hidden}) for kind, record in outcome.rets
    )
    return replace(outcome, rets=rets)
