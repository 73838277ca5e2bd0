"""Compares a canary with the stable version in the same window, by tests that may be looked at at any time."""
