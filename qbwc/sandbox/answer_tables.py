"""The objects a sandbox company returns: their elements in order, so that every answer has QuickBooks' own shape."""

from __future__ import annotations

from qbwc.sandbox.grammar import Content, compile_table

_CORE = "ListID:id TimeCreated:datetime TimeModified:datetime EditSequence"
_SALE = "Desc [ Price:price | PricePercent:pct ] AccountRef:ref"
_BOTH = (
    "SalesDesc SalesPrice:price IncomeAccountRef:ref PurchaseDesc PurchaseCost:price PurchaseTaxCodeRef:ref@6.0-US "
    "ExpenseAccountRef:ref PrefVendorRef:ref"
)
_SHARED = {
    "core": _CORE,
    "item": f"{_CORE} Name FullName BarCodeValue@12.0-AU IsActive:bool ClassRef:ref@12.0 ParentRef:ref Sublevel:int",
    "flat": f"{_CORE} Name BarCodeValue@12.0-AU IsActive:bool",
    "end": "ExternalGUID:guid@8.0 DataExtRet*:dataext@2.0",
    "tax": "IsTaxIncluded:bool@6.0-US SalesTaxCodeRef:ref",
    "price": f"[ SalesOrPurchase( {_SALE} ) | SalesAndPurchase( {_BOTH} ) ]",
    "stock": (
        "SalesDesc SalesPrice:price IncomeAccountRef:ref PurchaseDesc PurchaseCost:price "
        "PurchaseTaxCodeRef:ref@6.0-US COGSAccountRef:ref PrefVendorRef:ref AssetAccountRef:ref"
    ),
    "count": "QuantityOnHand:quan AverageCost:price QuantityOnOrder:quan QuantityOnSalesOrder:quan@2.0",
    "special": "SpecialItemType@6.0",
    "line": (
        "TxnLineID:id@2.0 ItemRef:ref Desc Quantity:quan UnitOfMeasure@7.0 OverrideUOMSetRef:ref@7.0 "
        "[ Rate:price | RatePercent:pct ] ClassRef:ref Amount:amt InventorySiteRef:ref@10.0 "
        "InventorySiteLocationRef:ref@12.0 [ SerialNumber@11.0 | LotNumber@11.0 ] ServiceDate:date "
        "SalesTaxCodeRef:ref Other1@6.0 Other2@6.0 DataExtRet*:dataext@2.0"
    ),
    "group": (
        "TxnLineID:id@2.1 ItemGroupRef:ref Desc Quantity:quan UnitOfMeasure@7.0 OverrideUOMSetRef:ref@7.0 "
        "IsPrintItemsInGroup:bool TotalAmount:amt"
    ),
    "txn": (
        "TxnID:id TimeCreated:datetime TimeModified:datetime EditSequence TxnNumber:int CustomerRef:ref ClassRef:ref "
        "ARAccountRef:ref TemplateRef:ref@3.0 TxnDate:date RefNumber BillAddress:addr BillAddressBlock:block@6.0 "
        "ShipAddress:addr ShipAddressBlock:block@6.0 IsPending:bool"
    ),
    "terms": (
        "PONumber TermsRef:ref DueDate:date SalesRepRef:ref FOB ShipDate:date ShipMethodRef:ref Subtotal:amt "
        "ItemSalesTaxRef:ref SalesTaxPercentage:pct SalesTaxTotal:amt"
    ),
    "message": (
        "CustomerMsgRef:ref IsToBePrinted:bool IsToBeEmailed:bool@6.0 IsTaxIncluded:bool@6.0-US "
        "CustomerSalesTaxCodeRef:ref"
    ),
    "linked": ("ExternalGUID:guid@9.0 LinkedTxn*( TxnID:id TxnType TxnDate:date RefNumber LinkType@3.0 Amount:amt )"),
}

