"""Error recovery: the same set is never executed twice, and its answer can be asked for again."""

from __future__ import annotations

import pytest

from qbwc.sandbox import Company, Session

ADD = "<CustomerAddRq requestID='1'><CustomerAdd><Name>Neuf</Name></CustomerAdd></CustomerAddRq>"


def attributes(new=None, old=None):
    text = 'onError="continueOnError"'
    text += f' newMessageSetID="{new}"' if new else ""
    return text + (f' oldMessageSetID="{old}"' if old else "")


def status(answer):
    return answer.get("messageSetStatusCode")


def test_the_same_set_is_executed_once_and_answered_twice(desk):
    first = desk.send(ADD, attributes=attributes("A"))
    second = desk.send(ADD, attributes=attributes("A"))
    assert status(first) == status(second) == "0"
    assert first.get("newMessageSetID") == "A"
    assert first.findtext(".//ListID") == second.findtext(".//ListID")
    assert len(desk.company.records("Customer")) == 6


def test_the_same_id_with_other_content_is_9001(desk):
    desk.send(ADD, attributes=attributes("A"))
    answer = desk.send(ADD.replace("Neuf", "Autre"), attributes=attributes("A"))
    assert (status(answer), len(answer)) == ("9001", 0)
    assert len(desk.company.records("Customer")) == 6


def test_a_status_check_returns_the_answer_and_keeps_it(desk):
    desk.send(ADD, attributes=attributes("A"))
    for _time in range(2):
        answer = desk.send("", attributes=attributes("A", "A"))
        assert (status(answer), len(answer)) == ("0", 1)


def test_a_status_check_of_an_unknown_set_is_9002(desk):
    assert status(desk.send("", attributes=attributes("A", "A"))) == "9002"


def test_the_old_id_alone_clears(desk):
    desk.send(ADD, attributes=attributes("A"))
    assert status(desk.send("", attributes=attributes(old="A"))) == "0"
    assert status(desk.send("", attributes=attributes(old="A"))) == "600"
    assert status(desk.send("", attributes=attributes("A", "A"))) == "9002"


def test_a_new_set_can_clear_the_one_before(desk):
    desk.send(ADD, attributes=attributes("A"))
    assert status(desk.send("<ClassQueryRq/>", attributes=attributes("B", "A"))) == "0"
    assert status(desk.send("", attributes=attributes("A", "A"))) == "9002"
    assert status(desk.send("", attributes=attributes("B", "B"))) == "0"


def test_all_sets_can_be_cleared(desk):
    desk.send(ADD, attributes=attributes("A"))
    assert status(desk.send("", attributes=attributes(old="ClearAllMessageSets"))) == "0"
    assert status(desk.send("", attributes=attributes("A", "A"))) == "9002"


@pytest.mark.parametrize(("length", "expected"), [(23, "0"), (24, "9004"), (36, "9004")])
def test_an_id_has_at_most_23_characters(desk, length, expected):
    assert status(desk.send(ADD, attributes=attributes("x" * length))) == expected
    assert len(desk.company.records("Customer")) == (6 if expected == "0" else 5)


def test_sets_are_stored_for_each_application(desk):
    desk.send(ADD, attributes=attributes("A"))
    desk.session = Session(application="another")
    assert status(desk.send("", attributes=attributes("A", "A"))) == "9002"


def test_stored_sets_live_in_the_company_file(desk, tmp_path):
    desk.send(ADD, attributes=attributes("A"))
    desk.company.save(tmp_path / "company.json")
    desk.company = Company.load(tmp_path / "company.json", clock=desk.clock)
    desk.session = Session(application="tests")
    assert status(desk.send("", attributes=attributes("A", "A"))) == "0"


def test_without_an_id_nothing_is_stored(desk):
    assert status(desk.send(ADD)) is None
    assert desk.send(ADD)[0].get("statusCode") == "3100"


def test_what_could_not_be_stored_is_executed_again_when_it_is_sent_again(desk):
    desk.session.cannot_store = True
    first = desk.send(ADD, attributes=attributes("A"))
    assert (status(first), first[0].get("statusCode")) == ("9005", "0")
    desk.session.cannot_store = False
    second = desk.send(ADD, attributes=attributes("A"))
    assert (status(second), second[0].get("statusCode")) == ("0", "3100")


def test_an_old_set_can_be_cleared_by_a_new_one_that_clears_all(desk):
    desk.send(ADD, attributes=attributes("A"))
    assert status(desk.send("<ClassQueryRq/>", attributes=attributes("B", "ClearAllMessageSets"))) == "0"
    assert status(desk.send("", attributes=attributes("A", "A"))) == "9002"
    assert status(desk.send("", attributes=attributes("B", "B"))) == "0"


def test_a_status_check_that_brings_content_along_is_executed_at_most_once(desk):
    for _time in range(2):
        assert status(desk.send(ADD, attributes=attributes("A", "A"))) == "0"
    assert len(desk.company.records("Customer")) == 6
