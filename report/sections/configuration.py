"""The configuration as it was used, overrides included."""

from __future__ import annotations

from report.markup import fragment
from report.sections.section import Section, not_reached

TITLE = "Configuration"


def render(config_yaml: str | None) -> Section:
    """The YAML text, folded away."""
    if config_yaml is None:
        return not_reached("configuration", TITLE, "the configuration could not be read")
    return Section("configuration", TITLE, fragment("configuration", text=config_yaml))
