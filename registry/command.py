"""`python -m registry list | show | compare | alias | label | fetch`."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import click

from core.errors import SluiceError
from core.printable import show_json, show_text
from core.terminal import print_table
from core.version import VERSION
from gates.command.usage import OneSentenceGroup
from registry.backends import registry_at
from registry.contract import LATEST, Comparison, Figure, ModelRegistry, RegisteredVersion
from registry.text import brief, in_words

_EPILOG = """\b
VERSION is a number such as 1.0.0 or an alias such as latest or production.
Exit codes:  0 done    1 a defect of Sluice    3 there is no such registry, model or version, or it was altered
"""

_DEFAULT_FOLDER = "out/registry"
_SHOWN = 100  # characters of a value


@click.group(cls=OneSentenceGroup, epilog=_EPILOG, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(VERSION, prog_name="sluice")
@click.option(
    "--folder",
    default=_DEFAULT_FOLDER,
    show_default=True,
    metavar="PATH",
    help="The registry: OUTPUT_DIR/registry of local runs, gs://BUCKET/… of cloud runs.",
)
@click.pass_context
def main(context: click.Context, folder: str) -> None:
    """Look into the registry of models, and say which version means what."""
    context.obj = registry_at(folder)


@main.command(name="list")
@click.argument("model", required=False)
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@click.pass_obj
def list_versions(registry: ModelRegistry, model: str | None, as_json: bool) -> None:
    """List the versions of MODEL, or of every model."""
    with _opened(registry):
        models = [registry.find(model, LATEST).model] if model else registry.models()
        found = [version for each in models for version in registry.versions(each)]
        damage = [registry.alteration(version) for version in found]
    if as_json:
        show_json([_plain(*each) for each in zip(found, damage, strict=True)])
    elif not found:
        show_text(f"The registry {registry.place} is empty; a run that is blessed registers its model.")
    else:
        print_table(
            ("model", "version", "aliases", "labels", "registered", "why this number"), map(_row, found, damage)
        )


@main.command()
@click.argument("model")
@click.argument("version", default=LATEST)
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@click.pass_obj
def show(registry: ModelRegistry, model: str, version: str, as_json: bool) -> None:
    """Show one VERSION of MODEL; the latest when none is named."""
    with _opened(registry):
        found = registry.find(model, version)
        damage = registry.alteration(found)
    if as_json:
        return show_json(_plain(found, damage))
    lines = {
        "version": f"{found.model} {found.version}",
        **({"NOT AS REGISTERED": f"{damage} ({found.location})"} if damage else {}),
        "why this number": found.reason,
        "registered": found.registered_at,
        "aliases": ", ".join(found.aliases),
        "labels": _labels(found),
        "figures": ", ".join(f"{name} {_shown(figure)}" for name, figure in found.figures.items()),
        "hyperparameters": in_words(found.recipe.hyperparameters),
        **{name: str(value) for name, value in found.recipe.rest.items() if value or value == 0},
        "digest": found.digest,
    }
    card = f"{found.location}/model_card.md"
    if "://" in card or Path(card).is_file():
        lines["model card"] = card
    return print_table(("", ""), list(lines.items()))


@main.command()
@click.argument("model")
@click.argument("first")
@click.argument("second", default=LATEST)
@click.pass_obj
def compare(registry: ModelRegistry, model: str, first: str, second: str) -> None:
    """Say what differs between version FIRST of MODEL and SECOND, the latest when none is named."""
    with _opened(registry):
        found = registry.compare(model, first, second)
    if found.changes:
        print_table(
            ("what changed", "", found.first.version, found.second.version),
            [(each.part, each.name, brief(each.before, _SHOWN), brief(each.after, _SHOWN)) for each in found.changes],
        )
    else:
        show_text("Both were made of the same data, code and settings.")
    print_table(("figure", found.first.version, found.second.version, "change"), _figure_rows(found))


@main.command()
@click.argument("model")
@click.argument("version")
@click.argument("alias")
@click.pass_obj
def alias(registry: ModelRegistry, model: str, version: str, alias: str) -> None:
    """Make ALIAS mean this VERSION of MODEL and no other, e.g. production."""
    with _opened(registry):
        found = registry.alias(model, version, alias)
    show_text(f"{alias} of {model} is {found.version}")


@main.command()
@click.argument("model")
@click.argument("version")
@click.argument("labels", nargs=-1, required=True, metavar="KEY=VALUE…")
@click.pass_obj
def label(registry: ModelRegistry, model: str, version: str, labels: Sequence[str]) -> None:
    """Set labels of a VERSION of MODEL, e.g. stage=production approved=yes; KEY= takes one away."""
    wrong = next((text for text in labels if "=" not in text), None)
    if wrong is not None:
        raise click.UsageError(f"`{wrong}` is not KEY=VALUE")
    with _opened(registry):
        pairs = (text.partition("=") for text in labels)
        found = registry.label(model, version, {key: value for key, _, value in pairs})
    show_text(f"{model} {found.version}: {_labels(found) or 'no labels'}")


@main.command()
@click.argument("model")
@click.argument("version")
@click.argument("folder", type=click.Path(path_type=Path))
@click.pass_obj
def fetch(registry: ModelRegistry, model: str, version: str, folder: Path) -> None:
    """Copy a VERSION of MODEL to FOLDER when its files are what was registered."""
    with _opened(registry):
        found = registry.fetch(model, version, folder)
    show_text(f"{model} {found.version} → {folder}")


@contextmanager
def _opened(registry: ModelRegistry) -> Iterator[None]:
    """Refuses a place that is not there, and raises an error of the operating system in one sentence."""
    if not registry.exists():
        raise SluiceError(f"there is no registry in {registry.place}: no such folder.", _way_to_another(registry))
    try:
        yield
    except OSError as problem:
        sentence = f"{problem.filename or 'the registry'}: {problem.strerror or problem}."
        raise SluiceError(sentence, "Name another registry:  python -m registry --folder FOLDER list") from problem


def _way_to_another(registry: ModelRegistry) -> str:
    if registry.place != _DEFAULT_FOLDER and Path(_DEFAULT_FOLDER).is_dir():
        return f"There is one in {_DEFAULT_FOLDER}:  python -m registry list"
    return f"A run that is blessed makes one in {_DEFAULT_FOLDER}:  python runners/local_runner.py --workload taxi"


def _plain(found: RegisteredVersion, damage: str) -> dict[str, object]:
    return {**dataclasses.asdict(found), "not_as_registered": damage or None}


def _row(found: RegisteredVersion, damage: str) -> Sequence[str]:
    return (
        found.model,
        f"{found.version} (not as registered: {damage})" if damage else found.version,
        ", ".join(found.aliases),
        _labels(found),
        found.registered_at,
        found.reason,
    )


def _labels(found: RegisteredVersion) -> str:
    return " ".join(f"{key}={value}" for key, value in found.labels.items())


def _figure_rows(found: Comparison) -> Iterator[Sequence[str]]:
    for name, (one, other) in found.figures.items():
        change = f"{other.value - one.value:+.4g}" if one and other else ""
        yield name, _shown(one), _shown(other), change


def _shown(figure: Figure | None) -> str:
    if figure is None:
        return "–"
    interval = (
        f" ({figure.lower:.4g}–{figure.upper:.4g})" if figure.lower is not None and figure.upper is not None else ""
    )
    return f"{figure.value:.4g}{interval}"
