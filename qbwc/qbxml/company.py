"""Session facts: which QuickBooks, which company file, which preferences (qbXML reference §1)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Annotated

from qbwc.qbxml.types import Address, DataExtRet, Ref, Text


@dataclass(frozen=True, slots=True, kw_only=True)
class HostQueryRq:
    """Asks which QuickBooks answers."""

    include_ret_element: tuple[Annotated[str, Text(50)], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class HostRet:
    """The QuickBooks program: product, release, and the qbXML versions that it understands."""

    product_name: str
    major_version: str
    minor_version: str
    country: str | None = None
    supported_qbxml_version: tuple[str, ...] = ()
    is_automatic_login: bool | None = None
    qb_file_mode: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CompanyQueryRq:
    """Asks who the company is; private data comes only for the OwnerIDs that are listed."""

    include_ret_element: tuple[Annotated[str, Text(50)], ...] = ()
    owner_id: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CompanyRet:
    """The company of the open file, with our FileID among its private data."""

    is_sample_company: bool | None = None
    company_name: str | None = None
    legal_company_name: str | None = None
    address: Address | None = None
    phone: str | None = None
    email: str | None = None
    first_month_fiscal_year: str | None = None
    data_ext_ret: tuple[DataExtRet, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PreferencesQueryRq:
    """Asks for the company's preferences."""

    include_ret_element: tuple[Annotated[str, Text(50)], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountingPreferences:
    """Class tracking, and the date on and before which nothing may change."""

    is_using_class_tracking: bool | None = None
    closing_date: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MultiCurrencyPreferences:
    """Whether customers may have a currency of their own."""

    is_multi_currency_on: bool | None = None
    home_currency_ref: Ref | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SalesTaxPreferences:
    """Default codes; the whole aggregate is absent when sales tax is off."""

    default_item_sales_tax_ref: Ref | None = None
    default_taxable_sales_tax_code_ref: Ref | None = None
    default_non_taxable_sales_tax_code_ref: Ref | None = None
    is_using_amounts_include_tax: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CurrentAppAccessRights:
    """What QuickBooks lets this application do."""

    is_automatic_login_allowed: bool | None = None
    automatic_login_user_name: str | None = None
    is_personal_data_access_allowed: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PreferencesRet:
    """The preferences that decide what a request may hold."""

    accounting_preferences: AccountingPreferences | None = None
    multi_currency_preferences: MultiCurrencyPreferences | None = None
    sales_tax_preferences: SalesTaxPreferences | None = None
    current_app_access_rights: CurrentAppAccessRights | None = None
