"""The backup of a company file: the state before a visit, kept beside it and put back on demand."""

from __future__ import annotations

import json

from qbwc.sandbox.company import Company
from qbwc.sandbox.errors import CompanyError


def keep_backup(company: Company) -> None:
    """Copy the company file aside, as the state before this visit."""
    if company.path is not None:
        company.save(company.path.with_name(f"{company.path.name}.backup"))


def restore_backup(company: Company) -> None:
    """Put the state before the last visit back, without any stored message set: a restored file has lost them all.

    Raises CompanyError when there is no backup yet.
    """
    if company.path is None:
        raise CompanyError("A company without a file has no backup to restore.")
    backup = company.path.with_name(f"{company.path.name}.backup")
    try:
        company.restore(json.loads(backup.read_text(encoding="utf-8")))
    except (OSError, ValueError):
        raise CompanyError(f"There is no backup {backup} yet: make one visit without restore-backup first.") from None
    company.state["MessageSets"] = {}
