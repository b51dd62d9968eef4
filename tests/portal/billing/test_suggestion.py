"""What is suggested is right, and what is not sure is not put forward: measured on labelled pairs, and by property."""

from __future__ import annotations

import csv
import json
import unicodedata
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from portal.billing.comparison import SHOWN, compare
from portal.billing.suggestion import (
    Candidate,
    Index,
    Reason,
    Subject,
    Suggestion,
    index_customers,
    index_items,
)
from portal.billing.vocabulary import OFFERS, ORGANIZATIONS

PAIRS: dict[str, Any] = json.loads((Path(__file__).parent / "labelled_pairs.json").read_text("utf-8"))
SAMPLES = Path(__file__).parents[3] / "samples"
HALVES = ("development", "held-out")
KINDS: dict[str, Callable[[list[Candidate]], Index]] = {"offers": index_items, "organizations": index_customers}


@dataclass
class Tally:
    """First suggestions counted: `right` and `wrong` were put forward, by reason; `there` have a counterpart."""

    right: Counter[str] = field(default_factory=Counter)
    wrong: Counter[str] = field(default_factory=Counter)
    there: int = 0
    shown: int = 0
    mistakes: list[str] = field(default_factory=list)

    def add(self, name: str, expected: str | None, got: tuple[Suggestion, ...]) -> None:
        self.there += expected is not None
        self.shown += any(one.list_id == expected for one in got)
        if got and not got[0].is_ambiguous:
            is_right = got[0].list_id == expected
            (self.right if is_right else self.wrong)[got[0].reason] += 1
            if not is_right:
                self.mistakes.append(f"{name} -> {got[0].full_name}")

    def __add__(self, other: Tally) -> Tally:
        return Tally(
            self.right + other.right,
            self.wrong + other.wrong,
            self.there + other.there,
            self.shown + other.shown,
            self.mistakes + other.mistakes,
        )

    def precision(self, *reasons: Reason) -> float:
        right = sum(self.right[reason] for reason in reasons or Reason)
        wrong = sum(self.wrong[reason] for reason in reasons or Reason)
        return right / (right + wrong) if right + wrong else 1.0

    @property
    def recall(self) -> float:
        return self.right.total() / self.there

    def __str__(self) -> str:
        by_reason = ", ".join(
            f"{reason} {self.right[reason]}/{self.right[reason] + self.wrong[reason]}" for reason in Reason
        )
        return (
            f"precision {self.precision():.3f} ({by_reason}), recall {self.recall:.3f} "
            f"({self.right.total()}/{self.there}; {self.shown}/{self.there} among those shown)"
        )


def _candidates(rows: list[list[str]]) -> list[Candidate]:
    return [
        Candidate(
            list_id=name,
            full_name=name,
            also=tuple(text for text in texts if "@" not in text),
            domains=tuple(text for text in texts if "@" in text),
        )
        for name, *texts in rows
    ]


def _subject(kind: str, name: str, key: str) -> Subject:
    if kind == "offers":
        return Subject(key=key, name=name)
    return Subject(key="", name=name, domains=(key,) if key else ())


def _measure(kind: str, half: str) -> Tally:
    data, tally = PAIRS[kind][half], Tally()
    index = KINDS[kind](_candidates(data["candidates"]))
    for name, key, expected in data["pairs"]:
        tally.add(name, expected, index.suggest(_subject(kind, name, key)))
    return tally


def test_the_labelled_pairs_are_many_and_name_candidates() -> None:
    rows = [
        (expected, {name for name, *_ in PAIRS[kind][half]["candidates"]})
        for kind in KINDS
        for half in HALVES
        for _, _, expected in PAIRS[kind][half]["pairs"]
    ]
    assert len(rows) >= 240
    assert sum(expected is None for expected, _ in rows) >= 50
    assert all(expected is None or expected in names for expected, names in rows)


