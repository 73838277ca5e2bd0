"""Runs the benchmark."""

from benchmarks.stacks.run import main

main()
