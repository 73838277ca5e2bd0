"""The one exception that a user sees, and the exit codes that a script can rely on."""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """What the exit status of every command means."""

    PUSHED = 0  # pushed, or nothing to push by design; for `gates check`: nothing blocks
    ERROR = 1  # a defect or a lost machine: see the log
    REFUSED = 2  # a gate or a threshold refused: the verdict says why
    UNUSABLE = 3  # the input, the configuration or the environment cannot be used
    UNDECIDED = 4  # a rollout that had too little traffic by its deadline, or that waits for a person's approval


class SluiceError(Exception):
    """Something the user can mend: one plain sentence, and the next command to type.

    `headline` says what was wrong and where; `next_command` is a line like
    "See the range:  python -m gates describe --data data.csv", or empty when there is none to give.
    """

    def __init__(self, headline: str, next_command: str = "", exit_code: ExitCode = ExitCode.UNUSABLE) -> None:
        super().__init__(headline)
        self.headline = headline
        self.next_command = next_command
        self.exit_code = exit_code

    def __reduce__(self) -> tuple[type[SluiceError], tuple[str, str, ExitCode]]:
        return type(self), (self.headline, self.next_command, self.exit_code)

    def __str__(self) -> str:
        return f"{self.headline}\n        {self.next_command}" if self.next_command else self.headline


def root_error(error: BaseException) -> BaseException:
    """The user's error at the root of an exception, or the exception itself."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, SluiceError):
            return seen
        seen = seen.__cause__ or seen.__context__
    return error
