"""The label computed from other columns; defined in `gates`, whose command computes it too."""

from gates.label import LabelExpression, compute_label, parse_label_expression

__all__ = ["LabelExpression", "compute_label", "parse_label_expression"]
