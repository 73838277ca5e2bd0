"""Computes the label from other columns, by a pandas expression that can hold arithmetic and comparisons only.

It sees the values as they stand in the tf.Examples (floats have 32 bits), so CSV, Parquet and TFRecord give the
same labels. A row in which a column of the expression is missing or NaN has no label."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from core.errors import SluiceError
from core.optional_packages import needed_for

_ALLOWED = (
    ast.Expression,
    ast.BoolOp,
    ast.And,
    ast.Or,
    ast.UnaryOp,
    ast.Not,
    ast.Invert,
    ast.USub,
    ast.UAdd,
    ast.BinOp,
    ast.Add,
    ast.Sub,
    ast.Mult,
    ast.Div,
    ast.FloorDiv,
    ast.Mod,
    ast.Pow,
    ast.BitAnd,
    ast.BitOr,
    ast.Compare,
    ast.Eq,
    ast.NotEq,
    ast.Lt,
    ast.LtE,
    ast.Gt,
    ast.GtE,
    ast.In,
    ast.NotIn,
    ast.Name,
    ast.Load,
    ast.Constant,
    ast.List,
    ast.Tuple,
)
_QUOTED = re.compile(r"`([^`]+)`")


@dataclass(frozen=True)
class LabelExpression:
    """A checked expression. `names`: the columns it reads; in `text` each stands as `c0`, `c1`, …"""

    source: str
    text: str
    names: tuple[str, ...]


def parse_label_expression(source: str) -> LabelExpression:
    """Refuses what is not plain arithmetic on columns: it is configuration, not a program.

    Raises:
      SluiceError: when it holds anything but columns, numbers, text, arithmetic and comparisons.
    """
    quoted: dict[str, str] = {}

    def stand_in(match: re.Match[str]) -> str:
        return quoted.setdefault(match.group(1), f"quoted_{len(quoted)}")

    if "@" in source or "__" in source:
        raise _refused(source, "`@` and `__` have no place in it")
    try:
        tree = ast.parse(_QUOTED.sub(stand_in, source).strip(), mode="eval")
    except (SyntaxError, ValueError) as error:
        raise _refused(source, f"it cannot be read ({getattr(error, 'msg', error)})") from error
    column_of = {short: name for name, short in quoted.items()}
    names: list[str] = []
    for node in ast.walk(tree):
        if not isinstance(node, _ALLOWED):
            raise _refused(
                source,
                f"it may hold columns, numbers, text, arithmetic and comparisons, but no {type(node).__name__.lower()}",
            )
        if isinstance(node, ast.Name):
            name = column_of.get(node.id, node.id)
            if name not in names:
                names.append(name)
            node.id = f"c{names.index(name)}"
    if not names:
        raise _refused(source, "it names no column")
    return LabelExpression(source, ast.unparse(tree), tuple(names))


def _refused(source: str, why: str) -> SluiceError:
    return SluiceError(f"data.label_expression `{source}` cannot be used: {why}.", "An example:  tips > 0.2 * fare")


def compute_label(expression: LabelExpression, columns: dict[str, pa.Array]) -> pa.Array:
    """The label of each row, null where it has none. Truth becomes int64 0 and 1.

    Raises:
      SluiceError: when the expression does not fit the columns, or gives neither truth nor numbers.
    """
    with needed_for("`data.label_expression`"):
        import pandas as pd

    rows = len(next(iter(columns.values())))
    usable = np.ones(rows, bool)
    for name in expression.names:
        usable &= _has_value(columns[name])
    frame = pd.DataFrame({f"c{i}": _series(columns[name], usable) for i, name in enumerate(expression.names)})
    try:
        values = np.asarray(frame.eval(expression.text, engine="python")) if usable.any() else np.zeros(0, bool)
    except Exception as error:  # pandas raises many kinds; all mean that the expression does not fit the columns
        text = [f"`{n}` holds text" for n in expression.names if pa.types.is_large_binary(columns[n].type)]
        why = "; ".join([*text, f"pandas says: {str(error).splitlines()[0]}"])
        raise _refused(expression.source, why) from error
    if values.shape != (int(usable.sum()),) or values.dtype.kind not in "biuf":
        raise _refused(expression.source, "its result is neither true or false nor a number for each row")
    values = values.astype(np.float32 if values.dtype.kind == "f" else np.int64)
    label = np.zeros(rows, values.dtype)
    label[usable] = values
    return pa.array(label, mask=~usable | np.isnan(label))


def _has_value(column: pa.Array) -> npt.NDArray[np.bool_]:
    valid = np.asarray(column.is_valid())
    if pa.types.is_floating(column.type):
        valid = valid & ~np.isnan(column.to_numpy(zero_copy_only=False))
    return valid


def _series(column: pa.Array, usable: npt.NDArray[np.bool_]) -> npt.NDArray[np.generic]:
    kept = column.filter(pa.array(usable))
    if pa.types.is_large_binary(kept.type):
        return np.array([value.decode("utf-8", "replace") for value in kept.to_pylist()], object)
    values: npt.NDArray[np.generic] = kept.to_numpy(zero_copy_only=False)
    return values
