"""The licences of what the locks pin are known, stand in docs/licences.md, and none forbids use in a product."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pytest

from core.errors import SluiceError
from core.stack import STACKS, active_stack
from scripts.supply import judgement, licences_page, locks, packages
from scripts.supply.installed import bundled, distributions, licence
from scripts.supply.judgement import Judgement, findings
from scripts.supply.licence_terms import BSD, Terms, expression_of, terms_of
from scripts.supply.packages import Package

KEPT = packages.read()
PERMISSIVE = Package("1.0", licence="MIT", bundled=[], scope="light", needs=[], megabytes=0.1)


def word_on(*licences: str) -> Judgement:
    return Judgement(reason="read it", source="its file", of=list(licences))


@pytest.mark.parametrize("stack", STACKS, ids=lambda stack: stack.name)
def test_every_package_of_a_lock_is_known_in_its_version(stack) -> None:
    assert packages.out_of_step(stack, KEPT[stack.name]) == [], "make licences"


def test_no_package_of_either_runtime_stands_against_use_in_a_product() -> None:
    assert findings(KEPT, judgement.read()) == []


def test_the_page_is_made_from_what_is_known() -> None:
    assert licences_page.PAGE.read_text(encoding="utf-8") == licences_page.page(KEPT, judgement.read()), "make licences"


def test_what_is_installed_states_the_licence_that_is_kept() -> None:
    installed = distributions([Path(sys.prefix)])
    kept = {
        (name, found.version): (found.licence, found.bundled)
        for name, found in KEPT[active_stack().name].items()
        if (name, found.version) in installed
    }
    assert len(kept) > 150
    assert {key: (licence(installed[key]), bundled(installed[key])) for key in kept} == kept


@pytest.mark.parametrize(
    ("licence_", "terms"),
    [
        ("MIT", Terms.PERMISSIVE),
        (BSD, Terms.PERMISSIVE),
        ("MPL-2.0 AND (Apache-2.0 OR MIT)", Terms.FILE_COPYLEFT),
        ("LGPL-3.0-or-later", Terms.FILE_COPYLEFT),
        ("GPL-2.0-only OR MIT", Terms.PERMISSIVE),
        ("GPL-2.0-only AND MIT", Terms.FORBIDDEN),
        ("AGPL-3.0-or-later", Terms.FORBIDDEN),
        ("BUSL-1.1", Terms.FORBIDDEN),
        ("SSPL-1.0", Terms.FORBIDDEN),
        ("CC-BY-NC-4.0", Terms.FORBIDDEN),
        ("CC-BY-NC-SA-4.0", Terms.FORBIDDEN),
        ("LicenseRef-Proprietary", Terms.FORBIDDEN),
        ("GPL-3.0-or-later WITH GCC-exception-3.1", Terms.FORBIDDEN),
        ("Apache-2.0 WITH LLVM-exception", Terms.UNKNOWN),
        ("LicenseRef-Their-Own", Terms.UNKNOWN),
        (None, Terms.UNKNOWN),
    ],
)
def test_alternatives_count_by_the_mildest_and_what_holds_together_by_the_hardest(licence_, terms) -> None:
    assert terms_of(licence_) is terms


@pytest.mark.parametrize(
    ("statements", "classifiers", "expected"),
    [
        (["mit", "Apache 2.0"], ["BSD License"], "MIT"),
        (["Apache 2.0"], ["BSD License"], "Apache-2.0"),
        (["Copyright (c) somebody"], ["OSI Approved :: BSD License"], BSD),
        (["Dual License"], ["OSI Approved :: BSD License", "OSI Approved :: MIT License"], f"{BSD} AND MIT"),
        ([], ["OSI Approved"], None),
        ([], ["MIT License", "Free for non-commercial use"], None),
        (["See the file"], [], None),
    ],
)
def test_the_most_exact_statement_of_a_licence_counts(statements, classifiers, expected) -> None:
    assert expression_of(statements, [f"License :: {each}" for each in classifiers]) == expected


@pytest.mark.parametrize(
    ("package", "sentence"),
    [
        (replace(PERMISSIVE, licence="GPL-3.0-only"), "is under GPL-3.0-only, which a product cannot use"),
        (replace(PERMISSIVE, licence=None), "is under no licence that its metadata names"),
        (replace(PERMISSIVE, licence="MPL-2.0"), "needs a word in scripts/supply/judged.yaml on MPL-2.0"),
        (replace(PERMISSIVE, bundled=["GPL-3"]), "needs a word in scripts/supply/judged.yaml on GPL-3"),
    ],
)
def test_a_licence_that_nobody_judged_is_a_finding(package, sentence) -> None:
    (found,) = findings({"classic": {"planted": package, "honest": PERMISSIVE}}, {})
    assert found.startswith("classic: planted 1.0 ") and sentence in found


def test_a_person_can_judge_what_asks_for_something_and_not_what_is_forbidden() -> None:
    mixed = replace(PERMISSIVE, licence="MPL-2.0 AND MIT", bundled=["GPL-3"])
    assert findings({"classic": {"planted": mixed}}, {"planted": word_on("MPL-2.0", "GPL-3")}) == []
    forbidden = replace(PERMISSIVE, licence="AGPL-3.0-only")
    assert "a product cannot use" in findings({"classic": {"planted": forbidden}}, {"planted": word_on()})[0]


def test_a_licence_that_a_newer_version_bundles_needs_another_word() -> None:
    newer = replace(PERMISSIVE, version="2.0", bundled=["AGPL-3", "GPL-3"])
    (found,) = findings({"classic": {"planted": newer}}, {"planted": word_on("GPL-3")})
    assert found.endswith("needs a word in scripts/supply/judged.yaml on AGPL-3")


def test_a_word_on_what_a_package_has_no_more_is_a_finding() -> None:
    (found,) = findings(
        {"classic": {"planted": replace(PERMISSIVE, bundled=["GPL-3"])}}, {"planted": word_on("GPL-3", "LGPL-2")}
    )
    assert found == "judged.yaml: planted has no LGPL-2 any more"


def test_what_a_licence_file_holds_counts_and_not_what_it_speaks_of(tmp_path) -> None:
    folder = tmp_path / "lib/python3.10/site-packages/wheel-1.0.dist-info"
    folder.mkdir(parents=True)
    (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: wheel\nVersion: 1.0\nLicense: MIT\n")
    record = ["wheel-1.0.dist-info/METADATA,,", "wheel-1.0.dist-info/LICENSE,,"]
    (folder / "RECORD").write_text("\n".join(record))

    def found_in(text: str) -> list[str]:
        (folder / "LICENSE").write_text(text)
        return bundled(distributions([tmp_path])["wheel", "1.0"])

    assert found_in("All releases are GPL-compatible, as the GNU General Public License calls it.") == []
    assert found_in("GNU LESSER GENERAL PUBLIC LICENSE\n   Version 3") == ["LGPL-3"]
    assert found_in("libgfortran: GPLv3 with an exception; libquadmath: LGPL-2.1") == ["GPL-3", "LGPL-2"]
    assert found_in("Free for non-commercial use only.") == ["non-commercial use only"]
    library = folder.parent / "wheel.libs/libgomp-a34b3233.so.1.0.0"
    library.parent.mkdir()
    library.touch()
    (folder / "RECORD").write_text("\n".join([*record, "wheel.libs/libgomp-a34b3233.so.1.0.0,,"]))
    assert found_in("MIT") == ["GPL-3"]


def test_a_licence_found_by_reading_holds_for_the_version_that_was_read() -> None:
    judged = {"planted": Judgement(reason="r", source="s", licence="MIT", versions=["1.0"])}
    planted = replace(PERMISSIVE, licence=None)
    assert findings({"classic": {"planted": planted}}, judged) == []
    assert len(findings({"classic": {"planted": replace(planted, version="1.1")}}, judged)) == 1


def test_what_is_used_in_development_alone_is_listed_and_not_judged() -> None:
    tool = replace(PERMISSIVE, licence="GPL-3.0-only", scope="development")
    assert findings({"classic": {"planted": tool}}, {}) == []


def test_a_judgement_that_no_package_needs_is_a_finding() -> None:
    (found,) = findings({"classic": {"honest": PERMISSIVE}}, {"gone": word_on("GPL-3")})
    assert "gone" in found


def test_a_lock_with_a_package_without_hash_is_refused(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(locks, "ROOT", tmp_path)
    (tmp_path / "some.lock").write_text(f"sound==1.0 \\\n    --hash=sha256:{'0' * 64}\nloose==2.0\n")
    with pytest.raises(SluiceError, match="loose has no version or no hash"):
        locks.pins("some.lock")
