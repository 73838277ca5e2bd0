"""The usual way to serve a SavedModel, which the endpoint is measured against: a route of FastAPI with one call of the
model for each request.

    python -m benchmarks.serving.plain_wrapper MODEL PORT
"""

from __future__ import annotations

import sys
from typing import Any

import tensorflow as tf
import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel

from models.export.placeholders import MISSING


class Question(BaseModel):
    """The body of a request."""

    instances: list[dict[str, Any]]


def wrapped(model: str) -> FastAPI:
    """The application for the SavedModel in a folder."""
    # Kept by the closure: it owns the variables of its signatures.
    loaded = tf.saved_model.load(model)
    signature = loaded.signatures["serving_default"]
    specs = signature.structured_input_signature[1]
    app = FastAPI()

    @app.post("/predict")
    def predict(question: Question) -> dict[str, Any]:
        columns = {}
        for name, spec in specs.items():
            given = [instance.get(name) for instance in question.instances]
            values = [MISSING[spec.dtype] if value is None else value for value in given]
            columns[name] = tf.constant(values, spec.dtype)
        return {name: output.numpy().tolist() for name, output in signature(**columns).items()}

    app.state.loaded = loaded
    return app


if __name__ == "__main__":
    uvicorn.run(wrapped(sys.argv[1]), port=int(sys.argv[2]), log_level="warning", access_log=False)
