"""The texts: every one is translated, the compiled file is the translated one, and numbers are written as people do."""

from __future__ import annotations

import gettext
import io
import re
from datetime import date
from decimal import Decimal

import pytest
from flask import Flask

from portal import translations
from portal.billing.period import BillingMode
from portal.errors import PortalError, Sentence
from portal.models import CostState, DraftState, InvoiceMode, Role
from portal.web import errors, language, words
from qbwc.identity import Verdict
from qbwc.mirror import LISTS
from qbwc.qbxml.lists import ITEM_RETS

_NAMED = re.compile(r"%\((\w+)\)s|\{(\w+)\}")


def test_every_text_is_translated_into_french() -> None:
    assert translations.missing(translations.read()) == [], "run: python -m portal.translations"


def test_no_translation_is_left_over() -> None:
    wanted = {(message.context, message.id) for message in translations.extract() if message.id}
    assert {(message.context, message.id) for message in translations.read() if message.id} == wanted


def test_a_translation_fills_in_the_same_values() -> None:
    for message in translations.read():
        if not message.id or message.context == translations.PROVIDER:
            continue
        texts = message.string if isinstance(message.string, list | tuple) else [message.string]
        keys = message.id if isinstance(message.id, list | tuple) else [message.id]
        allowed = {name for key in keys for name in _NAMED.findall(key)}
        for text in texts:
            assert set(_NAMED.findall(text)) <= allowed, message.id


def test_the_compiled_file_is_the_translated_one() -> None:
    with (translations.FRENCH / "messages.mo").open("rb") as file:
        kept = gettext.GNUTranslations(file)
    fresh = gettext.GNUTranslations(io.BytesIO(translations.compiled(translations.read())))
    assert {key: text for key, text in kept._catalog.items() if key} == {
        key: text for key, text in fresh._catalog.items() if key
    }, "run: python -m portal.translations"


def test_every_choice_has_a_word() -> None:
    for kind in (Role, BillingMode, InvoiceMode, DraftState, CostState):
        for value in kind:
            assert words.word(value)
    for verdict in Verdict:
        assert bool(words.explanation(verdict)) is (verdict is not Verdict.GO)
    for kind in LISTS:
        assert words.list_name(kind) != kind
    for ret in ITEM_RETS:
        name = ret.__name__.removesuffix("Ret")
        assert words.item_type(name) != name


def test_every_error_has_a_status() -> None:
    for kind in PortalError.__subclasses__():
        assert kind in errors.STATUS


@pytest.mark.parametrize(
    ("accept", "shown"),
    [
        ("en", ("1,234.50", "1,311.70833", "0.175", "-12 × 8/31 + 2.5", "November 1, 2026", "Cost 2.47 of 2026-10-31")),
        (
            "fr",
            ("1 234,50", "1 311,70833", "0,175", "-12 × 8/31 + 2,5", "1er novembre 2026", "Cost 2,47 of 2026-10-31"),
        ),
    ],
)
def test_numbers_and_dates_follow_the_language(site: Flask, accept: str, shown: tuple[str, ...]) -> None:
    with site.test_request_context("/", headers={"Accept-Language": accept}):
        written = (
            language.money(Decimal("1234.5")),
            language.number(Decimal("1311.70833")),
            language.price(Decimal("0.175")),
            language.arithmetic("-12 × 8/31 + 2.5"),
            language.day(date(2026, 11, 1)),
            language.say(Sentence("Cost %(cost)s of %(day)s", {"cost": "2.47", "day": "2026-10-31"})),
        )
    assert tuple(text.replace("\u00a0", " ").replace("\u202f", " ") for text in written) == shown
