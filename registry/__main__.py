"""`python -m registry`: shows the registry of a run's output folder."""

from core.environment import enter_environment

if __name__ == "__main__":
    enter_environment()
    from registry.command import main

    main()
