"""The rules of billing: values in, values out; no clock, no database, no network, no logging."""
