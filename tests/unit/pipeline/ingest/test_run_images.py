"""Images from idx files, folders by class and tables of paths become the same lists of pixels, in the right split."""

from __future__ import annotations

import csv
from pathlib import Path

import apache_beam as beam
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image
from tfx_bsl.coders.example_coder import ExamplesToRecordBatchDecoder

from core.errors import SluiceError
from pipeline.config.workload import DataConfig, SplitConfig
from pipeline.ingest.fingerprint import fingerprint
from pipeline.ingest.plan import Wanted
from pipeline.ingest.preflight import check_source
from pipeline.ingest.run import Ingested, ingest
from pipeline.ingest.source import resolve_source
from sources import idx
from sources import images as image_limits
from sources.tfrecord import read_records
from tests.samples.image_files import sample_images, write_classes, write_idx

OFFICIAL = SplitConfig(train=0.8, eval=0.2, test_files="t10k-*")
CLASSES = ["boot", "coat", "dress"]


def config(source: object, **more: object) -> DataConfig:
    return DataConfig(source=str(source), **{"label": "label", **more})


def run(folder: Path, data: DataConfig, split: SplitConfig = OFFICIAL) -> Ingested:
    source = resolve_source(data)
    check_source(source, data, split)
    return ingest(lambda: beam.Pipeline(argv=["--runner=FnApiRunner"]), source, Wanted(data, split), str(folder))


def rows_of(folder: Path, split: str) -> list[tuple[int, bytes]]:
    """(label, pixels) of each row of a split, sorted."""
    records = [r for path in sorted((folder / f"Split-{split}").iterdir()) for r in read_records(str(path))]
    batch = ExamplesToRecordBatchDecoder().DecodeBatch(records)
    images, labels = (batch.column(batch.schema.get_field_index(name)).to_pylist() for name in ("image", "label"))
    return sorted((label[0], bytes(image)) for label, image in zip(labels, images, strict=True))


def expected(images: np.ndarray, labels: np.ndarray) -> list[tuple[int, bytes]]:
    return sorted((int(label), image.tobytes()) for label, image in zip(labels, images, strict=True))


@pytest.fixture
def official(tmp_path: Path) -> Path:
    """A folder like the official one: 200 images to learn from, 50 to test on."""
    for prefix, rows, seed in (("train", 200, 1), ("t10k", 50, 2)):
        write_idx(tmp_path / "data", prefix, sample_images(rows, seed), np.arange(rows, dtype=np.uint8) % 10)
    return tmp_path / "data"


def test_official_test_images_are_the_test_split_and_eval_is_cut_from_train(official, tmp_path):
    found = run(tmp_path / "out", config(official))
    assert found.rows["test"] == 50 and found.rows["train"] + found.rows["eval"] == 200
    assert 20 <= found.rows["eval"] <= 60
    assert rows_of(tmp_path / "out", "test") == expected(sample_images(50, 2), np.arange(50) % 10)
    learnt = rows_of(tmp_path / "out", "train") + rows_of(tmp_path / "out", "eval")
    assert sorted(learnt) == expected(sample_images(200, 1), np.arange(200) % 10)
    assert found.images == {"image": [8, 6, 1]}


def test_small_parts_and_batches_change_nothing(official, tmp_path, monkeypatch):
    run(tmp_path / "whole", config(official))
    monkeypatch.setattr(idx, "PART_VALUES", 48 * 70)
    monkeypatch.setattr(image_limits, "BATCH_VALUES", 48 * 30)
    run(tmp_path / "cut", config(official))
    assert len(list((tmp_path / "cut/Split-train").iterdir())) == 3
    for split in ("train", "eval", "test"):
        assert rows_of(tmp_path / "cut", split) == rows_of(tmp_path / "whole", split)


def test_copies_of_an_image_stay_on_one_side(tmp_path):
    images = np.repeat(sample_images(100), 2, axis=0)
    write_idx(tmp_path / "data", "train", images, np.arange(200, dtype=np.uint8) % 7)
    write_idx(tmp_path / "data", "t10k", sample_images(5, 9), np.arange(5, dtype=np.uint8))
    run(tmp_path / "out", config(tmp_path / "data"))
    train, held_out = ({image for _, image in rows_of(tmp_path / "out", split)} for split in ("train", "eval"))
    assert train and held_out and not train & held_out


