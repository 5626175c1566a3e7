"""g4fsync/access/cookies.py and cookie_files.py: which cookies go to which host."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from g4fsync.access import cookies
from g4fsync.access.cookie_files import Cookie
from g4fsync.errors import ConfigurationError, G4FSyncError, InvalidRequest

NOW = 1_700_000_000.0
LATER, EARLIER = NOW + 3600, NOW - 3600
HOST = "open-assistant.io"
MAGIC = "# Netscape HTTP Cookie File\n"
FIELDS = "expected 7 fields between tabs (cookies.txt), or JSON; found "
HEADER_NAME = "must be visible ASCII without ';' and '='"
HEADER_VALUE = "must be printable ASCII without ';'"


def row(
    name: str = "sid",
    value: str = "v",
    *,
    domain: str = HOST,
    subdomains: str = "FALSE",
    path: str = "/",
    secure: str = "FALSE",
    expires: object = 0,
) -> str:
    return "\t".join([domain, subdomains, path, secure, str(expires), name, value]) + "\n"


def item(name: str = "sid", value: str = "v", **members: Any) -> dict[str, Any]:
    return {"name": name, "value": value, "domain": HOST, "path": "/", **members}


def har(*entries: dict[str, Any]) -> str:
    return json.dumps({"log": {"version": "1.2", "entries": entries}})


def entry(
    url: str = f"https://{HOST}/api/chat",
    sent: list[dict[str, Any]] | None = None,
    got: list[dict[str, Any]] | None = None,
) -> dict[str, Any]:
    return {"request": {"url": url, "cookies": sent or []}, "response": {"cookies": got or []}}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "jar"
    folder.mkdir()
    monkeypatch.setenv("G4FSYNC_COOKIES", str(folder))
    return folder


def load(source: Any, host: str = HOST, *, secure: bool = True, path: str = "/") -> dict[str, str]:
    return cookies.load(
        source, provider="openassistant", host=host, secure=secure, path=path, now=NOW
    )


def find(host: str = HOST, *, secure: bool = True) -> dict[str, str]:
    return cookies.find("openassistant", host, secure=secure, now=NOW)


def from_text(tmp_path: Path, text: str | bytes, host: str = HOST, **how: Any) -> dict[str, str]:
    file = tmp_path / "cookies"
    file.write_bytes(text.encode() if isinstance(text, str) else text)
    return load(file, host, **how)


def fault(tmp_path: Path, text: str | bytes) -> str:
    """What the error says after the name of the file."""
    with pytest.raises(ConfigurationError) as caught:
        from_text(tmp_path, text)
    assert caught.value.provider == "openassistant"
    start = f"openassistant: cookie file {str(tmp_path / 'cookies')!r}"
    message = str(caught.value)
    assert message.startswith(start)
    assert "sEcReT" not in message
    return message.removeprefix(start).removeprefix(":").strip()


# --- a mapping -----------------------------------------------------------


def test_a_mapping_goes_as_it_is_in_a_copy() -> None:
    given = {"a": "1", "b": "two words", "c": ""}
    loaded = load(given, "127.0.0.1", secure=False)
    assert loaded == given
    assert loaded is not given


@pytest.mark.parametrize("bad", ["\r", "\n", "\0", "\t", "\x7f", "\x85", ";", "é", "Ж", "\ud800"])
def test_a_cookie_that_breaks_its_header_is_refused(tmp_path: Path, bad: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load({"sid": f"sEcReT{bad}x"})
    assert str(caught.value) == (
        f"openassistant: cookies, cookie 1: the value of 'sid' {HEADER_VALUE}"
    )
    name = f"s{bad}id"
    flat = json.dumps({name: "sEcReT"})
    assert fault(tmp_path, flat) == f", cookie 1: the name {name!a} {HEADER_NAME}"
    value = json.dumps([item(), item("x", f"sEcReT{bad}")])
    assert fault(tmp_path, value) == f", cookie 2: the value of 'x' {HEADER_VALUE}"


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("", "''"),
        ("a=sEcReT", "'a'"),
        ("a b", "'a b'"),
        ("a\r\nSet-Cookie: x", r"'a\r\nSet-Cookie: x'"),
        ("Ж", r"'\u0416'"),
    ],
)
def test_a_name_that_breaks_its_header_is_refused_escaped(name: str, shown: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load({"good": "1", name: "sEcReT"})
    assert str(caught.value) == (
        f"openassistant: cookies, cookie 2: the name {shown} {HEADER_NAME}"
    )


@pytest.mark.parametrize(
    ("given", "match"),
    [
        ({"sid": 5}, "openassistant: cookies, cookie 1: 'sid' must be a string, not int"),
        ({7: "sEcReT"}, "openassistant: cookies, cookie 1: a name must be a string, not int"),
    ],
)
def test_a_mapping_holds_strings(given: Any, match: str) -> None:
    with pytest.raises(ConfigurationError, match=match) as caught:
        load(given)
    assert "sEcReT" not in str(caught.value)


@pytest.mark.parametrize("source", [None, 5, b"x", ["a"]])
def test_another_type_is_an_invalid_request(source: Any) -> None:
    with pytest.raises(InvalidRequest, match="must be a mapping or the path of a file, not"):
        load(source)


# --- which cookies go where ----------------------------------------------


@pytest.mark.parametrize(
    ("domain", "subdomains", "host", "goes"),
    [
        ("open-assistant.io", "FALSE", "open-assistant.io", True),
        ("open-assistant.io", "FALSE", "OPEN-Assistant.IO.", True),
        ("Open-Assistant.IO", "FALSE", "open-assistant.io", True),
        ("open-assistant.io", "FALSE", "www.open-assistant.io", False),
        ("open-assistant.io", "TRUE", "www.open-assistant.io", True),
        (".open-assistant.io", "TRUE", "www.open-assistant.io", True),
        (".open-assistant.io", "TRUE", "open-assistant.io", True),
        (".open-assistant.io", "TRUE", "evil-open-assistant.io", False),
        (".open-assistant.io", "TRUE", "open-assistant.io.evil.example", False),
        ("www.open-assistant.io", "TRUE", "open-assistant.io", False),
        (".0.0.1", "TRUE", "127.0.0.1", False),
        ("127.0.0.1", "FALSE", "127.0.0.1", True),
        ("[::1]", "FALSE", "::1", True),
        ("::1", "FALSE", "[::1]", True),
        ("localhost", "FALSE", "localhost", True),
    ],
)
def test_domains_match_as_rfc_6265_says(
    tmp_path: Path, domain: str, subdomains: str, host: str, goes: bool
) -> None:
    text = MAGIC + row(domain=domain, subdomains=subdomains)
    assert from_text(tmp_path, text, host) == ({"sid": "v"} if goes else {})


@pytest.mark.parametrize(
    ("host", "secure", "goes"),
    [
        (HOST, True, True),
        (HOST, False, False),
        ("localhost", False, True),
        ("app.localhost", False, True),
        ("127.0.0.2", False, True),
        ("[::1]", False, True),
        ("10.0.0.1", False, False),
        ("localhost.evil.example", False, False),
    ],
)
def test_secure_cookies_want_tls_or_this_machine(
    tmp_path: Path, host: str, secure: bool, goes: bool
) -> None:
    text = MAGIC + row(domain=host, secure="TRUE") + row("plain", domain=host)
    expected = {"plain": "v"} | ({"sid": "v"} if goes else {})
    assert from_text(tmp_path, text, host, secure=secure) == expected


@pytest.mark.parametrize(
    ("cookie_path", "path", "goes"),
    [
        ("/", "/", True),
        ("/", "", True),
        ("/", "/api", True),
        ("", "/api", True),
        ("/api", "/", False),
        ("/api", "/api", True),
        ("/api/", "/api", True),
        ("/api", "/api/v1", True),
        ("/api", "/apis", False),
    ],
)
def test_paths_lead_to_the_base_path(
    tmp_path: Path, cookie_path: str, path: str, goes: bool
) -> None:
    text = row(path=cookie_path)
    assert from_text(tmp_path, text, path=path) == ({"sid": "v"} if goes else {})


@pytest.mark.parametrize(
    ("expires", "goes"),
    [(0, True), ("", True), (-1, True), (LATER, True), (EARLIER, False), (NOW, False), (1, False)],
)
def test_expired_cookies_are_left_out(tmp_path: Path, expires: object, goes: bool) -> None:
    assert from_text(tmp_path, row(expires=expires)) == ({"sid": "v"} if goes else {})


def test_the_clock_is_asked_when_now_is_not_given(tmp_path: Path) -> None:
    file = tmp_path / "c"
    file.write_text(row("old", expires=int(NOW)) + row("new", expires=99_999_999_999))
    assert cookies.load(file, provider="x", host=HOST, secure=True) == {"new": "v"}


def test_the_more_specific_cookie_wins_then_the_later(tmp_path: Path) -> None:
    text = (
        row(value="path", path="/a")
        + row(value="early", domain="." + HOST, subdomains="TRUE", path="/")
        + row("twice", "1")
        + row("twice", "2")
        + row("wide", "host", domain="www." + HOST)
        + row("wide", "parent", domain="." + HOST, subdomains="TRUE")
    )
    found = from_text(tmp_path, text, path="/a/b")
    assert found == {"sid": "path", "twice": "2", "wide": "parent"}
    assert from_text(tmp_path, text, "www." + HOST)["wide"] == "host"


def test_no_fitting_cookie_is_a_warning(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    text = row("a", "sEcReT", expires=EARLIER) + row("b", "sEcReT", domain="other.example")
    with caplog.at_level(logging.WARNING, "g4fsync"):
        assert from_text(tmp_path, text) == {}
    assert caplog.messages == [
        f"openassistant: cookie file {str(tmp_path / 'cookies')!r}: "
        f"none of its 2 cookies goes to {HOST} (1 expired)"
    ]


# --- cookies.txt ---------------------------------------------------------


@pytest.mark.parametrize(
    "magic", [MAGIC, "# HTTP Cookie File\n# comment\n\n", "", "\ufeff" + MAGIC]
)
@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_netscape_file_with_or_without_its_magic_line(
    tmp_path: Path, magic: str, line_end: str
) -> None:
    text = magic + row("a", "1") + "#HttpOnly_" + row("b", "2=") + "# " + row("c") + row("d", "")
    text = text.replace("\n", line_end)
    assert from_text(tmp_path, text) == {"a": "1", "b": "2=", "d": ""}


def test_netscape_value_may_miss_its_tab(tmp_path: Path) -> None:
    assert from_text(tmp_path, row("a", "").replace("\t\n", "")) == {"a": ""}


def test_netscape_lines_are_not_cut_at_unicode_line_ends(tmp_path: Path) -> None:
    text = row("other", "a\u2028b", domain="other.example") + row()
    assert from_text(tmp_path, text) == {"sid": "v"}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "it is empty"),
        (" \n\n", "it is empty"),
        ("sid=sEcReT; other=sEcReT", "line 1: " + FIELDS + "1"),
        (MAGIC + row() + row().replace("\t", " "), "line 3: " + FIELDS + "1"),
        (row("a", "sEc\tReT"), "line 1: " + FIELDS + "8"),
        (MAGIC + row(expires="sEcReT"), "line 2: the time of expiry is not a number"),
        (row(domain="."), "line 1: the domain is empty"),
    ],
)
def test_a_broken_netscape_file_tells_the_line(tmp_path: Path, text: str, reason: str) -> None:
    assert fault(tmp_path, text) == reason


# --- JSON exports --------------------------------------------------------


def test_extension_export(tmp_path: Path) -> None:
    export = [
        item("host", "1", hostOnly=True, session=True, storeId="0", id=1),
        item("wide", "2", domain="." + HOST, hostOnly=False, expirationDate=LATER),
        item("bare", "3", hostOnly=False),
        item("old", "4", expirationDate=EARLIER),
        item("tls", "5", secure=True),
    ]
    text = " \n" + json.dumps(export)
    everywhere = {"wide": "2", "bare": "3"}
    assert from_text(tmp_path, text) == {"host": "1", "tls": "5", **everywhere}
    assert from_text(tmp_path, text, secure=False) == {"host": "1", **everywhere}
    assert from_text(tmp_path, text, "www." + HOST) == everywhere


def test_storage_state(tmp_path: Path) -> None:
    state = {
        "cookies": [item("a", "1", expires=-1), item("b", "2", domain="." + HOST, expires=LATER)],
        "origins": [],
    }
    assert from_text(tmp_path, json.dumps(state)) == {"a": "1", "b": "2"}
    assert from_text(tmp_path, json.dumps(state), "www." + HOST) == {"b": "2"}


def test_missing_and_null_members_have_their_defaults(tmp_path: Path) -> None:
    bare = {"name": "a", "value": "1", "domain": HOST}
    null = item("b", "2", path=None, expires=None, secure=None, hostOnly=None)
    old = item("c", expiry=int(EARLIER))
    assert from_text(tmp_path, json.dumps([bare, null, old])) == {"a": "1", "b": "2"}


@pytest.mark.parametrize("host", [HOST, "127.0.0.1"])
def test_a_flat_object_goes_where_the_file_was_meant_for(tmp_path: Path, host: str) -> None:
    text = json.dumps({"sid": "1", "cookies": "2", "log": "3"})
    assert from_text(tmp_path, text, host) == {"sid": "1", "cookies": "2", "log": "3"}


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (["sEcReT"], "cookie 1: expected an object, found a string"),
        ([item(), item() | {"domain": None}], "cookie 2: 'domain' must be a string, found nothing"),
        ([item() | {"value": 5}], "cookie 1: 'value' must be a string, found a number"),
        ([{"value": "sEcReT", "domain": HOST}], "cookie 1: 'name' must be a string, found nothing"),
        ([item(domain="")], "cookie 1: the domain is empty"),
        ([item(path=["sEcReT"])], "cookie 1: 'path' must be a string, found a list"),
        ([item(expires="sEcReT")], "cookie 1: 'expires' must be a number, found a string"),
        ([item(expires=True)], "cookie 1: 'expires' must be a number, found true or false"),
        ({"sid": 5}, "cookie 1: 'sid' must be a string, found a number"),
        ({"cookies": {"a": "sEcReT"}}, "cookie 1: 'cookies' must be a string, found an object"),
        ({"a": "1", "sid=sEcReT": None}, "cookie 2: 'sid' must be a string, found nothing"),
        ({"log": {}}, "log: 'entries' must be a list, found nothing"),
        ({"log": {"entries": ["sEcReT"]}}, "entry 1: expected an object, found a string"),
        (
            {"log": {"entries": [entry(), {}]}},
            "entry 2: 'request' must be an object, found nothing",
        ),
        (
            {"log": {"entries": [entry(sent=[{"name": "a"}])]}},
            "entry 1: 'value' must be a string, found nothing",
        ),
    ],
)
def test_a_broken_export_tells_the_place(tmp_path: Path, value: Any, reason: str) -> None:
    assert fault(tmp_path, json.dumps(value)) == reason


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('{"sid": sEcReT', "it is not JSON: Expecting value: line 1 column 9 (char 8)"),
        ("[" * 100_000, "it is not JSON: it is nested too deeply"),
    ],
)
def test_broken_json_tells_the_place(tmp_path: Path, text: str, reason: str) -> None:
    assert fault(tmp_path, text) == reason


# --- HAR -----------------------------------------------------------------


def test_har_takes_sent_and_received_and_the_later_word(tmp_path: Path) -> None:
    text = har(
        entry(sent=[{"name": "a", "value": "1"}], got=[{"name": "b", "value": "1"}]),
        entry("https://other.example/", sent=[{"name": "a", "value": "other"}]),
        entry(sent=[{"name": "a", "value": "2"}], got=[{"name": "c", "value": "3", "path": "/"}]),
        entry("data:text/plain,x", sent=[{"name": "a", "value": "no host"}]),
        entry("http://[bad", sent=[{"name": "a", "value": "no address"}]),
        {"request": {"url": f"wss://{HOST}:443/ws"}, "response": None},
    )
    assert from_text(tmp_path, text) == {"a": "2", "b": "1", "c": "3"}
    assert from_text(tmp_path, text, "other.example") == {"a": "other"}


@pytest.mark.parametrize(
    ("expires", "goes"),
    [
        (None, True),
        ("2099-01-01T00:00:00.000Z", True),
        ("2099-01-01T00:00:00", True),
        ("1969-12-31T23:59:59.000Z", True),  # Chrome's session cookie
        ("1970-01-01T00:00:00.000Z", False),  # deleted by the server
        ("2020-01-01T00:00:00+01:00", False),
        ("whenever", True),
        ([], True),
    ],
)
def test_har_times(tmp_path: Path, expires: object, goes: bool) -> None:
    before, after = {"name": "a", "value": "1"}, {"name": "a", "value": "2", "expires": expires}
    text = har(entry(sent=[before], got=[after]))
    assert from_text(tmp_path, text) == ({"a": "2"} if goes else {})


@pytest.mark.parametrize(
    ("url", "member", "goes"),
    [
        (f"https://{HOST}/", {}, False),
        (f"https://{HOST}/", {"secure": False}, True),
        (f"http://{HOST}/", {}, True),
        (f"http://{HOST}/", {"secure": True}, False),
    ],
)
def test_har_cookies_seen_under_tls_stay_under_tls(
    tmp_path: Path, url: str, member: dict[str, bool], goes: bool
) -> None:
    text = har(entry(url, sent=[{"name": "a", "value": "1", **member}]))
    assert from_text(tmp_path, text, secure=False) == ({"a": "1"} if goes else {})


# --- the file itself -----------------------------------------------------


def test_a_path_may_be_a_string_with_a_tilde(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    (tmp_path / "c.txt").write_text(row())
    assert load("~/c.txt") == load(str(tmp_path / "c.txt")) == {"sid": "v"}


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"\xff\xfes\0i\0d\0", "it is not UTF-8 text (byte 0)"),
        (b"SQLite format 3\x00\x10\x00\xff", "it is not UTF-8 text (byte 18)"),
        (b"\0", "line 1: " + FIELDS + "1"),
    ],
)
def test_bytes_that_are_no_text(tmp_path: Path, content: bytes, reason: str) -> None:
    assert fault(tmp_path, content) == reason


def test_missing_file_and_folder_are_named(tmp_path: Path) -> None:
    missing = str(tmp_path / "missing.txt")
    with pytest.raises(ConfigurationError) as caught:
        load(missing)
    assert str(caught.value) == (
        f"openassistant: cookie file {missing!r}: No such file or directory"
    )
    with pytest.raises(ConfigurationError, match="it is not a regular file"):
        load(tmp_path)


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="needs /dev/zero")
def test_an_endless_device_is_refused_at_once() -> None:
    with pytest.raises(ConfigurationError, match="'/dev/zero': it is not a regular file"):
        load("/dev/zero")


def test_a_file_without_permission_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)  # a mode of 0 would not stop root
    file = tmp_path / "c.txt"
    file.touch()
    with pytest.raises(ConfigurationError, match=r"c\.txt': Permission denied"):
        load(file)


def test_a_file_over_the_limit_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert cookies.MAX_FILE_BYTES == 64 << 20
    monkeypatch.setattr(cookies, "MAX_FILE_BYTES", 1 << 20)
    assert fault(tmp_path, b" " * ((1 << 20) + 1)) == "it is larger than 1 MiB"


@pytest.mark.parametrize(
    "source",
    [
        "sid=sEcReT",
        "sid=\0sEcReT",
        "a=b/sEcReT",
        "~sEcReT=1; x",
        '{"sid": "sEcReT"}',
        row(value="sEcReT"),
        "eyJsEcReT",
        "sEcReT" * 60,
    ],
)
def test_a_cookie_given_as_a_path_is_not_repeated(source: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load(source)
    error: BaseException | None = caught.value
    assert "sEcReT" not in str(error)
    while error is not None:
        assert "sEcReT" not in str(error)
        error = error.__cause__


def test_repr_of_a_cookie_keeps_its_value() -> None:
    assert "sEcReT" not in repr(Cookie("sid", "sEcReT", where="line 1"))


# --- the default folder --------------------------------------------------


def test_default_folder_is_in_the_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("G4FSYNC_CONFIG", str(tmp_path))
    monkeypatch.setenv("G4FSYNC_COOKIES", "")
    assert cookies.cookies_dir() == tmp_path / "cookies"
    assert find() == {}
    (tmp_path / "cookies").mkdir()
    (tmp_path / "cookies" / "openassistant.txt").write_text(row())
    assert find() == {"sid": "v"}
    monkeypatch.setenv("G4FSYNC_COOKIES", str(tmp_path / "elsewhere"))
    assert cookies.cookies_dir() == tmp_path / "elsewhere"


def test_empty_folder_has_no_cookies(folder: Path) -> None:
    assert find() == {}


@pytest.mark.parametrize("make_file", [True, False])
def test_a_folder_asked_for_must_be_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make_file: bool
) -> None:
    path = tmp_path / "jar"
    if make_file:
        path.touch()
    monkeypatch.setenv("G4FSYNC_COOKIES", str(path))
    with pytest.raises(ConfigurationError) as caught:
        find()
    assert str(caught.value).startswith(f"openassistant: cookie folder {str(path)!r}: ")


@pytest.mark.parametrize(
    "name", ["openassistant.txt", "OpenAssistant.JSON", "open_assistant.har", "open-assistant.txt"]
)
def test_file_named_after_the_provider_is_taken_whatever_its_form(folder: Path, name: str) -> None:
    (folder / name).write_text(row(value="own"))
    (folder / "another.txt").write_text("broken, and not read")
    assert find() == {"sid": "own"}


def test_all_files_named_after_the_provider_count_later_names_win(folder: Path) -> None:
    (folder / "openassistant.har").write_text(har(entry(sent=[{"name": "h", "value": "1"}])))
    (folder / "openassistant.json").write_text(json.dumps([item("a", "json"), item("j", "2")]))
    (folder / "openassistant.txt").write_text(row("a", "txt"))
    assert find() == {"h": "1", "j": "2", "a": "txt"}


def test_other_files_are_searched_by_domain(folder: Path) -> None:
    (folder / "all.txt").write_text(row("a", "1") + row("b", domain="other.example"))
    (folder / "browser.json").write_text(json.dumps([item("c", "3")]))
    (folder / "readme.md").write_text("not a cookie file")
    (folder / "more").mkdir()
    assert find() == {"a": "1", "c": "3"}
    assert find("127.0.0.1") == {}


def test_a_flat_file_is_only_for_the_provider_it_is_named_after(folder: Path) -> None:
    (folder / "myshell.json").write_text('{"sid": "sEcReT"}')
    assert find() == {}
    assert cookies.find("myshell", "x.example", secure=True) == {"sid": "sEcReT"}


@pytest.mark.parametrize("name", ["openassistant.txt", "other.txt"])
def test_a_broken_file_in_the_folder_is_named(folder: Path, name: str) -> None:
    (folder / name).write_text("sEcReT")
    with pytest.raises(ConfigurationError) as caught:
        find()
    assert str(caught.value).startswith(
        f"openassistant: cookie file {str(folder / name)!r}: line 1:"
    )


def test_a_cookie_refused_in_the_folder_names_its_file(folder: Path) -> None:
    (folder / "all.txt").write_text(MAGIC + row(value="sEcReT;x"))
    with pytest.raises(ConfigurationError) as caught:
        find()
    assert str(caught.value) == (
        f"openassistant: cookie file {str(folder / 'all.txt')!r}, line 2: "
        f"the value of 'sid' {HEADER_VALUE}"
    )


def test_a_provider_name_is_no_path(folder: Path) -> None:
    (folder.parent / "outside.txt").write_text(row())
    assert cookies.find("../outside", HOST, secure=True) == {}


# --- whatever the file ---------------------------------------------------

scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4)
members = st.fixed_dictionaries(
    {},
    optional={
        "name": st.sampled_from(["a", "a;", ""]) | scalars,
        "value": st.sampled_from(["1", "\r\n"]) | scalars,
        "domain": st.sampled_from([HOST, "." + HOST, "."]) | scalars,
        "path": scalars,
        "secure": scalars,
        "hostOnly": scalars,
        "expires": st.sampled_from(["2099-01-01T00:00:00Z", "0001-01-01T00:00+23:59"]) | scalars,
        "url": st.sampled_from([f"https://{HOST}", "http://["]) | scalars,
    },
)
sides = st.fixed_dictionaries(
    {}, optional={"cookies": st.lists(members, max_size=2), "url": scalars}
)
entries = st.fixed_dictionaries({}, optional={"request": sides | scalars, "response": sides})
exports = (
    st.lists(members, max_size=3)
    | st.lists(members, max_size=2).map(lambda items: {"cookies": items})
    | st.lists(entries, max_size=2).map(lambda items: {"log": {"entries": items}})
    | st.dictionaries(st.text(max_size=3), scalars, max_size=2)
)
fields = st.sampled_from([HOST, "TRUE", "/", "0", "nan", "1e999", "#HttpOnly_", "a", ""])
lines = st.lists(st.lists(fields | st.text(max_size=3), max_size=8).map("\t".join), max_size=3)
contents = (
    st.binary(max_size=80)
    | exports.map(json.dumps).map(str.encode)
    | lines.map("\n".join).map(lambda text: text.encode("utf-8", "surrogatepass"))
)


@settings(
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(contents)
def test_only_our_errors_and_only_sendable_cookies_come_out(tmp_path: Path, content: bytes) -> None:
    try:
        found = from_text(tmp_path, content)
    except G4FSyncError as error:
        str(error).encode()  # nothing unprintable in it
        return
    for name, value in found.items():
        assert name
        assert (name + value).isascii()
        assert (name + value + "x").isprintable()
        assert ";" not in name + value
