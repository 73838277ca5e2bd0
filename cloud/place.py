"""A project and a region: where everything of Vertex AI lies."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Place:
    """Where resources of Vertex AI are made and found."""

    project: str
    region: str

    @property
    def parent(self) -> str:
        """The name under which resources are made: `projects/p/locations/r`."""
        return f"projects/{self.project}/locations/{self.region}"

    @property
    def host(self) -> str:
        """The host of the region's API."""
        return f"{self.region}-aiplatform.googleapis.com"

    @property
    def options(self) -> str:
        """The options of our command that lead there."""
        return f"--project {self.project} --region {self.region}"

    @property
    def title(self) -> str:
        """What runs a job here, for the first line of the console."""
        return f"Vertex AI, {self}"

    @property
    def page_title(self) -> str:
        """What `job_page` leads to."""
        return "console"

    @property
    def when_left(self) -> str:
        """What becomes of a job that nobody follows."""
        return "goes on by itself"

    def job_page(self, job: str) -> str:
        """Where a job is shown: its page in the console of Google Cloud."""
        page = f"https://console.cloud.google.com/vertex-ai/locations/{self.region}/pipelines/runs/{job}"
        return f"{page}?project={self.project}"

    def log_page(self, job: str, task: str, custom_job: str) -> str:  # noqa: ARG002
        """The log of a task's container; the job's page when the task has started no custom job."""
        number = custom_job.rpartition("/")[2]
        query = f"resource.labels.job_id%3D%22{number}%22"
        page = f"https://console.cloud.google.com/logs/query;query={query}?project={self.project}"
        return page if number else self.job_page(job)

    def follow_command(self, job: str) -> str:
        """The command that follows a job."""
        return f"python runners/vertex_runner.py jobs follow {job} {self.options}"

    def __str__(self) -> str:
        return f"{self.region} of {self.project}"