def test_classes_are_mixed_although_their_folders_are_read_one_by_one(tmp_path):
    write_classes(tmp_path / "data", sample_images(300), [CLASSES[row % 3] for row in range(300)])
    run(tmp_path / "out", config(tmp_path / "data", class_names=CLASSES), SplitConfig())
    [file] = (tmp_path / "out/Split-train").iterdir()
    batch = ExamplesToRecordBatchDecoder().DecodeBatch(list(read_records(str(file))))
    labels = batch.column(batch.schema.get_field_index("label")).flatten().to_numpy()
    assert 0.5 < (labels[1:] != labels[:-1]).mean() < 0.8  # two thirds, where the order says nothing


def test_a_share_of_the_rows_is_the_same_rows_in_the_same_splits(official, tmp_path):
    run(tmp_path / "all", config(official))
    some = run(tmp_path / "some", config(official, share=0.4))
    assert 0 < some.not_shared < 250 and sum(some.rows.values()) == 250 - some.not_shared
    for split in ("train", "eval", "test"):
        assert set(rows_of(tmp_path / "some", split)) < set(rows_of(tmp_path / "all", split))


def test_colour_images_of_idx_files_keep_their_channels(tmp_path):
    folder = tmp_path / "data"
    images = sample_images(40, shape=(5, 4, 3))
    write_idx(folder, "train", images, np.zeros(40, np.uint8), packed=False)
    (folder / "train-images-idx3-ubyte").rename(folder / "train-images-idx4-ubyte")
    found = run(tmp_path / "out", config(folder), SplitConfig(train=2, eval=1, test=1))
    assert found.images == {"image": [5, 4, 3]}
    everything = [row for split in ("train", "eval", "test") for row in rows_of(tmp_path / "out", split)]
    assert sorted(everything) == expected(images, np.zeros(40))


def test_class_names_of_the_configuration_say_which_integer_a_folder_is(tmp_path):
    write_classes(tmp_path / "data", sample_images(60), [CLASSES[row % 3] for row in range(60)])
    order = [CLASSES[2], CLASSES[0], CLASSES[1]]
    data = config(tmp_path / "data", class_names=order)
    found = run(tmp_path / "out", data, SplitConfig(train=2, eval=1, test=1))
    assert found.class_names == order
    everything = [row for split in ("train", "eval", "test") for row in rows_of(tmp_path / "out", split)]
    assert sorted(everything) == expected(sample_images(60), [(row + 1) % 3 for row in range(60)])


def test_a_class_with_a_slash_lies_in_a_folder_with_an_underscore(tmp_path):
    folders, names = ["T-shirt_top", "ankle_boot", "Coat"], ["T-shirt/top", "ankle_boot", "Coat"]
    write_classes(tmp_path / "data", sample_images(60), [folders[row % 3] for row in range(60)])
    found = run(tmp_path / "out", config(tmp_path / "data", class_names=names), SplitConfig(train=2, eval=1, test=1))
    assert found.class_names == names and found.unusable == 0
    everything = [row for split in ("train", "eval", "test") for row in rows_of(tmp_path / "out", split)]
    assert sorted(everything) == expected(sample_images(60), np.arange(60) % 3)


def test_a_part_of_the_data_may_lack_a_class(tmp_path):
    write_classes(tmp_path / "log", sample_images(20), [CLASSES[1 + row % 2] for row in range(20)])
    data = config(tmp_path / "log", class_names=CLASSES)
    source = resolve_source(data)
    check_source(source, data, OFFICIAL, "serving")
    wanted = Wanted(data, OFFICIAL, "serving")
    ingest(lambda: beam.Pipeline(argv=["--runner=FnApiRunner"]), source, wanted, str(tmp_path / "out"))
    assert rows_of(tmp_path / "out", "serving") == expected(sample_images(20), 1 + np.arange(20) % 2)


def test_folders_called_train_and_test_are_these_splits(tmp_path):
    for part, rows, seed in (("train", 60, 1), ("test", 30, 2)):
        write_classes(tmp_path / "data" / part, sample_images(rows, seed), [CLASSES[row % 3] for row in range(rows)])
    found = run(tmp_path / "out", config(tmp_path / "data", class_names=CLASSES), SplitConfig(train=2, eval=1))
    assert found.rows["test"] == 30 and found.rows["train"] + found.rows["eval"] == 60
    assert found.rows["eval"] > 5
    assert rows_of(tmp_path / "out", "test") == expected(sample_images(30, 2), np.arange(30) % 3)


