"""The page docs/gates.md: what the gates do, how to run them, and every check, from the catalogue itself."""

from __future__ import annotations

import re
from collections.abc import Iterable

from gates.verdict.catalogue import Check, Gate

_TITLES = {
    Gate.DATA: "DataGate: before any training",
    Gate.MODEL: "ModelGate: after training, before the push",
}

# A check's source may name a section of docs/statistics.md, up to the next semicolon.
DERIVATION = re.compile(r"docs/statistics\.md, ([^;]+)")

_INTRO = """\
<!-- Made by `python -m gates list --markdown --output docs/gates.md`; a test keeps it in step with the checks. -->
# The gates

Sluice lets a model reach its endpoint only when two gates find nothing that blocks.

- **DataGate** looks at the data before anything is trained: rows on both sides of a split, features that give the
  label away, preprocessing that saw more than train, and distributions that differ between train, eval, test, the
  serving log and the span before.
- **ModelGate** looks at the trained model and at its export: whether what is served is what was evaluated, whether
  it generalises, whether it is better than nothing, and whether it breaks on input that it will meet.

The DataGate needs no pipeline, no TensorFlow and no configuration:

```
python -m gates check --train train.csv --eval eval.csv --label tipped
```

## What is a refusal

Every check measures an effect (a share, a distance, an AUC) and how certain it is, and never decides itself. One rule
decides for all of them. A finding **blocks** when both are true:

- the effect is beyond the check's **margin**: a difference that matters, not one that merely exists;
- it is **certain**: its p-value, corrected by Holm's method over everything that the gate compared, is at most 0.001.
  Facts that chance cannot make (a column that is missing, a row that must not be there) need no p-value.

The derivations of the tests and intervals are on their own page: [statistics](statistics.md).

Certainty follows what was drawn at random: where a split was made by entity, entities count and not rows; where it was
made by time, a difference from train warns and does not block.

| verdict | exit code | meaning |
| --- | --- | --- |
| pass | 0 | nothing blocks |
| inconclusive | 0; 2 under `--strict` | nothing blocks; a tier-1 check is in doubt, or could not judge |
| fail | 2 | something blocks |

Exit code 3: the input or the configuration cannot be used, and one sentence says why; 1: a defect of Sluice. The same
rows give the same verdict, whatever their order, their files and the number of threads.

## The command

```
python -m gates check --train T [--eval E] [--test X] [--serving S] [--previous P] [--label L]
                      [--label-kind classes|quantity] [--entity K] [--time C] [--image NAME]
                      [--config configs/taxi.yaml] [--strict] [--json OUT] [--verbose]
python -m gates describe --data D [--label L] [--time C]
python -m gates list [--json | --markdown]
```

Each table is a file, a folder or a glob, in one of the formats of [sources.md](sources.md), and is read as a run reads
it. `--config` reads a workload's YAML: the label (also a computed one), the entity key, the time column, the types
of columns, which columns are known only after the prediction, and the section `gates`; options of the command line
override it. Without `--eval` and `--test`, train alone is searched for leakage.

A label is classes or a quantity: by `--label-kind`, by `data.class_names` or a section `model` in the YAML (every model
of the pipeline classifies), else by its values. Text, booleans, up to 20 whole numbers, and whole numbers that number
classes are classes: these begin at 0 or 1 without a gap, and their shares are even or in no order.

`--image pixel`, or `data.pixel_columns: [pixel]` in the YAML, declares that `pixel1`, `pixel2`, … are the pixels of one
image. Without it no columns are joined, and with it never the label, the entity, the time or what is withheld.

From Python, on Arrow tables, DataFrames, dicts of arrays or paths:

```python
import gates

report = gates.check(train, eval, serving=log, label="tipped", entity="taxi_id")
assert report.blessed, [finding.reason for finding in report.findings]
```

`--json OUT` writes the report, whole or not at all (`-` is standard output):

```json
{
  "gate": "data_gate",
  "verdict": "fail",
  "findings": [
    {
      "check": "single_feature",
      "subject": "payment_type",
      "statistic": "share of all others' errors avoided",
      "value": 0.8,
      "threshold": 0.5,
      "n": 11949,
      "p_value": 5.2e-64,
      "severity": "block",
      "reason": "`payment_type` alone has AUC 0.929 on 11,949 rows of train; the next, `fare`, has 0.609; …",
      "remedy": "If `payment_type` is known only after the moment of prediction, leave it out (`prediction.never`) …"
    }
  ],
  "checks_run": ["…"],
  "checks_skipped": [{"check": "…", "why": "no serving log was given"}],
  "seconds": 1.9,
  "versions": {"sluice": "0.1.0"},
  "seed": 0
}
```

A finding may also hold `chart`, `sample` (a few of the rows), and `waiver` with `waived_until`.

## Changing a check, and letting a finding pass

In a workload's YAML; the names are those in the tables below.

```yaml
gates:
  strict: true                   # in doubt, refuse
  checks:
    near_duplicate_rows:
      threshold: 0.02            # another margin
    label_noise:
      severity: warn             # shown, never refuses
    entity_overlap:
      enabled: false             # does not run; the report says so
      waive:                     # strict: the check is of tier 1, and each change that weakens it needs a waiver
        reason: "Rows of one vehicle are independent of each other; checked by Ops."
        expires: 2027-03-31
    single_feature:
      waive:
        reason: "The meter's reading is known before the prediction; agreed with Ops on 3 March."
        expires: 2027-03-31
        subjects: [fare]         # all subjects of the check when absent
```

A waived finding is shown as a warning with its reason, in every verdict and in the model's metadata. The day after
`expires` it blocks again.

Under `strict` a check of tier 1 must judge and be certain. It refuses where

- it is in doubt, or could not judge: a declared entity key or time that cannot be read, a label with one value, a table
  without rows. It does not where an optional input was not given, or the data hold nothing that it is about;
- the configuration weakens it without a waiver: `enabled: false`, `severity: warn`, or a `threshold` above its margin.
  Such a change is a finding of the check, and its subject is the key: `enabled`, `severity` or `threshold`. A waiver
  whose `subjects` name that key alone covers the change and no finding of the check.

Without `strict` a tier-1 check that could not judge warns, and the verdict is inconclusive.
"""


def page(checks: Iterable[Check]) -> str:
    """The whole page."""
    groups: dict[tuple[Gate, str], list[Check]] = {}
    for each in checks:
        groups.setdefault((each.gate, each.group), []).append(each)
    parts = [_INTRO]
    for gate in Gate:
        tables = [_table(group, found) for (of, group), found in groups.items() if of is gate]
        if tables:
            parts += [f"## {_TITLES[gate]}\n", *tables]
    return "\n".join(parts)


def _table(group: str, checks: list[Check]) -> str:
    rows = [
        f"| `{each.name}`{' (tier 1)' if each.tier == 1 else ''} | {_cell(each.catches)} | {_cell(each.statistic)} "
        f"| {each.margin:.3g}: {_cell(each.rule)} | {_linked(_cell(each.source))} |"
        for each in checks
    ]
    head = ["| check | what it catches | statistic | margin and rule | source |", "| --- | --- | --- | --- | --- |"]
    return "\n".join([f"### {group}\n", *head, *rows, ""])


def _linked(source: str) -> str:
    """The source with each section of docs/statistics.md as a link."""
    return DERIVATION.sub(lambda named: f"[{named[1]}](statistics.md#{named[1].lower().replace(' ', '-')})", source)


def _cell(text: str) -> str:
    """The text on one line, with bars escaped, which would end the cell."""
    return " ".join(text.split()).replace("|", "\\|")
