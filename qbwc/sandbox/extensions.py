"""Private data and custom fields: DataExtDefAdd, DataExtDefQuery, DataExtAdd, DataExtMod, DataExtDel."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qbwc.sandbox.company import ITEMS
from qbwc.sandbox.elements import Request
from qbwc.sandbox.errors import Record, StatusError
from qbwc.sandbox.session import Work, not_found
from qbwc.sandbox.writer import Outcome

if TYPE_CHECKING:
    from qbwc.sandbox.company import Company

PUBLIC = "0"
_LISTS = {"Item": ITEMS}
_LIMITS = {"STR255TYPE": 255, "STR1024TYPE": 1024}
_MOST_BYTES = 4096
_PLACE = ("ListDataExtType", "ListObjRef", "TxnDataExtType", "TxnID", "TxnLineID", "OtherDataExtType")


def define(work: Work, request: Request) -> Outcome:
    """DataExtDefAdd: a field must be defined before a value is stored under it."""
    given = request.body["DataExtDefAdd"]
    definitions: list[Record] = work.company.state["DataExtDefs"]
    if _definition(work.company, given) is not None:
        raise StatusError(3100, f'The name "{given["DataExtName"]}" of the data extension is already in use.')
    ret: Record = {
        "OwnerID": given["OwnerID"],
        "DataExtID": str(len(definitions)),
        "DataExtName": given["DataExtName"],
        "DataExtType": given["DataExtType"],
        "AssignToObject": given.get("AssignToObject", []),
        "DataExtListRequire": given.get("DataExtListRequire") or "false",
        "DataExtTxnRequire": given.get("DataExtTxnRequire") or "false",
        "DataExtFormatString": given.get("DataExtFormatString") or "Any",
    }
    definitions.append(ret)
    return Outcome(rets=(("DataExtDefRet", ret),))


def query_definitions(work: Work, request: Request) -> Outcome:
    """DataExtDefQuery: by owner or by object; without either, nothing is found."""
    body = request.body
    found = tuple(
        ("DataExtDefRet", record)
        for record in work.company.state["DataExtDefs"]
        if record["OwnerID"].casefold() in {owner.casefold() for owner in body.get("OwnerID", ())}
        or set(record["AssignToObject"]) & set(body.get("AssignToObject", ()))
    )
    if not found:
        return Outcome(code=1, message="A query request did not find a matching object in QuickBooks")
    meta = request.attributes.get("metaData", "NoMetaData")
    attributes = {} if meta == "NoMetaData" else {"retCount": str(len(found))}
    return Outcome(rets=() if meta == "MetaDataOnly" else found, attributes=attributes)


def add_value(work: Work, request: Request) -> Outcome:
    """DataExtAdd."""
    given = request.body["DataExtAdd"]
    values = _values(work, given)
    if _stored(values, given) is not None:
        raise StatusError(
            3180, f'There was an error when saving the data extension "{given["DataExtName"]}": it exists.'
        )
    value = new_value(work.company, given)
    _check(values, value)
    values.append(value)
    return Outcome(rets=(("DataExtRet", value),))


def new_value(company: Company, given: Record) -> Record:
    """A value to store, with the type of its definition. Raises 3150 when it is empty, 3351 when it is not defined."""
    if given["DataExtValue"] == "":
        raise StatusError(3150, "The field DataExtValue is needed and is empty.")
    definition = _definition(company, given)
    if definition is None:
        raise StatusError(3351, f'The field "{given["DataExtName"]}" is not defined for this kind of object.')
    return {
        "OwnerID": given["OwnerID"],
        "DataExtName": definition["DataExtName"],
        "DataExtType": definition["DataExtType"],
        "DataExtValue": given["DataExtValue"],
    }


def change_value(work: Work, request: Request) -> Outcome:
    """DataExtMod: it cannot clear a value; that is what DataExtDel does."""
    given = request.body["DataExtMod"]
    values = _values(work, given)
    value = _stored(values, given)
    if value is None:
        raise not_found(given["DataExtName"])
    if given["DataExtValue"] == "":
        raise StatusError(3190, "The field DataExtValue cannot be cleared: use DataExtDel.")
    changed = {**value, "DataExtValue": given["DataExtValue"]}
    _check([other for other in values if other is not value], changed)
    value.update(changed)
    return Outcome(rets=(("DataExtRet", value),))


def delete_value(work: Work, request: Request) -> Outcome:
    """DataExtDel."""
    given = request.body["DataExtDel"]
    values = _values(work, given)
    value = _stored(values, given)
    if value is None:
        raise not_found(given["DataExtName"])
    values.remove(value)
    ret = {tag: given[tag] for tag in ("OwnerID", "DataExtName", *_PLACE) if tag in given}
    return Outcome(rets=(("DataExtDelRet", {**ret, "TimeDeleted": work.company.stamp()}),))


def store_company_value(company: Company, owner: str, name: str, value: str) -> None:
    """What the Web Connector itself writes: a private value on the company, defined as it is stored."""
    given = {"OwnerID": owner, "DataExtName": name}
    if _definition(company, given) is None:
        company.state["DataExtDefs"].append(
            {
                **given,
                "DataExtID": str(len(company.state["DataExtDefs"])),
                "DataExtType": "STR255TYPE",
                "AssignToObject": ["Company"],
                "DataExtListRequire": "false",
                "DataExtTxnRequire": "false",
                "DataExtFormatString": "Any",
            }
        )
    values: list[Record] = company.state["CompanyDataExt"]
    stored = _stored(values, given)
    if stored is None:
        values.append({**given, "DataExtType": "STR255TYPE", "DataExtValue": value})
    else:
        stored["DataExtValue"] = value


def company_value(company: Company, owner: str, name: str) -> str | None:
    """A private value on the company."""
    stored = _stored(company.state["CompanyDataExt"], {"OwnerID": owner, "DataExtName": name})
    return None if stored is None else str(stored["DataExtValue"])


def _definition(company: Company, given: Record) -> Record | None:
    return _stored(company.state["DataExtDefs"], given)


def _stored(values: list[Record], given: Record) -> Record | None:
    wanted = (given["OwnerID"].casefold(), given["DataExtName"].casefold())
    return next(
        (value for value in values if (value["OwnerID"].casefold(), value["DataExtName"].casefold()) == wanted), None
    )


def _values(work: Work, given: Record) -> list[Record]:
    """The values of the object that a request names."""
    company = work.company
    if "OtherDataExtType" in given:
        values: list[Record] = company.state["CompanyDataExt"]
        return values
    record: Record
    if "TxnID" in given:
        txn = company.find_transaction(given["TxnID"])
        if txn is None or txn[0] != given["TxnDataExtType"]:
            raise not_found(given["TxnID"])
        record = txn[1]
        if "TxnLineID" in given:
            lines = [line for line in record["lines"] if line["TxnLineID"] == given["TxnLineID"]]
            if not lines:
                raise not_found(given["TxnLineID"])
            record = lines[0]
    else:
        kind = given["ListDataExtType"]
        found = company.find(_LISTS.get(kind, (kind,)), given["ListObjRef"])
        if found is None:
            raise not_found(given["ListObjRef"].get("ListID") or given["ListObjRef"].get("FullName", ""))
        record = found[1]
    held: list[Record] = record.setdefault("DataExtRet", [])
    return held


def _check(others: list[Record], value: Record) -> None:
    text = value["DataExtValue"]
    most = _LIMITS.get(value["DataExtType"])
    if most is not None and len(text) > most:
        raise StatusError(3070, f'The string in the field "DataExtValue" is too long: at most {most} characters.')
    if value["OwnerID"] != PUBLIC and sum(len(one["DataExtValue"]) for one in (*others, value)) > _MOST_BYTES:
        raise StatusError(3070, f"The private data of one object is limited to {_MOST_BYTES} characters in all.")
