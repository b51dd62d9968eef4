"""What the person at the connector reads, in either language."""

from __future__ import annotations

import pytest

from qbwc import sentences
from qbwc.qbxml.status import judge_hresult
from qbwc.sentences import Said, spoken

SAID: dict[str, Said] = {
    name: value for name, value in vars(sentences).items() if name.isupper() and isinstance(value, dict)
} | {
    "unreadable_greeting": sentences.unreadable_greeting("it is empty"),
    "unreadable_answer": sentences.unreadable_answer("it is empty"),
    "refused": sentences.refused(judge_hresult("0x80040408", "Could not start QuickBooks.")),
    "held": sentences.held("BUREAU-2", 7),
    "done": sentences.summary(12, 0),
    "some failed": sentences.summary(12, 3),
}


@pytest.mark.parametrize("name", SAID)
def test_every_sentence_exists_in_both_languages_and_they_differ(name: str) -> None:
    said = SAID[name]
    assert set(said) == {"en", "fr"}
    assert said["en"] != said["fr"]
    for text in said.values():
        assert text == text.strip()
        assert text[0].isupper() or text[0].isdigit()
        assert text.endswith((".", ")"))


@pytest.mark.parametrize(
    ("language", "begins"),
    [("en", "Nothing"), ("fr", "Rien"), ("fr-CA", "Rien"), ("de", "Nothing"), ("", "Nothing"), ("FR", "Nothing")],
)
def test_a_language_that_is_not_known_is_answered_in_english(language: str, begins: str) -> None:
    assert spoken(sentences.IDLE, language).startswith(begins)


def test_nothing_said_is_never_an_empty_text() -> None:
    assert spoken(None, "fr") == sentences.UNEXPECTED["fr"]
    assert spoken(None, "fr", sentences.IDLE) == sentences.IDLE["fr"]
    assert spoken({}, "en") == sentences.UNEXPECTED["en"]
    assert spoken({"fr": "Oui."}, "en") == sentences.UNEXPECTED["en"]


def test_what_was_said_before_there_were_two_languages_is_still_shown() -> None:
    assert spoken({"en": "The old text."}, "fr") == "The old text."


def test_a_refusal_names_its_code_what_happened_and_what_to_do() -> None:
    said = sentences.refused(judge_hresult("0x8004040E", ""))
    assert "ran out of memory" in said["en"]
    assert "manqué de mémoire" in said["fr"]
    assert all(text.endswith("(0x8004040E)") for text in said.values())


def test_the_summary_counts_and_says_where_to_look() -> None:
    assert sentences.summary(3, 0)["en"] == "All done: 3 requests answered."
    assert "2 need attention" in sentences.summary(3, 2)["en"]
    assert "page Statut" in sentences.summary(3, 2)["fr"]
