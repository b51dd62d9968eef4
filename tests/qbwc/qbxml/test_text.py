"""What QuickBooks keeps of a text, and how text is written into XML."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from lxml import etree

from qbwc.qbxml.text import clean, escape, escape_attribute, fit, fold, legible

anything = st.text(st.characters(exclude_categories=()))
latin_1 = st.text(st.characters(max_codepoint=0xFF, exclude_categories=["Cc"]))


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("Crème brûlée à l'école, ça coûte 5 ¢ ½", "Crème brûlée à l'école, ça coûte 5 ¢ ½"),
        ("“Un” ‘deux’ l’œuvre – trois — quatre…", "\"Un\" 'deux' l'oeuvre - trois - quatre..."),
        ("« Étoile »", "« Étoile »"),
        ("10 €", "10 EUR"),
        ("Œuvre Šķēle Žižek Łódź", "OEuvre Skele Zizek Lódz"),
        ("Nguyễn", "Nguyen"),
        ("ﬁn ① Ａ", "fin 1 A"),
        ("Office 365™", "Office 365(TM)"),
        ("a ≤ b ≠ c ≮ d", "a <= b != c  d"),
        ("1⅓ ⅓", "1 1/3 1/3"),
        ("10⁵ m²", "10^5 m²"),
        ("μ", "µ"),
        ("Merci 👍🏽!", "Merci !"),
        ("日本 Ελλάδα", " "),
        ("x\u0302", "x"),
    ],
)
def test_text_becomes_what_quickbooks_can_store(text: str, folded: str) -> None:
    assert fold(text).text == folded


def test_a_letter_and_its_accent_become_one_character() -> None:
    folded = fold("Montre\u0301al")
    assert folded.text == "Montréal"
    assert folded.changes == ()


def test_line_ends_become_newlines_and_odd_blanks_ordinary_ones() -> None:
    folded = fold("a\r\nb\rc\nd\x0be\u2028f\tg\u202fh")
    assert folded.text == "a\nb\nc\nd\ne\nf g h"
    assert folded.changes == ()


def test_invisible_characters_are_dropped_without_a_word() -> None:
    folded = fold("a\x00b\x1fc\x7fd\x85e\ud800f\ufffeg\ufeffh\u200bi\ue000j")
    assert folded.text == "abcdefghij"
    assert folded.changes == ()


def test_each_visible_change_is_told_once() -> None:
    assert fold("“a” “b” 👍 é").changes == (("“", '"'), ("”", '"'), ("👍", ""))


@given(anything)
@example("ŉ ĳ ǆ ½⅓3⅓ \u0338\u226e ﷺ ㎏ ℀")
def test_folded_text_is_latin_1_and_folding_again_changes_nothing(text: str) -> None:
    folded = fold(text)
    assert folded.text.encode("latin-1").decode("latin-1") == folded.text
    assert not any(unicodedata.category(char) == "Cc" for char in folded.text if char != "\n")
    assert fold(folded.text).text == folded.text
    assert fold(folded.text).changes == ()


@given(latin_1)
def test_accents_survive(text: str) -> None:
    assert fold(text).text == text


@given(anything)
def test_every_change_names_a_character_that_was_there(text: str) -> None:
    normal = unicodedata.normalize("NFC", text)
    changes = fold(text).changes
    assert len({old for old, _ in changes}) == len(changes)
    for old, new in changes:
        assert len(old) == 1
        assert old in normal
        assert old != new


@given(anything)
def test_escaped_text_is_ascii_and_reads_back_as_what_xml_can_carry(text: str) -> None:
    escaped = escape(text)
    assert escaped.isascii()
    assert (etree.fromstring(f"<a>{escaped}</a>").text or "") == clean(text)


@given(anything)
def test_escaped_folded_text_reads_back_as_the_folded_text(text: str) -> None:
    folded = fold(text).text
    assert (etree.fromstring(f"<a>{escape(folded)}</a>").text or "") == folded


@given(anything)
def test_an_escaped_attribute_reads_back_in_either_quotes(text: str) -> None:
    escaped = escape_attribute(text)
    assert escaped.isascii()
    assert etree.fromstring(f'<a b="{escaped}"/>').get("b") == clean(text)
    assert etree.fromstring(f"<a b='{escaped}'/>").get("b") == clean(text)


def test_non_ascii_is_written_as_decimal_references() -> None:
    assert escape("é & <Œ> ]]>") == "&#233; &amp; &lt;&#338;&gt; ]]&gt;"
    assert escape_attribute('"l\'été"\n') == "&quot;l&#39;&#233;t&#233;&quot;&#10;"


@given(anything, st.integers(0, 50))
def test_text_is_never_longer_than_its_limit_and_is_a_beginning(text: str, limit: int) -> None:
    fitted = fit(text, limit)
    assert len(fitted) <= limit
    assert text.startswith(fitted)
    assert fitted == fitted.rstrip()


def test_a_letter_is_not_parted_from_its_marks() -> None:
    assert fit("abe\u0301\u0302", 5) == "abe\u0301\u0302"
    assert fit("abe\u0301\u0302", 4) == "ab"
    assert fit("ab👩\u200d👩", 4) == "ab"
    assert fit("\u0301\u0301", 1) == ""


def test_text_is_cut_and_its_last_blanks_trimmed() -> None:
    assert fit("Microsoft 365 Business", 10) == "Microsoft"
    assert fit("01 Plans  .  ", 31) == "01 Plans  ."
    assert fit("abc", 0) == ""
    with pytest.raises(ValueError, match="-1"):
        fit("abc", -1)


def test_what_xml_cannot_carry_is_taken_out() -> None:
    assert clean("a\x00\x0b\x1f\ud800\ufffe\uffffb\t\n\r\x7fé👍") == "ab\t\n\r\x7fé👍"


def _is_read(reference: str) -> bool:
    try:
        etree.fromstring(f"<a>{reference}</a>")
    except etree.XMLSyntaxError:
        return False
    return True


_EDGES = (
    0,
    8,
    9,
    10,
    11,
    13,
    31,
    32,
    0xD7FF,
    0xD800,
    0xDFFF,
    0xE000,
    0xFFFD,
    0xFFFE,
    0xFFFF,
    0x10000,
    0x10FFFF,
    0x110000,
)


@given(st.one_of(st.integers(0, 0x120000), st.sampled_from(_EDGES), st.integers(0, 10**12)), st.integers(0, 4))
def test_exactly_the_references_that_a_parser_refuses_are_taken_out(code: int, zeros: int) -> None:
    for reference in (f"&#{'0' * zeros}{code};", f"&#x{'0' * zeros}{code:x};", f"&#x{code:X};"):
        left = b"".join(legible([reference.encode()]))
        assert left == (reference.encode() if _is_read(reference) else b"")


@given(anything, st.integers(1, 7))
def test_a_document_is_legible_however_it_is_cut(text: str, size: int) -> None:
    text = text.replace("<", "") + "&#31;\x02&#233;"
    pieces = [text[at : at + size].encode("utf-8", "ignore") for at in range(0, len(text), size)]
    assert b"".join(legible(pieces)) == b"".join(legible([text.encode("utf-8", "ignore")]))


def test_a_piece_that_is_clean_is_not_copied() -> None:
    piece = "Café &amp; crème &#233;\t\n".encode()
    assert next(legible([piece])) is piece
