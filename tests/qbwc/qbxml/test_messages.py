"""Every message with every field: what we write is valid by Intuit's schema, what QuickBooks writes is read whole."""

from __future__ import annotations

import dataclasses
import random
import types
from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from lxml import etree

from qbwc import mirror
from qbwc.qbxml import OBJECTS, REQUESTS, read_answers, render_request, render_set
from qbwc.qbxml.codec import decode, encode, tag_of
from qbwc.qbxml.transactions import EntityFilter
from qbwc.qbxml.types import Attribute, ByClass, Number, NumberKind, Ref, Text

XSD = "{http://www.w3.org/2001/XMLSchema}"
GUID = "{0C7C1F5A-2B3D-4E5F-8A9B-0C1D2E3F4A5B}"
# Fields whose values the schema restricts further than their type says.
CHOICES: dict[str, list[str]] = {
    "active_status": ["ActiveOnly", "InactiveOnly", "All"],
    "external_guid": [GUID],
    "iterator": ["Start", "Continue", "Stop"],
    "iterator_id": [GUID],
    "list_del_type": ["Customer", "ItemService", "ItemSalesTaxGroup"],
    "match_criterion": ["StartsWith", "Contains", "EndsWith"],
    "meta_data": ["NoMetaData", "MetaDataOnly", "MetaDataAndResponseData"],
    "owner_id": ["0", GUID],
    "paid_status": ["All", "PaidOnly", "NotPaidOnly"],
    "txn_del_type": ["Invoice", "CreditMemo", "ReceivePayment"],
}
_FILTERS = (
    "max_returned",
    "active_status",
    "from_modified_date",
    "to_modified_date",
    "name_filter",
    "name_range_filter",
)
_INVOICE_FILTERS = (
    "max_returned",
    "modified_date_range_filter",
    "txn_date_range_filter",
    "entity_filter",
    "paid_status",
)
# Fields that exclude each other; an alternative may itself hold some that do.
EXCLUSIVE: tuple[tuple[str, tuple[tuple[str, ...], ...]], ...] = (
    ("InvoiceQueryRq", (("txn_id",), ("ref_number",), _INVOICE_FILTERS)),
    ("InvoiceQueryRq", (("modified_date_range_filter",), ("txn_date_range_filter",))),
    ("CreditMemoQueryRq", (("txn_id",), ("ref_number",), _INVOICE_FILTERS)),
    ("CreditMemoQueryRq", (("modified_date_range_filter",), ("txn_date_range_filter",))),
    ("QueryRq", (("list_id",), ("full_name",), _FILTERS)),
    ("QueryRq", (("name_filter",), ("name_range_filter",))),
    ("EntityFilter", (("list_id",), ("full_name",), ("list_id_with_children",))),
    ("LineAdd", (("rate",), ("rate_percent",), ("price_level_ref",))),
    ("LineMod", (("rate",), ("rate_percent",), ("price_level_ref",))),
)
QUICK = settings(
    max_examples=15,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.explicit, Phase.generate],  # shrinking a whole invoice takes minutes
    suppress_health_check=list(HealthCheck),
)
DIGITS = {
    NumberKind.AMOUNT: (13, 2),
    NumberKind.PRICE: (10, 5),
    NumberKind.QUANTITY: (10, 5),
    NumberKind.PERCENT: (10, 5),
    NumberKind.FLOAT: (8, 5),
}
CHARACTERS = st.characters(min_codepoint=32, max_codepoint=255, exclude_characters="".join(map(chr, range(127, 160))))
NAIVE = datetime.fromisoformat("2026-10-31T23:59:58")
MOMENTS = st.datetimes(NAIVE.replace(year=1971), NAIVE.replace(year=2037)).map(lambda at: at.replace(microsecond=0))


def parts(hint: Any) -> tuple[list[Any], list[Any], bool]:
    """The classes of an annotation, its markers, and whether it repeats."""
    markers: list[Any] = []
    repeats = False
    while True:
        origin, args = get_origin(hint), get_args(hint)
        if origin is Annotated:
            hint = args[0]
            markers.extend(args[1:])
        elif origin in (Union, types.UnionType):
            kinds = [one for one in args if one is not type(None)]
            if len(kinds) > 1:
                return kinds, markers, repeats
            hint = kinds[0]
        elif origin is tuple:
            hint, repeats = args[0], True
        else:
            return [hint], markers, repeats


def _parts_within(cls: type, name: str, hints: dict[str, Any]) -> tuple[list[Any], list[Any], bool]:
    """The parts of a field. The schema limits a reference's FullName by list; names that QuickBooks gave always fit."""
    if (cls, name) == (Ref, "full_name"):
        return [str], [Text(3)], False
    return parts(hints[name])


