"""Which company file is this? The verdict table, row by row."""

from __future__ import annotations

import itertools

import pytest

from qbwc.identity import EXPLANATIONS, Known, Seen, Verdict, explain, judge, missing_landmarks

OURS = "{0C7C1F5A-2B3D-4E5F-8A9B-0C1D2E3F4A5B}"
OTHER = "{11111111-2222-3333-4444-555555555555}"
NAME, PATH = "Nordet inc.", r"C:\QB\Nordet.qbw"
KNOWN = Known(file_id=OURS, name=NAME, path=PATH)
CASES = list(itertools.product([OURS, OTHER, None], [NAME, "X"], [PATH, "Y"]))


@pytest.mark.parametrize(
    ("file_id", "name", "path", "verdict"),
    [
        (OURS, NAME, PATH, Verdict.GO),
        (OURS, NAME, r"D:\Copies\Nordet.qbw", Verdict.MOVED),
        (OURS, "Sudet inc.", PATH, Verdict.RENAMED),
        (OURS, "Sudet inc.", r"D:\Copies\Nordet.qbw", Verdict.RENAMED),
        (OTHER, NAME, PATH, Verdict.FOREIGN),
        (OTHER, "Sudet inc.", "", Verdict.FOREIGN),
        (None, NAME, PATH, Verdict.UNMARKED),
        (None, NAME, r"D:\Copies\Nordet.qbw", Verdict.UNMARKED),
        (None, "Sudet inc.", PATH, Verdict.OTHER),
        ("", NAME, PATH, Verdict.FOREIGN),
    ],
)
def test_the_verdict_table(file_id: str | None, name: str, path: str, verdict: Verdict) -> None:
    assert judge(KNOWN, Seen(file_id=file_id, name=name, path=path)) is verdict


def test_only_go_writes_and_only_our_own_file_is_read() -> None:
    assert {verdict for verdict in Verdict if verdict.may_write} == {Verdict.GO}
    ours = {Verdict.GO, Verdict.MOVED, Verdict.RENAMED, Verdict.STALE}
    assert {verdict for verdict in Verdict if verdict.may_read} == ours


def test_a_person_may_confirm_what_may_be_ours_and_nothing_else() -> None:
    doubtful = {Verdict.MOVED, Verdict.RENAMED, Verdict.STALE, Verdict.UNMARKED}
    assert {verdict for verdict in Verdict if verdict.may_be_confirmed} == doubtful


@pytest.mark.parametrize(
    ("known", "found", "deleted", "missing"),
    [
        ({}, {}, (), ()),
        ({"a": "5"}, {"a": "5"}, (), ()),
        ({"a": "5"}, {"a": "9"}, (), ()),  # changed by hand since
        ({"a": "5"}, {"a": "4"}, (), ("a",)),  # a state from before ours
        ({"a": "5"}, {"a": "4"}, ("a",), ("a",)),  # it is there: nobody deleted it in this file
        ({"a": "5"}, {}, (), ("a",)),
        ({"a": "5"}, {}, ("a",), ()),
        ({"a": "5", "b": "6"}, {"a": "5"}, ("c",), ("b",)),
        ({"a": "900", "b": "1000"}, {"a": "900", "b": "1000"}, (), ()),
        ({"a": "1000"}, {"a": "999"}, (), ("a",)),  # numbers, not texts
        ({"a": ""}, {"a": "3"}, (), ()),
        ({"a": "3"}, {"a": ""}, (), ()),
    ],
)
def test_a_landmark_is_missed_when_it_is_gone_or_older_and_nobody_deleted_it(
    known: dict[str, str], found: dict[str, str], deleted: tuple[str, ...], missing: tuple[str, ...]
) -> None:
    assert missing_landmarks(known, found, deleted) == missing


def test_case_and_braces_make_no_difference() -> None:
    seen = Seen(file_id=OURS.strip("{}").lower(), name=NAME.upper(), path=PATH.lower() + " ")
    assert judge(KNOWN, seen) is Verdict.GO


def test_a_new_connection_takes_the_first_file_that_carries_its_mark() -> None:
    new = Known(file_id=OURS, name=None, path=None)
    assert judge(new, Seen(file_id=OURS, name=NAME, path=PATH)) is Verdict.GO
    assert judge(new, Seen(file_id=None, name=NAME, path=PATH)) is Verdict.UNMARKED
    assert judge(new, Seen(file_id=OTHER, name=NAME, path=PATH)) is Verdict.FOREIGN


def test_a_file_without_mark_is_taken_only_after_a_person_said_so_and_only_at_its_place() -> None:
    known = Known(file_id=OURS, name=NAME, path=PATH, accepts_missing_file_id=True)
    assert judge(known, Seen(file_id=None, name=NAME, path=PATH)) is Verdict.GO
    assert judge(known, Seen(file_id=None, name=NAME, path="E:\\x.qbw")) is Verdict.UNMARKED
    assert judge(known, Seen(file_id=None, name="Sudet inc.", path=PATH)) is Verdict.OTHER
    assert judge(known, Seen(file_id=OTHER, name=NAME, path=PATH)) is Verdict.FOREIGN


@pytest.mark.parametrize(("file_id", "name", "path"), CASES)
@pytest.mark.parametrize("accepts", [False, True])
def test_nothing_is_ever_written_to_a_file_that_carries_another_mark_or_another_name(
    file_id: str | None, name: str, path: str, accepts: bool
) -> None:
    known = Known(file_id=OURS, name=NAME, path=PATH, accepts_missing_file_id=accepts)
    verdict = judge(known, Seen(file_id=file_id, name=name, path=path))
    if verdict.may_write:
        assert (name, path) == (NAME, PATH)
        assert file_id == OURS or (file_id is None and accepts)


@pytest.mark.parametrize("verdict", Verdict)
def test_every_verdict_but_go_has_a_sentence_that_names_what_to_do(verdict: Verdict) -> None:
    seen = Seen(file_id=None, name="{odd} name", path="Y")
    text = explain(verdict, Known(file_id=OURS, name=None, path=None), seen)
    assert bool(text) is (verdict is not Verdict.GO)
    assert (verdict in EXPLANATIONS) is bool(text)
    if text:
        assert set(text) == {"en", "fr"}
        assert text["en"] != text["fr"]
        assert all(said.endswith(".") for said in text.values())
        assert all("{odd} name" in said for said in text.values() if verdict is not Verdict.TOO_OLD)
