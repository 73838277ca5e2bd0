"""What an endpoint on Vertex AI is made of, as typed values and as the one line of text that names it elsewhere."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated
from urllib.parse import parse_qsl, quote, unquote, urlencode

from pydantic import Field, PositiveInt, ValidationError

from cloud.machines import Capacity, check_machine
from cloud.place import Place
from core.errors import SluiceError
from core.strict import Strict

SCHEME = "vertex"
# The longest id of an endpoint is 63 characters, and that of the candidates ends so.
CANDIDATE_SUFFIX = "-candidate"
_LONGEST_ID = 63
_PLACE = re.compile(rf"{SCHEME}://([^/?]+)/([^/?]+)/([^/?]+)\?(.*)")
_PREBUILT = re.compile(r"(-docker\.pkg\.dev/vertex-ai|gcr\.io/cloud-aiplatform)/prediction/")
_Percent = Annotated[int, Field(ge=1, le=100)]


class EndpointOptions(Strict):
    """An endpoint of an environment: where its versions lie, and the machines of each deployed model."""

    project: str
    region: str
    environment: str
    versions: str
    """The folder into which versions are pushed: gs://bucket/folder."""
    serving_image: str
    """The image whose container serves a version."""
    machine_type: str = "n1-standard-4"
    accelerator_type: str | None = None
    accelerator_count: int = 0
    min_replicas: PositiveInt = 1
    max_replicas: PositiveInt = 1
    cpu_target: _Percent = 60
    """Percent of use above which replicas are added."""
    accelerator_target: _Percent = 60
    spot: bool = False
    service_account: str | None = None
    """Runs the container; None: an account without any right in the project."""
    encryption_key: str | None = None
    private_projects: str = ""
    """Projects that reach the endpoint by Private Service Connect, with commas between them; empty: it is public."""
    private_address: str = ""
    """The address of a private endpoint in the caller's network: https://…"""
    private_candidate_address: str = ""
    """The same of the second endpoint, which golden requests reach."""
    log_table: str = ""
    """The BigQuery table of sampled requests and answers, bq://project.dataset.table; empty: none are logged."""
    log_share: Annotated[float, Field(gt=0, le=1)] = 0.1
    answers: str = ""
    """The folder for the record of answers that a rollout watches: gs://bucket/folder; empty: none is kept."""
    labels: str = ""
    """More labels: key=value, with commas between them."""
    load_minutes: PositiveInt = 45
    """A version that does not answer by then cannot be deployed; most of the time a machine is awaited."""

    @classmethod
    def of(cls, place: str) -> EndpointOptions:
        """The inverse of `place_text`.

        Raises:
          SluiceError: when a value is missing, unknown or of the wrong kind.
        """
        found = _PLACE.fullmatch(place)
        if found is None:
            raise SluiceError(
                f"{place} names no endpoint.", f"Its form is:  {SCHEME}://PROJECT/REGION/ENVIRONMENT?versions=gs://…"
            )
        project, region, environment = map(unquote, found.groups()[:3])
        named = {"project": project, "region": region, "environment": environment}
        try:
            return cls.model_validate_strings({**dict(parse_qsl(found[4], keep_blank_values=True)), **named})
        except ValidationError as problem:
            first = problem.errors()[0]
            key = ".".join(map(str, first["loc"]))
            raise SluiceError(f"{place} names no endpoint: `{key}`: {first['msg']}.") from problem

    def place_text(self) -> str:
        """`vertex://PROJECT/REGION/ENVIRONMENT?…`; what has its default value is left out."""
        rest = self.model_dump(exclude={"project", "region", "environment"}, exclude_defaults=True)
        path = "/".join(quote(each, safe="") for each in (self.project, self.region, self.environment))
        return f"{SCHEME}://{path}?{urlencode(rest)}"

    @property
    def place(self) -> Place:
        """The project and the region."""
        return Place(self.project, self.region)

    @property
    def more_labels(self) -> Mapping[str, str]:
        """Labels beside our own."""
        pairs = (each.partition("=") for each in self.labels.split(",") if each)
        return {key: value for key, _, value in pairs}

    def endpoint_id(self, workload: str) -> str:
        """The id of a workload's endpoint; environments may share a project.

        Raises:
          SluiceError: when the names are too long for one.
        """
        made = f"sluice-{workload}-{self.environment}".replace("_", "-")
        if len(made) + len(CANDIDATE_SUFFIX) > _LONGEST_ID:
            raise SluiceError(
                f"the endpoints would be called {made} and {made}{CANDIDATE_SUFFIX}, and Vertex AI takes {_LONGEST_ID} "
                "characters.",
                "Shorten:  `name` of the environment",
            )
        return made

    def check(self) -> None:
        """Does nothing for options that go together.

        Raises:
          SluiceError: with the first thing that does not fit.
        """
        check_serving_image(self.serving_image)
        capacity: Capacity = "spot" if self.spot else "standard"
        check_machine(self.machine_type, self.accelerator_type, self.accelerator_count, self.region, capacity)
        if self.max_replicas < self.min_replicas:
            raise SluiceError(
                f"an endpoint cannot have at least {self.min_replicas} and at most {self.max_replicas} replicas.",
                f"In the environment's file:  max_replicas: {self.min_replicas}",
            )


def check_serving_image(image: str) -> None:
    """Does nothing for an image that can serve our models.

    Raises:
      SluiceError: when it is one of Vertex AI's pre-built ones.
    """
    if _PREBUILT.search(image):
        raise SluiceError(
            f"`serving_image` is {image}: the pre-built images of Vertex AI stop at TensorFlow 2.15, "
            "older than what exports our models, and end in January 2027.",
            "Name one of your own with TensorFlow 2.16 or newer in the environment, or none:  `serving_image: null`",
        )
