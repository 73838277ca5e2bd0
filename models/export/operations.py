"""Reads the operations of an exported graph: all that the signatures and the initialisers of its tables can reach. It
needs the file alone, so it also reads an export that cannot be loaded."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from tensorflow.python.framework import op_def_registry
from tensorflow.python.saved_model.loader_impl import parse_saved_model

# What a restored SavedModel runs before its first answer, under the name of the signature or of the object's function.
INITIALISER = "initialiser"
_INIT_SIGNATURE = "__saved_model_init_op"
_INIT_FUNCTIONS = ("_create_resource", "_initialize", "_initializer")
_NO_SIGNATURES = (_INIT_SIGNATURE, "__saved_model_train_op")
# An initialiser that reads a table from a file, and the place of the file's name among its inputs.
_FROM_FILE = {"InitializeTableFromTextFile": 1, "InitializeTableFromTextFileV2": 1}
_PASSED_ON = ("Identity", "IdentityN")


def operations_of(export: str) -> list[dict[str, Any]]:
    """Each kind of operation once for each signature: `signature`, `kind` (TensorFlow's name), `node`, `stateful`
    (null: TensorFlow has no such operation), `outside` (a table from a file that is no asset of the export)."""
    found: dict[tuple[str, str, bool], dict[str, Any]] = {}
    for meta in parse_saved_model(export).meta_graphs:
        graph = _Graph(meta)
        for signature, node, outside in graph.reached():
            key = (signature, node.op, outside)
            if key not in found:
                definition = op_def_registry.get(node.op)
                found[key] = {
                    "signature": signature,
                    "kind": node.op,
                    "node": node.name,
                    "stateful": None if definition is None else definition.is_stateful,
                    "outside": outside,
                }
    return list(found.values())


class _Graph:
    """The nodes and functions of one graph, and what can be reached in them."""

    def __init__(self, meta: Any) -> None:
        self._meta = meta
        self._nodes = {node.name: node for node in meta.graph_def.node}
        self._functions = {each.signature.name: each for each in meta.graph_def.library.function}
        self._assets = {_bare(each.tensor_info.name) for each in meta.asset_file_def}

    def reached(self) -> Iterator[tuple[str, Any, bool]]:
        """Signature, node, and whether it reads a file that is no asset."""
        # A map of a protocol buffer has another order in each process.
        for name, signature in sorted(self._meta.signature_def.items()):
            of = INITIALISER if name in _NO_SIGNATURES else name
            yield from self._below(of, (_bare(each.name) for _, each in sorted(signature.outputs.items())))
        for function in self._initialisers():
            yield from self._inside(INITIALISER, [function])

    def _initialisers(self) -> Iterator[str]:
        objects = self._meta.object_graph_def.nodes
        for each in objects:
            for child in each.children:
                if child.local_name in _INIT_FUNCTIONS:
                    yield from objects[child.node_id].function.concrete_functions

    def _below(self, signature: str, names: Iterable[str]) -> Iterator[tuple[str, Any, bool]]:
        """The nodes outside functions that these nodes need, and all that they call."""
        waiting, seen, called = list(names), set[str](), []
        while waiting:
            name = waiting.pop()
            if name in seen or name not in self._nodes:
                continue
            seen.add(name)
            node = self._nodes[name]
            waiting += map(_bare, node.input)
            called += list(_called_by(node))
            yield signature, node, self._reads_outside(node, self._nodes, set())
        yield from self._inside(signature, called)

    def _inside(self, signature: str, functions: Iterable[str]) -> Iterator[tuple[str, Any, bool]]:
        """All nodes of these functions and of those that they call."""
        waiting, seen = list(functions), set[str]()
        while waiting:
            name = waiting.pop()
            if name in seen or name not in self._functions:
                continue
            seen.add(name)
            function = self._functions[name]
            nodes = {node.name: node for node in function.node_def}
            given = {argument.name for argument in function.signature.input_arg}
            for node in function.node_def:
                waiting += list(_called_by(node))
                yield signature, node, self._reads_outside(node, nodes, given)

    def _reads_outside(self, node: Any, nodes: Mapping[str, Any], given: set[str]) -> bool:
        """Whether a table comes from a file that is neither an asset nor handed in, as assets are."""
        if node.op not in _FROM_FILE:
            return False
        source = _bare(node.input[_FROM_FILE[node.op]])
        while source in nodes and nodes[source].op in _PASSED_ON:
            source = _bare(nodes[source].input[0])
        return source not in given and source not in self._assets


def _bare(tensor: str) -> str:
    """The name of the node that gives a tensor."""
    return tensor.removeprefix("^").split(":")[0]


def _called_by(node: Any) -> Iterator[str]:
    for _, value in sorted(node.attr.items()):
        if value.WhichOneof("value") == "func":
            yield value.func.name
        for function in value.list.func:
            yield function.name
