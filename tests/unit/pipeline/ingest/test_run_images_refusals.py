"""Images that cannot be used are refused in one sentence that names the file and the next command."""

from __future__ import annotations

import gzip
import shlex
from pathlib import Path

import apache_beam as beam
import numpy as np
import pytest

from core.errors import ExitCode, SluiceError
from pipeline.config.load import load_workload
from pipeline.config.workload import DataConfig, PredictionConfig, SplitConfig
from pipeline.datasets import datasets_here
from pipeline.ingest.plan import Wanted
from pipeline.ingest.preflight import check_source
from pipeline.ingest.run import ingest
from pipeline.ingest.source import resolve_source
from tests.samples.image_files import idx_bytes, sample_images, write_classes, write_idx


def refusal(source: Path, folder: Path, split: SplitConfig | None = None, **more: object) -> SluiceError:
    data = DataConfig(source=str(source), **{"label": "label", **more})
    split = split or SplitConfig()
    with pytest.raises(SluiceError) as caught:
        found = resolve_source(data)
        check_source(found, data, split)
        ingest(lambda: beam.Pipeline(argv=["--runner=FnApiRunner"]), found, Wanted(data, split), str(folder / "out"))
    assert caught.value.next_command
    return caught.value


@pytest.fixture
def images(tmp_path: Path) -> Path:
    """An idx file of 30 images beside its labels."""
    return write_idx(tmp_path / "data", "train", sample_images(30), np.arange(30, dtype=np.uint8) % 3)


def labels_beside(images: Path) -> Path:
    return images.with_name("train-labels-idx1-ubyte.gz")


def test_truncated_gzip(images, tmp_path):
    images.write_bytes(images.read_bytes()[:-100])
    error = refusal(images.parent, tmp_path)
    assert error.headline == f"{images} is cut short: its gzip stream ends before its end marker."


def test_fewer_bytes_than_the_header_announces(images, tmp_path):
    images.write_bytes(gzip.compress(idx_bytes(sample_images(30))[:-20]))
    assert "is cut short: its header announces 30 entries of 48 bytes, 1,456 bytes in all" in str(
        refusal(images.parent, tmp_path)
    )


def test_wrong_magic_number(images, tmp_path):
    images.write_bytes(gzip.compress(b"\x89PNG\r\n\x1a\n" * 10))
    assert refusal(images.parent, tmp_path).headline == (
        f"{images} is no idx file: it begins with 89 50 4e 47, not with 00 00 08."
    )


def test_wrong_type_of_values(images, tmp_path):
    images.write_bytes(gzip.compress(idx_bytes(sample_images(30), kind=0x0D)))
    assert "holds floats; images and labels are unsigned bytes (0 to 255)" in str(refusal(images.parent, tmp_path))


def test_labels_where_images_should_be(images, tmp_path):
    images.write_bytes(labels_beside(images).read_bytes())
    assert "has 1 dimensions, not 3 (images, rows, columns) or 4" in str(refusal(images.parent, tmp_path))


def test_images_without_labels(images, tmp_path):
    labels_beside(images).unlink()
    assert refusal(images.parent, tmp_path).headline == (
        f"{images} holds images, and their labels are missing: there is no train-labels-idx1-ubyte.gz in "
        f"{images.parent}."
    )


def test_labels_without_images(images, tmp_path):
    write_idx(images.parent, "t10k", sample_images(3), np.zeros(3, np.uint8)).unlink()
    assert "t10k-labels-idx1-ubyte.gz holds labels, and the images that belong to them are missing" in str(
        refusal(images.parent, tmp_path)
    )


def test_another_number_of_labels(images, tmp_path):
    labels_beside(images).write_bytes(gzip.compress(idx_bytes(np.zeros(29, np.uint8))))
    assert refusal(images.parent, tmp_path).headline == (
        f"{images} holds 30 images and train-labels-idx1-ubyte.gz 29 labels."
    )


def test_the_same_file_packed_and_unpacked(images, tmp_path):
    (images.parent / images.name.removesuffix(".gz")).write_bytes(gzip.decompress(images.read_bytes()))
    assert "the same rows twice" in str(refusal(images.parent, tmp_path))


def test_idx_files_of_two_sizes(images, tmp_path):
    write_idx(images.parent, "t10k", sample_images(9, shape=(8, 8)), np.zeros(9, np.uint8))
    assert "holds images of 6 x 8, grey, and t10k-images-idx3-ubyte.gz of 8 x 8, grey" in str(
        refusal(images.parent, tmp_path)
    )


@pytest.mark.parametrize(("pattern", "reason"), [("test*", "matches none of the files"), ("*", "matches every file")])
def test_test_files_that_name_no_file_or_every_file(images, tmp_path, pattern, reason):
    write_idx(images.parent, "t10k", sample_images(9), np.zeros(9, np.uint8))
    error = refusal(images.parent, tmp_path, SplitConfig(test_files=pattern))
    assert f"split.test_files is {pattern}, which {reason}" in error.headline


