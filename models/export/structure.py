"""The architecture of a trained model: the layers and their connections, the features, and the form of a request and of
an answer. Numbers inside layers (units, rates, sizes of vocabularies) are no part of it: they come from hyperparameters
and from data."""

import hashlib
import importlib
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import keras
import tensorflow_transform as tft

from models.export.replay import read_built
from models.export.signatures import dtype_in_words
from models.features import transformed_feature_spec


def structure_of(transform_graph: str, model_run: str) -> dict[str, Any]:
    """The architecture of the model that training left in `model_run`, by name: plain values, the same ones for the
    same architecture in every process."""
    built = read_built(model_run)
    transformed = tft.TFTransformOutput(transform_graph)
    features, _ = transformed_feature_spec(transformed, built.label)
    model = importlib.import_module(built.module).build_model(built.hyperparameters, features)
    requested = {name: spec for name, spec in transformed.raw_feature_spec().items() if name not in built.unseen}
    return {
        "module": built.module,
        **layers_of(model),
        **{f"feature {name}": dtype_in_words(spec.dtype, spec.shape) for name, spec in features.items()},
        **{
            f"request {name}": dtype_in_words(spec.dtype, getattr(spec, "shape", ()))
            for name, spec in requested.items()
        },
        "answer": "×".join(str(size or "batch") for size in model.output_shape),
    }


def layers_of(model: keras.Model) -> dict[str, Any]:
    """The number of layers of each class, and a hash of their connections. Of a model that Keras cannot describe, such
    as one with a layer of somebody's own without `get_config`, the layers are read off the model itself."""
    try:
        layers = list(_layers(model.get_config()))
    except Exception:  # of whatever kind: `get_config` is code of whoever wrote the layer
        layers = list(_layers_as_built(model))
    counts = Counter(kind for kind, _ in layers)
    joined = hashlib.sha256(json.dumps(layers).encode()).hexdigest()[:12]
    return {**{f"layers of {kind}": count for kind, count in sorted(counts.items())}, "layer graph": joined}


def _layers(config: Mapping[str, Any]) -> Iterator[tuple[str, list[int]]]:
    """Each layer's class and the places of the layers before it, whatever names Keras made up; models inside a model
    after it."""
    layers = config.get("layers", [])
    places = {layer.get("name", layer["config"].get("name")): place for place, layer in enumerate(layers)}
    for layer in layers:
        yield layer["class_name"], [places[name] for name in _sources(layer.get("inbound_nodes", [])) if name in places]
        yield from _layers(layer["config"])


def _layers_as_built(model: keras.Model) -> Iterator[tuple[str, list[int]]]:
    """The same as `_layers`, without a description of any layer."""
    operations = list(getattr(model, "operations", model.layers))
    places = {id(operation): place for place, operation in enumerate(operations)}
    for operation in operations:
        nodes = getattr(operation, "_inbound_nodes", [])
        before = [id(parent.operation) for node in nodes for parent in getattr(node, "parent_nodes", [])]
        yield type(operation).__name__, [places[each] for each in before if each in places]
        if isinstance(operation, keras.Model):
            yield from _layers_as_built(operation)


def _sources(nested: Any) -> Iterator[str]:
    """The names of the layers that a stored call takes tensors from."""
    if isinstance(nested, Mapping):
        if "keras_history" in nested:
            yield nested["keras_history"][0]
        for value in nested.values():
            yield from _sources(value)
    elif isinstance(nested, (list, tuple)):
        for value in nested:
            yield from _sources(value)
