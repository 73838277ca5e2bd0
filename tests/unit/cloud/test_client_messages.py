"""The client over REST keeps its own classes; without the mend it loses them, which the first test would notice."""

from __future__ import annotations

import subprocess
import sys

import pytest
from google.protobuf.internal import api_implementation

from tests.samples.folders import ROOT

# A finished operation is read, then a list; the second line is what Endpoint.list() sees.
SCRIPT = """
import sys
from google.cloud.aiplatform_v1 import types
from google.longrunning import operations_pb2
from google.protobuf import json_format
from cloud.client_messages import register_client_messages

if "mended" in sys.argv:
    register_client_messages()
response = {"@type": "type.googleapis.com/google.cloud.aiplatform.v1.Endpoint", "displayName": "e"}
json_format.ParseDict({"done": True, "response": response}, operations_pb2.Operation())
answer = types.ListEndpointsResponse()
json_format.ParseDict({"endpoints": [{"displayName": "e"}]}, types.ListEndpointsResponse.pb(answer))
print(type(types.ListEndpointsResponse.pb(answer).endpoints[0]) is types.Endpoint.pb())
"""


def keeps_its_classes(*arguments: str) -> bool:
    # In a process of its own, as the damage lasts.
    command = [sys.executable, "-W", "ignore", "-c", SCRIPT, *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=True)
    return done.stdout.strip() == "True"


@pytest.mark.skipif(api_implementation.Type() == "upb", reason="newer protobuf has one class for each descriptor")
def test_the_client_still_loses_its_classes_when_it_reads_an_operation() -> None:
    assert not keeps_its_classes()


def test_a_registered_class_is_found_again() -> None:
    assert keeps_its_classes("mended")
