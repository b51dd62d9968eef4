"""The requests a sandbox company understands: their elements in order, with types, lengths and versions.

The tables hold facts about qbXML 13.0 in the language of `grammar`. Where an element exists only in QuickBooks Online
or asks for a feature that no small company has (serial numbers, credit cards), it is accepted and kept quiet.
"""

from __future__ import annotations

from qbwc.sandbox.grammar import Content, compile_table

_MATCH = "MatchCriterion!:StartsWith,Contains,EndsWith"
_WITH_CHILDREN = "[ ListID+:id | FullName+ | ListIDWithChildren!:id | FullNameWithChildren! ]!"

_OBJECTS = (
    "Account,ARRefundCreditCard,Bill,BillPaymentCheck,BillPaymentCreditCard,BuildAssembly,Charge,Check,"
    "Company,CreditCardCharge,CreditCardCredit,CreditMemo,Customer,Deposit,Employee,Estimate,"
    "InventoryAdjustment,Invoice,Item,ItemReceipt,JournalEntry,OtherName,PurchaseOrder,ReceivePayment,"
    "SalesOrder,SalesReceipt,SalesTaxPaymentCheck,Vendor,VendorCredit"
)
_TXN_DELETABLE = (
    "ARRefundCreditCard,Bill,BillPaymentCheck,BillPaymentCreditCard,BuildAssembly,Charge,Check,"
    "CreditCardCharge,CreditCardCredit,CreditMemo,Deposit,Estimate,InventoryAdjustment,Invoice,"
    "ItemReceipt,JournalEntry,PurchaseOrder,ReceivePayment,SalesOrder,SalesReceipt,SalesTaxPaymentCheck,"
    "TimeTracking,TransferInventory,VehicleMileage,VendorCredit"
)
_TXN_VOIDABLE = (
    "ARRefundCreditCard,Bill,BillPaymentCheck,BillPaymentCreditCard,Charge,Check,CreditCardCharge,"
    "CreditCardCredit,CreditMemo,Deposit,InventoryAdjustment,Invoice,ItemReceipt,JournalEntry,"
    "SalesReceipt,VendorCredit"
)
_TXN_EXTENDED = (
    "ARRefundCreditCard,Bill,BillPaymentCheck,BillPaymentCreditCard,BuildAssembly,Charge,Check,"
    "CreditCardCharge,CreditCardCredit,CreditMemo,Deposit,Estimate,InventoryAdjustment,Invoice,"
    "ItemReceipt,JournalEntry,PurchaseOrder,ReceivePayment,SalesOrder,SalesReceipt,SalesTaxPaymentCheck,"
    "VendorCredit"
)
_LIST_DELETABLE = (
    "Account,BillingRate,Class,Currency,Customer,CustomerMsg,CustomerType,DateDrivenTerms,Employee,"
    "InventorySite,ItemDiscount,ItemFixedAsset,ItemGroup,ItemInventory,ItemInventoryAssembly,"
    "ItemNonInventory,ItemOtherCharge,ItemPayment,ItemSalesTax,ItemSalesTaxGroup,ItemService,ItemSubtotal,"
    "JobType,OtherName,PaymentMethod,PayrollItemNonWage,PayrollItemWage,PriceLevel,SalesRep,SalesTaxCode,"
    "ShipMethod,StandardTerms,ToDo,UnitOfMeasureSet,Vehicle,Vendor,VendorType,WorkersCompCode"
)

