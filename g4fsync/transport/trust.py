"""Which certificate authorities are trusted: a caller's, the environment's, or certifi's.

With ``verify=True`` the environment's count as they do for ``requests.get``
(``REQUESTS_CA_BUNDLE``, then ``CURL_CA_BUNDLE``: a file or a directory), and
after them OpenSSL's own ``SSL_CERT_FILE`` and ``SSL_CERT_DIR``, which hold
together.  They are read when a request is made, and only for one that needs
them.  What is set must be usable: falling back to other authorities would hide
a mistake, so it is a ``ConfigurationError`` that names where the path stands.
"""

from __future__ import annotations

import os
import ssl
import stat
from functools import lru_cache
from typing import NamedTuple

from urllib3.util.ssl_ import create_urllib3_context

from ..errors import ConfigurationError

_BUNDLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")


class TrustStore(NamedTuple):
    """Where the trusted certificates are: a PEM file, directories OpenSSL has hashed, or both."""

    file: str | None = None
    directory: str | None = None  # several with os.pathsep between them


def trusted(verify: bool | str) -> bool | TrustStore:
    """Whom to trust with *verify*: ``False`` anybody, ``True`` the authorities of certifi.

    ``ConfigurationError`` when a file or a directory that is named can't be read.
    """
    if verify is False:
        return False
    if verify is not True:
        return _store("verify", verify)
    environ = os.environ
    for name in _BUNDLES:
        if path := environ.get(name):
            return _store(name, path)
    file, directory = environ.get("SSL_CERT_FILE"), environ.get("SSL_CERT_DIR")
    if not (file or directory):
        return True
    if file:
        _check_file("SSL_CERT_FILE", file)
    if directory:
        _check_directories("SSL_CERT_DIR", directory)
    return TrustStore(file or None, directory or None)


def _store(source: str, path: str) -> TrustStore:
    if os.path.isdir(path):  # noqa: PTH112 - for each request, and a Path costs ten times that
        return TrustStore(directory=path)
    _check_file(source, path)
    return TrustStore(file=path)


def _check_file(source: str, path: str) -> None:
    try:
        found = os.stat(path)  # noqa: PTH116 - as above
        if not stat.S_ISREG(found.st_mode):
            raise ConfigurationError(f"{source}: {path!r} is no file")
        _load(path, found.st_mtime_ns, found.st_size)
    except (FileNotFoundError, NotADirectoryError) as exc:
        raise ConfigurationError(f"{source}: there is no CA bundle {path!r}") from exc
    except ssl.SSLError as exc:
        raise ConfigurationError(f"{source}: {path!r} holds no certificates (PEM)") from exc
    except (OSError, ValueError) as exc:
        why = getattr(exc, "strerror", None) or exc
        raise ConfigurationError(f"{source}: {path!r} can't be read: {why}") from exc


def _check_directories(source: str, paths: str) -> None:
    # OpenSSL passes over those that are not there; with none there is nobody to trust.
    if not any(map(os.path.isdir, paths.split(os.pathsep))):
        raise ConfigurationError(f"{source}: there is no directory {paths!r}")


@lru_cache(maxsize=32)
def _load(path: str, changed_ns: int, size: int) -> None:
    """Raise what OpenSSL raises at *path*; asked anew when the file has changed."""
    ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(path)


def client_context(path: str | None) -> ssl.SSLContext:
    """The settings of TLS with the authorities in the file *path*, or with anybody for ``None``.

    They are shared by all connections as long as the file is what it was: to read
    certifi's takes longer than a handshake.
    """
    if path is None:
        return _context(None, 0, 0)
    found = os.stat(path)  # noqa: PTH116 - as above
    return _context(path, found.st_mtime_ns, found.st_size)


@lru_cache(maxsize=32)
def _context(path: str | None, changed_ns: int, size: int) -> ssl.SSLContext:
    if path is None:
        return create_urllib3_context(cert_reqs=ssl.CERT_NONE)
    context = create_urllib3_context(cert_reqs=ssl.CERT_REQUIRED)
    context.load_verify_locations(path)
    return context