def scalars(name: str, kind: Any, markers: list[Any]) -> st.SearchStrategy[Any]:
    if name in CHOICES:
        return st.sampled_from(CHOICES[name])
    if kind is bool:
        return st.booleans()
    if kind is int:
        return st.integers(1, 9999)
    if kind is date:
        return st.dates(date(1970, 1, 1), date(2037, 12, 31))
    if kind is datetime:
        return MOMENTS
    if kind is Decimal:
        number = next(one for one in markers if isinstance(one, Number))
        digits, places = DIGITS[number.kind]
        most = Decimal(10) ** digits - 1
        return st.decimals(-most, most, allow_nan=False, allow_infinity=False, places=places)
    assert kind is str
    limit = next((one.limit for one in markers if isinstance(one, Text)), None) or 30
    return st.text(CHARACTERS, min_size=1, max_size=min(limit, 60)) | st.just("é" * limit)


def left_out(cls: type, pick: Any) -> set[str]:
    """Fields that an instance cannot have beside the others; `pick` chooses among alternatives."""
    out: set[str] = set()
    for suffix, alternatives in EXCLUSIVE:
        names = {field.name for field in dataclasses.fields(cls)}
        if cls.__name__.endswith(suffix) and all(set(one) & names for one in alternatives):
            open_to = [one for one in alternatives if not set(one) & out]
            if len(open_to) < 2:
                continue
            kept = pick(open_to)
            out |= {name for one in alternatives if one != kept for name in one}
    return out


@st.composite
def instances(draw: Any, cls: Any, sparse: bool = True) -> Any:
    """An instance of a message class within its limits: some of its fields, or as many as may stand together."""
    hints = get_type_hints(cls, include_extras=True)
    out = left_out(cls, lambda options: draw(st.sampled_from(options)))
    values: dict[str, Any] = {}
    for field in dataclasses.fields(cls):
        required = field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
        if field.name in out or (sparse and not required and cls is not EntityFilter and draw(st.booleans())):
            continue
        kinds, markers, repeats = _parts_within(cls, field.name, hints)
        options = [
            instances(kind, sparse=sparse) if dataclasses.is_dataclass(kind) else scalars(field.name, kind, markers)
            for kind in kinds
        ]
        values[field.name] = (
            tuple(draw(one) for _ in range(draw(st.integers(1, 2))) for one in options) if repeats else draw(options[0])
        )
    return cls(**values)


def paths(cls: Any, prefix: str = "") -> Iterator[str]:
    """Every field of a message, and of what it holds, by path."""
    for field in dataclasses.fields(cls):
        kinds, _, _ = parts(get_type_hints(cls, include_extras=True)[field.name])
        for kind in kinds:
            here = f"{prefix}{cls.__name__}.{field.name}"
            yield here
            if dataclasses.is_dataclass(kind):
                yield from paths(kind, f"{here}/")


def filled(value: Any, prefix: str = "") -> Iterator[str]:
    for field in dataclasses.fields(value):
        content = getattr(value, field.name)
        if content in (None, ()):
            continue
        here = f"{prefix}{type(value).__name__}.{field.name}"
        yield here
        for one in content if isinstance(content, tuple) else (content,):
            if dataclasses.is_dataclass(one):
                yield from filled(one, f"{here}/")


def full_variants(cls: type) -> Iterator[Any]:
    """Instances that together have every field, made without chance."""
    for turn in range(60 if cls.__name__.endswith("QueryRq") else 16):
        yield _fill(cls, turn, random.Random(turn))


def _fill(cls: Any, turn: int, dice: random.Random) -> Any:
    hints = get_type_hints(cls, include_extras=True)
    out = left_out(cls, dice.choice)
    values: dict[str, Any] = {}
    for field in dataclasses.fields(cls):
        if field.name in out:
            continue
        kinds, markers, repeats = _parts_within(cls, field.name, hints)
        made = [
            _fill(kind, turn, dice) if dataclasses.is_dataclass(kind) else _sample(field.name, kind, markers, turn)
            for kind in kinds
        ]
        values[field.name] = tuple(made * 2) if repeats else made[0]
    return cls(**values)


def _sample(name: str, kind: Any, markers: list[Any], turn: int) -> Any:
    if name in CHOICES:
        return CHOICES[name][turn % len(CHOICES[name])]
    if kind is str:
        limit = next((one.limit for one in markers if isinstance(one, Text)), None) or 30
        return ("Aé<&>\"' " * limit)[: limit - 1] + "z"
    if kind is Decimal:
        number = next(one for one in markers if isinstance(one, Number))
        digits, places = DIGITS[number.kind]
        largest = Decimal("9" * digits + "." + "9" * places)
        return (largest, -largest, Decimal("-0"), Decimal("1E+2"))[turn % 4]
    return {bool: True, int: 7, date: date(2026, 10, 31), datetime: NAIVE}[kind]


def check(schema: etree.XMLSchema, request: Any) -> None:
    document = render_set([render_request(request, "1"), render_request(request, "2")], new_message_set_id="a" * 20)
    assert document.isascii()
    assert "\n" not in document.replace("&#10;", "")
    tree = etree.ElementTree(etree.fromstring(document.encode()))
    assert schema.validate(tree), f"{schema.error_log}\n{document}"


