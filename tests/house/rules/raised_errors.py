"""Which public functions let a SluiceError out, read from the source: by a `raise` of their own, or through a function
of the same module that they call. Errors of other modules are documented there."""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Iterator

ERROR = "SluiceError"
_CATCHERS = {ERROR, "Exception", "BaseException"}
_CONSTRUCTORS = ("__init__", "__post_init__")
_SECTION = re.compile(rf"^ *Raises:\n(?: .*\n)*? +{ERROR}: \w", re.MULTILINE)
# A sentence about an exception, outside of the section for it.
_PROSE = re.compile(rf"(?<!\w)[Rr]aises [A-Z]\w+|{ERROR}(?!: )")

_Function = ast.FunctionDef | ast.AsyncFunctionDef


def undocumented(source: str, makers: Collection[str] = ()) -> list[str]:
    """Functions, methods and classes that let a SluiceError out, and whose docstrings have no `Raises:` for it.

    A class stands for its constructor; `makers` are functions of other modules that return such an error. Commands of
    click are left out: their docstrings are what `--help` prints.
    """
    module = _Module(ast.parse(source), makers)
    public = (name for name in module.letting_out() if module.is_public(name))
    return sorted({module.shown(name) for name in public if not _SECTION.search(module.docstring(name))})


def exceptions_in_prose(source: str) -> list[str]:
    """Docstrings that tell of an exception in a sentence instead of in their `Raises:` section, by the first line."""
    nodes = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    texts = (ast.get_docstring(node) or "" for node in ast.walk(ast.parse(source)) if isinstance(node, nodes))
    return [text.splitlines()[0] for text in texts if _PROSE.search(text)]


def error_makers(source: str) -> set[str]:
    """The functions of a module that return a SluiceError for others to raise."""
    return {node.name for node in ast.walk(ast.parse(source)) if isinstance(node, _Function) and _makes_error(node)}


def _makes_error(node: _Function) -> bool:
    return node.returns is not None and ast.unparse(node.returns) == ERROR


class _Module:
    """The functions of one module by their dotted names, and what each raises and calls."""

    def __init__(self, tree: ast.Module, makers: Collection[str]) -> None:
        self.functions: dict[str, _Function] = {}
        self.classes: dict[str, ast.ClassDef] = {}
        self._collect(tree, "")
        self._makers = {ERROR, *makers, *(node.name for node in self.functions.values() if _makes_error(node))}

    def letting_out(self) -> set[str]:
        """The functions that raise such an error, or call one that does."""
        guilty, calls = set[str](), dict[str, set[str | None]]()
        for name, node in self.functions.items():
            found = list(_uncaught(node.body))
            calls[name] = {self._called(name, each.func) for each in found if isinstance(each, ast.Call)}
            if any(self._is_ours(each) for each in found if isinstance(each, ast.Raise)):
                guilty.add(name)
        while more := {name for name in calls if name not in guilty and calls[name] & guilty}:
            guilty |= more
        return guilty

    def is_public(self, name: str) -> bool:
        is_nested = any(name.startswith(f"{other}.") for other in self.functions)
        decorators = self.functions[name].decorator_list
        is_command = any(re.search(r"\.(command|group)\(", ast.unparse(each)) for each in decorators)
        return not (is_nested or is_command) and not any(part.startswith("_") for part in self.shown(name).split("."))

    def shown(self, name: str) -> str:
        """A constructor under the name of its class, where its arguments are documented."""
        owner, _, last = name.rpartition(".")
        return owner if last in _CONSTRUCTORS else name

    def docstring(self, name: str) -> str:
        shown = self.shown(name)
        node = self.classes[shown] if shown in self.classes else self.functions[shown]
        return f"{ast.get_docstring(node) or ''}\n"

    def _collect(self, node: ast.AST, prefix: str) -> None:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, (_Function, ast.ClassDef)):
                name = f"{prefix}{child.name}"
                if isinstance(child, ast.ClassDef):
                    self.classes[name] = child
                else:
                    self.functions[name] = child
                self._collect(child, f"{name}.")
            elif isinstance(child, ast.stmt | ast.excepthandler):
                self._collect(child, prefix)

    def _is_ours(self, node: ast.Raise) -> bool:
        made = node.exc.func if isinstance(node.exc, ast.Call) else None
        return getattr(made, "id", getattr(made, "attr", None)) in self._makers

    def _called(self, caller: str, function: ast.expr) -> str | None:
        """The function of this module that is called; None for one of elsewhere."""
        if isinstance(function, ast.Attribute) and isinstance(function.value, ast.Name):
            owner = caller.rpartition(".")[0] if function.value.id in ("self", "cls") else function.value.id
            return self._method(owner, function.attr)
        if not isinstance(function, ast.Name):
            return None
        if function.id in self.classes:
            return next(filter(None, (self._method(function.id, each) for each in _CONSTRUCTORS)), None)
        return next((name for name in (f"{caller}.{function.id}", function.id) if name in self.functions), None)

    def _method(self, owner: str, name: str) -> str | None:
        """As the class or one of its bases in this module has it."""
        if f"{owner}.{name}" in self.functions:
            return f"{owner}.{name}"
        bases = self.classes[owner].bases if owner in self.classes else []
        found = (self._method(base.id, name) for base in bases if isinstance(base, ast.Name))
        return next(filter(None, found), None)


def _uncaught(nodes: list[ast.stmt] | list[ast.AST]) -> Iterator[ast.Raise | ast.Call]:
    """Every `raise` and every call whose SluiceError no `except` around it keeps; not those of functions inside."""
    for node in nodes:
        if isinstance(node, ast.Raise | ast.Call):
            yield node
        if isinstance(node, ast.Try) and any(_keeps(handler) for handler in node.handlers):
            yield from _uncaught([*node.handlers, *node.orelse, *node.finalbody])
        elif not isinstance(node, _Function | ast.ClassDef | ast.Lambda):
            yield from _uncaught(list(ast.iter_child_nodes(node)))


def _keeps(handler: ast.ExceptHandler) -> bool:
    kinds = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    catches = any(kind is None or ast.unparse(kind) in _CATCHERS for kind in kinds)
    return catches and not any(isinstance(each, ast.Raise) and each.exc is None for each in ast.walk(handler))
