"""The operations of an export come in one order, so that a finding names the same ones in each process."""

from __future__ import annotations

from pathlib import Path

import tensorflow as tf

from models.export.operations import INITIALISER, operations_of


def test_signatures_and_what_they_reach_come_in_one_order(tmp_path: Path) -> None:
    module = tf.Module()
    specs = [tf.TensorSpec([None], tf.float32, name) for name in ("fare", "miles")]
    module.serve = tf.function(lambda fare, miles: {"sum": fare + miles, "part": fare / miles}, input_signature=specs)
    names = [f"s{number}" for number in range(8)]
    tf.saved_model.save(module, str(tmp_path), signatures=dict.fromkeys(names, module.serve))
    found = operations_of(str(tmp_path))
    of_signatures = [each["signature"] for each in found if each["signature"] != INITIALISER]
    assert sorted(set(of_signatures)) == names
    assert of_signatures == sorted(of_signatures)
    of_each = [[each["kind"] for each in found if each["signature"] == name] for name in names]
    assert "AddV2" in of_each[0] and all(each == of_each[0] for each in of_each)
