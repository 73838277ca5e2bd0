"""Trials on TensorBoard: the table of the HParams page, and the curves of each trial."""

from __future__ import annotations

import tensorflow as tf
from tensorboard.plugins.hparams import summary_v2 as hparams_page

from core.hyperparameters import Hyperparameters
from models.search.trial import OBJECTIVE, TrialOutcome


def write_trial(folder: str, name: str, hyperparameters: Hyperparameters, outcome: TrialOutcome) -> None:
    """Writes a trial as a run of its own below `folder`."""
    shown = {
        name: value if isinstance(value, bool | int | float | str) else str(value)
        for name, value in hyperparameters.items()
    }
    with tf.summary.create_file_writer(f"{folder}/trial-{name}").as_default():
        hparams_page.hparams(shown, trial_id=name)
        for metric, figures in outcome.curves.items():
            for epoch, figure in enumerate(figures, start=1):
                tf.summary.scalar(metric, figure, step=epoch)
        if outcome.score is not None:
            tf.summary.scalar("score", outcome.score, step=outcome.epochs)


def write_columns(folder: str, hyperparameters: list[str]) -> None:
    """Declares the columns of the table."""
    with tf.summary.create_file_writer(folder).as_default():
        hparams_page.hparams_config(
            [hparams_page.HParam(name) for name in hyperparameters],
            [
                hparams_page.Metric("score", display_name="lowest loss on eval"),
                hparams_page.Metric(OBJECTIVE, display_name="last loss on eval"),
            ],
        )