_SHARED = {
    "trim": "IncludeRetElement*:str50@4.0",
    "owner": "OwnerID*:guid@2.0",
    "dates": "FromModifiedDate:datetime ToModifiedDate:datetime",
    "names": f"[ NameFilter!( {_MATCH} Name! ) | NameRangeFilter!( FromName ToName ) ]",
    "filter": "MaxReturned:int ActiveStatus:ActiveOnly,InactiveOnly,All $dates $names",
    "currency": "CurrencyFilter@8.0( [ ListID+:id | FullName+:str64 ]! )",
    "class": f"ClassFilter@12.0-AU( {_WITH_CHILDREN} )",
    "balance": (
        "TotalBalanceFilter( Operator!:LessThan,LessThanEqual,Equal,GreaterThan,GreaterThanEqual Amount!:amt )"
    ),
    "account_types": (
        "AccountType*:AccountsPayable,AccountsReceivable,Bank,CostOfGoodsSold,CreditCard,Equity,Expense,FixedAsset,"
        "Income,LongTermLiability,NonPosting,OtherAsset,OtherCurrentAsset,OtherCurrentLiability,OtherExpense,"
        "OtherIncome"
    ),
    "list": "[ ListID+:id | FullName+ | $filter ]",
    "list_class": "[ ListID+:id | FullName+ | $filter $class ]",
    "txn": (
        "[ TxnID+:id | RefNumber+ | RefNumberCaseSensitive+:str@4.0 | MaxReturned:int "
        "[ ModifiedDateRangeFilter!( $dates ) | "
        "TxnDateRangeFilter!( [ FromTxnDate:date ToTxnDate:date | DateMacro!:word ]! ) ] "
        f"EntityFilter( {_WITH_CHILDREN} ) AccountFilter( {_WITH_CHILDREN} ) "
        f"[ RefNumberFilter!( {_MATCH} RefNumber! ) | RefNumberRangeFilter!( FromRefNumber ToRefNumber ) ] "
        "$currency $paid ] IncludeLineItems:bool IncludeLinkedTxns:bool $trim $owner"
    ),
    "paid": "PaidStatus:All,PaidOnly,NotPaidOnly",
    "unpaid": "",
    "ext": "DataExt*@5.0( OwnerID!:guid DataExtName!:str31 DataExtValue! )",
    "uom": "UnitOfMeasure:str31@7.0",
    "uom_mod": "UnitOfMeasure:str31@7.0 OverrideUOMSetRef:ref31@7.0",
    "site": "InventorySiteRef:ref31@10.0-AU InventorySiteLocationRef:ref31@12.0-AU",
    "rate": "[ Rate!:price | RatePercent!:pct | PriceLevelRef!:ref31@4.0 ]",
    "money": "$rate ClassRef:ref159 Amount:amt TaxAmount:amt@6.1-US/CA/UK",
    "end": (
        "$site [ SerialNumber:str4095-AU | LotNumber:str40-AU ] ServiceDate:date SalesTaxCodeRef:ref3 "
        "OverrideItemAccountRef:ref159 Other1:str29@6.0 Other2:str29@6.0"
    ),
    "rule": "OptionForPriceRuleConflict:Zero,BasePrice@13.0",
    "line": "ItemRef:ref Desc:str4095 Quantity:quan $uom $money",
    "line_mod": "TxnLineID!:id ItemRef:ref Desc:str4095 Quantity:quan $uom_mod $money $rule $end",
    "group": "ItemGroupRef!:ref31 Quantity:quan $uom $site $ext",
    "group_mod": "TxnLineID!:id ItemGroupRef:ref31 Quantity:quan $uom_mod",
    "head": (
        "ClassRef:ref159 ARAccountRef:ref159 TemplateRef:ref31@3.0 TxnDate:date RefNumber:str11 BillAddress:addr "
        "ShipAddress:addr IsPending:bool"
    ),
    "head_end": (
        "PONumber:str25 TermsRef:ref31 DueDate:date SalesRepRef:ref5 FOB:str13 ShipDate:date ShipMethodRef:ref15 "
        "ItemSalesTaxRef:ref31 Memo:str4095 CustomerMsgRef:ref101 IsToBePrinted:bool IsToBeEmailed:bool@6.0 "
        "IsTaxIncluded:bool@6.0-US CustomerSalesTaxCodeRef:ref3 Other:str29@6.0 ExchangeRate:float@8.0"
    ),
    "credit": "SetCredit*@10.0( CreditTxnID!:id AppliedAmount!:amt Override:bool@10.0 )",
    "sale": "Desc:str4095 [ Price!:price | PricePercent!:pct ] AccountRef:ref159",
    "both": (
        "SalesDesc:str4095 SalesPrice:price IncomeAccountRef:ref159 PurchaseDesc:str4095 PurchaseCost:price "
        "PurchaseTaxCodeRef:ref3@6.0-US ExpenseAccountRef:ref159 PrefVendorRef:ref41"
    ),
    "price_mod": (
        "[ SalesOrPurchaseMod!( $sale ApplyAccountRefToExistingTxns:bool@7.0 ) | SalesAndPurchaseMod!( "
        "SalesDesc:str4095 SalesPrice:price IncomeAccountRef:ref159@7.0 ApplyIncomeAccountRefToExistingTxns:bool@7.0 "
        "PurchaseDesc:str4095 PurchaseCost:price PurchaseTaxCodeRef:ref3@6.0-US ExpenseAccountRef:ref159@7.0 "
        "ApplyExpenseAccountRefToExistingTxns:bool@7.0 PrefVendorRef:ref41 ) ]"
    ),
    "bar": "BarCode@12.0-AU( BarCodeValue:str50 AssignEvenIfUsed:bool AllowOverride:bool )",
    "item_mod": (
        "ListID!:id EditSequence!:str16 Name:str31 $bar IsActive:bool ClassRef:ref159@12.0 ParentRef:ref $part "
        "IsTaxIncluded:bool@6.0-US SalesTaxCodeRef:ref3 $price_mod"
    ),
    "units": "UnitOfMeasureSetRef:ref31@7.0 ForceUOMChange:bool@7.0",
    "person": (
        "CompanyName:str41 Salutation:str15 FirstName:str25 MiddleName:str5 LastName:str25 JobTitle:str41@12.0 "
        "BillAddress:addr ShipAddress:addr PrintAs:str41 Phone:str21 AltPhone:str21 Fax:str21 Email:str1023 "
        "Cc:str1023@12.0 Contact:str41 AltContact:str41 CustomerTypeRef:ref159 TermsRef:ref31 SalesRepRef:ref5"
    ),
    "account": (
        "SalesTaxCodeRef:ref3 ItemSalesTaxRef:ref31-CA/UK SalesTaxCountry:Australia,Canada,UK,US@6.0-US "
        "ResaleNumber:str21 AccountNumber:str99 CreditLimit:amt PreferredPaymentMethodRef:ref31@3.0 "
        "JobStatus:Awarded,Closed,InProgress,None,NotAwarded,Pending JobStartDate:date JobProjectedEndDate:date "
        "JobEndDate:date JobDesc:str99 JobTypeRef:ref159 Notes:str4095 "
        "PreferredDeliveryMethod:None,Email,Fax@12.0 PriceLevelRef:ref31@4.0"
    ),
    "place": (
        "[ ListDataExtType!:Account,Customer,Employee,Item,OtherName,Vendor ListObjRef!:ref159 | "
        "TxnDataExtType!:$extended TxnID!:id TxnLineID:id@3.0 | OtherDataExtType!:Company ]!"
    ),
    "objects": _OBJECTS,
    "deletable": _TXN_DELETABLE,
    "voidable": _TXN_VOIDABLE,
    "extended": _TXN_EXTENDED,
    "deletable_lists": _LIST_DELETABLE,
    "deleted": "DeletedDateRangeFilter( FromDeletedDate:datetime ToDeletedDate:datetime ) $trim",
    "data_types": "AMTTYPE,DATETIMETYPE,INTTYPE,PERCENTTYPE,PRICETYPE,QUANTYPE,STR1024TYPE,STR255TYPE",
}

