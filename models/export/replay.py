"""Replays the same raw rows through every path of the model: as training computed them, and through each exported
signature in a fresh process. The ModelGate judges the answers."""

import importlib
import json
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import keras
import numpy as np
import tensorflow as tf
import tensorflow_transform as tft
from tensorflow_transform.saved.saved_transform_io_v2 import SavedModelLoader

from core.child_process import child_environment, ending_in_words
from core.errors import SluiceError
from models.export.batches import by_size
from models.export.company import ALONE, IN_PARTS, LAST, SEED, SHUFFLED, drawn, in_parts, sets_of_fields, without_fields
from models.export.fresh_process import LITERALS, LOADING, OPERATIONS, write_requests
from models.export.model_run import BUILT_FILE, WEIGHTS_FILE, Built
from models.export.placeholders import MISSING
from models.export.signatures import dense, public_names
from models.features import transformed_feature_spec

Columns = dict[str, np.ndarray]
Arrays = dict[str, np.ndarray]

FRESH_PROCESS = "models.export.fresh_process"
PROBED_ROWS = 32
# Values of all rows of all probes: up to 204 optional fields are probed on all rows, more on fewer, and of more than
# 1,154 not all.
PROBED_CELLS = 4_000_000
TIMED_REQUESTS, WARM_UP_REQUESTS = 200, 20
# Calls that a process did not outlive by its own fault: abort, bus error, division by zero, illegal instruction, fault.
CRASHES = {-signal.SIGABRT, -signal.SIGBUS, -signal.SIGFPE, -signal.SIGILL, -signal.SIGSEGV}
UNKNOWN = {tf.string: b"sluice: never seen before", tf.int64: 999_999_937, tf.float32: -987_654.0}
# Larger than any real value, and small enough that the sum of two does not overflow.
EXTREME = {tf.string: b"x" * 10_000, tf.int64: 2**62, tf.float32: 1e30}
# An image that is all dark, and one that is all bright.
PLAIN_IMAGES: dict[tf.DType, dict[str, Any]] = {
    tf.int64: {"all 0": 0, "all 255": 255},
    tf.float32: {"all 0": 0.0, "all 1": 1.0},
}


def keep_for_replay(model: keras.Model, built: Built, directory: str) -> None:
    """Stores the trained weights and how the model was built, apart from the export that they are compared with."""
    tf.io.gfile.makedirs(directory)
    with tempfile.TemporaryDirectory() as scratch:
        weights = str(Path(scratch) / WEIGHTS_FILE)
        model.save_weights(weights)
        tf.io.gfile.copy(weights, f"{directory}/{WEIGHTS_FILE}", overwrite=True)
    with tf.io.gfile.GFile(f"{directory}/{BUILT_FILE}", "w") as file:
        file.write(built.dumps())


def read_built(model_run: str) -> Built:
    """How the model that training left in `model_run` was built."""
    with tf.io.gfile.GFile(f"{model_run}/{BUILT_FILE}") as file:
        return Built.loads(file.read())


class TrainingPath:
    """Sends raw rows through the transformation of training and the trained model."""

    def __init__(self, transform_graph: str, model_run: str) -> None:
        transformed = tft.TFTransformOutput(transform_graph)
        built = read_built(model_run)
        features, _ = transformed_feature_spec(transformed, built.label)
        self.model = importlib.import_module(built.module).build_model(built.hyperparameters, features)
        with tempfile.TemporaryDirectory() as scratch:
            weights = str(Path(scratch) / WEIGHTS_FILE)
            tf.io.gfile.copy(f"{model_run}/{WEIGHTS_FILE}", weights)
            self.model.load_weights(weights)
        self._transformation = SavedModelLoader(transformed.transform_savedmodel_dir)
        self._spec = transformed.raw_feature_spec()
        # Traced once: called eagerly, the transformation would be rebuilt for every batch.
        self._predict = tf.function(self._answered, autograph=False, reduce_retracing=True)
        self._features = tf.function(self._read_features, autograph=False, reduce_retracing=True)
        self.columns = {name: spec for name, spec in self._spec.items() if name not in built.unseen}

    def predict(self, examples: np.ndarray) -> np.ndarray:
        """Predictions for serialized tf.Examples, [rows, outputs]."""
        answers = [self._predict(tf.io.parse_example(part, self._spec)).numpy() for part in by_size(examples)]
        return np.concatenate(answers).astype(np.float64)

    def features(self, examples: np.ndarray) -> Columns:
        """The transformed features that the model reads, of serialized tf.Examples: [rows, …] by name."""
        parts = [self._features(tf.io.parse_example(part, self._spec)) for part in by_size(examples)]
        return {name: np.concatenate([part[name].numpy() for part in parts]) for name in parts[0]} if parts else {}

    def predict_columns(self, columns: Columns) -> np.ndarray:
        """Predictions for raw columns as `requests` returns them."""
        sent = {name: _sparse(columns[name], spec) for name, spec in self.columns.items()}
        return self._predict(sent).numpy().astype(np.float64)

    def _answered(self, columns: dict[str, Any]) -> tf.Tensor:
        return self.model(self._read_features(columns), training=False)

    def _read_features(self, columns: dict[str, Any]) -> dict[str, Any]:
        features = self._transformation.apply_transform_model(columns)
        read = list(self.model.input) if isinstance(self.model.input, dict) else [t.name for t in self.model.inputs]
        return {name: features[name] for name in read}

    def requests(self, examples: np.ndarray) -> Columns:
        """The raw columns as a client of `serving_default` sends them."""
        parsed = tf.io.parse_example(examples, self.columns)
        return {name: dense(parsed[name], spec) for name, spec in self.columns.items()}


