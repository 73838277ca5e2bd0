"""`python -m gates`: checks tables without a pipeline."""

from core.environment import enter_environment

if __name__ == "__main__":
    enter_environment()
    from gates.command.app import main

    main()
