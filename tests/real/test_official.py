"""The official SDKs, as they come out of the box, against the emulator."""

from __future__ import annotations

import pytest

from .conftest import Installed
from .official import SCRIPTS, Script, cases_seen, expected


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.name)
def test_an_sdk_gets_on_with_the_emulator(
    script: Script, installed_python: Installed, installed_node: Installed
) -> None:
    environment = (installed_python if script.is_python else installed_node)(script.group)
    seen, failures = cases_seen(script, environment)
    assert failures == []
    assert seen == expected(script)
