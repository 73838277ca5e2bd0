"""Runs the benchmark."""

from benchmarks.natures_leaks.run import main

main()
