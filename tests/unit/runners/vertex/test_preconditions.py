"""What `--check` refuses before anything is compiled: one sentence, the next command, exit code 3."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from core.errors import ExitCode, SluiceError
from pipeline.config.endpoint import EndpointConfig
from pipeline.config.environment import DataflowConfig, FallbackConfig, TaskConfig, WorkersConfig
from pipeline.config.load import load_environment, load_workload
from runners.vertex.preconditions import check_job_places, check_preconditions
from tests.samples.folders import ROOT

DIGEST = "image@sha256:" + "0" * 64
PREBUILT = "europe-docker.pkg.dev/vertex-ai/prediction/tf2-cpu.2-15:latest"


def refusal(workload: str = "taxi", changes: Sequence[str] = (), data: str | None = None, **more: Any) -> SluiceError:
    config = load_workload(workload, changes, data)
    cloud = load_environment("dev", ()).model_copy(update=more)
    with pytest.raises(SluiceError) as caught:
        check_preconditions(config, cloud)
    assert caught.value.exit_code == ExitCode.UNUSABLE
    assert caught.value.next_command
    return caught.value


@pytest.mark.parametrize("workload", ["taxi", "fashion_mnist"])
@pytest.mark.parametrize("environment", ["staging", "prod"])
def test_our_workloads_pass(workload: str, environment: str) -> None:
    assert check_preconditions(load_workload(workload), load_environment(environment)) == []


def test_a_local_file_as_data_is_refused(tmp_path: Path) -> None:
    problem = refusal(data=str(tmp_path / "rides.csv"))
    assert problem.headline == f"`data.source` names {tmp_path}/rides.csv, which the container image would not have."
    assert f"gcloud storage cp -r {tmp_path}/rides.csv gs://" in problem.next_command
    assert "--data gs://" in problem.next_command


def test_several_local_places_of_which_none_can_be_in_the_image_are_refused() -> None:
    problem = refusal("fashion_mnist", ["data.source=[data/fashion-mnist, ~/fashion]"])
    assert "`data.source` names" in problem.headline


@pytest.mark.parametrize("key", ["data.serving_log", "evaluator.baseline.saved_model"])
def test_a_local_serving_log_and_a_local_baseline_are_refused(key: str) -> None:
    assert f"`{key}` names /logs/a, which" in refusal(changes=[f"{key}=/logs/a"]).headline


def test_what_lies_in_a_bucket_passes() -> None:
    changes = ["data.serving_log=gs://b/log/*", "evaluator.baseline.saved_model=gs://b/model"]
    check_preconditions(load_workload("taxi", changes, "gs://b/span-{SPAN}/*.csv"), load_environment("dev"))


def test_a_misspelt_withheld_column_is_known_from_the_schema() -> None:
    changes = ["prediction.known_from.payment=[payment_typ, tips]"]
    problem = refusal(changes=changes, data="gs://b/*.csv")
    assert "prediction withholds `payment_typ`" in problem.headline
    assert "did you mean `payment_type`?" in problem.headline


def test_machines_for_a_component_that_does_not_exist_are_refused() -> None:
    tasks = {"ModelGat": load_environment("dev").task}
    assert "the component `ModelGat`, which there is not; did you mean `ModelGate`?" in refusal(tasks=tasks).headline


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"accelerator_type": "NVIDIA_L4"}, "`tasks.ModelGate` of the environment dev has an accelerator type and a"),
        ({"accelerator_type": "NVIDIA_L5", "accelerator_count": 1}, "no accelerator NVIDIA_L5 to be had; did you mean"),
        ({"accelerator_type": "NVIDIA_L4", "accelerator_count": 1}, "us-south1 has no NVIDIA_L4"),
    ],
)
def test_a_gpu_of_a_task_that_cannot_be_had_is_refused(given: dict[str, Any], sentence: str) -> None:
    assert sentence in refusal(tasks={"ModelGate": TaskConfig(**given)}, region="us-south1").headline


def test_more_workers_at_the_start_than_at_most_are_refused() -> None:
    problem = refusal(dataflow=DataflowConfig(workers=20, max_workers=3))
    assert problem.headline == "`dataflow.workers` of the environment dev is 20, more than its `max_workers`, 3."


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        (
            {"dataflow": DataflowConfig(region="europe-wset1")},
            "`dataflow.region` of the environment dev: Dataflow has no",
        ),
        (
            {"training": WorkersConfig(fallbacks=[FallbackConfig(machine_type="n1-standard-4", region="us-wset1")])},
            "`training.fallbacks.region` of the environment dev: Vertex AI has no region `us-wset1`",
        ),
    ],
)
def test_another_region_that_there_is_not_is_refused(changes: dict[str, Any], sentence: str) -> None:
    problem = refusal(**changes)
    assert problem.headline.startswith(sentence)
    assert "did you mean" in problem.headline


def test_another_region_that_there_is_passes() -> None:
    changes = {"dataflow": DataflowConfig(region="europe-west1")}
    check_preconditions(load_workload("taxi"), load_environment("dev").model_copy(update=changes))


@pytest.mark.parametrize("labels", [{"Team": "a"}, {"team": "The A Team"}, {"team": "x" * 64}, {"1st": "a"}])
def test_what_cannot_be_a_label_is_refused(labels: dict[str, str]) -> None:
    assert "cannot be a label of Google Cloud" in refusal(labels=labels).headline


def test_more_labels_than_google_cloud_takes_are_refused() -> None:
    assert "65 labels" in refusal(labels={f"l{number}": "x" for number in range(60)}).headline


@pytest.mark.parametrize("image", [PREBUILT, "gcr.io/cloud-aiplatform/prediction/tf2-cpu.2-15:latest"])
def test_a_pre_built_serving_image_is_refused(image: str) -> None:
    assert "end in January 2027" in refusal(serving_image=image).headline


def test_an_upload_without_an_image_that_serves_is_refused() -> None:
    problem = refusal(model_registry=True)
    assert problem.headline == (
        "`model_registry` of the environment dev is true, and Vertex AI takes no model without the image that serves "
        "it: `serving_image` is not set."
    )
    assert "serving_image: " in problem.next_command


def test_an_upload_of_what_is_not_registered_is_refused() -> None:
    wanted = {"model_registry": True, "serving_image": "eu-docker.pkg.dev/p/r/serving:v1"}
    assert "`registry` of the environment is false" in refusal(**wanted, registry=False).headline
    assert "`registry.enabled` of taxi is false" in refusal(changes=["registry.enabled=false"], **wanted).headline
    assert "and takes 63 characters" in refusal(**wanted, name="x" * 63, labels={}).headline


def test_an_upload_with_its_image_passes_and_a_moving_one_is_a_warning() -> None:
    image = "eu-docker.pkg.dev/p/r/serving"
    cloud = load_environment("prod").model_copy(update={"model_registry": True, "serving_image": f"{image}:v1"})
    assert check_preconditions(load_workload("taxi"), cloud) == []
    assert (
        f"the image {image}:latest"
        in refusal(
            model_registry=True, serving_image=f"{image}:latest", strict_gates=True, image=f"{image}:v1"
        ).headline
    )


def test_an_uploaded_model_has_more_labels_than_its_job() -> None:
    labels = {f"l{number}": "x" for number in range(59)}
    check_preconditions(load_workload("taxi"), load_environment("dev").model_copy(update={"labels": labels}))
    assert "the model would have 67 labels" in refusal(labels=labels, model_registry=True).headline


@pytest.mark.parametrize("image", ["eu-docker.pkg.dev/p/r/sluice", "eu-docker.pkg.dev/p/r/sluice:latest"])
def test_an_image_that_moves_is_a_warning_and_refused_where_customers_are(image: str) -> None:
    assert "by a tag that moves" in refusal(image=image, strict_gates=True).headline
    cloud = load_environment("dev").model_copy(update={"image": image})
    [warning] = check_preconditions(load_workload("taxi"), cloud)
    assert "by a tag that moves" in warning


@pytest.mark.parametrize("image", [f"eu-docker.pkg.dev/p/r/{DIGEST}", "localhost:5000/sluice:v1"])
def test_an_image_that_stays_passes(image: str) -> None:
    cloud = load_environment("prod").model_copy(update={"image": image})
    assert check_preconditions(load_workload("taxi"), cloud) == []


def job_with(constant: str) -> dict[str, Any]:
    task = {"inputs": {"parameters": {"config": {"runtimeValue": {"constant": constant}}}}}
    return {"root": {}, "components": {"tfx-dag": {"dag": {"tasks": {"Trainer": task}}}}}


@pytest.mark.parametrize("folder", [ROOT / "data/rides", Path.home() / "rides"])
def test_a_path_of_this_machine_that_is_left_in_the_job_is_refused(folder: Path) -> None:
    with pytest.raises(SluiceError, match="Trainer would be given") as caught:
        check_job_places(job_with(f'{{"source": "{folder}"}}'))
    assert f"{folder} in `config`" in caught.value.headline


def test_an_address_that_ends_like_such_a_path_stays() -> None:
    check_job_places(job_with(f"gs://bucket{ROOT}/data gs://bucket{Path.home()}/x /usr/share/rides"))


def test_an_endpoint_without_an_image_that_serves_is_refused() -> None:
    problem = refusal(endpoint=EndpointConfig())
    assert problem.headline.startswith("the environment dev has an `endpoint` and no `serving_image`")


def test_an_endpoint_on_a_machine_that_does_not_exist_is_refused() -> None:
    problem = refusal(endpoint=EndpointConfig(machine_type="n1-standard-5"), serving_image=DIGEST)
    assert "n1-standard-5" in problem.headline


def test_a_rollout_whose_answers_nobody_can_record_is_a_warning() -> None:
    config = load_workload("taxi", environment="staging")
    image = f"europe-west4-docker.pkg.dev/my-project/sluice/serving@sha256:{'0' * 64}"
    silent = {"endpoint": EndpointConfig(), "serving_image": image}
    cloud = load_environment("staging").model_copy(update=silent)
    [warning] = check_preconditions(config, cloud)
    assert warning.startswith("`endpoint.service_account` is not set, so versions cannot record their answers")
    account = EndpointConfig(service_account="serving@my-project.iam.gserviceaccount.com")
    assert check_preconditions(config, cloud.model_copy(update={"endpoint": account})) == []


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        (
            ["notify.webhook=HOOK"],
            "`notify.webhook` names the environment variable HOOK, which a task on",
        ),
        (["notify.webhook=https://h.example/", "notify.secret=S"], "`notify.secret` names the environment variable S,"),
    ],
)
def test_a_webhook_that_needs_a_variable_of_this_machine_is_refused(changes: list[str], sentence: str) -> None:
    problem = refusal(changes=changes)
    assert sentence in problem.headline
    assert "--set notify=null" in problem.next_command


def test_a_webhook_that_needs_no_variable_passes() -> None:
    for changes in (["notify.webhook=https://h.example/"], ["notify=null"]):
        check_preconditions(load_workload("taxi", changes), load_environment("dev"))
