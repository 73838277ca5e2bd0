"""From the body of a request to the body of its answer, with one loaded model; whichever way both travel."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Histogram

from core.text import counted
from serving.protocol.errors import JSON, RequestError
from serving.protocol.frames import PROTOBUF_LOGGED
from serving.worker.batcher import Batcher, Columns, Outputs
from serving.worker.model import LoadedModel
from serving.worker.plan import WorkerSettings
from serving.worker.request import Asked, Reply, read_json
from serving.worker.tensors import read_tensors


class Predictor:
    """Answers with `model`, once it was started in the running event loop."""

    def __init__(self, model: LoadedModel, settings: WorkerSettings) -> None:
        self.metrics = CollectorRegistry()
        self._model = model
        self._settings = settings
        self._batcher = Batcher(self._predict, settings.batch_rows, settings.queue_rows)
        buckets = [2**power for power in range(11)]
        self._batches = Histogram(
            "sluice_batch_rows", "Rows of one call of the model", buckets=buckets, registry=self.metrics
        )
        self._answered = Counter("sluice_instances", "Instances answered", registry=self.metrics)

    def start(self) -> None:
        """Begins to answer."""
        self._batcher.start()

    async def answer(self, body: bytes, form: str) -> Reply:
        """The answer to a request, both in one of the forms of `frames`.

        Raises:
          RequestError: when the body does not fit the signature, too many rows wait, a prediction is not finite, or the
            answer is too large.
        """
        asked = self._asked(body, form)
        reply = asked.answer(await self._batcher.submit(asked.columns, asked.rows))
        if 0 < self._settings.answer_limit < len(reply.body):
            raise _too_large(asked.rows, self._settings.answer_limit)
        self._answered.inc(asked.rows)
        return reply

    def _asked(self, body: bytes, form: str) -> Asked:
        features, classes = self._model.features, self._model.classes
        if form == JSON:
            return read_json(body, features, classes)
        return read_tensors(body, features, self._settings.body_limit, classes, is_logged=form == PROTOBUF_LOGGED)

    def _predict(self, columns: Columns) -> Outputs:
        self._batches.observe(len(next(iter(columns.values()))))
        return self._model.predict(columns)


def _too_large(instances: int, limit: int) -> RequestError:
    sent = counted(instances, "instance")
    return RequestError(
        400, f"the answer to {sent} is larger than {limit} bytes, the limit of this endpoint; send fewer"
    )
