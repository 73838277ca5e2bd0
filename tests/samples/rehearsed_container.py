"""A container for tests of the rehearsal: `rehearsed_container.py NAME {{$}} ORDERS`, orders as JSON.

Each call leaves an object `calls/NAME/…` in the bucket of its outputs.
"""

from __future__ import annotations

import json
import os
import sys
import time
import uuid
from pathlib import Path
from typing import Any

from google.cloud import storage


def main(name: str, document: dict[str, Any], orders: dict[str, Any]) -> None:
    """Carry the orders out, then write the output file."""
    output_file = document["outputs"]["outputFile"]
    client = storage.Client()
    bucket = client.bucket(output_file.removeprefix("gs://").partition("/")[0])
    bucket.blob(f"calls/{name}/{uuid.uuid4().hex}").upload_from_string(json.dumps(document))
    calls = len(list(client.list_blobs(bucket, prefix=f"calls/{name}/")))
    while "until" in orders and not bucket.blob(orders["until"]).exists():
        time.sleep(0.05)
    if calls <= orders.get("failures", 0):
        raise RuntimeError(f"failure {calls}")
    if orders.get("stray"):
        Path("gs:").mkdir()
    if "reads" in orders:
        print(client.bucket(orders["reads"]), os.environ["SET_BY_THE_JOB"])
    artifacts = {
        key: {"artifacts": [{"uri": orders.get("uri") or each["artifacts"][0]["uri"], "metadata": orders["metadata"]}]}
        for key, each in document["outputs"]["artifacts"].items()
    }
    made = {"artifacts": artifacts, "parameterValues": orders.get("parameters", {})}
    storage.Blob.from_string(output_file, client).upload_from_string(json.dumps(made))


if __name__ == "__main__":
    main(sys.argv[1], json.loads(sys.argv[2]), {"metadata": {}, **json.loads(sys.argv[3])})
