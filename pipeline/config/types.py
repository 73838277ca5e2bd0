"""Types of the configuration's values, each with its description in words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import Field


@dataclass(frozen=True)
class InWords:
    """The description of a type whose pattern is not readable."""

    words: str


Name = Annotated[
    str, Field(pattern=r"^[a-z][a-z0-9_]*$"), InWords("a name of a-z, 0-9 and _ that starts with a letter")
]
Text = Annotated[str, Field(pattern=r"\S"), InWords("text that is not empty")]
ModulePath = Annotated[
    str, Field(pattern=r"^[A-Za-z_]\w*(\.[A-Za-z_]\w*)*$"), InWords("a dotted module path such as models.wide_and_deep")
]
Bucket = Annotated[
    str,
    Field(pattern=r"^[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]$"),
    InWords("a bucket's name of 3 to 222 of a-z, 0-9, `.`, `_` and `-`, without gs:// and folders"),
]
Project = Annotated[
    str,
    Field(pattern=r"^([a-z0-9.-]+\.[a-z]+:)?[a-z][a-z0-9-]{4,28}[a-z0-9]$"),
    InWords("a project id of 6 to 30 of a-z, 0-9 and -, which starts with a letter"),
]
Region = Annotated[str, Field(pattern=r"^[a-z]+-[a-z]+[0-9]+$"), InWords("a region such as europe-west4")]
Image = Annotated[
    str,
    Field(pattern=r"^[a-z0-9.-]+(:[0-9]+)?(/[a-z0-9._-]+)*(:\w[\w.-]{0,127})?(@sha256:[0-9a-f]{64})?$"),
    InWords("a container image such as europe-west4-docker.pkg.dev/PROJECT/sluice/sluice:v1"),
]
ServiceAccount = Annotated[
    str,
    Field(pattern=r"^[a-z0-9.-]+@[a-z0-9.-]+\.gserviceaccount\.com$"),
    InWords("the address of a service account such as sluice@PROJECT.iam.gserviceaccount.com"),
]
Network = Annotated[
    str,
    Field(pattern=r"^projects/[0-9]+/global/networks/[a-z][a-z0-9-]*$"),
    InWords("projects/NUMBER/global/networks/NAME, with the project's number"),
]
Subnetwork = Annotated[
    str,
    Field(
        pattern=r"^(https://www\.googleapis\.com/compute/v1/projects/[^/\s]+/)?regions/[a-z0-9-]+/subnetworks/[a-z0-9-]+$"
    ),
    InWords("regions/REGION/subnetworks/NAME, or the whole address of a shared one"),
]
EncryptionKey = Annotated[
    str,
    Field(pattern=r"^projects/[^/\s]+/locations/[a-z0-9-]+/keyRings/[\w-]+/cryptoKeys/[\w-]+$"),
    InWords("projects/PROJECT/locations/REGION/keyRings/RING/cryptoKeys/KEY"),
]
Experiment = Annotated[
    str,
    Field(pattern=r"^[a-z0-9-]{4,128}$"),
    InWords("the name of an experiment, 4 to 128 of a-z, 0-9 and -"),
]
TensorBoard = Annotated[
    str,
    Field(pattern=r"^([0-9]+|projects/[^/\s]+/locations/[a-z0-9-]+/tensorboards/[0-9]+)$"),
    InWords("the number of a TensorBoard instance, or projects/PROJECT/locations/REGION/tensorboards/NUMBER"),
]
Seed = Annotated[int, Field(ge=0, lt=2**32), InWords("a whole number from 0 to 4294967295")]
Share = Annotated[float, Field(ge=0.0, le=1.0)]
Source = Annotated[Text | list[Text], InWords("text that is not empty, or a list of such texts")]
Scalar = bool | int | float | str
Hyperparameter = Annotated[Scalar | list[Scalar], InWords("true or false, a number, text, or a list of these")]
SliceValue = str | int
Setting = Annotated[Any, InWords("what may stand under that key")]
