"""Secrets as they are kept: sealed for one purpose, under one key."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import SecretStr

from portal import settings as configuration
from portal.services.sealing import Purpose, seal, unseal
from portal.settings import Settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return configuration.load({}, data=tmp_path, secret_key=SecretStr("one"))


def test_what_is_sealed_can_be_read_again_and_does_not_show(settings: Settings) -> None:
    sealed = seal(settings, Purpose.CREDENTIALS, "hush-hush é")
    assert "hush" not in sealed
    assert unseal(settings, Purpose.CREDENTIALS, sealed) == "hush-hush é"
    assert seal(settings, Purpose.CREDENTIALS, "hush-hush é") != sealed


def test_it_opens_for_its_purpose_and_under_its_key_only(settings: Settings) -> None:
    sealed = seal(settings, Purpose.CREDENTIALS, "secret")
    for other in Purpose:
        assert (unseal(settings, other, sealed) is not None) is (other is Purpose.CREDENTIALS)
    changed = settings.model_copy(update={"secret_key": SecretStr("two")})
    assert unseal(changed, Purpose.CREDENTIALS, sealed) is None


@pytest.mark.parametrize("damaged", ["", "x", "é", "gAAAAA", "\0"])
def test_what_is_damaged_is_none(settings: Settings, damaged: str) -> None:
    assert unseal(settings, Purpose.CREDENTIALS, damaged) is None


def test_what_was_sealed_before_purposes_can_still_be_read(settings: Settings) -> None:
    """Made with the key `one` when credentials were the only purpose."""
    kept = OLD
    assert unseal(settings, Purpose.CREDENTIALS, kept) == "secret of old"


OLD = "gAAAAABqsTuAzVY9awowas7yTbc-lD4PCx15ksGF1xSy5nZlC0iSK435Q5MMNDLuAxduqX3Dxp0m5Pmhx6pIsoAnhj_z_MclMA=="