@pytest.mark.parametrize("name", REQUESTS)
def test_a_request_with_every_field_is_valid_by_intuits_schema(name: str, intuit_schema: etree.XMLSchema) -> None:
    cls = REQUESTS[name]
    seen: set[str] = set()
    for request in full_variants(cls):
        check(intuit_schema, request)
        seen |= set(filled(request))
    assert set(paths(cls)) - seen == set()


@pytest.mark.parametrize("name", REQUESTS)
def test_a_request_with_any_choice_of_fields_is_valid_by_intuits_schema(
    name: str, intuit_schema: etree.XMLSchema
) -> None:
    @given(instances(REQUESTS[name]))
    @settings(QUICK)
    def run(request: Any) -> None:
        check(intuit_schema, request)

    run()


@pytest.mark.parametrize("name", OBJECTS)
def test_an_object_reads_as_it_was_written(name: str) -> None:
    cls = OBJECTS[name]

    @given(instances(cls))
    @settings(QUICK)
    def run(value: Any) -> None:
        assert decode(cls, etree.fromstring(encode(value))) == value

    run()


def local_name(node: etree._Element) -> str:
    return etree.QName(node).localname if isinstance(node.tag, str) else ""


class Schema:
    """Which elements the schema allows inside an element."""

    def __init__(self, entry: Path) -> None:
        self.elements: dict[str, etree._Element] = {}
        self.groups: dict[str, etree._Element] = {}
        self.types: dict[str, etree._Element] = {}
        for path in entry.parent.glob("*.xsd"):
            for node in etree.parse(str(path)).getroot():
                kept = {"element": self.elements, "group": self.groups, "complexType": self.types}.get(local_name(node))
                if kept is not None:
                    kept[node.get("name", "")] = node

    def children(self, element: etree._Element) -> dict[str, etree._Element]:
        found: dict[str, etree._Element] = {}
        for node in element:
            if node.tag == f"{XSD}element":
                ref = node.get("ref")
                found[ref or node.get("name", "")] = self.elements[ref] if ref else node
            elif node.tag == f"{XSD}group":
                found |= self.children(self.groups[node.get("ref", "")])
            elif node.tag != f"{XSD}simpleType":
                found |= self.children(node)
        return found

    def check(self, cls: Any, element: etree._Element, where: str) -> None:
        allowed = self.children(element)
        for field in dataclasses.fields(cls):
            kinds, markers, _ = parts(get_type_hints(cls, include_extras=True)[field.name])
            for kind in kinds:
                tag = kind.__name__ if ByClass in markers else tag_of(field.name)
                assert tag in allowed, f"{where}/{tag} is not in the schema"
                if dataclasses.is_dataclass(kind):
                    self.check(kind, allowed[tag], f"{where}/{tag}")


@pytest.fixture(scope="module")
def schema(intuit_wsdl: Path) -> Schema:
    return Schema(intuit_wsdl.with_name("qbxmlops130.xsd"))


@pytest.mark.parametrize("name", OBJECTS)
def test_every_element_that_we_read_is_one_that_quickbooks_writes(name: str, schema: Schema) -> None:
    """A misspelt name would be read as absent for ever, without anybody noticing."""
    schema.check(OBJECTS[name], schema.elements[name], name)


@pytest.mark.parametrize("name", sorted(mirror.LISTS))
def test_the_elements_that_a_pull_asks_for_exist(name: str, schema: Schema) -> None:
    pulled = mirror.LISTS[name]
    answer = schema.children(schema.types[pulled.query.__name__.removesuffix("Rq") + "RsType"])
    known = {tag for ret in answer for tag in schema.children(schema.elements.get(ret, answer[ret]))}
    # An element of one kind of item may be unknown to another, and the sold items keep theirs one level down.
    below = {"SalesDesc", "SalesPrice", "PurchaseCost"}
    assert set(pulled.elements) - known - below == set()


def _answer_of(name: str) -> str:
    if name.startswith("Item"):
        return "ItemQueryRs"
    if name.endswith("TermsRet"):
        return "TermsQueryRs"
    return "CreditMemoAddRs" if name == "CreditMemoRet" else name.removesuffix("Ret") + "QueryRs"


def test_an_answer_of_every_object_is_read_back() -> None:
    for name, cls in OBJECTS.items():
        values = list(full_variants(cls))
        answer = _answer_of(name)
        body = "".join(encode(value) for value in values)
        text = (
            f'<?xml version="1.0" ?><QBXML><QBXMLMsgsRs><{answer} requestID="7" statusCode="0" statusSeverity="Info" '
            f'statusMessage="Status OK">{body}</{answer}></QBXMLMsgsRs></QBXML>'
        )
        (read,) = [(said.request_id, list(said.objects)) for said in read_answers(text)]
        assert read == ("7", values)


def test_markers_are_where_the_codec_looks_for_them() -> None:
    for cls in [*REQUESTS.values(), *OBJECTS.values()]:
        for name, hint in get_type_hints(cls, include_extras=True).items():
            kinds, markers, _ = parts(hint)
            assert len(kinds) == 1 or ByClass in markers, (cls, name)
            assert Attribute not in markers or kinds == [str], (cls, name)
