"""Which parts of ``openai`` and ``g4f`` a code base uses, and whether they are covered here.

It reads the syntax only: nothing is imported, nothing runs.  Found are imports, what is
taken from an imported module or from a client that was made of its class, and the names
of arguments.  A client that comes from elsewhere is known by its annotation, else it is
not seen; what goes by ``**`` is not seen either.
"""

from __future__ import annotations

import ast
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ..errors import InvalidRequest
from .coverage import CLIENTS, LIBRARIES, verdict, verdict_on_argument

_SKIPPED = frozenset({"__pycache__", "node_modules", "site-packages", "build", "dist", "venv"})


@dataclass(frozen=True, slots=True)
class Use:
    """One use of another library: where, of what, and what to do when it is not covered.

    ``advice`` is ``""`` for what is covered.
    """

    path: str
    line: int
    name: str
    advice: str = ""

    @property
    def is_covered(self) -> bool:
        """Whether it works here after the import is changed."""
        return not self.advice


def check(path: str | os.PathLike[str]) -> list[Use]:
    """All uses in a Python file, or in those below a folder, by file and line.

    Raises ``InvalidRequest`` for a path that is neither.  A file that can't be read as
    Python is a use that is not covered.
    """
    root = Path(path)
    if root.is_dir():
        files = sorted(_files(root))
    elif root.is_file():
        files = [root]
    else:
        raise InvalidRequest(f"{root} is neither a file nor a folder")
    return [use for file in files for use in uses_in(file)]


def _files(root: Path) -> Iterator[Path]:
    for folder, folders, names in os.walk(root):
        folders[:] = [n for n in folders if n not in _SKIPPED and not n.startswith(".")]
        yield from (Path(folder) / name for name in names if name.endswith(".py"))


def uses_in(file: Path) -> list[Use]:
    """The uses in one file."""
    try:
        tree = ast.parse(file.read_bytes(), str(file))
    except (OSError, ValueError, SyntaxError, RecursionError) as exc:
        return [
            Use(str(file), getattr(exc, "lineno", None) or 1, "this file", f"unreadable: {exc}")
        ]
    reader = _Reader()
    for node in _in_order(tree):
        reader.learn(node)
    for node in _in_order(tree):
        reader.read(node)
    found = {(line, name): advice for line, name, advice in reader.found}
    return [Use(str(file), line, name, advice) for (line, name), advice in sorted(found.items())]


def _in_order(tree: ast.AST) -> Iterator[ast.AST]:
    for node in ast.iter_child_nodes(tree):
        yield node
        yield from _in_order(node)


class _Reader:
    """What the names of one file stand for, as dotted paths like ``openai.OpenAI().chat``."""

    def __init__(self) -> None:
        self.found: list[tuple[int, str, str]] = []
        self._names: dict[str, str] = {}  # a name, or self.name, -> what it stands for
        self._inner: set[int] = set()  # nodes that are part of a longer chain

    def learn(self, node: ast.AST) -> None:
        """Note what *node* gives a name to."""
        match node:
            case ast.Import(names):
                for each in names:
                    self._import(node.lineno, each)
            case ast.ImportFrom(module, names, 0) if module and _library(module):
                for each in names:
                    path = f"{module}.{each.name}"
                    self._names[each.asname or each.name] = path
                    self._say(node.lineno, path)
            case ast.Assign([target], value) | ast.AnnAssign(target, _, ast.expr() as value):
                self._assign(target, value)
            case ast.withitem(value, ast.expr() as target):
                self._assign(target, value)
            case ast.arg(name, ast.expr() as kind):
                self._annotated(name, kind)

    def _import(self, line: int, name: ast.alias) -> None:
        if _library(name.name):
            first = name.name.partition(".")[0]
            self._names[name.asname or first] = name.name if name.asname else first
            self._say(line, name.name)

    def _assign(self, target: ast.expr, value: ast.expr) -> None:
        key, path = _written(target), self._value(value)
        if key and path:
            self._names[key] = path

    def _annotated(self, name: str, kind: ast.expr) -> None:
        path = self._path(kind)
        if path in CLIENTS:
            self._names[name] = f"{path}()"

    def _value(self, value: ast.expr) -> str:
        """What an assigned value stands for; only clients and parts of them are of interest."""
        if isinstance(value, ast.Call):
            path = self._path(value.func)
            if path in CLIENTS:
                return f"{path}()"
            head, dot, last = path.rpartition(".")
            return head if dot and last in ("with_options", "copy") else ""
        path = self._path(value)
        return path if "()" in path else ""

    def _path(self, node: ast.expr) -> str:
        """The dotted path that an expression stands for, ``""`` for anything else."""
        written = _written(node)
        if written in self._names:
            return self._names[written]
        if isinstance(node, ast.Attribute):
            head = self._path(node.value)
            return f"{head}.{node.attr}" if head else ""
        if isinstance(node, ast.Call):
            path = self._path(node.func)
            return f"{path}()" if path in CLIENTS else ""
        return ""

    def read(self, node: ast.AST) -> None:
        """Say what *node* uses."""
        if isinstance(node, ast.Call):
            path = self._path(node.func)
            for each in node.keywords if path else ():
                advice = verdict_on_argument(path, each.arg) if each.arg else ""
                if advice:
                    self.found.append((each.lineno, f"{path}({each.arg}=)", advice))
        if isinstance(node, ast.Attribute) and id(node) not in self._inner:
            path = self._path(node)
            if path and _written(node) not in self._names:
                self._say(node.lineno, path)
            inner = node.value
            while isinstance(inner, ast.Attribute):
                self._inner.add(id(inner))
                inner = inner.value

    def _say(self, line: int, path: str) -> None:
        self.found.append((line, path, verdict(path)))


def _library(module: str) -> bool:
    return module.partition(".")[0] in LIBRARIES


def _written(node: ast.expr) -> str:
    """A name, or an attribute of one (``self.client``), as it is written."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
        return f"{node.value.id}.{node.attr}"
    return ""
