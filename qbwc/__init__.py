"""The QuickBooks Web Connector endpoint, a library of its own."""