@pytest.mark.parametrize("half", HALVES)
def test_what_is_put_forward_is_right_and_most_is_found(
    half: str, record_property: Callable[[str, object], None]
) -> None:
    tallies = {kind: _measure(kind, half) for kind in KINDS}
    for kind, tally in tallies.items():
        record_property("ratio", f"suggestions, {kind}, {half}: {tally}")
        assert tally.precision(Reason.EXACT) == 1, tally.mistakes
        assert tally.recall >= 0.85, str(tally)
    together = tallies["offers"] + tallies["organizations"]
    assert together.precision() >= 0.98, together.mistakes


def _sandbox() -> tuple[list[Candidate], list[Candidate]]:
    lists = json.loads((SAMPLES / "sandbox" / "company.json").read_text("utf-8"))["lists"]
    items, customers = [], []
    for kind, rows in lists.items():
        for row in rows:
            name = f"{row['ParentRef']}:{row['Name']}" if row.get("ParentRef") else row.get("Name", "")
            sold = row.get("SalesAndPurchase") or row.get("SalesOrPurchase") or row
            texts = [sold.get(text) for text in ("Desc", "SalesDesc", "PurchaseDesc")] + [row.get("CompanyName")]
            made = Candidate(list_id=name, full_name=name, also=tuple(text for text in texts if text))
            if kind == "Customer":
                customers.append(made)
            elif kind.startswith("Item"):
                items.append(made)
    return items, customers


def test_the_sample_company_is_mapped_as_its_mapping_file_says_or_not_at_all() -> None:
    items, customers = _sandbox()
    indexes = {"offer": index_items(items), "organization": index_customers(customers)}
    tally = Tally()
    with (SAMPLES / "mapping.csv").open(encoding="utf-8-sig", newline="") as file:
        for row in csv.DictReader(file):
            subject = Subject(key=row["key"], name=row["name"])
            tally.add(row["name"], row["quickbooks"], indexes[row["kind"]].suggest(subject))
    assert tally.mistakes == []
    assert tally.recall >= 0.85
    assert tally.shown == tally.there


# -- one rule each ---------------------------------------------------------------------------------------------------


def _items(*names: str) -> Index:
    return index_items([Candidate(list_id=name, full_name=name) for name in names])


def _customers(*names: str) -> Index:
    return index_customers([Candidate(list_id=name, full_name=name) for name in names])


def _ask(index: Index, name: str, key: str = "") -> tuple[Suggestion, ...]:
    return index.suggest(Subject(key=key, name=name))


@pytest.mark.parametrize(
    ("offer", "item"),
    [
        ("Microsoft 365 E3", "Microsoft 365 E5"),
        ("Microsoft 365 E3", "Office 365 E3"),
        ("Microsoft 365 Business Basic", "Microsoft 365 Business Standard"),
        ("Microsoft 365 Business Standard", "Microsoft 365 Business Standard (OBNL)"),
        ("Exchange Online (Plan 1)", "Exchange Online (Plan 2)"),
        ("Microsoft 365 F1", "Microsoft 365 F3"),
        ("Entra ID P1", "Entra ID P2"),
        ("Online storage 25 GB", "Online storage 50 GB"),
        ("Microsoft 365 Business Premium (annual)", "Microsoft 365 Business Premium (mensuel)"),
        ("Microsoft Teams Phone Standard", "Microsoft Teams Phone Standard add-on"),
        ("Veeam Backup for Microsoft 365", "Acronis Backup for Microsoft 365"),
        ("Acronis Backup Server", "Acronis Backup Workstation"),
        ("Microsoft 365 Apps for business", "Microsoft 365 Apps for enterprise"),
    ],
)
def test_two_products_are_never_suggested_for_each_other(offer: str, item: str) -> None:
    assert _ask(_items(item), offer) == ()
    assert _ask(_items(offer), item) == ()


