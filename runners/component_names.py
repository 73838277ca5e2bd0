"""The console's name of each component, in the order in which they run. Free of heavy imports: `--list` uses it."""

from collections.abc import Mapping

NAMES: Mapping[str, str] = {
    "ExampleGen": "ingest",
    "StatisticsGen": "statistics",
    "SchemaGen": "schema",
    "OutsideModel": "outside model",
    "ServingExamples": "serving log",
    "ServingStatistics": "serving stats",
    "PreviousExamples": "previous span",
    "PreviousStatistics": "previous stats",
    "ExampleValidator": "validate",
    "DataGate": "data gate",
    "Transform": "transform",
    "Tuner": "tune",
    "Trainer": "train",
    "References": "references",
    "Champion": "model to beat",
    "Evaluator": "evaluate",
    "ModelGate": "model gate",
    "Registrar": "register",
    "Pusher": "push",
    "Rollout": "roll out",
}

# Asks an endpoint how it stands: what it found in an earlier run says nothing of today.
NEVER_REUSED = frozenset({"Rollout"})


def name_of(node_id: str) -> str:
    """The console's name of a component."""
    return NAMES.get(node_id, node_id)
