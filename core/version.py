"""The version of the package: the one place, for setup.py, `--version` and `run.json`.

Plain values and no import, for setup.py reads this file where nothing is installed yet.
"""

VERSION = "0.1.0"
