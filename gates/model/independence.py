"""Whether an answer depends on the features of its own row alone: not on its neighbours, its place, the clock, chance,
earlier calls, or anything outside the export."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from core.text import listed
from gates.model.differences import difference, first_line, flips_text, row_sample
from gates.model.evidence import ModelEvidence, Operation, Regrouped, as_scores
from gates.verdict.catalogue import Gate, Need, check
from gates.verdict.measurement import Measurement

_INITIALISER = "initialiser"


@dataclass(frozen=True)
class _Source:
    """What an operation lets into an answer; `pattern` matches TensorFlow's whole name of it."""

    subject: str
    pattern: re.Pattern[str]
    reason: str
    remedy: str
    allowed_at_start: bool = False  # a table or a variable gets its content so


_SOURCES = (
    _Source(
        "clock",
        re.compile("Timestamp"),
        "reads the clock, so the same row gets another answer later",
        "Send the moment as a feature of the request, so that training and serving read the same one.",
    ),
    _Source(
        "python",
        re.compile(r"(Eager)?PyFunc(Stateless)?"),
        "calls a Python function that the export does not hold",
        "Write the function with TensorFlow's operations instead of tf.py_function or tf.numpy_function.",
    ),
    _Source(
        "files",
        re.compile(
            r"ReadFile|WriteFile|MatchingFiles|ImmutableConst|\w*Reader\w*|(DTensor)?(Restore|Save)(V2|Slices?)?"
            r"|MergeV2Checkpoints|LoadAndRemapMatrix|(Load|Save|LMDB|Sql|CSV|TextLine|TFRecord|FixedLengthRecord"
            r"|Experimental\w+)Dataset(V2)?|DatasetToTFRecord|InitializeTableFromTextFile(V2)?|RecordInput"
        ),
        "reads or writes a file outside the export",
        "Read the file when the model is built, and keep its content as a constant or as an asset of a lookup table.",
    ),
    _Source(
        "chance",
        re.compile(
            r"(Stateful)?(Random|Truncated|Uniform)\w*|Stateful(Standard|Truncated|Uniform|Random)\w*|Multinomial"
            r"|ParameterizedTruncatedNormal|NonDeterministicInts|Rng\w+|Anonymous(Random)?SeedGenerator|Skipgram"
            r"|SampleDistortedBoundingBox(V2)?|\w*CandidateSampler|Shuffle\w*Dataset(V\d)?"
        ),
        "draws by chance",
        "Export the model with training=False: dropout, noise and augmentation must not run at serving.",
    ),
    _Source(
        "earlier calls",
        re.compile(
            r"Assign\w*|Resource(Apply|SparseApply|Scatter|StridedSliceAssign|CountUpTo|Accumulator)\w*|Scatter\w*"
            r"|CountUpTo|LookupTable(Insert|Import|Remove)(V2)?|InitializeTable(FromTextFile|FromDataset)?(V2)?"
            r"|\w*Queue\w*|Barrier\w*|(Map|OrderedMap)?(Un)?[Ss]tage\w*|\w*Iterator\w*|TemporaryVariable"
            r"|(Map|OrderedMap)(Clear|Peek|Size|IncompleteSize)|\w*SparseTensorsMap|\w*MemoryCache|CacheDatasetV2"
        ),
        "keeps or changes what a later answer depends on",
        "Compute the answer from the request alone; count and remember outside the model.",
        allowed_at_start=True,
    ),
)
# Operations that TensorFlow calls stateful for their resource or their side effect, and whose result is a function of
# the inputs and of what the export holds.
_HARMLESS = re.compile(
    r"_(Device)?(Arg|Retval)|Assert|CheckNumerics(V2)?|Print(V2)?|GuaranteeConst|GraphDefVersion|DeepCopy"
    r"|IsTensorFloat32Enabled|DtypeWithDefaultOp|_?(If|While)|Case|StatefulPartitionedCall|Xla(Launch|CallModule)"
    r"|(Anonymous)?(Mutable)?(Dense)?HashTable(OfTensors)?(V2)?|LookupTable(Find|Size|Export)(V2)?"
    r"|_?ReadVariables?Op|_?VarHandles?Op|VarIsInitializedOp|Variable(V2|Shape)?|ResourceGather(Nd)?"
    r"|DisableCopyOnRead|MakeWeakResourceHandle|DestroyResourceOp|TensorArray\w*|Stack(Push|Pop|Close)?(V2)?"
    r"|CudnnRNN(V[23])?|StatelessRandom\w+|BoostedTrees(Predict|\w+HandleOp)"
    r"|(Tensor|TensorSlice|SparseTensorSlice|Range|Reduce)Dataset|DatasetToSingleElement"
)
# Operations that TensorFlow does not call stateful, though they read what is no input.
_NOT_PURE = re.compile(r"ReadFile|MatchingFiles|PyFuncStateless|ImmutableConst|ReaderRead\w*")
_OTHER = _Source(
    "another state",
    re.compile(".*"),
    "holds a state that is not known to be harmless",
    "Leave the operation out of what is served, or waive the finding with the reason why it is harmless.",
)


