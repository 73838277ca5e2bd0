"""From the body of a request to the body of its answer, with one loaded model; whichever way both travel."""

from __future__ import annotations

import orjson
from prometheus_client import CollectorRegistry, Counter, Histogram

from serving.protocol.answers import answers_of
from serving.protocol.body import instances_of
from serving.protocol.signature import columns_of
from serving.worker.batcher import Batcher, Columns, Outputs
from serving.worker.model import LoadedModel
from serving.worker.plan import WorkerSettings


class Predictor:
    """Answers with `model`, once it was started in the running event loop."""

    def __init__(self, model: LoadedModel, settings: WorkerSettings) -> None:
        self.metrics = CollectorRegistry()
        self._model = model
        self._batcher = Batcher(self._predict, settings.batch_rows, settings.queue_rows)
        buckets = [2**power for power in range(11)]
        self._batches = Histogram(
            "sluice_batch_rows", "Rows of one call of the model", buckets=buckets, registry=self.metrics
        )
        self._answered = Counter("sluice_instances", "Instances answered", registry=self.metrics)

    def start(self) -> None:
        """Begins to answer."""
        self._batcher.start()

    async def answer(self, body: bytes) -> bytes:
        """The predictions for the instances of a request, both in JSON.

        Raises:
          RequestError: when the body does not fit the signature, too many rows wait, or a prediction is not finite.
        """
        instances = instances_of(body)
        columns = columns_of(instances, self._model.features)
        outputs = await self._batcher.submit(columns, len(instances))
        answers = answers_of(outputs, self._model.classes)
        self._answered.inc(len(instances))
        return orjson.dumps({"predictions": answers})

    def _predict(self, columns: Columns) -> Outputs:
        self._batches.observe(len(next(iter(columns.values()))))
        return self._model.predict(columns)
