"""What an export rule chooses from: what is chosen first, the rest searched by pages, however many there are."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa

from portal.billing.export_rule import Tag
from portal.errors import NotFound
from portal.models import Organization
from portal.services import rule_choices
from portal.services.rule_choices import Side, Sought


def checklist(month: Any, side: Side = Side.ORGANIZATIONS, *chosen: int, **sought: Any) -> rule_choices.Checklist:
    return rule_choices.read_checklist(month.portal, month.connection_id, side, chosen, Sought(**sought))


def test_what_is_chosen_stands_apart_from_what_is_found(any_month: Any) -> None:
    every = checklist(any_month)
    assert (every.chosen, every.count) == ((), 0)
    assert every.found.count == len(every.found.rows) > 5
    first, second = every.found.rows[:2]
    some = checklist(any_month, Side.ORGANIZATIONS, second[0], first[0], 999_999)
    assert some.chosen == (first, second)
    assert some.found.count == every.found.count - 2
    assert checklist(any_month, Side.ORGANIZATIONS, first[0], search="no such name").chosen == (first,)


def test_rows_are_found_by_words_without_accents(any_month: Any) -> None:
    (only,) = checklist(any_month, search="BLES trois").found.rows
    assert only[1] == "Boulangerie Aux Trois Blés"
    offers = checklist(any_month, Side.OFFERS, search="m365-bb").found.rows
    assert [name for _id, name in offers] == ["Microsoft 365 Business Basic"]
    ids = rule_choices.find_ids(any_month.portal, any_month.connection_id, Side.OFFERS, "microsoft")
    assert {row[0] for row in checklist(any_month, Side.OFFERS, search="microsoft").found.rows} <= ids


def test_ten_thousand_chosen_organizations_are_counted_and_some_are_named(month: Any) -> None:
    own = {"connection_id": month.connection_id}
    with month.portal.database.write() as db:
        db.execute(sa.insert(Organization), [{**own, "key": f"k{n}", "name": f"Many {n:05}"} for n in range(10_000)])
    ids = rule_choices.find_ids(month.portal, month.connection_id, Side.ORGANIZATIONS, "many")
    assert len(ids) == 10_000
    seen = checklist(month, Side.ORGANIZATIONS, *ids, search="many")
    assert (seen.count, len(seen.chosen), seen.found.count) == (10_000, rule_choices.MOST_LISTED, 0)
    assert {row_id for row_id, _name in seen.chosen} | set(seen.unlisted) == ids
    second = checklist(month, search="many", page=2)
    assert [name for _id, name in second.found.rows][:2] == ["Many 00025", "Many 00026"]


def test_tags_are_found_by_name_and_value(any_month: Any) -> None:
    def found(search: str, *chosen: Tag) -> rule_choices.TagList:
        return rule_choices.find_tags(any_month.portal, any_month.connection_id, search, chosen)

    first = found("department").found
    assert first[0] == Tag("Department")
    assert all(tag.name == "Department" for tag in first)
    assert len(first) > 1
    assert Tag("Department") not in found("department", Tag("Department")).found
    assert found("nothing like it").found == ()
    assert len(found("").found) <= rule_choices.FOUND


def test_another_connection_has_rows_of_its_own(month: Any) -> None:
    with pytest.raises(NotFound):
        rule_choices.read_checklist(month.portal, 99, Side.OFFERS, (), Sought())
    with pytest.raises(NotFound):
        rule_choices.find_ids(month.portal, 99, Side.OFFERS, "")
    with pytest.raises(NotFound):
        rule_choices.find_tags(month.portal, 99, "", ())
