"""A visit for the eye, one block a step, and the same as JSON."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Any

from lxml import etree

from qbwc.sandbox.visits import Step, Visit

_FORMS = ("InvoiceRet", "CreditMemoRet")
_LONG = 110


def print_step(step: Step, *, verbose: bool = False) -> str:
    """One step as text; `verbose` adds the documents themselves."""
    lines = [f"{step.operation}  ({step.seconds:.3f} s)"]
    if step.operation == "QuickBooks":
        lines += [f"    {text}" for text in describe_answer(str(step.received))]
    elif step.operation == "sendRequestXML":
        if step.sent.get("strHCPResponse"):
            lines.append(f"    -> host, company and preferences of {step.sent['strCompanyFileName']}")
        lines.append(f"    <- {describe_request(str(step.received))}")
    elif step.operation == "receiveResponseXML":
        lines.append(f"    -> {describe_delivery(step)}")
        lines.append(f"    <- {step.received}")
    else:
        sent = ", ".join(f"{name}={_shorten(value)}" for name, value in step.sent.items() if name != "ticket")
        lines += [f"    -> {sent}"] if sent else []
        received = step.received if isinstance(step.received, tuple) else (step.received,)
        lines += ["    <- " + ", ".join(repr(_shorten(str(text))) for text in received)] if step.received != "" else []
    if step.note:
        lines.append(f"    !! {step.note}")
    if verbose:
        documents = (step.sent.get("strHCPResponse"), step.sent.get("request"), step.received)
        lines += [str(document).rstrip() for document in documents if str(document or "").startswith("<?xml")]
    return "\n".join(lines)


def print_end(visit: Visit) -> str:
    """How a visit ended, and what a person would have read in the connector."""
    lines = [f"{visit.outcome.value}{f': {visit.explanation}' if visit.explanation else ''}"]
    lines += [f"  message: {message}" for message in visit.messages]
    statuses = Counter(code for step in visit.steps if step.operation == "QuickBooks" for code in _statuses(step))
    if statuses:
        lines.append("  statuses: " + ", ".join(f"{code} x {count}" for code, count in sorted(statuses.items())))
    return "\n".join(lines)


def as_json(visit: Visit) -> dict[str, Any]:
    """The visit as plain values: every document in full, and each answer of QuickBooks taken apart."""
    return {
        "outcome": visit.outcome.value,
        "wentWell": visit.went_well,
        "explanation": visit.explanation,
        "calls": visit.calls,
        "messages": list(visit.messages),
        "steps": [
            {
                "operation": step.operation,
                "sent": dict(step.sent),
                "received": list(step.received) if isinstance(step.received, tuple) else step.received,
                "seconds": step.seconds,
                "note": step.note,
                **({"answers": list(read_answers(str(step.received)))} if step.operation == "QuickBooks" else {}),
            }
            for step in visit.steps
        ],
    }


def describe_request(text: str) -> str:
    """The kinds of requests in a document, counted."""
    if text in ("", "NoOp"):
        return repr(text)
    root = _parse(text)
    if root is None:
        return f"{len(text)} characters that are not XML"
    messages = root.find("QBXMLMsgsRq")
    kinds = Counter(str(child.tag).removesuffix("Rq") for child in messages) if messages is not None else Counter()
    ids = (
        [f"{key}={messages.get(key)}" for key in ("newMessageSetID", "oldMessageSetID")] if messages is not None else []
    )
    return ", ".join([*_counted(kinds), *(text for text in ids if not text.endswith("=None"))]) or "an empty set"


def describe_delivery(step: Step) -> str:
    """What receiveResponseXML carried."""
    if step.sent.get("hresult"):
        return f"{step.sent['hresult']} {step.sent['message']}"
    return f"{len(step.sent['response'])} characters"


def describe_answer(text: str) -> list[str]:
    """One line an answer: kind, status, count, and the numbers and totals of forms."""
    return [_describe(answer) for answer in read_answers(text)] or ["nothing"]


def read_answers(text: str) -> Iterator[dict[str, Any]]:
    """Each answer of a document: kind, requestID, status, what came back."""
    root = _parse(text)
    messages = root.find("QBXMLMsgsRs") if root is not None else None
    if messages is None:
        return
    if messages.get("messageSetStatusCode"):
        yield {"kind": "message set", "status": messages.get("messageSetStatusCode"), "message": "", "count": 0}
    for child in messages:
        yield {
            "kind": str(child.tag).removesuffix("Rs"),
            "requestID": child.get("requestID"),
            "status": child.get("statusCode"),
            "message": child.get("statusMessage", ""),
            "count": len([one for one in child if str(one.tag).endswith("Ret")]),
            "remaining": child.get("iteratorRemainingCount"),
            "forms": [_form(ret) for ret in child if ret.tag in _FORMS],
        }


def _form(ret: etree._Element) -> dict[str, str]:
    total = Decimal(ret.findtext("Subtotal") or "0") + Decimal(ret.findtext("SalesTaxTotal") or "0")
    return {
        "number": ret.findtext("RefNumber") or "",
        "customer": ret.findtext("CustomerRef/FullName") or "",
        "date": ret.findtext("TxnDate") or "",
        "total": f"{total:.2f}",
    }


def _describe(answer: dict[str, Any]) -> str:
    if answer["kind"] == "message set":
        return f"message set: {answer['status']}"
    text = f"{answer['kind']}: {answer['status']}"
    if answer["status"] != "0":
        text += f" {_shorten(answer['message'])}"
    if answer["count"]:
        text += f", {answer['count']} returned"
    if answer["remaining"]:
        text += f", {answer['remaining']} to come"
    forms = [f"no. {form['number']} {form['customer']} {form['date']} {form['total']}" for form in answer["forms"]]
    return "\n        ".join([text, *forms])


def _statuses(step: Step) -> Iterable[str]:
    return [str(answer["status"]) for answer in read_answers(str(step.received)) if answer["kind"] != "message set"]


def _counted(kinds: Counter[str]) -> list[str]:
    return [kind if count == 1 else f"{count} x {kind}" for kind, count in kinds.items()]


def _shorten(text: str) -> str:
    return text if len(text) <= _LONG else f"{text[: _LONG - 3]}..."


def _parse(text: str) -> etree._Element | None:
    body = text[text.index("?>") + 2 :] if text.startswith("<?xml") and "?>" in text else text
    try:
        return etree.fromstring(body.encode(), etree.XMLParser(resolve_entities=False, huge_tree=True))
    except (etree.XMLSyntaxError, ValueError):
        return None