_TABLES = {
    "HostRet": (
        "ProductName MajorVersion MinorVersion Country@3.0 SupportedQBXMLVersion* IsAutomaticLogin:bool@3.0 "
        "QBFileMode@3.0"
    ),
    "CompanyRet": (
        "IsSampleCompany:bool@3.0 CompanyName LegalCompanyName Address:addr AddressBlock:block@6.0 LegalAddress:addr "
        "CompanyAddressForCustomer:addr CompanyAddressBlockForCustomer:block@6.0 Phone Fax Email CompanyWebSite "
        "FirstMonthFiscalYear FirstMonthIncomeTaxYear CompanyType EIN@2.0 SSN@2.1 TaxForm@2.1 "
        "SubscribedServices@7.0( Service*( Name Domain ServiceStatus ) ) "
        "AccountantCopy@8.0( AccountantCopyExists:bool DividingDate:date ) DataExtRet*:dataext@2.0"
    ),
    "PreferencesRet": (
        "AccountingPreferences( IsUsingAccountNumbers:bool IsRequiringAccounts:bool IsUsingClassTracking:bool "
        "AssignClassesTo@12.0 IsUsingAuditTrail:bool IsAssigningJournalEntryNumbers:bool ClosingDate:date ) "
        "FinanceChargePreferences( AnnualInterestRate:pct MinFinanceCharge:amt GracePeriod:int "
        "IsAssessingForOverdueCharges:bool CalculateChargesFrom IsMarkedToBePrinted:bool ) "
        "JobsAndEstimatesPreferences( IsUsingEstimates:bool IsUsingProgressInvoicing:bool "
        "IsPrintingItemsWithZeroAmounts:bool ) "
        "MultiCurrencyPreferences@8.0( IsMultiCurrencyOn:bool HomeCurrencyRef:ref ) "
        "PurchasesAndVendorsPreferences( IsUsingInventory:bool DaysBillsAreDue:int "
        "IsAutomaticallyUsingDiscounts:bool ) "
        "ReportsPreferences( AgingReportBasis SummaryReportBasis ) "
        "SalesAndCustomersPreferences( IsTrackingReimbursedExpensesAsIncome:bool IsAutoApplyingPayments:bool "
        "PriceLevels@4.0( IsUsingPriceLevels:bool IsRoundingSalesPriceUp:bool ) ) "
        "SalesTaxPreferences( DefaultItemSalesTaxRef:ref PaySalesTax DefaultTaxableSalesTaxCodeRef:ref "
        "DefaultNonTaxableSalesTaxCodeRef:ref IsUsingVendorTaxCode:bool IsUsingCustomerTaxCode:bool "
        "IsUsingAmountsIncludeTax:bool ) "
        "TimeTrackingPreferences( FirstDayOfWeek ) "
        "CurrentAppAccessRights( IsAutomaticLoginAllowed:bool AutomaticLoginUserName "
        "IsPersonalDataAccessAllowed:bool )"
    ),
    "CustomerRet": (
        "$core Name FullName IsActive:bool ClassRef:ref@12.0 ParentRef:ref Sublevel:int CompanyName Salutation "
        "FirstName MiddleName LastName JobTitle@12.0 BillAddress:addr BillAddressBlock:block@6.0 ShipAddress:addr "
        "ShipAddressBlock:block@6.0 PrintAs Phone AltPhone Fax Email Cc@12.0 Contact AltContact CustomerTypeRef:ref "
        "TermsRef:ref SalesRepRef:ref Balance:amt TotalBalance:amt SalesTaxCodeRef:ref ItemSalesTaxRef:ref-CA/UK "
        "SalesTaxCountry@6.0-US ResaleNumber AccountNumber CreditLimit:amt PreferredPaymentMethodRef:ref@3.0 "
        "JobStatus JobStartDate:date JobProjectedEndDate:date JobEndDate:date JobDesc JobTypeRef:ref Notes "
        "PreferredDeliveryMethod@12.0 PriceLevelRef:ref@4.0 ExternalGUID:guid@8.0 TaxRegistrationNumber@8.0-US "
        "CurrencyRef:ref@8.0 DataExtRet*:dataext@2.0"
    ),
    "AccountRet": (
        "$core Name FullName IsActive:bool ParentRef:ref Sublevel:int AccountType SpecialAccountType@2.1 "
        "IsTaxAccount:bool@6.0-US AccountNumber BankNumber@2.0 Desc Balance:amt TotalBalance:amt "
        "SalesTaxCodeRef:ref@6.0-US CashFlowClassification@2.1 CurrencyRef:ref@8.0 DataExtRet*:dataext@2.0"
    ),
    "ClassRet": "$core Name FullName IsActive:bool ParentRef:ref Sublevel:int",
    "StandardTermsRet": "$core Name IsActive:bool StdDueDays:int StdDiscountDays:int DiscountPct:pct",
    "DateDrivenTermsRet": (
        "$core Name IsActive:bool DayOfMonthDue:int DueNextMonthDays:int DiscountDayOfMonth:int DiscountPct:pct"
    ),
    "SalesTaxCodeRet": (
        "$core Name IsActive:bool IsTaxable:bool Desc ItemPurchaseTaxRef:ref@6.0-US ItemSalesTaxRef:ref@6.0-US"
    ),
    "CurrencyRet": (
        "$core Name IsActive:bool CurrencyCode CurrencyFormat( ThousandSeparator ThousandSeparatorGrouping "
        "DecimalPlaces DecimalSeparator ) IsUserDefinedCurrency:bool ExchangeRate:float AsOfDate:date"
    ),
    "TemplateRet": "$core Name IsActive:bool TemplateType",
    "CustomerMsgRet": "$core Name IsActive:bool",
    "ItemServiceRet": "$item UnitOfMeasureSetRef:ref@7.0 $tax $price $end",
    "ItemNonInventoryRet": "$item ManufacturerPartNumber@7.0 UnitOfMeasureSetRef:ref@7.0 $tax $price $end",
    "ItemOtherChargeRet": "$item $tax $price $special $end",
    "ItemInventoryRet": (
        "$item ManufacturerPartNumber@7.0 UnitOfMeasureSetRef:ref@7.0 $tax $stock ReorderPoint:quan Max:quan@13.0 "
        "$count $end"
    ),
    "ItemInventoryAssemblyRet": (
        "$item ManufacturerPartNumber@12.0 UnitOfMeasureSetRef:ref@7.0 $tax $stock BuildPoint:quan Max:quan@13.0 "
        "$count ExternalGUID:guid@8.0 ItemInventoryAssemblyLine*( ItemInventoryRef:ref Quantity:quan ) "
        "DataExtRet*:dataext@2.0"
    ),
    "ItemFixedAssetRet": (
        "$flat ClassRef:ref@12.0 AcquiredAs PurchaseDesc PurchaseDate:date PurchaseCost:price VendorOrPayeeName "
        "AssetAccountRef:ref AssetDesc Location PONumber SerialNumber WarrantyExpDate:date Notes AssetNumber "
        "CostBasis:amt $end"
    ),
    "ItemSubtotalRet": "$flat ItemDesc $special $end",
    "ItemDiscountRet": (
        "$item ItemDesc SalesTaxCodeRef:ref [ DiscountRate:price | DiscountRatePercent:pct ] AccountRef:ref $end"
    ),
    "ItemPaymentRet": "$flat ClassRef:ref@12.0 ItemDesc DepositToAccountRef:ref PaymentMethodRef:ref $end",
    "ItemSalesTaxRet": "$flat ClassRef:ref@12.0 ItemDesc TaxRate:pct TaxVendorRef:ref $end",
    "ItemSalesTaxGroupRet": "$flat ItemDesc ExternalGUID:guid@8.0 ItemSalesTaxRef*:ref DataExtRet*:dataext@2.0",
    "ItemGroupRet": (
        "$flat ItemDesc UnitOfMeasureSetRef:ref@7.0 IsPrintItemsInGroup:bool $special ExternalGUID:guid@8.0 "
        "ItemGroupLine*( ItemRef:ref Quantity:quan UnitOfMeasure@7.0 ) DataExtRet*:dataext@2.0"
    ),
    "InvoiceRet": (
        "$txn IsFinanceCharge:bool $terms AppliedAmount:amt BalanceRemaining:amt CurrencyRef:ref@8.0 "
        "ExchangeRate:float@8.0 BalanceRemainingInHomeCurrency:amt@8.0 Memo IsPaid:bool@2.0 $message "
        "SuggestedDiscountAmount:amt SuggestedDiscountDate:date Other@6.0 $linked "
        "[ InvoiceLineRet*( $line ) | InvoiceLineGroupRet*( $group InvoiceLineRet*( $line ) DataExtRet*:dataext ) ]* "
        "DataExtRet*:dataext@2.0"
    ),
    "CreditMemoRet": (
        "$txn $terms TotalAmount:amt CreditRemaining:amt CurrencyRef:ref@8.0 ExchangeRate:float@8.0 "
        "CreditRemainingInHomeCurrency:amt@8.0 Memo $message Other@6.0 $linked "
        "[ CreditMemoLineRet*( $line ) | "
        "CreditMemoLineGroupRet*( $group CreditMemoLineRet*( $line ) DataExtRet*:dataext ) ]* DataExtRet*:dataext@2.0"
    ),
    "DataExtRet": "OwnerID:guid DataExtName DataExtType DataExtValue",
    "DataExtDelRet": "OwnerID:guid DataExtName ListDataExtType ListObjRef:ref TxnDataExtType TxnID TxnLineID "
    "OtherDataExtType TimeDeleted:datetime",
    "DataExtDefRet": (
        "OwnerID:guid DataExtID:int@11.0 DataExtName DataExtType AssignToObject* DataExtListRequire:bool@11.0 "
        "DataExtTxnRequire:bool@11.0 DataExtFormatString@11.0"
    ),
    "TxnVoidRet": "TxnVoidType TxnID TimeCreated:datetime TimeModified:datetime RefNumber",
    "TxnDelRet": "TxnDelType TxnID TimeDeleted:datetime RefNumber",
    "TxnDeletedRet": "TxnDelType TxnID TimeCreated:datetime TimeDeleted:datetime RefNumber",
    "ListDelRet": "ListDelType ListID TimeDeleted:datetime FullName",
    "ListDeletedRet": "ListDelType ListID TimeCreated:datetime TimeDeleted:datetime FullName",
}

ANSWERS: dict[str, Content] = {name: compile_table(text, _SHARED) for name, text in _TABLES.items()}
"""The table of every Ret element, by its name."""

UNWRAPPED = frozenset(("TxnVoidRet", "TxnDelRet", "ListDelRet"))
"""Answers whose fields stand directly in the Rs element, without a Ret around them."""
