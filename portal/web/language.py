"""The language of a page, and how sentences, numbers, dates and moments are written in it.

A person's own choice goes first, then the cookie of somebody who is not logged in, then what the browser asks for.
Texts are `en` and `fr`; numbers and dates follow Canadian habits in both.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal

from babel.dates import format_timedelta, get_month_names
from flask import Flask, Response, g, request
from flask_babel import Babel, format_decimal, get_locale, gettext, ngettext

from portal.billing.lines import Section
from portal.errors import Sentence
from portal.services import speaking
from portal.services.csv_cells import ENGLISH, FRENCH, Dialect
from portal.web.access import current_user, portal_of_app

LANGUAGES = {"en": "English", "fr": "Français"}
COOKIE = "language"
_LOCALES = {"en": "en_CA", "fr": "fr_CA"}
_NUMBER = re.compile(r"\d+(?:\.\d+)?")
_YEAR = 365 * 24 * 3600


def install(app: Flask) -> None:
    """Set up translations and the template filters."""
    app.config["BABEL_DEFAULT_LOCALE"] = "en_CA"
    Babel(app, locale_selector=lambda: _LOCALES[language()])
    app.jinja_env.filters.update(
        say=say,
        spoken=spoken,
        money=money,
        number=number,
        day=day,
        moment=moment,
        ago=ago,
        duration=duration,
        month_name=month_name,
        price=price,
        arithmetic=arithmetic,
        days_of=days_of,
    )
    app.context_processor(lambda: {"language": language(), "languages": LANGUAGES})


def csv_dialect() -> Dialect:
    """How a spreadsheet in the page's language reads CSV."""
    return FRENCH if language() == "fr" else ENGLISH


def language() -> str:
    """`en` or `fr`."""
    if "language" not in g:
        user = current_user()
        asked = request.accept_languages.best_match(LANGUAGES)
        wanted = (user.language if user else None, request.cookies.get(COOKIE), asked)
        g.language = next((one for one in wanted if one in LANGUAGES), "en")
    return str(g.language)


def keep_language(response: Response, wanted: str) -> None:
    """Remember the language in a cookie, for the pages before the log-in."""
    secure = portal_of_app().settings.url.startswith("https://")
    response.set_cookie(COOKIE, wanted, max_age=_YEAR, secure=secure, httponly=True, samesite="Lax")


def spoken(texts: Mapping[str, str] | None) -> str:
    """A text that is kept in both languages, in the page's."""
    return (texts.get(language()) or texts.get("en", "")) if texts else ""


def say(text: Sentence | str | None) -> str:
    """A sentence in the page's language."""
    if text is None:
        return ""
    if isinstance(text, str):
        return gettext(text) if text else ""
    if language() in text.by_language:
        return text.by_language[language()]
    if text.by_language:
        return str(text)
    translated: str = gettext(text.template)
    values = {name: speaking.say_value(value, language()) for name, value in text.values.items()}
    return translated % values if values else translated


def money(amount: Decimal | None) -> str:
    """An amount with two decimals; a dash for none."""
    return speaking.say_money(amount, language())


def number(amount: Decimal | int | None) -> str:
    """A quantity or a unit price with as many decimals as it has, at most five."""
    return "–" if amount is None else str(format_decimal(amount, "#,##0.#####"))


def price(amount: Decimal | None) -> str:
    """A unit price or cost: two decimals, and up to five where it has them."""
    return speaking.say_price(amount, language())


def arithmetic(text: str, section: Section | None = None, quantity: Decimal | None = None) -> str:
    """A calculation such as `12 × 8/31 + 2` in words and figures: 12 seats × 8 of 31 days + 2 seats = 5.09677.

    Seats are named in the sections that hold them; without a section only the numbers are written as the language does.
    """
    if section is None:
        return _NUMBER.sub(lambda found: number(Decimal(found[0])), text)
    has_seats = section not in (Section.USAGE, Section.ONE_TIME)
    terms = [_term(term, has_seats) for term in text.split(" + ")]
    told = " + ".join(terms)
    is_sum = len(terms) > 1 or " × " in text
    return f"{told} = {number(quantity)}" if is_sum and quantity is not None else told


def _term(text: str, has_seats: bool) -> str:
    amount, _, share = text.partition(" × ")
    seats = Decimal(amount)
    count = 1 if abs(seats) == 1 or (language() == "fr" and abs(seats) < 2) else 2
    told = ngettext("%(shown)s seat", "%(shown)s seats", count, shown=number(seats)) if has_seats else number(seats)
    if share == "0":
        later = gettext("counts from the next period")
        return f"{told} × 0 ({later})"
    part, _, whole = share.partition("/")
    days = (
        gettext("%(part)s of %(whole)s days", part=number(Decimal(part)), whole=number(Decimal(whole))) if whole else ""
    )
    return f"{told} × {days}" if days else str(told)


def day(value: date | None) -> str:
    """A civil date."""
    return "–" if value is None else speaking.say_day(value, language())


def days_of(first: date, last: date) -> str:
    """A period by its first and last day."""
    return f"{day(first)} – {day(last)}"


def moment(value: datetime | None, zone: str) -> str:
    """A moment on the clock of `zone`, which is named."""
    return "–" if value is None else speaking.say_moment(value, zone, language())


def month_name(number: int) -> str:
    """A month, from 1 for January, by itself."""
    return str(get_month_names("wide", context="stand-alone", locale=get_locale() or "en_CA")[number]).capitalize()


def duration(value: timedelta) -> str:
    """A length of time in words, roughly."""
    return str(format_timedelta(value, locale=get_locale() or "en_CA"))


def ago(value: datetime | None) -> str:
    """How long ago a moment was."""
    if value is None:
        return "–"
    passed = portal_of_app().now() - value
    if passed < timedelta(minutes=1):
        return str(gettext("just now"))
    return format_timedelta(-passed, add_direction=True, locale=get_locale() or "en_CA")
