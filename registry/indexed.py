"""What every registry shares that keeps an index of each model's versions, wherever it stores the index."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping

from core.errors import SluiceError
from registry.contract import (
    DEPLOYMENT,
    ModelRegistry,
    RegisteredVersion,
    Submission,
    check_alias,
    check_labels,
    check_model_name,
)
from registry.index import GRAPH_FILE, Index


class IndexedRegistry(ModelRegistry):
    """A registry whose aliases, labels and deployments are changes of an index."""

    @abstractmethod
    def _change(self, model: str, version: str, edit: Callable[[Index], Index]) -> RegisteredVersion:
        """Edits the index in one step and returns the changed version, which has to be whole."""

    def alias(self, model: str, reference: str, alias: str) -> RegisteredVersion:
        """In one step: the alias points at a version at any time.

        Raises:
          SluiceError: as the contract says.
        """
        check_alias(alias)
        version = self.find(model, reference).version
        return self._change(model, version, lambda index: index.with_alias(alias, version))

    def label(self, model: str, reference: str, labels: Mapping[str, str]) -> RegisteredVersion:
        """Other labels stay.

        Raises:
          SluiceError: as the contract says.
        """
        check_labels(labels)
        version = self.find(model, reference).version
        return self._change(model, version, lambda index: index.with_labels(version, labels))

    def deployed(self, model: str, reference: str, deployment: str) -> RegisteredVersion:
        """Alias and labels change together or not at all.

        Raises:
          SluiceError: as the contract says.
        """
        check_labels({DEPLOYMENT: deployment})
        version = self.find(model, reference).version
        return self._change(model, version, lambda index: index.with_deployment(version, deployment))


def check_submission(submission: Submission) -> None:
    """Refuse what no registry can keep.

    Raises:
      SluiceError: when the name or a label cannot be one, or there is no SavedModel.
    """
    check_model_name(submission.model)
    check_labels(submission.labels)
    if not (submission.saved_model / GRAPH_FILE).is_file():
        raise SluiceError(f"{submission.saved_model} holds no SavedModel: there is no {GRAPH_FILE} in it.")
