"""The packages of this repository that are installed: the one list, for setup.py, the linters and the cache keys.

Plain values and no import, for setup.py reads this file where nothing is installed yet.
"""

PACKAGES = (
    "cloud",
    "core",
    "gates",
    "models",
    "pipeline",
    "preprocessing",
    "registry",
    "report",
    "runners",
    "serving",
    "sources",
)