def _sparse(column: np.ndarray, spec: Any) -> Any:
    """The inverse of `dense`."""
    if isinstance(spec, tf.io.FixedLenFeature):
        return tf.constant(column, spec.dtype)
    rows = np.flatnonzero(~_is_missing(column, spec.dtype))
    indices = np.column_stack([rows, np.zeros_like(rows)])
    return tf.SparseTensor(indices, tf.constant(column[rows], spec.dtype), [len(column), 1])


def _is_missing(values: np.ndarray, dtype: tf.DType) -> np.ndarray:
    """A mask of the rows that hold the placeholder of a missing value."""
    if dtype.is_floating:
        return np.isnan(values)
    return values == (b"" if dtype == tf.string else MISSING[dtype])


@dataclass
class Requests:
    """The calls for the fresh process, and their arrays."""

    public: dict[str, str]
    calls: list[dict[str, Any]] = field(default_factory=list)
    last: list[dict[str, Any]] = field(default_factory=list)
    arrays: Arrays = field(default_factory=dict)
    rows: dict[str, np.ndarray] = field(default_factory=dict)
    lacking: list[tuple[str, ...]] = field(default_factory=list)
    fields: tuple[int, int] = (0, 0)
    _keys: dict[int, str] = field(default_factory=dict)

    def add_raw(self, name: str, columns: Columns) -> None:
        """Adds a call of `serving_default`."""
        sent = {self.public[column]: self._kept(f"{name}/{column}", array) for column, array in columns.items()}
        self.calls.append({"name": name, "signature": "serving_default", "inputs": sent})

    def add_examples(self, name: str, examples: np.ndarray) -> None:
        """Adds a call of `serving_examples`."""
        sent = {"examples": self._kept(f"{name}/examples", np.asarray(examples, dtype=object))}
        self.calls.append({"name": name, "signature": "serving_examples", "inputs": sent})

    def regroup(self, name: str, rows: int) -> None:
        """Lets the call `name` be made again with its rows shuffled, and these in batches of several sizes; at the very
        end once more as it was."""
        [call] = [each for each in self.calls if each["name"] == name]
        numbers = drawn(rows)
        for way, batches in ((SHUFFLED, [numbers.tolist()]), (IN_PARTS, in_parts(numbers))):
            self.calls.append({**call, "name": f"{name}/{way}", "batches": batches})
            self.rows[f"{name}/{way}"] = numbers
        self.last.append({**call, "name": f"{name}/{LAST}"})

    def _kept(self, key: str, array: np.ndarray) -> str:
        """The key of an array; one that several calls share is stored once, as a probe changes one column of many."""
        if self.arrays.get(known := self._keys.get(id(array), "")) is array:
            return known
        self.arrays[key] = array
        self._keys[id(array)] = key
        return key


