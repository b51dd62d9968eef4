"""Queries over lists and transactions: by name, by filter, page by page."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import TypeAlias

from qbwc.sandbox import filters
from qbwc.sandbox.company import ITEMS, NAMES, TERMS, full_name
from qbwc.sandbox.elements import Request
from qbwc.sandbox.errors import Record, StatusError
from qbwc.sandbox.session import Iteration, Work
from qbwc.sandbox.writer import Outcome

Found: TypeAlias = list[tuple[str, Record]]

_LIST_KINDS = {"Item": ITEMS, "Terms": TERMS}
_OPTIONS = frozenset(
    ("MaxReturned", "IncludeRetElement", "OwnerID", "IncludeLineItems", "IncludeLinkedTxns")
)  # may be sent again with Continue; anything else is a repeated filter
_EMPTY = "A query request did not find a matching object in QuickBooks"


def query_list(work: Work, request: Request) -> Outcome:
    """Customers, items of any kind, accounts, classes, terms, tax codes, templates, currencies, messages."""
    name = request.name.removesuffix("Query")
    kinds = _LIST_KINDS.get(name, (name,))
    for tag in ("ListID", "FullName"):
        if tag in request.body:
            return _by_name(work, request, request.body[tag], partial(_list_object, work, kinds, tag))
    return _page(work, request, lambda: _filter_list(work, kinds, request.body))


def _list_object(work: Work, kinds: Iterable[str], tag: str, value: str) -> Found:
    found = work.company.find(kinds, {tag: value})
    return [found] if found else []


def _filter_list(work: Work, kinds: Iterable[str], body: Record) -> Found:
    company = work.company
    named = filters.text_filter(body, "Name")
    active = {"ActiveOnly": ("true",), "InactiveOnly": ("false",)}.get(
        body.get("ActiveStatus") or "ActiveOnly", ("true", "false")
    )
    classes = filters.named_ids(company, ("Class",), body["ClassFilter"]) if "ClassFilter" in body else None
    currencies = filters.named_ids(company, ("Currency",), body["CurrencyFilter"]) if "CurrencyFilter" in body else None
    found: Found = []
    for kind in kinds:
        for record in sorted(company.records(kind), key=lambda one: full_name(one).casefold().split(":")):
            if (
                record.get("IsActive", "true") in active
                and filters.within_times(body, record["TimeModified"])
                and named(full_name(record))
                and (classes is None or record.get("ClassRef", {}).get("ListID") in classes)
                and (currencies is None or record.get("CurrencyRef", {}).get("ListID") in currencies)
                and ("AccountType" not in body or record.get("AccountType") in body["AccountType"])
                and (
                    "TotalBalanceFilter" not in body
                    or filters.compare_balance(body["TotalBalanceFilter"], record.get("TotalBalance", "0"))
                )
            ):
                found.append((kind, record))
    return found


def query_transactions(work: Work, request: Request) -> Outcome:
    """Invoices and credit memos. Lines and links come only when they are asked for."""
    kind = request.name.removesuffix("Query")
    body = request.body
    if "TxnID" in body:
        return _by_name(work, request, body["TxnID"], partial(_transaction, work, kind))
    for tag, fold in (("RefNumber", str.casefold), ("RefNumberCaseSensitive", str)):
        if tag in body:
            return _by_name(work, request, body[tag], partial(_numbered, work, kind, fold))
    return _page(work, request, lambda: _filter_transactions(work, kind, body))


def _transaction(work: Work, kind: str, txn_id: str) -> Found:
    found = work.company.find_transaction(txn_id)
    return [found] if found is not None and found[0] == kind else []


def _numbered(work: Work, kind: str, fold: Callable[[str], str], number: str) -> Found:
    wanted = fold(number)
    return [(kind, form) for form in work.company.transactions(kind) if fold(form.get("RefNumber", "")) == wanted]


def _filter_transactions(work: Work, kind: str, body: Record) -> Found:
    company = work.company
    entities = filters.named_ids(company, NAMES, body["EntityFilter"]) if "EntityFilter" in body else None
    accounts = filters.named_ids(company, ("Account",), body["AccountFilter"]) if "AccountFilter" in body else None
    currencies = filters.named_ids(company, ("Currency",), body["CurrencyFilter"]) if "CurrencyFilter" in body else None
    numbered = filters.text_filter(body, "RefNumber")
    paid = {"PaidOnly": ("true",), "NotPaidOnly": ("false",)}.get(body.get("PaidStatus") or "All")
    return [
        (kind, form)
        for form in company.transactions(kind)
        if (entities is None or form["CustomerRef"]["ListID"] in entities)
        and (accounts is None or form.get("ARAccountRef", {}).get("ListID") in accounts)
        and (currencies is None or form.get("CurrencyRef", {}).get("ListID") in currencies)
        and (paid is None or form.get("IsPaid") in paid)
        and numbered(form.get("RefNumber", ""))
        and filters.within_times(body.get("ModifiedDateRangeFilter", {}), form["TimeModified"])
        and filters.within_dates(company, body.get("TxnDateRangeFilter", {}), form["TxnDate"])
    ]


def query_deleted(work: Work, request: Request) -> Outcome:
    """TxnDeletedQuery, ListDeletedQuery."""
    tag, store, ret = (
        ("TxnDelType", "DeletedTransactions", "TxnDeletedRet")
        if request.name == "TxnDeletedQuery"
        else ("ListDelType", "DeletedListObjects", "ListDeletedRet")
    )
    span = request.body.get("DeletedDateRangeFilter", {})
    found: Found = [
        (ret.removesuffix("Ret"), record)
        for record in work.company.state[store]
        if record[tag] in request.body[tag]
        and filters.within_times(span, record["TimeDeleted"], "FromDeletedDate", "ToDeletedDate")
    ]
    return _outcome(request.body, request, found, len(found))


def _by_name(work: Work, request: Request, wanted: list[str], find: Callable[[str], Found]) -> Outcome:
    """Objects asked for one by one: those that exist come back, a missing one makes it status 500."""
    if "iterator" in request.attributes:
        raise StatusError(3120, "An iterator needs a filter, not a list of objects.")
    found: Found = []
    missing: list[str] = []
    for value in wanted:
        matches = find(value)
        found += [match for match in matches if match not in found]
        if not matches:
            missing.append(value)
    if not missing:
        return _outcome(request.body, request, found, len(found))
    text = (
        "The query request has not been fully completed. There was a required element "
        f'("{missing[0]}") that could not be found in QuickBooks.'
    )
    return _outcome(request.body, request, found, len(found), code=500, message=text)


def _page(work: Work, request: Request, find: Callable[[], Found]) -> Outcome:
    """A filter: everything, the first MaxReturned, or one page of an iterator."""
    step = request.attributes.get("iterator")
    most = request.body.get("MaxReturned")
    if most is not None and int(most) < 1:
        raise StatusError(3085, f'The number "{most}" in the field "MaxReturned" must be at least 1.')
    if step in ("Continue", "Stop"):
        return _continue(work, request, step, most)
    found = find()
    if step is None:
        return _outcome(request.body, request, found[: int(most)] if most else found, len(found))
    if most is None:
        raise StatusError(3150, "An iterator needs MaxReturned.")
    page, rest = found[: int(most)], found[int(most) :]
    iteration = Iteration(request.name, rest, dict(request.body), len(found))
    iterator_id = work.session.begin_iteration(iteration)
    if not rest:
        del work.session.iterators[iterator_id]
    return _outcome(request.body, request, page, len(found), attributes=_position(rest, iterator_id))


def _continue(work: Work, request: Request, step: str, most: str | None) -> Outcome:
    iterator_id = request.attributes.get("iteratorID", "")
    iteration = work.session.iterators.get(iterator_id)
    if iteration is None or iteration.name != request.name:
        raise StatusError(3391, f'The iterator "{iterator_id}" is unknown: it ended or belongs to another session.')
    repeated = [tag for tag in request.body if tag not in _OPTIONS]
    if repeated:
        raise StatusError(3120, f'The filter "{repeated[0]}" cannot be given again when an iterator continues.')
    if step == "Stop":
        del work.session.iterators[iterator_id]
        return Outcome(attributes=_position([], iterator_id))
    if most is None:
        raise StatusError(3150, "An iterator needs MaxReturned.")
    page, iteration.remaining = iteration.remaining[: int(most)], iteration.remaining[int(most) :]
    if not iteration.remaining:
        del work.session.iterators[iterator_id]
    body = {**iteration.body, **request.body}
    return _outcome(body, request, page, iteration.count, attributes=_position(iteration.remaining, iterator_id))


def _position(rest: Found, iterator_id: str) -> dict[str, str]:
    return {"iteratorRemainingCount": str(len(rest)), "iteratorID": iterator_id}


def _outcome(
    body: Record,
    request: Request,
    found: Found,
    count: int,
    *,
    attributes: dict[str, str] | None = None,
    code: int = 0,
    message: str = "Status OK",
) -> Outcome:
    if code == 0 and count == 0:
        code, message = 1, _EMPTY
    meta = request.attributes.get("metaData", "NoMetaData")
    attributes = dict(attributes or {})
    if meta != "NoMetaData":
        attributes["retCount"] = str(count)
    rets = () if meta == "MetaDataOnly" else tuple((f"{kind}Ret", present(body, record)) for kind, record in found)
    return Outcome(
        code=code, message=message, rets=rets, attributes=attributes, keep=frozenset(body.get("IncludeRetElement", ()))
    )


def present(body: Record, record: Record) -> Record:
    """A copy of an object with only what the query asked for: lines, links, the data of its owners."""
    seen = dict(record)
    if body.get("IncludeLineItems") != "true":
        seen.pop("lines", None)
    elif "lines" in seen:
        seen["lines"] = [_present_line(body, line) for line in seen["lines"]]
    if body.get("IncludeLinkedTxns") != "true":
        seen.pop("LinkedTxn", None)
    return owned(body, seen)


def _present_line(body: Record, line: Record) -> Record:
    seen = owned(body, line)
    if "lines" in seen:
        seen["lines"] = [_present_line(body, inner) for inner in seen["lines"]]
    return seen


def owned(body: Record, record: Record) -> Record:
    """Keep of the private data only what belongs to the owners that were named."""
    if "DataExtRet" not in record:
        return record
    owners = {owner.casefold() for owner in body.get("OwnerID", ())}
    kept = [ext for ext in record["DataExtRet"] if ext["OwnerID"].casefold() in owners]
    return {**record, "DataExtRet": kept}
