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

    def __str__(self) -> str:
        return f"{self.region} of {self.project}"