@dataclass(frozen=True)
class Replayed:
    """The answers. `answers` and `errors` by the name of the call; `seconds` of single requests. `rows`: the numbers
    of the rows of a call that has others than all, or in another order. `lacking`: the fields that each row of the
    calls `lacking` and `lacking_examples` is without. `fields`: how many were probed, and could have been. `operations`
    and `literals` of the graph, as `operations_of` and `literals_of` give them (none: unreadable); `unloadable` says
    why the export could not be loaded."""

    answers: Arrays
    errors: dict[str, str]
    seconds: np.ndarray
    rows: dict[str, np.ndarray] = field(default_factory=dict)
    lacking: tuple[tuple[str, ...], ...] = ()
    fields: tuple[int, int] = (0, 0)
    operations: list[dict[str, Any]] | None = None
    literals: list[dict[str, Any]] | None = None
    unloadable: str = ""

    @classmethod
    def of(cls, found: Arrays, requests: Requests) -> "Replayed":
        """What the fresh process wrote, in answer to these requests."""
        errors = {name.removeprefix("error:"): str(text) for name, text in found.items() if name.startswith("error:")}
        unloadable = errors.pop(LOADING, "")
        others = ("seconds", OPERATIONS, LITERALS)
        answers = {
            name: array.astype(np.float64)
            for name, array in found.items()
            if name not in others and not name.startswith("error:")
        }
        operations, literals = (
            json.loads(str(found[each])) if each in found else None for each in (OPERATIONS, LITERALS)
        )
        lacking = tuple(requests.lacking)
        return cls(
            answers, errors, found["seconds"], requests.rows, lacking, requests.fields, operations, literals, unloadable
        )


class FreshProcess:
    """A process that loads the exported model while this one prepares the requests, and answers them while this one
    computes. Made by `fresh_process`."""

    def __init__(self, process: subprocess.Popen[str], scratch: Path) -> None:
        self._process = process
        self._scratch = scratch
        self._requests = Requests({})

    def send(self, path: TrainingPath, examples: np.ndarray) -> None:
        """Lets it answer the rows through each signature: twice, in other company, and with each optional field
        missing, unknown and extreme, and several missing together, and each image plain (`probe/<field>/<case>`)."""
        self._requests = requests = _requests(path, examples)
        timed = {**requests.calls[0], "requests": TIMED_REQUESTS, "warm_up": WARM_UP_REQUESTS}
        timed["name"] = f"{timed['name']}/{ALONE}"
        requests.rows[timed["name"]] = np.arange(TIMED_REQUESTS + WARM_UP_REQUESTS) % len(examples)
        plan = {"calls": requests.calls, "timed": timed, "last": requests.last}
        (self._scratch / "plan.json").write_text(json.dumps(plan))
        write_requests(str(self._scratch / "requests.npz"), requests.arrays)
        with suppress(BrokenPipeError):  # it has failed: `replayed` says why
            print(file=_input_of(self._process), flush=True)

    def replayed(self) -> Replayed:
        """Its answers. Single requests are timed within this call, while this process waits.

        Raises:
          SluiceError: when something outside has ended the process.
        """
        _, error_text = self._process.communicate()
        code = self._process.returncode
        if code in CRASHES:
            return Replayed({}, {}, np.empty(0), unloadable=f"the process that called it ended {ending_in_words(code)}")
        if code < 0:
            raise SluiceError(
                f"the process that calls the exported model was ended {ending_in_words(code)}",
                "See whether memory ran out:  free -m   and run the same command again",
            )
        if code:
            last_line = error_text.strip().splitlines()[-1]
            raise RuntimeError(f"the exported model cannot be called in a fresh process: {last_line}")
        with np.load(self._scratch / "answers.npz") as stored:
            found = {name: stored[name] for name in stored.files}
        return Replayed.of(found, self._requests)


@contextmanager
def fresh_process(model: str, module: str = FRESH_PROCESS) -> Iterator[FreshProcess]:
    """Starts a process for the SavedModel in a folder; it ends with the block. `module` is what it runs; another one
    may add answers."""
    with tempfile.TemporaryDirectory() as scratch, _started(model, module, scratch) as process:
        try:
            yield FreshProcess(process, Path(scratch))
        finally:
            process.kill()  # where an error has left it running
            with suppress(BrokenPipeError):
                _input_of(process).close()


