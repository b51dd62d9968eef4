"""The addresses in letters and webhooks are those of pages."""

from __future__ import annotations

from typing import Any

import pytest
from werkzeug.exceptions import NotFound

from portal.notices import Action
from portal.services.notice_texts import BUTTONS, PLACES, address_of


def test_every_action_is_done_on_a_page_that_exists(site: Any) -> None:
    assert set(PLACES) == set(BUTTONS) == set(Action)
    routes = site.url_map.bind("localhost")
    for place in PLACES.values():
        try:
            routes.match(f"/connections/7{place}")
        except NotFound:
            pytest.fail(f"no page answers at {place}")


def test_an_address_is_whole() -> None:
    assert (
        address_of("https://portal.example.com/", 7, "/preview") == "https://portal.example.com/connections/7/preview"
    )
