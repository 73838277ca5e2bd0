"""The answers of an exported model for the same rows in other company."""

from __future__ import annotations

from core.text import counted
from gates.model.evidence import Regrouped
from models.export.company import ALONE, IN_PARTS, SHUFFLED
from models.export.replay import Replayed

# The calls that are made again in other company, by the signature that they are of.
_COMPANY = {
    "serving_default": "serving_default",
    "serving_examples": "serving_examples",
    "lacking": "serving_default",
    "lacking_examples": "serving_examples",
}
_WAYS = {SHUFFLED: "in another order", IN_PARTS: "in batches of other sizes", ALONE: "alone"}


def regrouped(replayed: Replayed) -> tuple[Regrouped, ...]:
    """A call that fails as a whole is reported by others; one that gives fewer answers than it has rows, here."""
    found = []
    for name, signature in _COMPANY.items():
        whole = replayed.answers.get(name)
        for way, words in _WAYS.items():
            call = f"{name}/{way}"
            rows = replayed.rows.get(call)
            if whole is None or rows is None:
                continue
            error = replayed.errors.get(call, "")
            answers = len(whole) if whole.ndim else 0
            if rows.max(initial=-1) >= answers:
                error = error or f"all rows together have no more than {counted(answers, 'answer')}"
            is_replayed = name == signature
            found.append(
                Regrouped(
                    signature,
                    words if is_replayed else f"{words}, some fields missing,",
                    None if error else whole[rows],
                    replayed.answers.get(call),
                    rows if is_replayed else None,
                    whole,
                    error,
                )
            )
    return tuple(found)
