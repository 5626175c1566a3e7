from __future__ import annotations

import subprocess
import sys

import pytest

from g4fsync import providers, registry


def test_the_classes_are_the_ones_known_by_name() -> None:
    assert sorted(providers.__all__) == providers.__all__
    for name in providers.__all__:
        found = getattr(providers, name)
        assert found is registry.provider_class(name)
        assert found.__name__ == name
        assert name in dir(providers)


def test_any_other_name_is_none_of_them() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'Bard'"):
        providers.Bard  # noqa: B018


def test_importing_one_class_imports_one_protocol() -> None:
    code = (
        "import sys; from g4fsync.providers import Koala;"
        "print([m for m in sys.modules if m.startswith('g4fsync.providers.')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "['g4fsync.providers.base', 'g4fsync.providers.koala']\n"
