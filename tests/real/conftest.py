"""Environments with what others wrote, made once a session; what can't be installed is skipped."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from .environments import Environment, NotInstalled, node_environment, python_environment

Installed = Callable[[str], Environment]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.real)
            # With the time it takes to install what is tested.
            item.add_marker(pytest.mark.timeout(900))


@pytest.fixture(scope="session")
def installed_python() -> Installed:
    """The virtual environment of a group in ``pins.json``; the test is skipped without one."""
    return _skipping(python_environment)


@pytest.fixture(scope="session")
def installed_node() -> Installed:
    """The npm folder of a group in ``pins.json``; the test is skipped without one."""
    return _skipping(node_environment)


def _skipping(make: Callable[[str], Environment]) -> Installed:
    # A failed installation is not tried again by every test.
    made: dict[str, Environment | NotInstalled] = {}

    def environment(group: str) -> Environment:
        if group not in made:
            try:
                made[group] = make(group)
            except NotInstalled as exc:
                made[group] = exc
        result = made[group]
        if isinstance(result, NotInstalled):
            pytest.skip(f"{group}: {result}")
        return result

    return environment