ITEM_KINDS = (
    "Service",
    "NonInventory",
    "OtherCharge",
    "Inventory",
    "InventoryAssembly",
    "FixedAsset",
    "Subtotal",
    "Discount",
    "Payment",
    "SalesTax",
    "SalesTaxGroup",
    "Group",
)
_WITHOUT_CLASS = frozenset(("Subtotal", "SalesTaxGroup", "Group"))

_TABLES = {
    "HostQuery": "IncludeListMetaData@6.0( IncludeMaxCapacity!:bool ) $trim",
    "CompanyQuery": "$trim $owner",
    "PreferencesQuery": "$trim",
    "CustomerQuery": "[ ListID+:id | FullName+ | $filter $balance $currency $class ] $trim $owner",
    "ItemQuery": "$list $trim $owner",
    "AccountQuery": "[ ListID+:id | FullName+ | $filter $account_types $currency ] $trim $owner",
    "ClassQuery": "$list $trim",
    "TermsQuery": "$list $trim",
    "SalesTaxCodeQuery": "$list $trim",
    "CurrencyQuery": "$list $trim",
    "CustomerMsgQuery": "$list $trim",
    "TemplateQuery": "$trim",
    "InvoiceQuery": "$txn",
    "CreditMemoQuery": "$credit_txn",
    "InvoiceAdd": (
        "InvoiceAdd!( CustomerRef!:ref209 $head IsFinanceCharge:bool@8.0 $head_end ExternalGUID:guid@9.0 "
        "LinkToTxnID*:id@6.0 $credit [ InvoiceLineAdd!( $line $rule $end "
        "LinkToTxn@6.0( TxnID!:id TxnLineID!:id ) $ext ) | InvoiceLineGroupAdd!( $group ) ]* ) $trim"
    ),
    "InvoiceMod": (
        "InvoiceMod!( TxnID!:id EditSequence!:str16 CustomerRef:ref209 $head $head_end $credit "
        "[ InvoiceLineMod!( $line_mod ) | InvoiceLineGroupMod!( $group_mod InvoiceLineMod*( $line_mod ) ) ]* ) $trim"
    ),
    "CreditMemoAdd": (
        "CreditMemoAdd!( CustomerRef!:ref209 $head $head_end ExternalGUID:guid@9.0 "
        "[ CreditMemoLineAdd!( $line $end $ext ) | CreditMemoLineGroupAdd!( $group ) ]* ) $trim"
    ),
    "ItemServiceAdd": (
        "ItemServiceAdd!( Name!:str31 $bar IsActive:bool ClassRef:ref159@12.0 ParentRef:ref "
        "UnitOfMeasureSetRef:ref31@7.0 IsTaxIncluded:bool@6.0-US SalesTaxCodeRef:ref3 "
        "[ SalesOrPurchase!( $sale ) | SalesAndPurchase!( $both ) ]! ExternalGUID:guid@8.0 ) $trim"
    ),
    "ItemServiceMod": "ItemServiceMod!( $service_mod ) $trim",
    "ItemNonInventoryMod": "ItemNonInventoryMod!( $part_mod ) $trim",
    "ItemOtherChargeMod": "ItemOtherChargeMod!( $charge_mod ) $trim",
    "CustomerAdd": (
        "CustomerAdd!( Name!:str41 IsActive:bool ClassRef:ref159@12.0 ParentRef:ref $person OpenBalance:amt "
        "OpenBalanceDate:date $account ExternalGUID:guid@8.0 TaxRegistrationNumber:str30@8.0-US "
        "CurrencyRef:ref64@8.0 ) $trim"
    ),
    "CustomerMod": (
        "CustomerMod!( ListID!:id EditSequence!:str16 Name:str41 IsActive:bool ClassRef:ref159@12.0 ParentRef:ref "
        "$person $account TaxRegistrationNumber:str30@8.0-US CurrencyRef:ref64@8.0 ) $trim"
    ),
    "DataExtDefQuery": "[ OwnerID*:guid | AssignToObject*:$objects ] $trim",
    "DataExtDefAdd": (
        "DataExtDefAdd!( OwnerID!:guid DataExtName!:str31 DataExtType!:$data_types AssignToObject*:$objects "
        "DataExtListRequire:bool@12.0 DataExtTxnRequire:bool@12.0 DataExtFormatString@12.0 ) $trim"
    ),
    "DataExtAdd": "DataExtAdd!( OwnerID!:guid DataExtName!:str31 $place DataExtValue! )",
    "DataExtMod": "DataExtMod!( OwnerID!:guid DataExtName!:str31 $place DataExtValue! )",
    "DataExtDel": "DataExtDel!( OwnerID!:guid DataExtName!:str31 $place )",
    "TxnVoid": "TxnVoidType!:$voidable TxnID!:id",
    "TxnDel": "TxnDelType!:$deletable TxnID!:id",
    "TxnDeletedQuery": "TxnDelType+:$deletable $deleted",
    "ListDel": "ListDelType!:$deletable_lists ListID!:id",
    "ListDeletedQuery": "ListDelType+:$deletable_lists $deleted",
}