@pytest.mark.parametrize(
    ("offer", "item"),
    [
        ("Exchange Online (Plan 1)", "Exchange Online"),
        ("Microsoft 365 Business Premium (annual)", "Microsoft 365 Business Premium"),
        ("Acronis Backup Server", "Acronis Backup"),
        ("Defender for Business", "Defender"),
    ],
)
def test_a_word_that_matters_on_one_side_only_leaves_it_open(offer: str, item: str) -> None:
    for subject, candidate in ((offer, item), (item, offer)):
        assert all(one.is_ambiguous for one in _ask(_items(candidate), subject))


@pytest.mark.parametrize(
    ("organization", "customer"),
    [
        ("9123-4567 Québec inc.", "9123-4576 Québec inc."),
        ("Garage Martin", "Garage Marin"),
        ("Clinique dentaire Beausoleil", "Clinique vétérinaire Beausoleil"),
        ("Groupe Océan Bleu", "Groupe Océan Vert"),
        ("Clinique dentaire du Vieux-Fort", "Clinique d'optométrie du Vieux-Fort"),
        ("Transport Roy Laval", "Transport Roy Montréal"),
        ("Pharmacie J. Quesnel", "Pharmacie M. Quesnel"),
    ],
)
def test_two_companies_are_never_put_forward_for_each_other(organization: str, customer: str) -> None:
    assert all(one.is_ambiguous for one in _ask(_customers(customer), organization))
    assert all(one.is_ambiguous for one in _ask(_customers(organization), customer))


@pytest.mark.parametrize(
    "suffixes",
    [
        "inc. Inc, ltd ltée ltd. limited limitée LLC LLP corp. corporation co. company cie compagnie enr.",
        "s.e.n.c. senc S.E.N.C.R.L. sencrl sarl SA sas GmbH plc lp s.e.c. (Canada)",
    ],
)
def test_a_legal_suffix_makes_no_other_company(suffixes: str) -> None:
    for suffix in suffixes.split():
        (found,) = _ask(_customers("Aciers Montcalm"), f"Aciers Montcalm {suffix}")
        assert (found.reason, found.is_ambiguous) == (Reason.NORMALISED, False)


@pytest.mark.parametrize("article", ["Le ", "La ", "Les ", "L'", "L’", "The "])
def test_an_article_in_front_makes_no_other_company(article: str) -> None:
    (found,) = _ask(_customers("Atelier Montcalm"), f"{article}Atelier Montcalm")
    assert found.reason is Reason.NORMALISED


def test_the_very_name_goes_before_one_with_another_suffix() -> None:
    first, second = _ask(_customers("Acme ltée", "Acme inc."), "Acme inc.")
    assert (first.full_name, first.reason, first.is_ambiguous) == ("Acme inc.", Reason.EXACT, False)
    assert second.is_ambiguous


def test_two_that_are_as_near_are_both_shown_and_neither_put_forward() -> None:
    found = _ask(_customers("Acme ltée", "Acme s.e.n.c."), "Acme inc.")
    assert {one.full_name for one in found} == {"Acme ltée", "Acme s.e.n.c."}
    assert all(one.is_ambiguous for one in found)


def test_a_sku_in_a_description_is_a_key() -> None:
    index = index_items(
        [
            Candidate(list_id="1", full_name="Code 7100", also=("Téléphonie SKU VOX-STD-M",)),
            Candidate(list_id="2", full_name="Code 7200", also=("Téléphonie SKU VOX-PRE-M",)),
            Candidate(list_id="3", full_name="Code 7300", keys=("cfq7ttc0lh18:0001",)),
        ]
    )
    (found,) = _ask(index, "Hosted voice", key="VOX-PRE-M")
    assert (found.list_id, found.reason, found.is_ambiguous, found.because) == ("2", Reason.KEY, False, "VOX-PRE-M")
    assert [one.list_id for one in _ask(index, "Anything", key="CFQ7TTC0LH18:0001")] == ["3"]
    assert _ask(index, "Hosted voice", key="VOX") == ()


def test_a_key_that_the_names_contradict_is_not_put_forward() -> None:
    index = index_items([Candidate(list_id="1", full_name="Microsoft 365 E5", keys=("M365-E3",))])
    assert [one.is_ambiguous for one in _ask(index, "Microsoft 365 E3", key="M365-E3")] == [True]


