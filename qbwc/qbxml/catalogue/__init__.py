"""Every code that QuickBooks and its Web Connector are known to give, one entry each."""
