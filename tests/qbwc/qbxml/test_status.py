"""Every code of QuickBooks has a class, and sentences that a person can use."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qbwc.qbxml.reaction import DONE
from qbwc.qbxml.status import (
    Reaction,
    Section,
    Status,
    catalogue,
    expand,
    is_written,
    judge,
    judge_hresult,
    judge_message_set,
)

SHARED = Path(__file__).resolve().parents[4] / "shared"

# code -> class, one line per class.
STATUS_CLASSES = {
    "ok": "0",
    "empty": "1",
    "partial": "500",
    "written_with_warning": "501 510 530 531 550 560 570",
    "requeue": "3230 3231",
    "refresh_and_retry_once": "3200 3240",
    "retry_lock": "3175 3176 3177",
    "retry_later": "1000 1010",
    "user_mapping": "3120 3130 3140 3280",
    "user_data": "3090 3100 3160 3170 3172-3174 3180 3185 3205 3210 3270 3300,3310 3500",
    "user_settings": "3161 3162 3171 3250 3260 3261 3262 3263 3264 3351",
    "our_bug": "1030 1060 3000 3010 3020 3030 3031 3035 3040 3045 3050 3060 3065 3070 3080 3085 3110 3150 3151 3190"
    " 3191 3290 9100-9199",
    "stop": "2000-2040 3220",
}
MESSAGE_SET_CLASSES = {
    "ok": "0",
    "refresh_and_retry_once": "600 9002 9003",
    "our_bug": "9001 9004",
    "written_with_warning": "9005",
}
HRESULT_CLASSES = {
    "user_settings": "0x80040154 0x80040401 0x80040403 0x80040404 0x80040405 0x80040406 0x80040407 0x80040409"
    " 0x80040410 0x80040416 0x80040417 0x80040418 0x80040419 0x8004041A 0x8004041D 0x8004041E 0x8004041F 0x80040420"
    " 0x80040421 0x80040427 0x8004042A 0x8004042C QBWC1022-1027",
    "retry_later": "0x80040308 0x80040408 0x8004040B,0C,0F,411-413 0x8004040D 0x8004040E 0x80040414 0x8004041B"
    " 0x8004041C 0x80040422 0x80040424 0x80040425-29,2B QBWC1007-1009",
    "refresh_and_retry_once": "0x80040402",
    "our_bug": "0x80040400 0x80040423",
    "stop": "0x8004040A",
}

ENTRIES = list(catalogue())


def pairs(classes: dict[str, str]) -> list[tuple[str, Reaction]]:
    return [(code, Reaction(name)) for name, codes in classes.items() for code in codes.split()]


def severity_of(number: int) -> str:
    return "Info" if number < 500 else "Warn" if number < 1000 else "Error"


@pytest.mark.parametrize(("code", "reaction"), pairs(STATUS_CLASSES))
def test_each_status_code_has_its_class(code: str, reaction: Reaction) -> None:
    assert [entry.reaction for entry in catalogue(Section.STATUS) if entry.code == code] == [reaction]
    for number in expand(code):
        for spelling in (number, str(number), f" {number} "):
            status = judge(spelling, severity_of(number), "x")
            assert (status.code, status.reaction) == (str(number), reaction)
            assert status.written is (reaction in DONE)


@pytest.mark.parametrize(("code", "reaction"), pairs(MESSAGE_SET_CLASSES))
def test_each_message_set_code_has_its_class(code: str, reaction: Reaction) -> None:
    assert [entry.reaction for entry in catalogue(Section.MESSAGE_SET) if entry.code == code] == [reaction]
    assert judge_message_set(code).reaction is reaction
    assert judge_message_set(int(code)).reaction is reaction


@pytest.mark.parametrize(("code", "reaction"), pairs(HRESULT_CLASSES))
def test_each_hresult_has_its_class(code: str, reaction: Reaction) -> None:
    section = Section.CONNECTOR if code.startswith("QBWC") else Section.HRESULT
    assert [entry.reaction for entry in catalogue(section) if entry.code == code] == [reaction]
    own = {
        number
        for other, _ in pairs(HRESULT_CLASSES)
        if other != code and len(expand(other)) == 1
        for number in expand(other)
    }
    for number in expand(code) - own:
        spelling = f"QBWC{number}" if code.startswith("QBWC") else f"0x{number:08X}"
        status = judge_hresult(spelling)
        assert (status.code, status.reaction) == (spelling, reaction)


def test_no_code_stands_twice_in_a_section() -> None:
    keys = [(entry.section, entry.code) for entry in ENTRIES]
    assert len(keys) == len(set(keys))


@pytest.mark.parametrize(
    ("table", "classes"),
    [
        ("status_codes.tsv", [STATUS_CLASSES, MESSAGE_SET_CLASSES]),
        ("hresults.tsv", [HRESULT_CLASSES]),
    ],
)
def test_no_code_of_the_tables_is_missing(table: str, classes: list[dict[str, str]]) -> None:
    path = SHARED / table
    if not path.is_file():
        pytest.skip(f"{table} does not lie beside the checkout")
    with path.open(encoding="utf-8", newline="") as file:
        codes = {row[0] for row in csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE)} - {"code", "hresult"}
    assert codes <= {entry.code for entry in ENTRIES}
    assert codes - {"0"} <= {code for one in classes for code, _ in pairs(one)}


def everything() -> Iterator[Status]:
    yield from ENTRIES
    yield judge(3170, "Error", "The record could not be locked.")
    yield judge(499, "Info", "")
    yield judge(999, "Warn", "")
    yield judge(8888, "Error", "")
    yield judge_message_set(777)
    yield judge_hresult("0x8BADF00D")


@pytest.mark.parametrize("status", list(everything()), ids=lambda status: f"{status.section} {status.code}")
def test_each_entry_speaks_both_languages_shortly(status: Status) -> None:
    text = status.text
    for sentence in text.as_mapping().values():
        assert sentence
        assert sentence == sentence.strip()
        assert len(sentence) <= 300
        assert "{" not in sentence.replace("{message}", "").replace("{code}", "")
        assert sentence.endswith((".", "{message}", "{code}")), sentence
    assert text.what_en != text.what_fr
    assert text.do_en != text.do_fr
    assert ("{message}" in text.what_en + text.do_en) == ("{message}" in text.what_fr + text.do_fr)


@pytest.mark.parametrize("number", [3170, 3180])
@pytest.mark.parametrize(
    "message",
    [
        "The specified record Could Not Be Locked.",
        "This transaction has been modified by another user.",
        "QuickBooks failed to acquire the lock for this object.",
        "There was an error. QuickBooks error message: the list element is in use.",
    ],
)
def test_a_refusal_that_speaks_of_a_lock_is_a_lock(number: int, message: str) -> None:
    status = judge(number, "Error", message)
    assert status.reaction is Reaction.RETRY_LOCK
    assert status.written is False
    assert message in status.what("fr")


def test_a_refusal_with_another_reason_is_shown() -> None:
    reason = "The credit limit for the name on this transaction has been exceeded."
    assert judge(3180, "Error", reason).reaction is Reaction.USER_DATA
    assert reason in judge(3180, "Error", reason).what("en")
    assert judge(3210, "Error", "modified by another user").reaction is Reaction.USER_DATA


@pytest.mark.parametrize(
    ("code", "severity", "reaction", "written"),
    [
        (42, "Info", Reaction.OK, True),
        (42, "", Reaction.OK, True),
        (599, "Warn", Reaction.WRITTEN_WITH_WARNING, True),
        (599, "", Reaction.WRITTEN_WITH_WARNING, True),
        (599, "Error", Reaction.USER_DATA, False),
        (4000, "Error", Reaction.USER_DATA, False),
        (4000, "", Reaction.USER_DATA, False),
        (4000, "Warn", Reaction.WRITTEN_WITH_WARNING, True),
        ("", "", Reaction.USER_DATA, False),
        ("abc", "Error", Reaction.USER_DATA, False),
        ("-3", "", Reaction.USER_DATA, False),
    ],
)
def test_a_code_that_nobody_listed_is_judged_by_severity_then_range(
    code: int | str, severity: str, reaction: Reaction, written: bool
) -> None:
    status = judge(code, severity, "why")
    assert (status.reaction, status.written) == (reaction, written)
    assert str(code) in status.what("en")


def test_a_write_that_happened_is_never_taken_for_a_failure() -> None:
    for entry in catalogue(Section.STATUS):
        for number in expand(entry.code):
            for severity in ("Info", "Warn"):
                status = judge(number, severity, "could not be locked")
                assert status.reaction in DONE
                assert status.written is True


def test_an_error_is_never_taken_for_a_write() -> None:
    for number in (*range(600), 3175, 3200, 8000):
        status = judge(number, "Error", "")
        assert status.written is False
        assert status.reaction not in {Reaction.OK, Reaction.WRITTEN_WITH_WARNING}


def test_info_and_warn_are_written() -> None:
    assert [is_written(severity) for severity in ("Info", "Warn", " warn ", "Error", "", "?")] == [
        True,
        True,
        True,
        False,
        False,
        False,
    ]


def test_a_lost_answer_is_looked_up_before_anything_is_sent_again() -> None:
    for status in (judge_message_set(600), judge_message_set("9002"), judge_message_set("odd"), judge(9002, "", "")):
        assert status.reaction is Reaction.REFRESH_AND_RETRY_ONCE
        assert status.written is None
    for hresult in ("0x80040402", "0x80040308", "0x8004040E", "0x800706BA", "0x80010108", "QBWC1042", "0x8BADF00D"):
        assert judge_hresult(hresult).written is None


def test_what_needs_one_more_attempt_only_says_so() -> None:
    assert {entry.code for entry in ENTRIES if entry.once} == {
        "1000",
        "3200",
        "3240",
        "600",
        "9002",
        "9003",
        "0x80040402",
    }


def test_no_attribute_and_no_hresult_mean_no_error() -> None:
    assert judge_message_set("").reaction is Reaction.OK
    for nothing in ("", "0", "0x0", "0x00000000", " "):
        assert judge_hresult(nothing).reaction is Reaction.OK


def test_a_single_code_goes_before_the_range_around_it() -> None:
    assert "registered" in judge_hresult("0x80040427").what("en")
    assert judge_hresult("0x80040426").reaction is Reaction.RETRY_LATER
    assert judge_hresult("0x8004042A").reaction is Reaction.USER_SETTINGS
    assert judge_hresult("0x8004042B").reaction is Reaction.RETRY_LATER


def test_an_unknown_hresult_is_told_with_its_code_and_text() -> None:
    status = judge_hresult("0x8BADF00D", "Something {odd} happened")
    assert "0x8BADF00D" in status.what("en")
    assert "Something {odd} happened" in status.what("fr_CA")
    assert judge_hresult("no number at all").code == "no number at all"
    assert judge_hresult("QBWC9999").code == "QBWC9999"


def test_quickbooks_own_text_is_filled_in_and_never_searched() -> None:
    assert judge(8000, "Error", "{code} {message}").what("en").endswith("(code 8000): {code} {message}")
    assert "QuickBooks gave no text" in judge(8000, "Error", " ").what("en")
    assert "QuickBooks n'a donné aucun texte" in judge(8000, "Error", "").what("fr")


known = st.sampled_from([n for entry in catalogue(Section.HRESULT) for n in sorted(expand(entry.code)) if n])
failures = st.integers(0x80000000, 0xFFFFFFFF)


@given(known | failures)
def test_any_spelling_of_an_hresult_gives_the_same_entry(number: int) -> None:
    judged = judge_hresult(f"0x{number:08X}")
    spellings = [
        f"{number:08X}",
        f"{number:08x}",
        f"0x{number:x}",
        f"0X{number:X}",
        f" 0x{number:08x}\n",
        f"0xFFFFFFFF{number:08X}",
        str(number),
        str(number - (1 << 32)),
    ]
    assert {judge_hresult(spelling) for spelling in spellings} == {judged}


@given(st.integers(1000, 1060), st.sampled_from(["QBWC{}", "qbwc{}", " QBWC{} ", "QBWC{}: Unable to connect."]))
def test_any_spelling_of_a_connector_code_gives_the_same_entry(number: int, spelling: str) -> None:
    assert judge_hresult(spelling.format(number)) == judge_hresult(f"QBWC{number}")


@given(st.text(), st.text(), st.text())
def test_judging_never_fails(code: str, severity: str, message: str) -> None:
    for status in (judge(code, severity, message), judge_hresult(code, message), judge_message_set(code, message)):
        assert status.what("en")
        assert status.do("fr")


def test_a_code_of_another_form_cannot_be_expanded() -> None:
    assert expand("0x8004040B,0C,0F,411-413") == {0x8004040B, 0x8004040C, 0x8004040F, *range(0x80040411, 0x80040414)}
    assert expand("QBWC1003,1004") == {1003, 1004}
    with pytest.raises(ValueError, match="not a code"):
        expand("*")
