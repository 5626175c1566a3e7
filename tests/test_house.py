"""Rules of the house that a reader of one file can't see: names, sizes, who may do what."""

from __future__ import annotations

import ast
import importlib
import re
from collections.abc import Iterator

import pytest

from tests.test_layers import MODULES, OURS, PACKAGE, is_apart, layer, offenders, tree_of


def strings(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """The strings of a module that are no docstrings, with their lines."""
    documents = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        match node:
            case ast.Constant(value=str(text)) if id(node) not in documents:
                yield node.lineno, text


# Where names of modules stand as data, each loaded when it is asked for.
NAME_TABLES = (
    *("", "providers", "registry", "cli.verbs"),
    *("compat.openai", "compat.g4f", "compat.coverage"),
)


def is_of_others(name: ast.expr) -> bool:
    """Whether the *name* to import is written out, and is no module of this package."""
    text = name.value if isinstance(name, ast.Constant) else "."
    return not str(text).startswith((".", "g4fsync"))


def test_a_module_is_imported_by_name_only_from_the_tables_of_names() -> None:
    def imported(module: str) -> Iterator[str]:
        for node in ast.walk(tree_of(module)):
            if (
                isinstance(node, ast.Call)
                and ast.unparse(node.func).endswith("import_module")
                and not is_of_others(node.args[0])
            ):
                yield ast.unparse(node)

    assert offenders(imported, set(MODULES) - set(NAME_TABLES)) == []


def named_modules(module: str) -> set[str]:
    """The modules of the package that stand in *module* as strings, ``path:attribute`` or not."""
    found = set()
    folder = module.rpartition(".")[0]
    for _, text in strings(tree_of(module)):
        name = text.removeprefix("g4fsync.").partition(":")[0].lstrip(".")
        for full in (name, f"{folder}.{name}"):
            if full in MODULES and full != module and re.fullmatch(r"[a-z_0-9.]+", full):
                found.add(full)
    return found


@pytest.mark.parametrize("module", ["", "registry", "cli.verbs"])
def test_what_a_table_of_names_loads_stands_below_it(module: str) -> None:
    loaded = {name for name in named_modules(module) if not is_apart(name)}
    assert loaded, "the table names no module"
    assert {name for name in loaded if layer(name) < layer(module)} == set()


# Words that say everything and nothing; the type's or the trade's word says more.
VAGUE = {"told", "whole", "misc", "utils"}


def test_no_identifier_is_a_word_for_anything() -> None:
    def vague(module: str) -> set[str]:
        return {
            name
            for node in ast.walk(tree_of(module))
            for kind in ("id", "arg", "attr", "name")
            if isinstance(name := getattr(node, kind, None), str) and name.strip("_") in VAGUE
        }

    assert offenders(vague, MODULES) == []


PROVIDER_NAMES = (
    "koala", "flowgpt", "myshell", "openassistant", "openai", "anthropic", "gemini", "ollama",
)  # fmt: skip


def test_a_provider_never_types_its_own_name_into_a_message() -> None:
    # A subclass of another name would speak of itself as somebody else.
    def named(module: str) -> Iterator[tuple[int, str]]:
        for line, text in strings(tree_of(module)):
            if " " in text and set(re.findall(r"\w+", text)) & set(PROVIDER_NAMES):
                yield line, text

    providers = {module for module in MODULES if module.startswith("providers.")}
    assert offenders(named, providers - {"providers.preset_rows"}) == []


def imported_names(module: str) -> set[str]:
    """What *module* imports, as ``package.name``, wherever in the file."""
    found = set()
    for node in ast.walk(tree_of(module)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


# What is connected to is read as the library reads it that connects.
MAY_PARSE_URLS = ("urls", "transport.request")


def test_nothing_but_urls_parses_a_url() -> None:
    def parsers(module: str) -> Iterator[str]:
        names = ("urlsplit", "urlparse", "urlunsplit", "parse_url")
        return (name for name in imported_names(module) if name.rpartition(".")[2] in names)

    assert offenders(parsers, set(OURS) - set(MAY_PARSE_URLS)) == []


def test_sqlite_is_used_in_the_rooms_that_keep_files_only() -> None:
    def uses(module: str) -> Iterator[str]:
        return (name for name in imported_names(module) if name.partition(".")[0] == "sqlite3")

    others = [module for module in MODULES if not module.startswith(("archive", "pool"))]
    assert offenders(uses, others) == []


WRITING_METHODS = {
    *("write_text", "write_bytes", "mkdir", "touch", "unlink", "rename", "replace", "symlink_to"),
    *("mkstemp", "NamedTemporaryFile", "ftruncate", "truncate", "fsync", "makedirs"),
}
MAY_WRITE = (
    "access.",
    "archive",
    "batch.callslots",
    "batch.ledger",
    "pool",
    "testing.tapes",
    "cli",
)
# The caller names the path, and what is written is for people to look at.
WRITES_WHERE_IT_IS_TOLD = ("report.", "fanout.report")


def writes(node: ast.AST) -> bool:
    if not isinstance(node, ast.Call):
        return False
    is_method = isinstance(node.func, ast.Attribute)
    name = node.func.attr if isinstance(node.func, ast.Attribute) else ast.unparse(node.func)
    if name == "open":
        position = 0 if is_method and ast.unparse(node.func) != "os.open" else 1
        modes = [*node.args[position:][:1], *(k.value for k in node.keywords if k.arg == "mode")]
        return any(isinstance(m, ast.Constant) and set(str(m.value)) & set("wax+") for m in modes)
    if name == "replace":  # a file's has one argument, a text's two
        return is_method and len(node.args) == 1 and not node.keywords
    return name in WRITING_METHODS


def test_files_are_written_in_the_rooms_that_keep_them_only() -> None:
    def written(module: str) -> Iterator[str]:
        return (ast.unparse(node) for node in ast.walk(tree_of(module)) if writes(node))

    keepers = (*MAY_WRITE, *WRITES_WHERE_IT_IS_TOLD)
    assert offenders(written, [each for each in OURS if not each.startswith(keepers)]) == []


MAX_FILE_LINES, MAX_FUNCTION_LINES, MAX_MEDIAN_LINES = 320, 45, 130


def test_a_file_and_a_function_can_be_seen_at_once() -> None:
    def long(module: str) -> Iterator[str]:
        lines = MODULES[module].read_text(encoding="utf-8").count("\n")
        if lines > MAX_FILE_LINES:
            yield f"{lines} lines"
        for node in ast.walk(tree_of(module)):
            if isinstance(node, ast.FunctionDef) and _code_lines(node) > MAX_FUNCTION_LINES:
                yield f"{node.name}: {_code_lines(node)} lines"

    assert offenders(long, MODULES) == []


def _code_lines(function: ast.FunctionDef) -> int:
    """The lines of a function from its first statement on: neither signature nor docstring."""
    body = function.body
    if isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant):
        body = body[1:]
    return 0 if not body else (function.end_lineno or 0) - body[0].lineno + 1


def test_half_of_the_files_are_short() -> None:
    sizes = sorted(path.read_text(encoding="utf-8").count("\n") for path in MODULES.values())
    assert sizes[len(sizes) // 2] <= MAX_MEDIAN_LINES


# -- the plan, as it is drawn -----------------------------------------------

PLAN = (PACKAGE / "README.md").read_text(encoding="utf-8")


def test_the_plan_shows_each_room() -> None:
    drawn = PLAN.partition("```text\n")[2].partition("```")[0]
    rooms = {
        path.name + ("/" if path.is_dir() else "")
        for path in PACKAGE.iterdir()
        if path.suffix == ".py" or (path / "__init__.py").exists()
    }
    assert {room for room in rooms - {"__main__.py"} if room not in drawn} == set()
    named = set(re.findall(r"(?:^|[ ,])([a-z_]+(?:\.py|/))(?=[ ,])", drawn, re.MULTILINE))
    assert named - rooms == set()


def test_the_way_of_a_call_names_functions_that_are_there() -> None:
    way = PLAN.partition("## One call's way")[2].partition("\n## ")[0]
    names = re.findall(r"`([a-z_]+(?:\.[A-Za-z_]+)+)`", way)
    assert len(names) >= 15
    for name in names:
        parts = name.split(".")
        cut = next(n for n in range(len(parts), 0, -1) if ".".join(parts[:n]) in MODULES)
        found: object = importlib.import_module(f"g4fsync.{'.'.join(parts[:cut])}")
        for part in parts[cut:]:
            found = getattr(found, part)
