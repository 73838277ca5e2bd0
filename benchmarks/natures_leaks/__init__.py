"""Leaks that nature planted: real tables whose leaks are known, beside honest ones."""
