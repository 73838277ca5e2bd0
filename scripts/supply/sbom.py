"""`make sbom`: the bill of materials of each stack, CycloneDX 1.6 as JSON, by the library of CycloneDX itself.

It holds no time and nothing drawn at random: the same lock gives the same bytes.
"""

from __future__ import annotations

import argparse
import sys
import uuid
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.contrib.this.builders import this_component
from cyclonedx.model import HashAlgorithm, HashType, Property
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentScope, ComponentType
from cyclonedx.model.license import DisjunctiveLicense, License
from cyclonedx.output.json import JsonV1Dot6
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packageurl import PackageURL

from core.errors import ExitCode, SluiceError
from core.stack import STACKS, Stack
from core.version import VERSION
from scripts.supply import judgement, packages
from scripts.supply.judgement import Judgements
from scripts.supply.licence_terms import BSD
from scripts.supply.locks import ROOT, Pin, canonical, pins
from scripts.supply.packages import Package, Packages
from scripts.supply.setup_file import direct_dependencies


def main() -> int:
    """Writes a file for each stack; the exit code is 2 when a licence stands against use in a product."""
    parser = argparse.ArgumentParser(prog="make sbom", description=__doc__)
    parser.add_argument("--folder", type=Path, default=Path("out/sbom"), help="where to write (out/sbom)")
    folder = parser.parse_args().folder
    kept, judged = packages.read(), judgement.read()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for stack in STACKS:
            path = folder / f"{stack.name}.cdx.json"
            path.write_text(document(stack, kept[stack.name], judged), encoding="utf-8")
            print(f"sbom: {path}: {len(kept[stack.name])} packages of {stack.lock}, valid CycloneDX 1.6")
    except OSError as error:
        print(f"sluice: {folder} cannot be written: {error.strerror}", file=sys.stderr)
        return ExitCode.UNUSABLE
    except SluiceError as error:
        print(f"sluice: {error}", file=sys.stderr)
        return error.exit_code
    found = judgement.findings(kept, judged)
    for sentence in found:
        print(f"licences: {sentence}", file=sys.stderr)
    return ExitCode.REFUSED if found else ExitCode.PUSHED


def document(stack: Stack, kept: Packages, judged: Judgements) -> str:
    """The bill of a stack as JSON, validated.

    Raises:
        SluiceError: the lock was changed since its packages were looked up.
    """
    if changed := packages.out_of_step(stack, kept):
        raise SluiceError(
            f"{stack.lock}: the licence of {changed[0]} in its locked version was not looked up", "make licences"
        )
    bom = _bill(stack, kept, judged)
    bom.metadata.timestamp = None  # type: ignore[assignment]  # optional in CycloneDX, and always now in the library
    bom.serial_number = uuid.uuid5(uuid.NAMESPACE_OID, f"{VERSION} {_digest(stack)} {kept} {judged}")
    text = JsonV1Dot6(bom).output_as_string(indent=1) + "\n"
    if errors := JsonStrictValidator(SchemaVersion.V1_6).validate_str(text):
        raise AssertionError(f"{stack.lock}: {errors}")
    return text


def _bill(stack: Stack, kept: Packages, judged: Judgements) -> Bom:
    ours = Component(name="sluice", version=VERSION, type=ComponentType.APPLICATION, bom_ref="sluice")
    locked = pins(stack.lock)
    components = {name: _component(name, package, locked[name], judged) for name, package in kept.items()}
    bom = Bom(components=components.values())
    bom.metadata.component = ours
    bom.metadata.tools.components.add(this_component())
    bom.metadata.properties.update(
        [
            Property(name="sluice:stack", value=stack.name),
            Property(name="sluice:python", value=".".join(str(number) for number in stack.python)),
            Property(name="sluice:lock", value=stack.lock),
            Property(name="sluice:lock:sha256", value=_digest(stack)),
        ]
    )
    bom.register_dependency(ours, [components[name] for name in _direct(stack) if name in components])
    for name, package in kept.items():
        bom.register_dependency(components[name], [components[needed] for needed in package.needs])
    return bom


def _digest(stack: Stack) -> str:
    return sha256((ROOT / stack.lock).read_bytes()).hexdigest()


def _direct(stack: Stack) -> set[str]:
    return {canonical(each.name) for found in direct_dependencies(stack).values() for each in found}


def _component(name: str, package: Package, pin: Pin, judged: Judgements) -> Component:
    address = PackageURL(type="pypi", name=name, version=package.version)
    properties = [Property(name="sluice:scope", value=package.scope)]
    properties += [Property(name="sluice:licence:bundled", value=each) for each in package.bundled]
    if name in judged:
        properties.append(Property(name="sluice:licence:judged", value=judged[name].reason))
    return Component(
        name=name,
        version=package.version,
        type=ComponentType.LIBRARY,
        bom_ref=str(address),
        purl=address,
        # Of each file that the lock accepts: which of them is installed depends on the machine.
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=content) for content in pin.hashes],
        licenses=list(_licence(judgement.licence_of(name, package, judged))),
        scope=ComponentScope.EXCLUDED if package.scope == "development" else ComponentScope.REQUIRED,
        properties=properties,
    )


def _licence(expression: str | None) -> Iterator[License]:
    if expression == BSD:
        yield DisjunctiveLicense(name="BSD, variant not stated")
    elif expression:
        yield LicenseFactory().make_from_string(expression)


if __name__ == "__main__":
    sys.exit(main())
