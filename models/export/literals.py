"""Numbers and texts that the code of a model or of its preprocessing wrote into the exported graph: what `now()` gave
when the graph was made stands among them.

What an analyzer learnt from data reaches a function of the graph as an input, or (in a transformation of TensorFlow 1)
stands outside the scope of `preprocessing_fn`, and a weight is a variable. All other constants are of the code, some of
them handed to a function as what was learnt is: so these count where the transformation does not hold them, too. It
needs the files alone.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow.python.saved_model.loader_impl import parse_saved_model

# Operations by which a moment is set against what a row holds: an age, or whether a day has come.
_AGAINST = frozenset(
    {"Sub", "Add", "AddV2", "SquaredDifference", "Equal", "NotEqual", "Greater", "GreaterEqual", "Less", "LessEqual"}
)
_SAVING = ("__inference__traced_save", "__inference__traced_restore")
_OPAQUE = (tf.variant.as_datatype_enum, tf.resource.as_datatype_enum)
# In no unit is a moment of today smaller: a year.
_SMALLEST = 1_900
_LONGEST_TEXT = 64


def literals_of(export: str) -> list[dict[str, Any]]:
    """Each single number of at least 1,900 (or its negative) and each text with a digit once: `value`, `node`, and
    `against`: whether it is subtracted from, added to or compared with what is no literal."""
    found: dict[float | str, dict[str, Any]] = {}
    for meta in parse_saved_model(export).meta_graphs:
        for value, node in _outside_functions(meta):
            found.setdefault(value, {"value": value, "node": node, "against": False})
        for function in meta.graph_def.library.function:
            if not function.signature.name.startswith(_SAVING):
                for value, node, against in _in_function(function.node_def):
                    known = found.setdefault(value, {"value": value, "node": node, "against": against})
                    known["against"] = known["against"] or against
    return list(found.values())


def learnt_in(transformation: str) -> frozenset[float | str]:
    """What analyzers learnt from data, of such values as `literals_of` gives, in the SavedModel of a transformation."""
    return frozenset(value for value, _ in _outside_functions(parse_saved_model(transformation).meta_graphs[0]))


def _outside_functions(meta: Any) -> Iterator[tuple[float | str, str]]:
    """The constants without a scope: what functions were handed when they were made, be it learnt or of the code."""
    for node in meta.graph_def.node:
        if "/" not in node.name and (value := _value(node)) is not None:
            yield value, node.name


def _in_function(nodes: Any) -> Iterator[tuple[float | str, str, bool]]:
    values = {node.name: value for node in nodes if (value := _value(node)) is not None}
    if not values:
        return
    made_of = _made_of_literals(nodes)
    against = {name for node in nodes if node.op in _AGAINST for name in _set_against(node, made_of)}
    for name, value in values.items():
        yield value, name, name in against


def _value(node: Any) -> float | str | None:
    """The value of a constant that may be a moment."""
    if node.op != "Const":
        return None
    proto = node.attr["value"].tensor
    if proto.dtype in _OPAQUE or any(dimension.size != 1 for dimension in proto.tensor_shape.dim):
        return None
    [value] = tf.make_ndarray(proto).reshape(-1).tolist()
    if isinstance(value, bytes):
        text = value.decode("utf-8", "replace")
        return text if len(text) <= _LONGEST_TEXT and any(map(str.isdigit, text)) else None
    is_number = isinstance(value, (int, float)) and np.isfinite(value)
    return float(value) if is_number and abs(value) >= _SMALLEST else None


def _made_of_literals(nodes: Any) -> Mapping[str, frozenset[str]]:
    """The literals that each value is computed of, of those that are computed of literals alone."""
    inputs = {node.name: [_bare(each) for each in node.input if not each.startswith("^")] for node in nodes}
    users: dict[str, list[str]] = defaultdict(list)
    for name, given in inputs.items():
        for each in given:
            users[each].append(name)
    missing = {name: len(given) for name, given in inputs.items()}
    found = {node.name: frozenset({node.name}) for node in nodes if node.op == "Const"}
    waiting = list(found)
    while waiting:
        for user in users[waiting.pop()]:
            missing[user] -= 1
            if not missing[user]:
                found[user] = frozenset().union(*(found[each] for each in inputs[user]))
                waiting.append(user)
    return found


def _set_against(node: Any, made_of: Mapping[str, frozenset[str]]) -> frozenset[str]:
    """The literals of one side, where the other one holds something else."""
    first, second = (made_of.get(_bare(each)) for each in node.input[:2])
    if first is not None and second is not None:
        return frozenset()
    return first or second or frozenset()


def _bare(tensor: str) -> str:
    return tensor.split(":")[0]