def _started(model: str, module: str, scratch: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", module, model, "requests.npz", "plan.json", "answers.npz"],
        cwd=scratch,
        env=child_environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


def _input_of(process: subprocess.Popen[str]) -> IO[str]:
    assert process.stdin is not None
    return process.stdin


def _requests(path: TrainingPath, examples: np.ndarray) -> Requests:
    columns = path.requests(examples)
    requests = Requests(public_names(columns))
    for turn in ("", "/again"):
        requests.add_raw(f"serving_default{turn}", columns)
        requests.add_examples(f"serving_examples{turn}", examples)
    probed_specs, rows = within_cells(path.columns)
    requests.fields = (len(probed_specs), len(_probed(path.columns)))
    for name, probed in probes(probed_specs, {name: array[:rows] for name, array in columns.items()}):
        requests.add_raw(f"probe/{name}", probed)
        requests.add_examples(f"probe_examples/{name}", serialized(probed, path.columns))
    for name in ("serving_default", "serving_examples"):
        requests.regroup(name, len(examples))
    optional = [name for name, spec in path.columns.items() if not isinstance(spec, tf.io.FixedLenFeature)]
    requests.lacking = sets_of_fields(optional)
    if requests.lacking:
        lacking = without_fields(columns, path.columns, requests.lacking)
        requests.add_raw("lacking", lacking)
        requests.add_examples("lacking_examples", serialized(lacking, path.columns))
        for name in ("lacking", "lacking_examples"):
            requests.regroup(name, len(requests.lacking))
    return requests


def _probed(specs: dict[str, Any]) -> list[str]:
    return [name for name, spec in specs.items() if _odd_values(spec)]


def within_cells(specs: dict[str, Any]) -> tuple[dict[str, Any], int]:
    """The fields to probe, and on how many rows: as many as keep the values that are sent within the bound; fields are
    drawn with the seed where one row of each would exceed it."""
    names = _probed(specs)
    of_a_row = max(1, sum(len(_odd_values(specs[name])) for name in names) * len(specs))
    rows = max(1, min(PROBED_ROWS, PROBED_CELLS // of_a_row))
    most = max(1, len(names) * PROBED_CELLS // of_a_row)
    if len(names) > most:
        names = [names[place] for place in sorted(np.random.default_rng(SEED).permutation(len(names))[:most])]
    return {name: specs[name] for name in names}, rows


def probes(specs: dict[str, Any], columns: Columns) -> Iterator[tuple[str, Columns]]:
    """Each optional field missing, unknown and extreme, and each image, which every row must have, all dark and all
    bright: `<field>/<case>`. Other required fields are unchanged."""
    for name, spec in specs.items():
        for case, value in _odd_values(spec).items():
            yield f"{name}/{case}", {**columns, name: np.full_like(columns[name], b"" if value == "" else value)}


def _odd_values(spec: Any) -> dict[str, Any]:
    if not isinstance(spec, tf.io.FixedLenFeature):
        return {"missing": MISSING[spec.dtype], "unknown": UNKNOWN[spec.dtype], "extreme": EXTREME[spec.dtype]}
    return PLAIN_IMAGES.get(spec.dtype, {}) if len(spec.shape) == 3 else {}


def serialized(columns: Columns, specs: dict[str, Any]) -> np.ndarray:
    """The same rows as tf.Examples; a missing value is left out."""
    absent = {
        name: np.zeros(len(columns[name]), bool)
        if isinstance(spec, tf.io.FixedLenFeature)
        else _is_missing(columns[name], spec.dtype)
        for name, spec in specs.items()
    }
    rows = range(len(next(iter(columns.values()))))
    there = ({name: columns[name][row] for name in specs if not absent[name][row]} for row in rows)
    return np.array([_example(row, specs).SerializeToString() for row in there], dtype=object)


def _example(row: dict[str, Any], specs: dict[str, Any]) -> tf.train.Example:
    example = tf.train.Example()
    for name, value in row.items():
        feature = example.features.feature[name]
        kind = {tf.string: feature.bytes_list, tf.int64: feature.int64_list, tf.float32: feature.float_list}
        kind[specs[name].dtype].value.extend(np.ravel(value).tolist())
    return example


def importances(path: TrainingPath, examples: np.ndarray, score: Callable[[np.ndarray], float]) -> dict[str, float]:
    """By raw column, the loss of `score` when the column's values are permuted (permutation importance, Breiman 2001).
    Empty for a model with one column."""
    if len(path.columns) < 2:
        return {}
    columns = path.requests(examples)
    before = score(path.predict_columns(columns))
    order = np.random.default_rng(0).permutation(len(examples))
    return {
        name: before - score(path.predict_columns({**columns, name: columns[name][order]})) for name in path.columns
    }
