"""The exception a user is meant to see, as all rooms know it; it is defined in the lowest, `gates`."""

from gates.errors import ExitCode, SluiceError

__all__ = ["ExitCode", "SluiceError"]
