"""Fixtures for all tests: raw servers, a certificate authority, and a look at what is left."""

from __future__ import annotations

import contextlib
import gc
import os
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from tests.support.leaks import Census
from tests.support.servers import Server, Talk
from tests.support.timing import eventually

Serve = Callable[..., Server]

# How many examples a property test tries; .ci/run tries more.
EXAMPLES = int(os.environ.get("G4FSYNC_TEST_EXAMPLES", "50"))
settings.register_profile("g4fsync", max_examples=EXAMPLES, deadline=None)
settings.load_profile("g4fsync")

_PROXY_VARIABLES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")


def pytest_collection_finish() -> None:
    """What was collected stays to the end: no collection of garbage need look at it again."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session", autouse=True)
def no_settings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The settings of whoever runs the tests must not decide one."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("G4FSYNC_CONFIG", str(tmp_path_factory.mktemp("settings")))
        yield


@pytest.fixture
def no_leaks() -> Iterator[None]:
    """The test must leave no thread and no socket behind."""
    census = Census()
    yield
    with contextlib.suppress(AssertionError):
        eventually(census.is_clear)
    assert census.newcomers() == []


@pytest.fixture
def no_proxy_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    """The machine's own proxies and certificates must not decide a test."""
    for name in _PROXY_VARIABLES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Start a :class:`Server` that is closed after the test."""
    with contextlib.ExitStack() as stack:

        def start(
            talk: Talk,
            *,
            tls: ssl.SSLContext | None = None,
            raw: bool = False,
            receive_buffer: int | None = None,
        ) -> Server:
            return stack.enter_context(
                Server(talk, tls=tls, raw=raw, receive_buffer=receive_buffer)
            )

        yield start


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, ssl.SSLContext]:
    """The path of an authority's certificate, and a server's context that it vouches for."""
    trustme = pytest.importorskip("trustme")
    authority = trustme.CA()
    path: Path = tmp_path_factory.mktemp("tls") / "authority.pem"
    authority.cert_pem.write_to_path(str(path))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1", "localhost", "name.test").configure_cert(context)
    return str(path), context


@pytest.fixture
def authority(certificates: tuple[str, ssl.SSLContext]) -> str:
    """For ``verify=``."""
    return certificates[0]


@pytest.fixture
def server_tls(certificates: tuple[str, ssl.SSLContext]) -> ssl.SSLContext:
    """For ``serve(tls=)``."""
    return certificates[1]
