"""A live transport to a server of the test's own."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from g4fsync.scope import CancelScope
from g4fsync.settings import Timeout
from g4fsync.transport.adapter import Adapter
from g4fsync.transport.live import Destination, LiveTransport, Network
from tests.support.reading import WAYS, read_by

Open = Callable[..., LiveTransport]


@pytest.fixture(params=WAYS)
def reading(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each way to ask and to read."""
    read_by(request.param, monkeypatch)


@pytest.fixture
def connect(no_proxy_variables: None) -> Iterator[Open]:
    """Make a transport whose clocks run; all are closed after the test."""
    opened: list[LiveTransport] = []
    adapters: list[Adapter] = []

    def open_transport(
        base_url: str,
        *,
        timeout: Timeout | None = None,
        proxy: str | None = None,
        verify: bool | str = True,
        network: Network | None = None,
        cookies: dict[str, str] | None = None,
        api_key: str | None = None,
    ) -> LiveTransport:
        scope = CancelScope(timeout or Timeout(None, None, None, None))
        scope.start()
        scope.start_first_token()
        network = network or Network(Adapter(), proxy, verify)
        adapters.append(network.adapter)
        headers = {"User-Agent": "test", "Accept-Encoding": "gzip, deflate"}
        target = Destination("test", base_url, headers, cookies or {}, api_key)
        transport = LiveTransport(target, network, scope)
        opened.append(transport)
        return transport

    yield open_transport
    for transport in opened:
        transport.close()
    for adapter in adapters:
        adapter.close()
