"""Imports go down only: the house is built so that each room can be understood alone."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from pathlib import Path

import pytest

import g4fsync
from g4fsync.emulator import Emulator

PACKAGE = Path(g4fsync.__file__).parent

# From the top down; a module may import from its own layer and from those below.
LAYERS = (
    ("__main__",),
    ("cli",),
    ("doctor",),
    ("compat",),
    ("",),
    ("client",),
    ("client_many",),
    ("client_base",),
    ("batch",),
    ("tools",),
    ("web",),
    ("registry", "fanout", "testing", "archive", "otel"),
    ("providers",),
    ("call", "access"),
    ("transport",),
    ("scope", "codecs"),
    ("messages",),
    ("schemas",),
    ("parts",),
    ("events",),
    ("settings", "urls", "frozen", "ratelimits"),
    ("report",),
    ("errors",),
    ("redaction", "surrogates"),
)
# The emulator shares no code with the client, so that a mistake of one shows at the other.
APART = "emulator"
MAY_USE_EMULATOR = ("cli.demo", "cli.emulate", "cli.emulated", "testing.plugin")

OUTSIDE_WORLD = {
    "http",
    "logging",
    "os",
    "queue",
    "random",
    "requests",
    "select",
    "socket",
    "ssl",
    "subprocess",
    "threading",
    "time",
    "urllib3",
    "websocket",
}


def name_of(path: Path) -> str:
    parts = list(path.relative_to(PACKAGE).with_suffix("").parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {name_of(path): path for path in sorted(PACKAGE.rglob("*.py"))}


@cache
def tree_of(module: str) -> ast.Module:
    return ast.parse(MODULES[module].read_text(encoding="utf-8"))


def offenders(offences: Callable[[str], Iterable[object]], modules: Iterable[str]) -> list[str]:
    """Those of *modules* that break a rule, each with what breaks it; all are told at once."""
    return [
        f"{module or 'g4fsync'}: {found}" for module in modules if (found := [*offences(module)])
    ]


def runtime_nodes(tree: ast.AST) -> Iterator[ast.AST]:
    """All nodes but those that only a type checker sees."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            continue
        yield node
        yield from runtime_nodes(node)


@cache
def imports(module: str) -> tuple[frozenset[str], frozenset[str]]:
    """What *module* imports at run time: modules of the package, and top-level names of others."""
    path = MODULES[module]
    inside: set[str] = set()
    outside: set[str] = set()
    for node in runtime_nodes(tree_of(module)):
        if isinstance(node, ast.Import):
            outside |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            outside.add((node.module or "").partition(".")[0])
        elif isinstance(node, ast.ImportFrom):
            inside |= targets(module, path, node)
    assert "g4fsync" not in outside, f"{module}: imports inside the package are relative"
    return frozenset(inside), frozenset(outside)


def targets(module: str, path: Path, node: ast.ImportFrom) -> set[str]:
    parts = module.split(".") if module else []
    up = node.level - (path.name == "__init__.py")
    start = parts[: len(parts) - up] + (node.module or "").split(".")
    base = ".".join(filter(None, start))
    found = set()
    for alias in node.names:
        full = f"{base}.{alias.name}".strip(".")
        found.add(full if full in MODULES else base)
    return found


def layer(module: str) -> int:
    """The layer of the longest prefix that is named."""
    fitting = [
        (len(room), level)
        for level, rooms in enumerate(LAYERS)
        for room in rooms
        if module == room or (room and module.startswith(f"{room}."))
    ]
    assert fitting, f"{module or 'the face'} has no layer: give it one"
    return max(fitting)[1]


def is_apart(module: str) -> bool:
    return module == APART or module.startswith(f"{APART}.")


OURS = [module for module in MODULES if not is_apart(module)]


def test_imports_go_down_only() -> None:
    def upwards(module: str) -> Iterator[str]:
        for each in sorted(imports(module)[0]):
            if is_apart(each):
                if module not in MAY_USE_EMULATOR:
                    yield each
            elif layer(each) < layer(module):
                yield each

    assert offenders(upwards, OURS) == []


def test_the_emulator_shares_no_code_with_the_client() -> None:
    def shared(module: str) -> Iterator[str]:
        return (each for each in imports(module)[0] if not is_apart(each))

    assert offenders(shared, set(MODULES) - set(OURS)) == []


def test_each_folder_is_a_package() -> None:
    folders = {path.parent for path in MODULES.values()}
    # Without it the folder is there from a checkout, and missing where it was installed.
    assert [str(each) for each in folders if not (each / "__init__.py").exists()] == []


def test_there_is_no_cycle_not_even_a_lazy_one() -> None:
    done: set[str] = set()

    def visit(module: str, path: tuple[str, ...]) -> None:
        if module in path:
            pytest.fail(" -> ".join([*path[path.index(module) :], module]))
        if module in done:
            return
        for each in sorted(imports(module)[0]):
            if each != module:
                visit(each, (*path, module))
        done.add(module)

    for module in MODULES:
        visit(module, ())


@pytest.mark.parametrize("module", [m for m in MODULES if m.startswith("providers.")])
def test_a_provider_has_no_way_to_the_world_but_its_transport(module: str) -> None:
    inside, outside = imports(module)
    # The one place that says in the log what providers leave out of an answer.
    allowed = {"logging"} if module == "providers.fields" else set()
    assert not outside & OUTSIDE_WORLD - allowed
    assert not {
        each for each in inside if each.startswith("transport") and each != "transport.base"
    }


@pytest.mark.parametrize("module", [m for m in MODULES if m.startswith("codecs.")])
def test_a_codec_does_no_input_or_output(module: str) -> None:
    _, outside = imports(module)
    assert not outside & OUTSIDE_WORLD


def test_nothing_is_asynchronous() -> None:
    kinds = (ast.AsyncFunctionDef, ast.AsyncFor, ast.AsyncWith, ast.Await)

    def asynchronous(module: str) -> list[object]:
        lines = [node.lineno for node in ast.walk(tree_of(module)) if isinstance(node, kinds)]
        return [*lines, *imports(module)[1] & {"asyncio"}]

    assert offenders(asynchronous, MODULES) == []


IMPORTING = """
import sys, threading
before = set(sys.modules)
import g4fsync
from g4fsync import Client
loaded = set(sys.modules) - before
heavy = {"asyncio", "requests", "urllib3", "websocket", "websockets", "tenacity", "rich", "ssl"}
rooms = {"emulator", "testing", "cli"}
print(sorted(m for m in loaded if m.split(".")[0] in heavy or set(m.split(".")[1:2]) & rooms))
print(threading.active_count())
"""


def test_importing_loads_no_library_and_starts_no_thread() -> None:
    done = subprocess.run(
        [sys.executable, "-c", IMPORTING], capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n1\n"


# Where tornado happens to be installed, tenacity loads it, and that loads asyncio.
ASKING = """
import sys
sys.modules["tornado"] = None
from g4fsync import Client
from g4fsync.providers.koala import Koala
from g4fsync.providers.myshell import Myshell
for provider in Koala(sys.argv[1]), Myshell(sys.argv[2], settle=0):
    print(Client().ask("Hi", provider=provider))
print("asyncio" in sys.modules)
"""


def test_asking_loads_no_asyncio_either(emulator: Emulator) -> None:
    urls = emulator.base_urls
    done = subprocess.run(
        [sys.executable, "-c", ASKING, urls["koala"], urls["myshell"]],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "You said: Hi\nYou said: Hi\nFalse\n"
