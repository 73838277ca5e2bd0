"""What the light installation lacks is named with the command that installs it."""

from __future__ import annotations

import pytest

from core.errors import ExitCode, SluiceError
from core.optional_packages import needed_for


def test_a_package_that_is_not_installed_is_named_with_what_needs_it() -> None:
    with (
        pytest.raises(SluiceError, match=r"^Decoding TFRecord needs no_such_package, which") as caught,
        needed_for("Decoding TFRecord"),
    ):
        import no_such_package.coders  # type: ignore[import-not-found]  # noqa: F401
    assert caught.value.exit_code == ExitCode.UNUSABLE
    assert caught.value.next_command == "Install the rest, in a checkout:  make setup"


def test_another_error_of_an_import_is_no_missing_package() -> None:
    with pytest.raises(ImportError, match="broken"), needed_for("Decoding TFRecord"):
        raise ImportError("broken")
