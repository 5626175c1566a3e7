"""g4fsync/urls.py: one answer to what a URL says."""

from __future__ import annotations

import pytest

from g4fsync import urls


def test_the_parts_of_a_url() -> None:
    parts = urls.parsed("HTTPS://user:pw@API.Example.com:8443/v1?q#f")
    assert parts == ("https", "api.example.com", 8443, "API.Example.com:8443", "/v1", "q", "f")


@pytest.mark.parametrize(
    ("url", "port"),
    [
        ("http://h", 80),
        ("https://h", 443),
        ("socks5h://h", 1080),
        ("http://h:0", 0),
        ("x://h", None),
    ],
)
def test_a_port_that_is_not_written_is_the_schemes(url: str, port: int | None) -> None:
    assert urls.parsed(url).port == port


@pytest.mark.parametrize("url", ["http://h:port", "http://[::1", "http://h:99999"])
def test_a_broken_url_is_a_value_error(url: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        urls.parsed(url)


@pytest.mark.parametrize(
    "host", ["localhost", "x.localhost", "127.0.0.1", "127.9.9.9", "::1", "0:0:0:0:0:0:0:1"]
)
def test_this_machine_has_many_names_and_one_origin(host: str) -> None:
    assert urls.is_loopback(host)
    written = f"[{host}]" if ":" in host else host
    assert urls.origin(f"http://{written}:1/a") == urls.origin("https://localhost:2")


@pytest.mark.parametrize("host", ["127.0.0.1.evil.test", "localhost.test", "notlocalhost", "", "1"])
def test_a_host_that_begins_or_ends_like_it_is_another(host: str) -> None:
    assert not urls.is_loopback(host)


def test_an_origin_is_scheme_host_and_port() -> None:
    assert urls.origin("https://h/a") == urls.origin("https://H:443/b")
    assert urls.origin("https://h") != urls.origin("http://h")
    assert urls.origin("https://h") != urls.origin("https://h:444")


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("http://user:pw@h:1/p", "http://h:1/p"),
        ("socks5://tok@h", "socks5://h"),
        ("http://h/a@b", "http://h/a@b"),
        ("nonsense", "nonsense"),
    ],
)
def test_a_url_without_its_password(url: str, shown: str) -> None:
    assert urls.without_password(url) == shown


def test_passwords_are_found_as_written_and_as_meant() -> None:
    assert urls.passwords("http://u:a%40b@h") == ["a%40b", "a@b", "u:a%40b", "u:a@b"]
    assert urls.passwords("http://token@h") == ["token", "token"]
    assert urls.passwords("http://h/x") == []


@pytest.mark.parametrize("url", ["http://h", "https://h:1/v1", "http://[::1]:2/a"])
def test_a_base_url_loses_only_its_last_slash(url: str) -> None:
    assert urls.normal_base_url(url + "/") == url


@pytest.mark.parametrize(
    "url", ["h", "ftp://h", "http://", "http://h:0", "http://h?q", "http://h#f", "http://h h", ""]
)
def test_what_can_be_no_base_url(url: str) -> None:
    with pytest.raises(ValueError, match="a base URL must look like"):
        urls.normal_base_url(url)


ENVIRONMENT = {"ID": "a1", "HOST": "https://x.test:8443/", "EMPTY": " ", "BAD": "a/b"}


@pytest.mark.parametrize(
    ("url", "result"),
    [
        ("https://h/v1", "https://h/v1"),
        ("https://h/{ID}/v1", "https://h/a1/v1"),
        ("https://{HOST}/v1", "https://x.test:8443/v1"),
        ("https://h.{NONE|EMPTY|ID}.test", "https://h.a1.test"),
        ("https://h/{id}", "https://h/{id}"),
    ],
)
def test_variables_in_a_url_are_filled_in(url: str, result: str) -> None:
    assert urls.filled(url, ENVIRONMENT) == result


def test_a_variable_that_is_not_set_or_holds_more_than_a_name_is_named() -> None:
    with pytest.raises(LookupError, match="NONE"):
        urls.filled("https://h/{NONE|EMPTY}", ENVIRONMENT)
    with pytest.raises(ValueError, match=r"^BAD$"):
        urls.filled("https://h/{BAD}", ENVIRONMENT)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://host/v1", "https://host/v1"),
        ("nonsense", "nonsense"),
        ("https://user:pass/word?@host/v1?key=secret#more", "https://host/v1?…"),
        ("user:password@host", "host"),
        ("https://token@host", "https://host"),
    ],
)
def test_any_url_can_be_shown(url: str, shown: str) -> None:
    assert urls.shown(url) == shown
