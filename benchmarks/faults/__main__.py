"""Runs the suite."""

from benchmarks.faults.run import main

main()
