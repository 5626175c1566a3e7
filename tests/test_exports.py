"""The public face: what is promised is there, sorted, documented, and nothing else is."""

from __future__ import annotations

import ast
import importlib
import inspect
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import GenericAlias, ModuleType

import pytest

import g4fsync
from g4fsync.transport.base import AttemptTransport, Transport

DESCRIBED_ELSEWHERE = {*vars(Transport), *vars(AttemptTransport)}
FACES = ("g4fsync", "g4fsync.emulator", "g4fsync.testing")


@pytest.fixture(params=FACES)
def face(request: pytest.FixtureRequest) -> ModuleType:
    return importlib.import_module(request.param)


def test_all_is_sorted(face: ModuleType) -> None:
    names = face.__all__
    assert names == sorted(names, key=_isort_key)
    assert len(names) == len(set(names))


def _isort_key(name: str) -> tuple[int, str]:
    """As ruff sorts: CONSTANTS, Classes, functions."""
    if name.isupper() and len(name) > 1:
        return 0, name
    return (1, name) if name[0].isupper() else (2, name)


def test_all_names_exist(face: ModuleType) -> None:
    for name in face.__all__:
        getattr(face, name)


def test_a_submodule_is_no_part_of_the_face_and_still_there() -> None:
    # In a new process: what is loaded already is found anyway.
    code = (
        "import g4fsync.access.reach; from g4fsync import registry, errors, Client; print(Client)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "<class 'g4fsync.client.Client'>\n"


def test_a_provider_is_asked_without_a_client_whatever_was_imported_before() -> None:
    code = """
from g4fsync.providers.koala import Koala
try:
    Koala("http://127.0.0.1:1").chat("Hi", timeout=0.1).result()
except Exception as error:
    print(type(error).__name__)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout in ("ConnectionFailed\n", "DeadlineExceeded\n")


def test_all_is_everything_that_is_visible(face: ModuleType) -> None:
    visible = {
        name
        for name in dir(face)
        if not name.startswith("_")
        and not inspect.ismodule(getattr(face, name))
        and name not in ("annotations", "TYPE_CHECKING")
    }
    assert visible == set(face.__all__)


def test_mypy_sees_each_name_where_it_is_loaded_from() -> None:
    tree = ast.parse(Path(g4fsync.__file__).read_text(encoding="utf-8"))
    static = {
        alias.asname: node.module
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.level
        for alias in node.names
    }
    assert static == g4fsync._MODULES


def documented(face: ModuleType) -> Iterator[tuple[str, object]]:
    for name in face.__all__:
        value = getattr(face, name)
        # Only what is the package's own can have a docstring: no type aliases, no constants.
        # (Python 3.10 takes list[str] for a class.)
        alias = isinstance(value, GenericAlias)
        if alias or not (inspect.isclass(value) or inspect.isfunction(value)):
            continue
        yield name, value
        if not inspect.isclass(value):
            continue
        for attribute, member in vars(value).items():
            public = not attribute.startswith("_")
            if public and isinstance(member, classmethod | staticmethod):
                yield f"{name}.{attribute}", member.__func__
            elif public and (inspect.isfunction(member) or isinstance(member, property)):
                yield f"{name}.{attribute}", member


def test_each_public_name_has_a_docstring(face: ModuleType) -> None:
    without = [
        name
        for name, value in documented(face)
        # dataclass() makes up a docstring: the signature.
        if not (value.__doc__ or "").strip() or (value.__doc__ or "").startswith(f"{name}(")
    ]
    # What a transport's methods do is said where its Protocol is.
    assert [name for name in without if name.partition(".")[2] not in DESCRIBED_ELSEWHERE] == []


def test_the_version_is_that_of_the_installed_package() -> None:
    from importlib.metadata import version

    assert g4fsync.__version__ == version("g4fsync")


def test_an_unknown_attribute_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        g4fsync.nonsense  # type: ignore[attr-defined]  # noqa: B018


def test_it_is_marked_as_typed() -> None:
    from importlib.resources import files

    assert files("g4fsync").joinpath("py.typed").is_file()
