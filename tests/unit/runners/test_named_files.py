"""The files that a user's module names decide the cache key of what runs it."""

import errno
from pathlib import Path

import pytest

from runners.named_files import files_named_in
from runners.provenance import code_fingerprint


@pytest.mark.parametrize(
    ("code", "named"),
    [
        ('open(Path(__file__).parent / "vocab.txt")', "vocab.txt"),
        ('HERE = Path(__file__).parent / "assets"\nTABLE = HERE / "table.json"', "assets/table.json"),
        ('tf.lookup.TextFileInitializer("assets/deep/words.txt", 1, 2)', "assets/deep/words.txt"),
        ('open(os.path.join(os.path.dirname(__file__), NAME + ".npy"))', "means.npy"),
        ('open(f"{FOLDER}/words_{LANGUAGE}.tsv")', "assets/words_en.tsv"),
        ('importlib.resources.files("mine").joinpath("./rates.csv")', "rates.csv"),
    ],
)
def test_a_file_that_the_code_names_is_found(code: str, named: str, tmp_path: Path) -> None:
    for name in (named, "other.bin", "out/taxi/Transform/vocab.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("1")
    module = tmp_path / "mine.py"
    module.write_text(code)
    assert files_named_in(module) == [tmp_path / named]


def test_a_file_in_the_current_folder_and_one_by_its_whole_path_are_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "here").mkdir()
    for place in (near := tmp_path / "here/vocab.txt", far := tmp_path / "far.json"):
        place.write_text("1")
    monkeypatch.chdir(tmp_path / "here")
    module = tmp_path / "code/mine.py"
    module.parent.mkdir()
    module.write_text(f'open("vocab.txt"), open("{far}"), open("gone.txt")')
    assert files_named_in(module) == sorted([near, far])


def test_a_text_that_is_too_long_for_a_name_or_names_a_place_that_may_not_be_read_names_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    forbidden, is_file = tmp_path / "theirs/vocab.txt", Path.is_file

    def as_another_user(path: Path) -> bool:
        if path == forbidden:
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return is_file(path)

    monkeypatch.setattr(Path, "is_file", as_another_user)
    (tmp_path / "vocab.txt").write_text("1")
    module = tmp_path / "mine.py"
    module.write_text(f'"{"語" * 190}.txt"\nopen("{forbidden}"), open("vocab.txt")', encoding="utf-8")
    assert files_named_in(module) == [tmp_path / "vocab.txt"]


def test_an_edit_of_a_vocabulary_beside_the_preprocessing_changes_the_key_and_another_file_does_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "my_preprocessing_xyz.py").write_text('WORDS = open("vocab.txt").read()\n')
    (tmp_path / "vocab.txt").write_text("a")
    before = code_fingerprint("my_preprocessing_xyz")
    (tmp_path / "data.csv").write_text("1")
    assert code_fingerprint("my_preprocessing_xyz") == before
    (tmp_path / "vocab.txt").write_text("b")
    assert code_fingerprint("my_preprocessing_xyz") != before
    (tmp_path / "vocab.txt").unlink()
    assert code_fingerprint("my_preprocessing_xyz") != before