def test_a_domain_alone_is_no_proof_and_a_public_one_is_nothing() -> None:
    index = index_customers(
        [
            Candidate(list_id="1", full_name="Studio photo Iris", domains=("info@studioiris.example",)),
            Candidate(list_id="2", full_name="Ferme Lebrun", domains=("lebrun@gmail.com",)),
        ]
    )

    def ask(name: str, domain: str) -> list[tuple[str, bool]]:
        found = index.suggest(Subject(key="", name=name, domains=(domain,)))
        return [(one.list_id, one.is_ambiguous) for one in found]

    assert ask("Iris Photographie", "studioiris.example") == [("1", True)]
    assert ask("Studio Iris photo", "studioiris.example") == [("1", False)]
    assert ask("Comptables Réunis", "studioiris.example") == [("1", True)]
    assert ask("Garage Nadeau", "gmail.com") == []


def test_a_company_is_not_put_in_doubt_by_its_jobs_but_by_its_head_office_when_only_the_company_name_tells() -> None:
    company = ("Construction Rochette inc.",)
    index = index_customers(
        [
            Candidate(list_id="1", full_name="Construction Rochette", also=company),
            Candidate(list_id="2", full_name="Construction Rochette:Chantier Lévis", also=company),
            Candidate(list_id="3", full_name="Construction Rochette:Siège social", also=company),
        ]
    )
    first = _ask(index, "Construction Rochette inc.")[0]
    assert (first.list_id, first.is_ambiguous) == ("1", False)
    index = index_customers(
        [
            Candidate(list_id="1", full_name="Rochette & Cie (chantiers)", also=company),
            Candidate(list_id="3", full_name="Rochette & Cie (chantiers):Siège social", also=company),
        ]
    )
    assert [one.is_ambiguous for one in _ask(index, "Construction Rochette inc.")] == [True, True]


def test_a_suggestion_says_which_words_agree_and_which_do_not() -> None:
    (found,) = _ask(_items("Infonuagique:Acronis Sauvegarde serveur (spécial)"), "Acronis Backup Server")
    assert found.in_common == ("Acronis", "Backup = Sauvegarde", "Server = serveur")
    assert (found.only_in_subject, found.only_in_candidate) == ((), ("spécial",))
    assert found.is_ambiguous


def test_a_name_that_quickbooks_cut_is_still_found() -> None:
    cut = "Centre de services scolaire des Hautes-Collines"[:41]
    (found,) = _ask(_customers(cut), "Centre de services scolaire des Hautes-Collines")
    assert (found.reason, found.is_ambiguous) == (Reason.SIMILAR, False)


def test_nothing_is_asked_of_nothing() -> None:
    for index in (_items(), _customers(), _items("", " "), _customers("?", "...")):
        assert _ask(index, "") == ()
        assert _ask(index, "Microsoft 365 E3") == ()


# -- properties ------------------------------------------------------------------------------------------------------

NAMES: dict[str, list[str]] = {
    kind: sorted({name.rpartition(":")[2] for half in HALVES for name, *_ in PAIRS[kind][half]["candidates"]})
    for kind in KINDS
}
INDEXES = {kind: KINDS[kind]([Candidate(list_id=name, full_name=name) for name in NAMES[kind]]) for kind in KINDS}
kinds = st.sampled_from(sorted(KINDS))
WORDS = sorted({word for names in NAMES.values() for name in names for word in name.split()})
names = st.lists(st.sampled_from(WORDS), min_size=1, max_size=5).map(" ".join)


def _without_accents(text: str) -> str:
    letters = unicodedata.normalize("NFD", text)
    return "".join(letter for letter in letters if not unicodedata.combining(letter))


