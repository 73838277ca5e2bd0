"""Where the runs of a workload on Vertex AI keep what they read and write: folders of the environment's bucket."""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.config.environment import EnvironmentConfig


@dataclass(frozen=True)
class BucketPlaces:
    """Addresses below `gs://<bucket>/sluice/<workload>`."""

    root: str

    @classmethod
    def of(cls, workload: str, cloud: EnvironmentConfig) -> BucketPlaces:
        """Those of a workload in an environment."""
        return cls(f"gs://{cloud.bucket}/sluice/{workload}")

    @property
    def artifacts(self) -> str:
        """The pipeline root."""
        return f"{self.root}/artifacts"

    @property
    def serving(self) -> str:
        """Where blessed models are pushed."""
        return f"{self.root}/serving"

    @property
    def answers(self) -> str:
        """Where the containers of endpoints record what they answer."""
        return f"{self.root}/answers"

    @property
    def output(self) -> str:
        """The output of all workloads, which also holds the records of rollouts."""
        return self.root.rpartition("/")[0]

    @property
    def registry(self) -> str:
        """Where blessed models are kept, numbered by what changed."""
        return f"{self.root}/registry"

    @property
    def runs(self) -> str:
        """Record and report of each job in a folder of its name, and `latest`, which names the newest."""
        return f"{self.root}/runs"

    @property
    def dataflow(self) -> str:
        """What Dataflow stages and keeps for a while."""
        return f"{self.root}/dataflow"
