"""`python -m gates` and `sluice-gates`: check tables without a pipeline."""

from core.environment import GATES, enter_environment


def main() -> None:
    """Runs the command in an environment that has what the gates need."""
    enter_environment(GATES)
    from gates.command.app import main as command

    command()


if __name__ == "__main__":
    main()