VARIANTS: list[Callable[[str], str]] = [
    str.upper,
    str.lower,
    _without_accents,
    lambda text: unicodedata.normalize("NFD", text),
    lambda text: text.replace(" ", "  "),
    lambda text: text.replace(" ", " - "),
    lambda text: text.replace(" ", ", "),
    lambda text: f"« {text} »",
    lambda text: f"  {text}.",
    lambda text: text.replace("'", "’"),
]


@given(
    kinds,
    st.one_of(names, st.sampled_from(sorted({*NAMES["offers"], *NAMES["organizations"]}))),
    st.sampled_from(VARIANTS),
)
def test_case_accents_and_punctuation_change_nothing(kind: str, name: str, vary: Callable[[str], str]) -> None:
    def first(text: str) -> tuple[str, bool] | None:
        found = _ask(INDEXES[kind], text)
        return (found[0].list_id, found[0].is_ambiguous) if found else None

    assert first(vary(name)) == first(name)


@given(st.text(), st.text(), st.text(), st.lists(st.text(), max_size=3))
def test_any_text_is_answered(name: str, key: str, other: str, texts: list[str]) -> None:
    for kind, index_of in KINDS.items():
        index = index_of(
            [Candidate(list_id="1", full_name=other, also=tuple(texts), keys=(key,), domains=tuple(texts))]
        )
        for one in (index, INDEXES[kind]):
            found = one.suggest(Subject(key=key, name=name, also=(other,), domains=tuple(texts)))
            assert all(0 <= suggestion.score <= 100 for suggestion in found)
            assert len(found) <= 3


@given(kinds, names, names)
def test_two_names_are_as_near_from_either_side(kind: str, one: str, two: str) -> None:
    read = (OFFERS if kind == "offers" else ORGANIZATIONS).read
    there, back = compare(read(one), read(two)), compare(read(two), read(one))
    assert (there.score, there.is_conflict, there.is_open) == (back.score, back.is_conflict, back.is_open)


@given(kinds, st.lists(names, min_size=1, max_size=5, unique=True), names)
def test_an_unrelated_candidate_changes_nothing(kind: str, others: list[str], name: str) -> None:
    candidates = [Candidate(list_id=one, full_name=one) for one in others]
    unrelated = Candidate(list_id="x", full_name="Xylophones Wuthering:Quokka", also=("Zzyzx",))
    subject = Subject(key="", name=name)
    assert KINDS[kind]([*candidates, unrelated]).suggest(subject) == KINDS[kind](candidates).suggest(subject)
    assert KINDS[kind](candidates[::-1]).suggest(subject) == KINDS[kind](candidates).suggest(subject)


@example("offers", ["Nordik"], 365, 2, 0)
@given(
    kinds,
    st.lists(st.sampled_from(["Nordik", "Belrive", "Soutien", "Boulangerie", "Roy"]), min_size=1, max_size=4),
    st.integers(2, 99_999_999),
    st.integers(2, 99_999_999),
    st.integers(0, 4),
)
def test_other_digits_are_never_put_forward(kind: str, words: list[str], one: int, two: int, at: int) -> None:
    mine, theirs = ([*words[:at], str(number), *words[at:]] for number in (one, two))
    found = _ask(KINDS[kind]([Candidate(list_id="1", full_name=" ".join(theirs))]), " ".join(mine))
    assert one == two or all(suggestion.is_ambiguous for suggestion in found)
    found = _ask(KINDS[kind]([Candidate(list_id="1", full_name=" ".join(words))]), " ".join(mine))
    assert all(suggestion.is_ambiguous for suggestion in found)


@given(kinds, names)
def test_the_index_finds_what_comparing_all_would(kind: str, name: str) -> None:
    read = (OFFERS if kind == "offers" else ORGANIZATIONS).read
    results = {candidate: compare(read(name), read(candidate)) for candidate in NAMES[kind]}
    near = {candidate for candidate, one in results.items() if one.score >= SHOWN and not one.is_conflict}
    found = {one.list_id for one in INDEXES[kind].suggest(Subject(key="", name=name), limit=1000)}
    assert near <= found