@check(
    gate=Gate.MODEL,
    group="independence",
    catches="an export that works only where it was made: a file is lacking, an operation is not TensorFlow's",
    statistic="whether a fresh process loads a copy of the export from an empty folder",
    margin=0.0,
    rule="any error, or a crash of the process",
    source="Breck et al. 2017, The ML Test Score (the model can be rolled back and served elsewhere)",
    needs=(Need.LOADED,),
    tier=1,
)
def loads_elsewhere(evidence: ModelEvidence, _margin: float) -> Iterator[Measurement]:
    """The folder of the original is not beside the copy, and nothing of training is in the process."""
    problem = first_line(evidence.unloadable or "")
    yield Measurement(
        subject="export",
        statistic="errors when a copy of the export is loaded in an empty folder",
        value=float(bool(problem)),
        n=1,
        reason=f"A copy of the export cannot be used in an empty folder: {problem}."
        if problem
        else "A copy of the export was loaded from an empty folder by a fresh process.",
        remedy="Load a copy of the export on another machine, or in another folder, and mend the error.",
    )


@check(
    gate=Gate.MODEL,
    group="independence",
    catches="an answer that depends on the clock, on chance, on a file outside the export, or on earlier calls",
    statistic="operations of the exported graph that let such things in",
    margin=0.0,
    rule="any operation that a signature can reach; tables and variables may get their content from the export itself",
    source="Sculley et al. 2015, Hidden Technical Debt in Machine Learning Systems (undeclared dependencies)",
    needs=(Need.OPERATIONS,),
    tier=1,
)
def self_contained(evidence: ModelEvidence, _margin: float) -> Iterator[Measurement]:
    """Read from the graph: what acts after a thousand calls, or next year, shows in no replay."""
    operations = evidence.operations or ()
    found: dict[_Source, list[Operation]] = {}
    for operation in operations:
        if source := _source_of(operation):
            found.setdefault(source, []).append(operation)
    for source, guilty in found.items():
        kinds = sorted({each.kind for each in guilty})
        nodes = listed([f"`{each.kind}` ({each.node}, in {each.signature})" for each in guilty[:3]])
        yield Measurement(
            subject=source.subject,
            statistic="kinds of operations",
            value=len(kinds),
            n=len(operations),
            reason=f"The exported graph {source.reason}: {nodes}.",
            remedy=source.remedy,
        )
    if not found:
        yield Measurement(
            subject="export",
            statistic="kinds of operations",
            value=0.0,
            n=len(operations),
            reason=f"None of {len({each.kind for each in operations})} kinds of operations in the exported graph lets "
            "in the clock, chance, files outside the export, or earlier calls.",
        )


