"""Checks that eval, test, the serving log and the previous span are distributed as train is."""
