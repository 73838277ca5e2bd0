"""`python -m gates`: checks tables without a pipeline."""

from gates.command.app import main

if __name__ == "__main__":
    main()
