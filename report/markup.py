"""The templates: every value is escaped unless one of our templates made it."""

from __future__ import annotations

from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from core.text import p_value_text
from report import proof, wording

FILTERS = {
    name: getattr(wording, name) for name in ("count", "figure", "metric", "change", "share", "duration", "size")
}


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=False,
    )
    environment.filters.update(FILTERS)
    environment.filters |= {"prose": prose, "p_value": p_value_text}
    environment.globals["interval"] = wording.interval
    environment.globals["plural"] = wording.plural
    environment.globals["noun"] = wording.noun
    environment.globals["draw"] = proof.draw
    return environment


def prose(text: str) -> Markup:
    """A sentence, escaped, with the text between backticks set as code."""
    pieces = text.split("`")
    if len(pieces) % 2 == 0:
        return escape(text)
    return Markup("").join(
        Markup("<code>{}</code>").format(piece) if index % 2 else escape(piece) for index, piece in enumerate(pieces)
    )


def fragment(template: str, **values: Any) -> Markup:
    """The HTML that `report/templates/<template>.html.j2` makes of the values."""
    return Markup(_environment().get_template(f"{template}.html.j2").render(**values))