@pytest.mark.parametrize("format_", ["csv", "parquet"])
def test_a_table_of_paths_gives_the_images_beside_its_other_columns(tmp_path, format_):
    images = sample_images(40, shape=(7, 5, 3))
    write_classes(tmp_path / "data/png", images, ["all"] * 40)
    rows = [(f"png/all/{row:04d}.png", CLASSES[row % 3], row) for row in range(40)]
    table = tmp_path / f"data/table.{format_}"
    if format_ == "csv":
        with table.open("w", newline="") as file:
            csv.writer(file).writerows([("path", "label", "shelf"), *rows])
    else:
        import pandas as pd

        pd.DataFrame(rows, columns=["path", "label", "shelf"]).to_parquet(table)
    data = config(table, image_path_column="path", class_names=CLASSES)
    found = run(tmp_path / "out", data, SplitConfig(train=2, eval=1, test=1))
    assert set(found.kinds) == {"image", "label", "shelf"} and found.images == {"image": [7, 5, 3]}
    everything = [row for split in ("train", "eval", "test") for row in rows_of(tmp_path / "out", split)]
    assert sorted(everything) == expected(images, np.arange(40) % 3)


def test_images_that_cannot_be_read_are_put_aside_with_the_reason(tmp_path):
    write_classes(tmp_path / "data", sample_images(60), [CLASSES[row % 3] for row in range(60)])
    (tmp_path / "data/coat/zz_cut.png").write_bytes((tmp_path / "data/coat/0001.png").read_bytes()[:40])
    (tmp_path / "data/coat/zz_text.png").write_text("no image")
    data = config(tmp_path / "data", class_names=CLASSES, max_unusable_share=0.1)
    found = run(tmp_path / "out", data, SplitConfig(train=2, eval=1, test=1))
    assert found.unusable == 2 and sum(found.rows.values()) == 60
    assert "coat/zz_cut.png cannot be decoded" in Path(found.unusable_file or "").read_text()


def test_undecodable_images_beyond_the_allowed_share_refuse(tmp_path):
    write_classes(tmp_path / "data", sample_images(30), ["coat"] * 30)
    (tmp_path / "data/coat/zz.png").write_text("no image")
    with pytest.raises(SluiceError, match=r"1 of 31 rows cannot be used .*zz\.png cannot be decoded"):
        run(tmp_path / "out", config(tmp_path / "data", class_names=["coat"]), SplitConfig())


def test_the_fingerprint_follows_the_pixels_and_not_the_names(tmp_path):
    for folder in ("a", "b"):
        write_classes(tmp_path / folder, sample_images(6), ["boot", "coat"] * 3)

    def mark(folder: str) -> str:
        return fingerprint(resolve_source(config(tmp_path / folder)))

    (tmp_path / "b/boot/0000.png").rename(tmp_path / "b/boot/renamed.png")
    assert mark("a") == mark("b")
    Image.fromarray(sample_images(1, 77)[0]).save(tmp_path / "b/boot/renamed.png")
    assert mark("a") != mark("b")


def test_the_fingerprint_of_a_table_follows_the_images_that_it_names(tmp_path):
    write_classes(tmp_path, sample_images(2), ["coat"] * 2)
    (tmp_path / "table.csv").write_text("path,label\ncoat/0000.png,0\ncoat/0001.png,1\n")
    source = resolve_source(config(tmp_path / "table.csv", image_path_column="path"))
    before = fingerprint(source, "path")
    (tmp_path / "coat/0000.png").rename(tmp_path / "coat/kept.png")
    (tmp_path / "coat/0001.png").rename(tmp_path / "coat/0000.png")
    (tmp_path / "coat/kept.png").rename(tmp_path / "coat/0001.png")
    exchanged = fingerprint(source, "path")
    Image.fromarray(sample_images(1, 77)[0]).save(tmp_path / "coat/0001.png")
    assert len({before, exchanged, fingerprint(source, "path")}) == 3


def test_a_serving_log_of_pixels_goes_with_a_table_of_paths(tmp_path):
    table = pa.table({"image": pa.array([list(range(6)), list(range(6, 12))], pa.list_(pa.int64()))})
    pq.write_table(table, tmp_path / "log.parquet")
    data = config(tmp_path / "log.parquet", image_path_column="path")
    assert fingerprint(resolve_source(data), "path")
    source = resolve_source(data)
    check_source(source, data, OFFICIAL, "serving")
    wanted = Wanted(data, OFFICIAL, "serving")
    found = ingest(lambda: beam.Pipeline(argv=["--runner=FnApiRunner"]), source, wanted, str(tmp_path / "out"))
    assert found.rows == {"serving": 2} and found.images == {}
