"""YAML with the line of every key; defined in `gates`, whose command reads YAML too."""

from gates.yaml_document import Document, KeyPath, Place, read_document, read_value

__all__ = ["Document", "KeyPath", "Place", "read_document", "read_value"]