def _source_of(operation: Operation) -> _Source | None:
    """None for what is harmless; an operation that TensorFlow does not have cannot be loaded, which another check
    reports."""
    if operation.outside:
        return next(each for each in _SOURCES if each.subject == "files")
    if operation.stateful is None or not (operation.stateful or _NOT_PURE.fullmatch(operation.kind)):
        return None
    if _HARMLESS.fullmatch(operation.kind):
        return None
    at_start = operation.signature == _INITIALISER
    if at_start and operation.kind.startswith("InitializeTable"):
        return None
    source = next((each for each in _SOURCES if each.pattern.fullmatch(operation.kind)), _OTHER)
    return None if at_start and source.allowed_at_start else source


@check(
    gate=Gate.MODEL,
    group="independence",
    catches="an answer that depends on the other rows of the batch, on its size, or on the place of the row",
    statistic="largest difference between a row's answers in different company",
    margin=1e-5,
    rule="any row beyond the margin (1e-3 across devices), in another order, in batches of other sizes, or alone",
    source="Ioffe & Szegedy 2015 (batch statistics are for training alone); Breck et al. 2017, The ML Test Score",
    needs=(Need.REGROUPED,),
    tier=1,
)
def row_alone(evidence: ModelEvidence, margin: float) -> Iterator[Measurement]:
    """Sums in another order differ by some 1e-7, as between a signature and training."""
    tolerance = evidence.budgets.tolerance(margin)
    for signature in dict.fromkeys(each.signature for each in evidence.regrouped):
        ways = [each for each in evidence.regrouped if each.signature == signature]
        measured = [_in_company(each, evidence, tolerance) for each in ways]
        worst = max(measured, key=lambda each: each.value)
        yield worst if worst.value > tolerance else _all_alike(signature, ways, measured, tolerance)


def _in_company(given: Regrouped, evidence: ModelEvidence, tolerance: float) -> Measurement:
    remedy = (
        "Compute each answer from its own row: moving averages instead of the batch's statistics (training=False), no "
        "mean over the batch in preprocessing_fn but tft's analyzers, no random number by place."
    )
    way = given.way.rstrip(",")
    if given.error or given.scores is None:
        text = f"{given.signature} fails with rows {way}: {first_line(given.error) or 'it gave no answer'}."
        return Measurement(given.signature, "largest difference", float("inf"), 0, text, remedy, margin=tolerance)
    before, after = (as_scores(each, evidence.is_regression) for each in (given.together, given.scores))
    if before.shape != after.shape or not len(before):
        text = f"{given.signature} answers {len(before)} rows in the shape {after.shape} with rows {way}."
        return Measurement(given.signature, "largest difference", float("inf"), 0, text, remedy, margin=tolerance)
    found = difference(before, after, tolerance)
    row = found.row if given.rows is None else int(given.rows[found.row])
    text = (
        f"{given.signature} answers {found.differing:,} of {found.rows:,} rows otherwise {given.way} than among all "
        f"rows, row {row:,} by {found.largest:.3g}{flips_text(found)}."
    )
    sample = None
    if given.rows is not None and found.largest > tolerance:
        whole = as_scores(given.whole, evidence.is_regression)
        moved = whole.copy()
        moved[given.rows] = after
        sample = row_sample(evidence, row, whole, moved, "among all rows", given.way)
    return Measurement(
        subject=given.signature,
        statistic="largest difference between a row's answers in different company",
        value=found.largest,
        n=found.rows,
        reason=text,
        remedy=remedy,
        margin=tolerance,
        sample=sample,
    )


def _all_alike(
    signature: str, ways: Sequence[Regrouped], measured: Sequence[Measurement], tolerance: float
) -> Measurement:
    largest = max(each.value for each in measured)
    return Measurement(
        subject=signature,
        statistic="largest difference between a row's answers in different company",
        value=largest,
        n=max(each.n for each in measured),
        reason=f"{signature} gives a row the same answer {listed(list(dict.fromkeys(each.way for each in ways)))}, to "
        f"{largest:.1g}.",
        margin=tolerance,
    )
