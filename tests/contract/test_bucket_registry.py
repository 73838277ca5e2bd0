"""The registry in a bucket keeps the contract of every registry, and what only a bucket can do to it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from google.api_core import exceptions
from google.cloud import storage

from cloud.bucket_registry import BucketRegistry
from cloud.testing.cloud import LocalCloud
from core.errors import ExitCode, SluiceError
from registry.backends import registry_at
from registry.command import main
from tests.contract.test_model_registry import ModelRegistryContract, _two_versions
from tests.samples.folders import ROOT
from tests.samples.registrations import submission

READ, WRITE = "storage.objects.get", "storage.objects.create"

# A registration in a process of its own, which can be stopped for ever at a given moment.
_REGISTER = """
import sys, time
from pathlib import Path
from cloud.bucket_folder import BucketFolder
from registry.backends import registry_at
from tests.samples.registrations import submission
place, source, weights, stop_at = sys.argv[1:]
def stopping_at(method, is_moment):
    def stopping(self, given, name, *rest):
        if is_moment(str(given), str(name)):
            print("stopped", flush=True)
            time.sleep(600)
        return method(self, given, name, *rest)
    return stopping
if stop_at == "files":
    BucketFolder.upload = stopping_at(BucketFolder.upload, lambda source, name: "variables" in name)
elif stop_at == "entry":
    BucketFolder.upload = stopping_at(BucketFolder.upload, lambda source, name: name.endswith("version.json"))
elif stop_at == "index":
    BucketFolder.replace = stopping_at(BucketFolder.replace, lambda name, content: True)
