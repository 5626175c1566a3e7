"""Environments of their own for what others wrote: a virtual environment, an npm folder.

A *group* is a set of packages that are installed together; ``pins.json`` has a table of
them, each with its packages from PyPI (``pypi``) and from npm (``npm``).  Nothing of it is
in the ``test`` extra.

Environments are made once and kept below :func:`cache_folder`; the name of a folder
holds a digest of its pins, so that other pins make another one.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

#: Group -> ``"pypi"`` or ``"npm"`` -> package -> version.
PINS_FILE = Path(__file__).with_name("pins.json")
#: Names the folder in which environments are kept; without it they last until the process ends.
CACHE_VARIABLE = "G4FSYNC_REAL_CACHE"
INSTALL_SECONDS = 600.0

Pins = Mapping[str, str]


class NotInstalled(Exception):
    """An environment can't be made here: a tool is missing, or an installation failed."""


@dataclass(frozen=True, slots=True)
class Environment:
    """An installed set of packages.

    ``command``
        runs a script in it: ``[*command, script, ...]``.
    ``folder``
        where it is; in an npm one, ``node_modules`` stands in it.
    ``versions``
        what is installed of the packages asked for: name -> version.
    """

    command: tuple[str, ...]
    folder: Path
    versions: Pins

    def scripts(self, *sources: Path) -> list[Path]:
        """Copies of scripts inside the folder: Node finds packages from where a script stands."""
        return [Path(shutil.copy(source, self.folder)) for source in sources]


def pins(group: str, registry: str) -> Pins:
    """The pinned versions of one group; empty when it has none of this registry."""
    table: Mapping[str, Mapping[str, Pins]] = json.loads(PINS_FILE.read_text())
    return table[group].get(registry, {})


def cache_folder() -> Path:
    """Where environments are kept: ``G4FSYNC_REAL_CACHE``, else a folder for this process."""
    named = os.environ.get(CACHE_VARIABLE)
    if not named:
        return Path(_temporary().name)
    folder = Path(named).absolute()
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def python_environment(group: str, *, latest: bool = False) -> Environment:
    """A virtual environment with the group's packages from PyPI, or :class:`NotInstalled`.

    ``latest``: whatever is newest, installed anew, in place of the pinned versions.
    """
    wanted = pins(group, "pypi")
    folder = _folder(group, "pypi", wanted, latest=latest)
    python = folder / ("Scripts" if os.name == "nt" else "bin") / "python"
    if not _is_complete(folder):
        _run([sys.executable, "-m", "venv", str(folder)], folder.parent)
        asked = [name if latest else f"{name}=={version}" for name, version in wanted.items()]
        _run([str(python), "-m", "pip", "install", "--quiet", *asked], folder)
        _complete(folder)
    listed = _run([str(python), "-m", "pip", "list", "--format=json"], folder)
    found = {package["name"].lower(): package["version"] for package in json.loads(listed)}
    return Environment((str(python),), folder, {name: found[name.lower()] for name in wanted})


def node_environment(group: str, *, latest: bool = False) -> Environment:
    """A folder with the group's packages from npm, or :class:`NotInstalled`.

    ``latest``: whatever is newest, installed anew, in place of the pinned versions.
    """
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        raise NotInstalled("node and npm are not installed")
    wanted = pins(group, "npm")
    folder = _folder(group, "npm", wanted, latest=latest)
    if not _is_complete(folder):
        folder.mkdir(parents=True, exist_ok=True)
        asked = dict.fromkeys(wanted, "latest") if latest else dict(wanted)
        package = {"private": True, "type": "module", "dependencies": asked}
        (folder / "package.json").write_text(json.dumps(package, indent=2))
        _run([npm, "install", "--no-audit", "--no-fund", "--ignore-scripts"], folder)
        _complete(folder)
    return Environment((node,), folder, {name: _npm_version(folder, name) for name in wanted})


def _npm_version(folder: Path, name: str) -> str:
    package: dict[str, Any] = json.loads(
        (folder / "node_modules" / name / "package.json").read_text()
    )
    return str(package["version"])


@cache
def _temporary() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="g4fsync-real-")


def _folder(group: str, registry: str, wanted: Pins, *, latest: bool) -> Path:
    if latest:
        return Path(tempfile.mkdtemp(prefix=f"{group}-{registry}-latest-", dir=_temporary().name))
    digest = hashlib.sha256(json.dumps([sys.version, wanted]).encode()).hexdigest()[:12]
    return cache_folder() / f"{group}-{registry}-{digest}"


def _is_complete(folder: Path) -> bool:
    return (folder / "complete").exists()


def _complete(folder: Path) -> None:
    # Last of all: a folder without it was left in the middle, and is filled again.
    (folder / "complete").touch()


def _run(command: Sequence[str], folder: Path) -> str:
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=INSTALL_SECONDS,
            stdin=subprocess.DEVNULL,
            env={**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_NO_INPUT": "1"},
        )
    except (OSError, subprocess.TimeoutExpired) as exc:
        raise NotInstalled(f"{Path(command[0]).name}: {exc}") from exc
    if done.returncode:
        raise NotInstalled(f"{' '.join(command)[:200]}: {(done.stderr or done.stdout)[-1000:]}")
    return done.stdout
