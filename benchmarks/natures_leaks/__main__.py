"""Runs the benchmark."""

from core.environment import enter_environment

if __name__ == "__main__":
    enter_environment()

from benchmarks.natures_leaks.run import main

main()