print(registry_at(place).register(submission(Path(source), weights.encode())).version, flush=True)
"""


class TestBucketRegistry(ModelRegistryContract):
    """The registry in a bucket of the local server, and the faults that only a bucket can have."""

    @pytest.fixture
    def registry(self, cloud: LocalCloud) -> BucketRegistry:
        bucket = f"bucket-{uuid.uuid4().hex[:8]}"
        cloud.storage.create_bucket(bucket, "us-central1")
        registry = registry_at(f"gs://{bucket}/sluice/registry")
        assert isinstance(registry, BucketRegistry)
        return registry

    def test_a_version_is_where_its_location_says(self, registry: BucketRegistry, tmp_path: Path) -> None:
        made = registry.register(submission(tmp_path / "m"))
        assert made.location.startswith(f"{registry.place}/taxi/1.0.0-")
        assert _blob(f"{made.location}/model/saved_model.pb").download_as_bytes() == b"graph"
        assert _blob(f"{made.location}/model_card.md").download_as_bytes() == b"# taxi 1.0.0\nfirst version\n"

    @pytest.mark.parametrize("moment", ["files", "entry", "index"])
    def test_a_kill_leaves_nothing_that_can_be_seen(
        self, registry: BucketRegistry, cloud: LocalCloud, tmp_path: Path, moment: str
    ) -> None:
        registry.register(submission(tmp_path / "m"))
        registry.alias("taxi", "1.0.0", "production")
        before = registry.versions("taxi")
        process = _registering(registry, cloud, tmp_path / "n", "second", moment)
        assert process.stdout is not None
        assert process.stdout.readline() == "stopped\n"
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        assert registry.versions("taxi") == before
        assert registry.register(submission(tmp_path / "n", b"second")).version == "1.0.1"
        registry.fetch("taxi", "1.0.1", tmp_path / "fetched")

    @pytest.mark.parametrize(("moment", "versions"), [("files", []), ("entry", []), ("index", ["1.0.0"])])
    def test_a_kill_of_the_first_registration_leaves_a_whole_version_or_none(
        self, registry: BucketRegistry, cloud: LocalCloud, tmp_path: Path, moment: str, versions: list[str]
    ) -> None:
        process = _registering(registry, cloud, tmp_path / "n", "first", moment)
        assert process.stdout is not None
        assert process.stdout.readline() == "stopped\n"
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        assert [each.version for each in registry.versions("taxi")] == versions
        assert registry.register(submission(tmp_path / "n", b"first")).version == "1.0.0"
        registry.fetch("taxi", "latest", tmp_path / "fetched")

    def test_processes_at_once_make_a_version_each(
        self, registry: BucketRegistry, cloud: LocalCloud, tmp_path: Path
    ) -> None:
        processes = [_registering(registry, cloud, tmp_path / weights, weights) for weights in ("one", "two", "three")]
        numbers = sorted(process.communicate(timeout=240)[0].strip() for process in processes)
        assert numbers == ["1.0.0", "1.0.1", "1.0.2"] == [each.version for each in registry.versions("taxi")]
        assert not any(registry.alteration(each) for each in registry.versions("taxi"))
        assert _folders(registry) == sorted(each.location for each in registry.versions("taxi"))

    def test_a_number_that_another_process_took_meanwhile_is_not_given_twice(
        self, registry: BucketRegistry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        registry.register(submission(tmp_path / "m"))
        other = BucketRegistry(registry.place.removeprefix("gs://"))
        _once_before_the_index(monkeypatch, registry, lambda: other.register(submission(tmp_path / "o", b"faster")))
        made = registry.register(submission(tmp_path / "n", b"slower"))
        assert made.version == "1.0.2"
        assert [each.version for each in registry.versions("taxi")] == ["1.0.0", "1.0.1", "1.0.2"]
        assert _folders(registry) == sorted(each.location for each in registry.versions("taxi"))
        registry.fetch("taxi", "1.0.2", tmp_path / "fetched")
        assert "1.0.2" in (tmp_path / "fetched/model_card.md").read_text()

    def test_a_model_that_another_process_registered_meanwhile_stays_one_version(
        self, registry: BucketRegistry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        other = BucketRegistry(registry.place.removeprefix("gs://"))
        _once_before_the_index(monkeypatch, registry, lambda: other.register(submission(tmp_path / "o")))
        made = registry.register(submission(tmp_path / "m"))
        assert registry.versions("taxi") == [made]
        assert _folders(registry) == [made.location]

    def test_an_alias_that_was_moved_meanwhile_stays_moved(
        self, registry: BucketRegistry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        _two_versions(registry, tmp_path)
        other = BucketRegistry(registry.place.removeprefix("gs://"))
        _once_before_the_index(monkeypatch, registry, lambda: other.alias("taxi", "1.0.0", "canary"))
        registry.label("taxi", "1.0.1", {"approved": "yes"})
        assert registry.find("taxi", "canary").version == "1.0.0"
        assert registry.find("taxi", "1.0.1").labels == {"approved": "yes"}

    def test_a_change_that_others_always_precede_is_given_up_in_one_sentence(
        self, registry: BucketRegistry, cloud: LocalCloud, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        registry.register(submission(tmp_path / "m"))
        monkeypatch.setattr("cloud.bucket_registry._LONGEST_WAIT", 0.0)
        cloud.faults.fail_next(exceptions.PreconditionFailed("changed"), WRITE, times=20)
        with pytest.raises(SluiceError, match=r"index.json was changed by others 20 times"):
            registry.label("taxi", "1.0.0", {"approved": "yes"})
        assert registry.find("taxi", "1.0.0").labels == {}

    def test_a_server_that_fails_for_a_moment_is_tried_again(
        self, registry: BucketRegistry, cloud: LocalCloud, tmp_path: Path
    ) -> None:
        for method in (READ, WRITE, "storage.objects.list"):
            cloud.faults.fail_next(exceptions.ServiceUnavailable("for a moment"), method)
        assert registry.register(submission(tmp_path / "m")).version == "1.0.0"
        assert registry.alias("taxi", "latest", "production").aliases == ("latest", "production")

    def test_a_refused_write_is_one_sentence_and_leaves_nothing(
        self, registry: BucketRegistry, cloud: LocalCloud, tmp_path: Path
    ) -> None:
        cloud.faults.fail_next(exceptions.Forbidden("no storage.objects.create access"), WRITE)
        with pytest.raises(SluiceError, match=r"may not read or write gs://.*storage.objects.create") as caught:
            registry.register(submission(tmp_path / "m"))
        assert "gcloud storage buckets get-iam-policy gs://bucket-" in caught.value.next_command
        assert _folders(registry) == []

    @pytest.mark.parametrize("change", ["alias", "label", "deployed"])
    @pytest.mark.parametrize("how", ["altered", "gone"])
    def test_refuses_to_change_a_version_that_is_gone_or_altered(
        self, registry: BucketRegistry, tmp_path: Path, how: str, change: str
    ) -> None:
        made = registry.register(submission(tmp_path / "m"))
        assert registry.alteration(made) == ""
        if how == "gone":
            _delete_below(made.location)
        else:
            _blob(f"{made.location}/model/saved_model.pb").upload_from_string(b"other")
        index = _blob(f"{registry.place}/taxi/index.json")
        before = index.download_as_bytes()
        argument: Any = {"stage": "production"} if change == "label" else "canary"
        with pytest.raises(SluiceError, match=r"is gone|is not what was registered: \S+ was altered") as caught:
            getattr(registry, change)("taxi", "latest", argument)
        assert "Register it anew" in caught.value.next_command
        assert index.download_as_bytes() == before
        assert how in registry.alteration(made)

    @pytest.mark.parametrize("how", ["altered", "missing", "added"])
    def test_tampering_is_noticed_and_nothing_is_fetched(
        self, registry: BucketRegistry, tmp_path: Path, how: str
    ) -> None:
        made = registry.register(submission(tmp_path / "m"))
        blob = _blob(f"{made.location}/{'note.txt' if how == 'added' else 'model/saved_model.pb'}")
        if how == "missing":
            blob.delete()
        else:
            blob.upload_from_string(b"other")
        with pytest.raises(SluiceError, match=rf"is not what was registered: \S+ (is|was) {how}"):
            registry.fetch("taxi", "latest", tmp_path / "fetched")
        assert not (tmp_path / "fetched").exists()
        assert not list(tmp_path.glob(".incoming-*"))

    def test_an_altered_version_is_registered_anew_under_another_number(
        self, registry: BucketRegistry, tmp_path: Path
    ) -> None:
        made = registry.register(submission(tmp_path / "m"))
        _blob(f"{made.location}/model/saved_model.pb").upload_from_string(b"other")
        again = registry.register(submission(tmp_path / "m"))
        assert again.version == "1.0.1"
        assert "1.0.0 was this very model and has been altered" in again.reason
        registry.fetch("taxi", "1.0.1", tmp_path / "fetched")

    def test_a_lost_index_is_made_again_from_the_versions(self, registry: BucketRegistry, tmp_path: Path) -> None:
        _two_versions(registry, tmp_path)
        before = registry.versions("taxi")
        _blob(f"{registry.place}/taxi/index.json").delete()
        assert registry.versions("taxi") == before
        assert registry.alias("taxi", "1.0.0", "production").aliases == ("production",)

    def test_an_altered_version_does_not_come_back_with_a_lost_index(
        self, registry: BucketRegistry, tmp_path: Path
    ) -> None:
        made = registry.register(submission(tmp_path / "m"))
        _blob(f"{made.location}/model/saved_model.pb").upload_from_string(b"other")
        _blob(f"{registry.place}/taxi/index.json").delete()
        assert registry.versions("taxi") == []

    @pytest.mark.parametrize("entry", ["{", "[]", '{"entry": {"version": "1.0.0"}}'])
    def test_a_version_whose_entry_is_damaged_stays_out(
        self, registry: BucketRegistry, tmp_path: Path, entry: str
    ) -> None:
        made = registry.register(submission(tmp_path / "m"))
        _blob(f"{made.location}/version.json").upload_from_string(entry)
        _blob(f"{registry.place}/taxi/index.json").delete()
        assert registry.versions("taxi") == []

    @pytest.mark.parametrize("content", ['{"format": 1, "versions"', '{"format": 2, "versions": {}, "aliases": {}}'])
    def test_a_damaged_index_is_one_sentence(self, registry: BucketRegistry, tmp_path: Path, content: str) -> None:
        registry.register(submission(tmp_path / "m"))
        _blob(f"{registry.place}/taxi/index.json").upload_from_string(content)
        with pytest.raises(SluiceError, match=r"taxi/index.json is damaged") as caught:
            registry.register(submission(tmp_path / "n", b"other"))
        assert "gcloud storage mv gs://" in caught.value.next_command

    def test_an_absent_bucket_is_one_sentence(self, cloud: LocalCloud) -> None:
        registry = registry_at(f"gs://absent-{uuid.uuid4().hex[:8]}/registry")
        for attempt in (registry.models, lambda: registry.versions("taxi")):
            with pytest.raises(SluiceError, match=r"there is no bucket gs://absent-\w+\.") as caught:
                attempt()
            assert "gcloud storage buckets create gs://absent-" in caught.value.next_command
            assert caught.value.exit_code is ExitCode.UNUSABLE

    def test_the_command_shows_changes_and_fetches(self, registry: BucketRegistry, tmp_path: Path) -> None:
        _two_versions(registry, tmp_path)

        def ask(*words: str) -> str:
            result = CliRunner().invoke(main, ["--folder", registry.place, *words])
            assert result.exit_code == 0, result.output
            return result.output

        assert ask("alias", "taxi", "1.0.0", "production") == "production of taxi is 1.0.0\n"
        listed = json.loads(ask("list", "--json"))
        assert [(each["version"], each["not_as_registered"]) for each in listed] == [("1.0.0", None), ("1.0.1", None)]
        assert f"{registry.find('taxi', 'latest').location}/model_card.md" in ask("show", "taxi")
        ask("fetch", "taxi", "production", str(tmp_path / "fetched"))
        assert (tmp_path / "fetched/model/saved_model.pb").read_bytes() == b"graph"


@pytest.mark.gcp
class TestBucketRegistryInRealStorage(ModelRegistryContract):
    """The same contract in the tester's bucket."""

    @pytest.fixture
    def registry(self, gcp) -> Iterator[BucketRegistry]:
        registry = BucketRegistry(f"{gcp.bucket}/sluice-tests/{uuid.uuid4().hex}")
        yield registry
        _delete_below(registry.place)


