"""What containers of a rehearsal find of our code."""

from __future__ import annotations

from pathlib import Path

from runners.vertex.image_contents import copy_code


def test_packages_are_there_and_nothing_else_of_the_checkout(tmp_path: Path) -> None:
    root = tmp_path / "checkout"
    for name in ("core/errors.py", "core/__pycache__/errors.pyc", "mine/model.py", "tests/test_x.py", "setup.py"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(name)
    copied = copy_code(tmp_path / "code", root)
    assert sorted(str(each.relative_to(copied)) for each in copied.rglob("*") if each.is_file()) == [
        "core/errors.py",
        "setup.py",
    ]


def test_what_was_deleted_since_is_gone(tmp_path: Path) -> None:
    (tmp_path / "checkout/core").mkdir(parents=True)
    copy_code(tmp_path / "code", tmp_path / "checkout")
    (tmp_path / "code/core/old.py").write_text("")
    assert not (copy_code(tmp_path / "code", tmp_path / "checkout") / "core/old.py").exists()
