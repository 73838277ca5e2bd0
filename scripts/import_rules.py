"""Holds the import rules of pyproject.toml against our packages, whose names import-linter cannot read by itself."""

from __future__ import annotations

import sys
from pathlib import Path

from importlinter import configuration
from importlinter.adapters.user_options import TomlFileUserOptionReader
from importlinter.application.app_config import settings
from importlinter.application.use_cases import lint_imports
from importlinter.application.user_options import UserOptions

ROOT = Path(__file__).resolve().parent.parent
sys.path[:1] = [str(ROOT)]  # a script's own folder would hide the packages

from core.packages import PACKAGES  # noqa: E402

ROOT_PACKAGES = [*PACKAGES, "benchmarks"]


class _WithPackages(TomlFileUserOptionReader):
    """pyproject.toml, and the list of packages from where it stands."""

    def read_options(self, config_filename: str | None = None) -> UserOptions | None:
        options = super().read_options(config_filename)
        if options is not None:
            options.session_options["root_packages"] = ROOT_PACKAGES
            for contract in options.contracts_options:
                if contract["type"] == "acyclic_siblings":
                    contract["ancestors"] = ROOT_PACKAGES
        return options


if __name__ == "__main__":
    configuration.configure()
    settings.configure(USER_OPTION_READERS={"toml": _WithPackages()})
    sys.exit(0 if lint_imports(no_logo=True) else 1)
