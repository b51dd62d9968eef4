"""Suggestions on the pages: why each is made, in words, and taking those that a person picked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from babel.lists import format_list
from flask import flash, request
from flask_babel import get_locale, ngettext
from flask_babel import gettext as _

from portal.billing.suggestion import Reason, Suggestion
from portal.services.connections import to_row_id
from portal.services.suggestions import Advice, Advised, Proposal, Used
from portal.web.language import say
from portal.web.words import msgid

MOST_REVIEWED = 200
_MOST_TOLD = 3
_LONGEST = 80


@dataclass(frozen=True, slots=True, kw_only=True)
class _Texts:
    """Why something is suggested: by its name, by another of its texts, by a key; and what is on one side only."""

    name: Mapping[Reason, str]
    other: Mapping[Reason, str]
    key: str
    only_in_subject: str
    only_in_candidate: str


_ITEM = _Texts(
    name={
        Reason.EXACT: msgid("The same name."),
        Reason.NORMALISED: msgid("The same name but for capitals, accents and punctuation."),
        Reason.SIMILAR: msgid("A similar name."),
    },
    other={
        Reason.EXACT: msgid("Its description says just this: “%(text)s”."),
        Reason.NORMALISED: msgid("Its description says the same: “%(text)s”."),
        Reason.SIMILAR: msgid("A similar description: “%(text)s”."),
    },
    key=msgid("QuickBooks shows the key %(key)s there."),
    only_in_subject=msgid("Only in the offer: %(words)s."),
    only_in_candidate=msgid("Only in the item: %(words)s."),
)
_CUSTOMER = _Texts(
    name={
        Reason.EXACT: msgid("The same name."),
        Reason.NORMALISED: msgid("The same name but for capitals, accents, punctuation or the legal form."),
        Reason.SIMILAR: msgid("A similar name."),
    },
    other={
        Reason.EXACT: msgid("Its company name is just this: “%(text)s”."),
        Reason.NORMALISED: msgid("Its company name is the same: “%(text)s”."),
        Reason.SIMILAR: msgid("A similar company name: “%(text)s”."),
    },
    key=msgid("QuickBooks shows %(key)s there."),
    only_in_subject=msgid("Only in the organization: %(words)s."),
    only_in_candidate=msgid("Only in the customer: %(words)s."),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """The answers to look through, as many as fit a page, and how many there are."""

    rows: tuple[Advice, ...]
    total: int


def review(advised: Advised) -> Review:
    """Every row with an answer, in their order. What is ambiguous is decided row by row in the table."""
    rows = tuple(one for one in advised.rows.values() if one.answer)
    return Review(rows=rows[:MOST_REVIEWED], total=len(rows))


def read_chosen() -> dict[int, str]:
    """What the form picked: `use` is a row's number, a colon, and a ListID; anything else is passed over."""
    chosen = {}
    for text in request.form.getlist("use"):
        number, _colon, list_id = text.partition(":")
        if (row_id := to_row_id(number)) is not None and list_id:
            chosen[row_id] = list_id
    return chosen


def tell(used: Used) -> None:
    """Which rows were not mapped, and why; a few of them, for messages travel in a cookie."""
    for name, sentence in used.refused[:_MOST_TOLD]:
        flash(f"{name}: {say(sentence)}", "warning")
    rest = len(used.refused) - _MOST_TOLD
    if rest > 0:
        flash(ngettext("%(num)s more row was not saved.", "%(num)s more rows were not saved.", rest), "warning")


def look(proposals: Sequence[Proposal]) -> str:
    """The question that an ambiguous row asks."""
    names = format_list([one.suggestion.full_name for one in proposals], style="or", locale=get_locale())
    return str(_("Look: %(names)s?", names=names))


def why_item(proposal: Proposal) -> str:
    """Why an item is suggested for an offer."""
    return _why(proposal, _ITEM)


def why_customer(proposal: Proposal) -> str:
    """Why a customer is suggested for an organization."""
    return _why(proposal, _CUSTOMER)


def _why(proposal: Proposal, texts: _Texts) -> str:
    one = proposal.suggestion
    found = _other_text(one)
    if one.reason is Reason.KEY:
        ground = _(texts.key, key=one.because)
    else:
        ground = _(texts.other[one.reason], text=found) if found else _(texts.name[one.reason])
    parts = [ground, *_in_common(one)]
    if one.only_in_subject:
        parts.append(_(texts.only_in_subject, words=", ".join(one.only_in_subject)))
    if one.only_in_candidate:
        parts.append(_(texts.only_in_candidate, words=", ".join(one.only_in_candidate)))
    return " ".join(map(str, parts))


def others(proposal: Proposal) -> str:
    """Who else is that customer; empty when nobody is."""
    parts = []
    if proposal.used_by:
        parts.append(_("Already used by %(names)s.", names=_some(proposal.used_by)))
    if proposal.also_for:
        parts.append(_("Also suggested for %(names)s.", names=_some(proposal.also_for)))
    return " ".join(map(str, parts))


def _in_common(one: Suggestion) -> list[str]:
    if not one.in_common or one.reason in (Reason.EXACT, Reason.NORMALISED):
        return []
    return [str(_("In both: %(words)s.", words=", ".join(one.in_common)))]


def _other_text(one: Suggestion) -> str:
    """The text that matched, where it is not the name."""
    text = "" if one.because == one.full_name else " ".join(one.because.split())
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def _some(names: Sequence[str]) -> str:
    shown = ", ".join(names[:_MOST_TOLD])
    return f"{shown}, …" if len(names) > _MOST_TOLD else shown
