"""The programs: as they are, or with their imports changed; each runs in a process of its own."""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from pathlib import Path

from g4fsync.emulator import Emulator

FOLDER = Path(__file__).with_name("programs")
PROGRAMS = sorted(path.stem for path in FOLDER.glob("*.py") if path.stem != "__init__")
ROOT = Path(__file__).parents[2]
SECONDS = 60.0


def printed_there(name: str) -> str:
    """What the program printed with the library it was written for."""
    return (FOLDER / f"{name}.txt").read_text(encoding="utf-8")


def changed(code: str) -> str:
    """*code* with its imports of ``openai`` and ``g4f`` changed, and nothing else."""
    code = re.sub(r"^from (openai|g4f)\b", r"from g4fsync.compat.\1", code, flags=re.M)
    return re.sub(r"^import (openai|g4f)$", r"from g4fsync.compat import \1", code, flags=re.M)


def source(name: str) -> str:
    """The program as it was written."""
    return (FOLDER / f"{name}.py").read_text(encoding="utf-8")


def run(python: str, code: str) -> str:
    """What *code* prints, an emulator standing in for the service."""
    with Emulator() as emulator, tempfile.TemporaryDirectory() as home:
        url, key = emulator.base_urls["openai"], emulator.api_key
        done = subprocess.run(
            [python, "-c", code],
            capture_output=True,
            encoding="utf-8",
            timeout=SECONDS,
            stdin=subprocess.DEVNULL,
            cwd=home,
            env={
                "PATH": os.environ.get("PATH", ""),
                "HOME": home,
                "G4F_CACHE_DIR": home,
                "PYTHONPATH": str(ROOT),
                "PYTHONIOENCODING": "utf-8",
                "PYTHONDONTWRITEBYTECODE": "1",
                "OPENAI_BASE_URL": url,
                "OPENAI_API_KEY": key,
                "CHAT_URL": url,
                "CHAT_KEY": key,
            },
        )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout
