"""Runs the benchmark."""

from benchmarks.interruptions.run import main

main()
