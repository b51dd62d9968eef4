"""Sentences in a language, away from any page: for letters and webhooks.

Amounts, dates and moments are written here for the pages too.
"""

from __future__ import annotations

import re
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from gettext import GNUTranslations, NullTranslations
from zoneinfo import ZoneInfo

from portal.errors import Sentence
from portal.providers import ProviderError

LANGUAGES = ("en", "fr")
_LOCALES = {"en": "en_CA", "fr": "fr_CA"}
_AMOUNT = re.compile(r"-?\d+\.\d+")


def say(sentence: Sentence, language: str) -> str:
    """A sentence in a language."""
    if sentence.by_language:
        return sentence.by_language.get(language) or str(sentence)
    template = _texts(language).gettext(sentence.template)
    if not sentence.values:
        return template
    return template % {name: say_value(value, language) for name, value in sentence.values.items()}


def say_both(sentence: Sentence) -> dict[str, str]:
    """A sentence in every language."""
    return {language: say(sentence, language) for language in LANGUAGES}


def explain_provider(error: ProviderError) -> Sentence:
    """A provider's error as a sentence in every language."""
    from portal.translations import PROVIDER

    said = {}
    for language in LANGUAGES:
        template = _texts(language).pgettext(PROVIDER, error.key)
        said[language] = (error.template if template == error.key else template).format_map(error.values)
    english = said["en"]
    return Sentence(english, {}, said)


def say_money(amount: Decimal | None, language: str) -> str:
    """An amount with two decimals; a dash for none."""
    from babel.numbers import format_decimal

    return "–" if amount is None else str(format_decimal(amount, "#,##0.00", locale=_LOCALES[language]))


def say_price(amount: Decimal | None, language: str) -> str:
    """A unit price or cost: two decimals, and up to five where it has them; a dash for none."""
    from babel.numbers import format_decimal

    return "–" if amount is None else str(format_decimal(amount, "#,##0.00###", locale=_LOCALES[language]))


def say_value(value: str, language: str) -> str:
    """A value of a sentence: an amount in it is written as the language does, anything else stays."""
    return say_price(Decimal(value), language) if _AMOUNT.fullmatch(value) else value


def say_day(day: date, language: str) -> str:
    """A civil date."""
    from babel.dates import format_date

    return _first(str(format_date(day, "long", locale=_LOCALES[language])), language)


def say_moment(at: datetime, time_zone: str, language: str) -> str:
    """A moment on the clock of a zone, which is named."""
    from babel.dates import format_datetime, get_timezone_name

    local, locale = at.astimezone(ZoneInfo(time_zone)), _LOCALES[language]
    shape = "d MMM y, HH:mm" if language == "fr" else "MMM d, y, h:mm a"
    shown = _first(str(format_datetime(local, shape, locale=locale)), language)
    return f"{shown} {get_timezone_name(local, width='short', locale=locale)}"


def _first(shown: str, language: str) -> str:
    """In French the first of a month is an ordinal."""
    return f"1er{shown[1:]}" if language == "fr" and shown.startswith("1 ") else shown


@cache
def _texts(language: str) -> NullTranslations:
    if language != "fr":
        return NullTranslations()
    from portal.translations import FRENCH  # with Babel behind it, which most commands do without

    with (FRENCH / "messages.mo").open("rb") as file:
        return GNUTranslations(file)
