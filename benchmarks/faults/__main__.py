"""Runs the suite."""

from core.environment import enter_environment

if __name__ == "__main__":
    enter_environment()

from benchmarks.faults.run import main

main()