def _registering(
    registry: BucketRegistry, cloud: LocalCloud, source: Path, weights: str, stop_at: str = ""
) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", _REGISTER, registry.place, str(source), weights, stop_at]
    environment = cloud.child_environment()
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, env=environment)


def _once_before_the_index(monkeypatch: pytest.MonkeyPatch, registry: BucketRegistry, act: Any) -> None:
    """Lets another writer `act` between the reading of the index by `registry` and its first replacement."""
    replace = registry._root.replace

    def late(*given: Any) -> bool:
        monkeypatch.undo()
        act()
        return replace(*given)

    monkeypatch.setattr(registry._root, "replace", late)


def _blob(address: str) -> storage.Blob:
    return storage.Blob.from_string(address, storage.Client())


def _delete_below(address: str) -> None:
    folder = _blob(f"{address}/")
    for blob in list(folder.client.list_blobs(folder.bucket, prefix=folder.name)):
        blob.delete()


def _folders(registry: BucketRegistry) -> list[str]:
    """The folders of versions in the bucket, whether or not the index names them."""
    start = _blob(f"{registry.place}/taxi/")
    found = start.client.list_blobs(start.bucket, prefix=start.name, delimiter="/")
    list(found)
    return sorted(f"gs://{start.bucket.name}/{name.rstrip('/')}" for name in found.prefixes)
