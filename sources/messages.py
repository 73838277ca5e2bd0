"""Classes of protobuf messages from tables of their fields: the modules that TensorFlow brings for them import it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

# name, number and type of each field; text is the name of a message, a list means repeated. A map is a list of entries.
Fields = list[tuple[str, int, Any]]
Field = descriptor_pb2.FieldDescriptorProto


def message_classes(package: str, messages: Mapping[str, Fields], one_of: Collection[str] = ()) -> dict[str, Any]:
    """The classes of the messages, in a pool of their own: the common one may hold TensorFlow's.

    Of the fields of a message in `one_of` one at most is set.
    """
    file = descriptor_pb2.FileDescriptorProto(name=f"{package}.proto", package=package, syntax="proto3")
    for name, fields in messages.items():
        message = file.message_type.add(name=name)
        if name in one_of:
            message.oneof_decl.add(name="kind")
        for field, number, kind in fields:
            each = kind[0] if isinstance(kind, list) else kind
            added = message.field.add(name=field, number=number)
            added.label = Field.LABEL_REPEATED if isinstance(kind, list) else Field.LABEL_OPTIONAL
            if isinstance(each, str):
                added.type, added.type_name = Field.TYPE_MESSAGE, f".{package}.{each}"
            else:
                added.type = each
            if name in one_of:
                added.oneof_index = 0
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(file.SerializeToString())
    return {name: _class_of(pool.FindMessageTypeByName(f"{package}.{name}")) for name in messages}


def _class_of(descriptor: Any) -> Any:
    if hasattr(message_factory, "GetMessageClass"):  # protobuf 4.22 and newer
        return message_factory.GetMessageClass(descriptor)
    return message_factory.MessageFactory(descriptor.file.pool).GetPrototype(descriptor)