_SINCE = {"CurrencyQuery": (8, 0), "TemplateQuery": (3, 0), "InvoiceMod": (2, 1)}
_OTHERS = (
    "ARRefundCreditCard Bill BillPaymentCheck BillPaymentCreditCard BuildAssembly Charge Check CreditCardCharge "
    "CreditCardCredit CreditMemo Deposit Employee Estimate InventoryAdjustment ItemReceipt JournalEntry OtherName "
    "PurchaseOrder ReceivePayment SalesOrder SalesReceipt SalesRep ShipMethod TimeTracking ToDo UnitOfMeasureSet "
    "Vendor VendorCredit VendorType CustomerType JobType PaymentMethod PriceLevel BillingRate InventorySite Transfer "
    "Account Class Currency SalesTaxCode StandardTerms DateDrivenTerms ItemInventory ItemInventoryAssembly "
    "ItemFixedAsset ItemSubtotal ItemDiscount ItemPayment ItemSalesTax ItemSalesTaxGroup ItemGroup ItemNonInventory "
    "ItemOtherCharge CustomerMsg Entity Transaction"
)
KNOWN_ELSEWHERE = frozenset(f"{name}{verb}" for name in _OTHERS.split() for verb in ("Add", "Mod", "Query"))
"""Requests of the language which this sandbox does not carry out: answered with status 1030 one by one."""

ITERABLE = frozenset(("CustomerQuery", "ItemQuery", "InvoiceQuery", "CreditMemoQuery")) | {
    f"Item{kind}Query" for kind in ITEM_KINDS
}


def _compile() -> dict[str, Content]:
    shared = dict(_SHARED)
    shared["credit_txn"] = shared["txn"].replace(" $paid", "")
    shared["service_mod"] = shared["item_mod"].replace("$part", "$units")
    shared["part_mod"] = shared["item_mod"].replace("$part", "ManufacturerPartNumber:str31@7.0 $units")
    shared["charge_mod"] = shared["item_mod"].replace("$part ", "")
    tables = {name: compile_table(text, shared) for name, text in _TABLES.items()}
    for kind in ITEM_KINDS:
        text = "$list" if kind in _WITHOUT_CLASS else "$list_class"
        tables[f"Item{kind}Query"] = compile_table(f"{text} $trim $owner", shared)
    return tables


REQUESTS: dict[str, Content] = _compile()


def since(name: str) -> tuple[int, int]:
    """The qbXML version that brought a request."""
    return _SINCE.get(name, (1, 0))
