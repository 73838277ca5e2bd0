"""What Vertex AI refuses about the form of a request, whatever it requests."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from google.api_core import exceptions
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from google.rpc import error_details_pb2

from cloud.testing.vertex.behaviours import behaviours

Violation = tuple[str, str]

NOT_SET = "Required field not set."

_PROJECT = r"projects/[^/]+"
_PLACE = rf"{_PROJECT}/locations/[^/]+"

# Fields that name another resource (in the descriptors: google.api.resource_reference), with the form of the name.
REFERENCES = {
    "google.cloud.aiplatform.v1.DeployedModel.model": rf"{_PLACE}/models/[^/@]+(@[^/]+)?",
    "google.cloud.aiplatform.v1.DeployedModel.shared_resources": rf"{_PLACE}/deploymentResourcePools/[^/]+",
    "google.cloud.aiplatform.v1.UploadModelRequest.parent_model": rf"{_PLACE}/models/[^/@]+",
    "google.cloud.aiplatform.v1.CustomJobSpec.tensorboard": rf"{_PLACE}/tensorboards/[^/]+",
    "google.cloud.aiplatform.v1.CustomJobSpec.network": rf"{_PROJECT}/global/networks/[^/]+",
    "google.cloud.aiplatform.v1.CustomJobSpec.experiment": rf"{_PLACE}/metadataStores/[^/]+/contexts/[^/]+",
    "google.cloud.aiplatform.v1.CustomJobSpec.experiment_run": rf"{_PLACE}/metadataStores/[^/]+/contexts/[^/]+",
    "google.cloud.aiplatform.v1.PipelineJob.network": rf"{_PROJECT}/global/networks/[^/]+",
    "google.cloud.aiplatform.v1.Endpoint.network": rf"{_PROJECT}/global/networks/[^/]+",
    "google.cloud.aiplatform.v1.EncryptionSpec.kms_key_name": rf"{_PLACE}/keyRings/[^/]+/cryptoKeys/[^/]+",
    "google.cloud.aiplatform.v1.ModelDeploymentMonitoringJob.endpoint": rf"{_PLACE}/endpoints/[^/]+",
}

# Every field `service_account` holds the address of an account.
ACCOUNT = re.compile(r"[^@/\s]+@[^@/\s]+")


def check(message: Message) -> None:
    """Does nothing for a request of the right form.

    Raises:
        InvalidArgument: a required field is missing, an enum has no such value, a resource's name is malformed or a
            field is unknown. All that is wrong stands in one answer, as with Vertex AI.
    """
    violations = [*_unknown(message), *_violations(message, "")]
    if "update_mask" in message.DESCRIPTOR.fields_by_name:
        # Of the resource only what the mask names is read; the rest need not be there.
        violations = [(field, text) for field, text in violations if text != NOT_SET or "." not in field]
    if violations:
        raise invalid_argument(violations)


def invalid_argument(violations: Sequence[Violation]) -> exceptions.InvalidArgument:
    """The error for pairs of a field's path and what is wrong with it."""
    numbered = (f"{number}.Field: {field}; Message: {text}" for number, (field, text) in enumerate(violations, 1))
    detail = error_details_pb2.BadRequest(
        field_violations=[
            error_details_pb2.BadRequest.FieldViolation(field=field, description=text) for field, text in violations
        ]
    )
    return exceptions.InvalidArgument("List of found errors:\t" + "\t".join(numbered), details=[detail])


def clear_output_only(message: Message, kept: Sequence[str] = ()) -> None:
    """Takes away what only the service may set, as the service ignores it; `kept` are paths that name the resource."""
    names = behaviours(message.DESCRIPTOR.full_name).output_only
    for field, value in list(message.ListFields()):
        inside = [path.removeprefix(f"{field.name}.") for path in kept if path.startswith(f"{field.name}.")]
        if field.name in names and field.name not in kept and not inside:
            message.ClearField(field.name)
        else:
            for _, each in _messages(field, value):
                clear_output_only(each, inside)


def _unknown(message: Message) -> Iterator[Violation]:
    known = type(message)()
    known.CopyFrom(message)
    known.DiscardUnknownFields()
    if known.ByteSize() != message.ByteSize():
        yield message.DESCRIPTOR.name, "The message has fields that are unknown to this version of the API."


def _violations(message: Message, path: str) -> Iterator[Violation]:
    descriptor = message.DESCRIPTOR
    required = behaviours(descriptor.full_name).required
    for field in descriptor.fields:
        if field.name in required and _is_missing(message, field):
            yield f"{path}{field.name}", NOT_SET
    for field, value in message.ListFields():
        here = f"{path}{field.name}"
        yield from _wrong_values(field, value, here)
        for key, each in _messages(field, value):
            yield from _violations(each, f"{here}{key}.")


def _is_missing(message: Message, field: FieldDescriptor) -> bool:
    value = getattr(message, field.name)
    if field.label == FieldDescriptor.LABEL_REPEATED:
        return not value
    if field.has_presence or field.message_type is not None:
        return not message.HasField(field.name)
    # Of a number, 0 may be meant: the bounds of a parameter are required, too.
    texts = (FieldDescriptor.TYPE_STRING, FieldDescriptor.TYPE_BYTES, FieldDescriptor.TYPE_ENUM)
    return field.type in texts and not value


def _wrong_values(field: FieldDescriptor, value: Any, path: str) -> Iterator[Violation]:
    values = list(value) if field.label == FieldDescriptor.LABEL_REPEATED else [value]
    if field.enum_type is not None:
        for each in values:
            if each not in field.enum_type.values_by_number:
                yield path, f"Invalid value: {each} is not in {field.enum_type.full_name}."
    form = REFERENCES.get(field.full_name)
    if form is not None:
        for each in values:
            if not re.fullmatch(form, each):
                yield path, f"The resource name {each!r} is malformed."
    if field.name == "service_account" and field.type == FieldDescriptor.TYPE_STRING and not ACCOUNT.fullmatch(value):
        yield path, f"The service account {value!r} is malformed."


def _messages(field: FieldDescriptor, value: Any) -> Iterator[tuple[str, Message]]:
    """The messages in a field's value, each with what it adds to the path: `[2]` or `["key"]`."""
    if field.message_type is None or field.message_type.file.package == "google.protobuf":
        return
    if field.message_type.GetOptions().map_entry:
        if field.message_type.fields_by_name["value"].message_type is not None:
            yield from ((f'["{key}"]', each) for key, each in value.items())
    elif field.label == FieldDescriptor.LABEL_REPEATED:
        yield from ((f"[{number}]", each) for number, each in enumerate(value))
    else:
        yield "", value
