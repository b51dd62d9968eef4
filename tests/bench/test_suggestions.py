"""Suggestions for 2,000 organizations over 10,000 customers, against comparing every name with every other."""

from __future__ import annotations

import random
from typing import Any

import pytest
from rapidfuzz import fuzz, process

from portal.billing.suggestion import Candidate, Subject, index_customers

pytestmark = pytest.mark.bench


def _words(text: str) -> list[str]:
    return text.split()


TRADES = _words(
    "Plomberie Garage Pharmacie Boulangerie Transport Construction Clinique Restaurant Toitures Groupe Gestion "
    "Entreprises Imprimerie Excavation Électrique Paysagement Fromagerie Assurances"
)
BEGINNINGS = _words("Bel Mont Char Lav Roch Gau Tru Ver Des Dub Lam Bois Mar Sab Pel Kir Van Hal Nor Ost Fer Cor")
MIDDLES = _words("e i ar on el in ou an er")
ENDINGS = _words("din val chemin lieu mont tier reau quette nault ville champ rose sier bert gnon dette card rive")
SUFFIXES = ("", " inc.", " ltée", " enr.", " & fils")


def _names(count: int, seed: int) -> list[str]:
    """Different names of the shapes that companies have; the same ones every time."""
    rng = random.Random(seed)
    names: dict[str, None] = {}
    while len(names) < count:
        person = rng.choice(BEGINNINGS) + rng.choice(MIDDLES) + rng.choice(ENDINGS)
        second = rng.choice(BEGINNINGS).lower() + rng.choice(ENDINGS)
        name = f"{rng.choice(TRADES)} {person} {second.title()}"
        if rng.random() < 0.1:
            name = f"{rng.randint(9000, 9499)}-{rng.randint(1000, 9999)} Québec inc."
        names[name] = None
    return list(names)


def _written_otherwise(name: str, rng: random.Random) -> str:
    """The name as another system may have it: a suffix, capitals, a slip of the pen, the words in another order."""
    way = rng.randrange(5)
    if way == 1:
        return name.upper()
    if way == 2 and not name[0].isdigit():
        at = rng.randrange(len(name) // 2, len(name) - 1)
        return name[:at] + name[at + 1 :]
    if way == 3:
        return " ".join(reversed(name.split()))
    return name + rng.choice(SUFFIXES)


def test_suggestions_cost_less_than_comparing_every_name_with_every_other(ratios: Any) -> None:
    names = _names(10_000, seed=1)
    rng = random.Random(2)
    asked = [_written_otherwise(name, rng) for name in rng.sample(names, 1_500)] + _names(500, seed=3)
    candidates = [Candidate(list_id=f"C-{number}", full_name=name) for number, name in enumerate(names)]
    subjects = [Subject(key=str(number), name=name) for number, name in enumerate(asked)]

    def ours() -> int:
        index = index_customers(candidates)
        return sum(1 for subject in subjects if index.suggest(subject))

    def naive() -> int:
        folded = [name.casefold() for name in names]
        return sum(1 for name in asked if process.extractOne(name.casefold(), folded, scorer=fuzz.token_sort_ratio))

    assert ours() >= 1_400
    ratio = ratios.measure(
        "suggestions, index included, 2,000 names over 10,000, over rapidfuzz comparing all", ours, naive, rounds=1
    )
    assert ratio < 1
