"""The partner portal: bills a cloud reseller's clients in QuickBooks Desktop."""