def test_the_first_image_of_another_size_or_mode_is_named(tmp_path):
    write_classes(tmp_path / "data", sample_images(9), ["coat"] * 9)
    write_classes(tmp_path / "data", sample_images(1, shape=(9, 6)), ["dress"])
    names = ["coat", "dress"]
    error = refusal(tmp_path / "data", tmp_path, class_names=names)
    assert "data/dress/0000.png is 6 x 9, grey, and images before it are 6 x 8, grey" in error.headline
    write_classes(tmp_path / "data", sample_images(1, shape=(8, 6, 3)), ["dress"])
    assert "data/dress/0000.png is 6 x 8, RGB" in refusal(tmp_path / "data", tmp_path, class_names=names).headline
    write_classes(tmp_path / "data", sample_images(1, shape=(8, 6, 4)), ["dress"])
    error = refusal(tmp_path / "data", tmp_path, class_names=names)
    assert "data/dress/0000.png is an image of mode RGBA" in error.headline


def test_a_folder_that_class_names_do_not_list(tmp_path):
    write_classes(tmp_path / "data", sample_images(9), ["coats"] * 9)
    error = refusal(tmp_path / "data", tmp_path, class_names=["boot", "coat"])
    assert "holds the class `coats`, which data.class_names does not list; is it `coat`?" in error.headline


def test_a_class_without_a_folder(tmp_path):
    write_classes(tmp_path / "data", sample_images(9), ["coat"] * 9)
    error = refusal(tmp_path / "data", tmp_path, class_names=["boot", "coat"])
    assert "data.class_names lists `boot`, and no folder of that name holds images" in error.headline


def test_a_class_with_a_slash_without_its_folder(tmp_path):
    write_classes(tmp_path / "data", sample_images(9), ["coat"] * 9)
    error = refusal(tmp_path / "data", tmp_path, class_names=["T-shirt/top", "coat"])
    assert "data.class_names lists `T-shirt/top`, and no folder `T-shirt_top` holds images" in error.headline


@pytest.mark.parametrize("folders", [["dress", "Ankle boot", "coat"], ["10", "2", "it's, on"]])
def test_folders_without_class_names_are_refused_with_the_line_to_add_before_anything_runs(tmp_path, folders):
    write_classes(tmp_path / "data", sample_images(9), [folders[row % 3] for row in range(9)])
    data = DataConfig(source=str(tmp_path / "data"), label="label")
    with pytest.raises(SluiceError) as caught:
        datasets_here(data, SplitConfig(), PredictionConfig())
    assert caught.value.exit_code == ExitCode.UNUSABLE
    assert caught.value.headline == (
        f"{tmp_path}/data holds images in folders by class, and data.class_names does not say which of them is 0, 1, "
        "2 and so on."
    )
    flag, override = shlex.split(caught.value.next_command.partition(":  ")[2])
    assert flag == "--set"
    assert load_workload("taxi", [override]).data.class_names == sorted(folders)


def test_images_outside_of_any_class(tmp_path):
    write_classes(tmp_path / "data", sample_images(9), ["coat"] * 9)
    write_classes(tmp_path, sample_images(1), ["data"])
    error = refusal(tmp_path / "data", tmp_path, format="image_folder")
    assert "holds images that lie in no folder of a class" in error.headline


def test_a_table_of_images_that_are_not_there(tmp_path):
    (tmp_path / "table.csv").write_text("path,label\na.png,0\nb.png,1\n")
    error = refusal(tmp_path / "table.csv", tmp_path, image_path_column="path")
    assert error.headline == "none of the images that table.csv names can be read."


def test_a_misspelt_column_of_paths(tmp_path):
    (tmp_path / "table.csv").write_text("path,label\na.png,0\n")
    error = refusal(tmp_path / "table.csv", tmp_path, image_path_column="paths")
    assert "has no column `paths`, which data.image_path_column names; did you mean `path`?" in error.headline


def test_data_that_is_in_none_of_its_places_names_the_commands_that_fetch_it(tmp_path):
    places = [str(tmp_path / name) for name in ("here", "there")]
    data = DataConfig(source=places, fetch=["make data", "sudo apt-get install images"], label="label")
    with pytest.raises(SluiceError) as caught:
        datasets_here(data, SplitConfig(), PredictionConfig())
    assert caught.value.headline == f"the data is in none of its places: {places[0]}, {places[1]}."
    assert caught.value.next_command == "Fetch it:  make data   or:  sudo apt-get install images   or:  --data PATH"


def test_the_first_place_that_exists_counts(images, tmp_path):
    data = DataConfig(source=[str(tmp_path / "nowhere"), str(images.parent)], label="label")
    assert resolve_source(data).files == (str(images),)
