"""`python -m registry`: shows the registry of a run's output folder."""

from registry.command import main

if __name__ == "__main__":
    main()
