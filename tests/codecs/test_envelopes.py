from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from g4fsync.codecs.envelopes import Refusal, read


def reason(value: object) -> Refusal:
    return read(value if isinstance(value, str) else json.dumps(value))


UPSTREAM = {"error": {"message": "supports at most 1 image", "code": "too_many_images"}}


def routed(raw: object, **more: object) -> dict[str, Any]:
    metadata = {"raw": raw, **more}
    return {"error": {"message": "Provider returned error", "code": 400, "metadata": metadata}}


@pytest.mark.parametrize(
    ("body", "code", "message"),
    [
        pytest.param(
            routed(json.dumps(UPSTREAM)),
            "too_many_images",
            "Provider returned error: supports at most 1 image",
            id="JSON text",
        ),
        pytest.param(
            routed(json.dumps(UPSTREAM), provider_name="Acme"),
            "too_many_images",
            "Provider returned error (Acme): supports at most 1 image",
            id="with its provider",
        ),
        pytest.param(
            routed(json.dumps(routed(json.dumps(UPSTREAM)))),
            "too_many_images",
            "Provider returned error: Provider returned error: supports at most 1 image",
            id="twice",
        ),
        pytest.param(
            routed(UPSTREAM),
            "too_many_images",
            "Provider returned error: supports at most 1 image",
            id="an object",
        ),
        pytest.param(
            routed("m is temporarily rate-limited upstream"),
            "400",
            "Provider returned error: m is temporarily rate-limited upstream",
            id="text",
        ),
        pytest.param(routed("ERROR"), "400", "Provider returned error: ERROR", id="a word"),
        pytest.param(routed(""), "400", "Provider returned error", id="nothing"),
        pytest.param(
            routed({"odd": 1}), "400", "Provider returned error: {'odd': 1}", id="no message in it"
        ),
        pytest.param(
            routed("Provider returned error"), "400", "Provider returned error", id="the same"
        ),
        pytest.param(
            routed(json.dumps([{"error": {"message": "m", "status": "INVALID_ARGUMENT"}}])),
            "INVALID_ARGUMENT",
            "Provider returned error: m",
            id="in a list",
        ),
    ],
)
def test_a_router_hands_on_the_upstreams_own_words(
    body: object, code: str | None, message: str
) -> None:
    found = reason(body)
    assert (found.code, found.message) == (code, message)


@pytest.mark.parametrize(
    ("body", "code", "message"),
    [
        ({"detail": "Invalid API Key"}, None, "Invalid API Key"),
        (
            {"detail": [{"loc": ["body", "messages", 0, "content"], "msg": "Field required"}]},
            None,
            "body.messages.0.content: Field required",
        ),
        (
            {"detail": [{"loc": ["a"], "msg": "x"}, {"loc": [], "msg": "y"}]},
            None,
            "a: x; y",
        ),
        ({"detail": {"error": {"message": "m", "code": "c"}}}, "c", "m"),
        (
            {
                "object": "error",
                "message": {"detail": [{"loc": ["body"], "msg": "m"}]},
                "type": "t",
            },
            "t",
            "body: m",
        ),
        (
            {"type": "https://e.test/p", "title": "Bad Request", "status": 400, "detail": "why"},
            None,
            "Bad Request: why",
        ),
        ({"type": "about:blank", "title": "Not Found", "status": 404}, None, "Not Found"),
        ({"success": False, "errors": [{"code": 10000, "message": "m"}]}, "10000", "m"),
        ({"errors": [{"message": "m"}, {"message": "n"}, {"message": "m"}]}, None, "m; n"),
        ({"errors": ["m"]}, None, "m"),
        ({"errors": [], "message": "m"}, None, "m"),
        ({"errors": [{"title": "T", "detail": "d"}]}, None, "T: d"),
        ({"error": "invalid_grant", "error_description": "m"}, "invalid_grant", "m"),
        ({"error": "Forbidden", "message": "m", "statusCode": 403}, "403", "m"),
        ({"error": "Two words", "message": "m"}, None, "m"),
        ({"error": "m", "error_type": "validation"}, "validation", "m"),
        ({"error_code": 336003, "error_msg": "m"}, "336003", "m"),
        ({"base_resp": {"status_code": 1004, "status_msg": "login fail"}}, "1004", "login fail"),
        ({"Message": "m", "__type": "com.amazon#ValidationException"}, "ValidationException", "m"),
        ({"status": "failure", "message": "m"}, None, "m"),
        ({"msg": "m", "code": 1}, "1", "m"),
        ([{"error": "m"}], None, "m"),
        ({"error": {"message": "m", "code": {"a": 1}}}, None, "m"),
        ({"error": {"code": ""}, "message": "m"}, None, "m"),
        (
            {
                "error": {
                    "message": "Request contains an invalid argument.",
                    "status": "INVALID_ARGUMENT",
                    "details": [
                        {"fieldViolations": [{"field": "contents[0]", "description": "empty"}, 1]},
                        "text",
                    ],
                }
            },
            "INVALID_ARGUMENT",
            "Request contains an invalid argument. (contents[0]: empty)",
        ),
        (
            {"error": {"code": "c", "message": "m", "details": [{"code": "d", "message": "n"}]}},
            "c",
            "m (n)",
        ),
        (
            {"error": {"code": "c", "message": "m", "innererror": {"message": "why"}}},
            "c",
            "m (why)",
        ),
        (
            {"error": {"code": "c", "message": "m why", "innererror": {"message": "why"}}},
            "c",
            "m why",
        ),
        ({"error": {"code": 429}, "message": "m"}, "429", "m"),
        ({"error": {"code": 429}}, "429", '{"code": 429}'),
        (7, None, "7"),
        (None, None, "null"),
    ],
)
def test_each_shape_tells_its_code_and_message(
    body: object, code: str | None, message: str
) -> None:
    found = reason(body)
    assert (found.code, found.message) == (code, message)


LITELLM = "litellm.BadRequestError: AnthropicException - "


@pytest.mark.parametrize(
    ("message", "code", "shown"),
    [
        (LITELLM + json.dumps(UPSTREAM), "too_many_images", LITELLM + "supports at most 1 image"),
        (
            LITELLM + json.dumps(UPSTREAM) + ". Received Model Group=m",
            "too_many_images",
            LITELLM + "supports at most 1 image",
        ),
        (
            LITELLM + "b'" + json.dumps(UPSTREAM) + "'",
            "too_many_images",
            LITELLM + "supports at most 1 image",
        ),
        (json.dumps(UPSTREAM), "too_many_images", "supports at most 1 image"),
        (
            "Error code: 400 - {'error': {'message': \"can't\", 'code': 'c'}}",
            "c",
            "Error code: 400 - can't",
        ),
        (
            "Error code: 400 - {'error': {'message': 'don\\'t', 'type': 't'}}",
            "t",
            "Error code: 400 - don't",
        ),
        ('data: {"error": {"message": "m"}}', None, "m"),
        ('tool call failed: {"message": "hello"}', None, 'tool call failed: {"message": "hello"}'),
        ("set {a, b} is no list", None, "set {a, b} is no list"),
        ("{'message': 'm'}", None, "{'message': 'm'}"),
        ("x {'error': 1}", None, "x {'error': 1}"),
        ('x {"error": {}}', None, 'x {"error": {}}'),
        ('x {"detail": "m", "status": 4}', None, "x m"),
        ('x {"errors": [{"message": "m"}]}', None, "x m"),
    ],
)
def test_a_body_inside_a_message_is_replaced_by_what_it_says(
    message: str, code: str | None, shown: str
) -> None:
    for found in (reason({"error": {"message": message}}), reason(message)):
        assert (found.code, found.message) == (code, shown)


@pytest.mark.parametrize(
    ("page", "code", "message"),
    [
        ("<html><title>\n 502 Bad\n Gateway </title>", None, "502 Bad Gateway"),
        ("<h1>Access &amp; denied</h1>", None, "Access & denied"),
        (
            "<?xml version='1.0'?><Error><Code>AccessDenied</Code><Message>No.</Message></Error>",
            "AccessDenied",
            "No.",
        ),
        ("<html>", None, ""),
    ],
)
def test_pages_tell_their_title_or_their_message(page: str, code: str | None, message: str) -> None:
    assert read(page) == Refusal(code, message)


def test_long_words_are_cut() -> None:
    assert len(read("x" * 5000).message) == 300
    assert len(reason({"error": {"message": "x" * 5000}}).message) == 1000
    assert len(reason({"odd": "x" * 5000}).message) == 300


def test_bodies_within_bodies_have_an_end() -> None:
    body: object = "m"
    for _ in range(30):
        body = {"error": body}
    assert isinstance(reason(body), Refusal)
    text = "m"
    for _ in range(9):
        text = json.dumps({"error": {"message": text}})
    assert isinstance(reason(text), Refusal)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                [
                    "error",
                    "errors",
                    "message",
                    "code",
                    "detail",
                    "details",
                    "loc",
                    "msg",
                    "metadata",
                ]
                + ["raw", "innererror", "fieldViolations", "status", "title", "type"]
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=12,
)


@given(json_values)
@settings(deadline=None)
def test_any_value_gives_a_refusal(value: Any) -> None:
    for body in (json.dumps(value), repr(value), json.dumps(repr(value)), f"x {value!r}"):
        found = read(body)
        assert found.code is None or isinstance(found.code, str)
        assert isinstance(found.message, str)
        assert found.number == 0 or 100 <= found.number < 600
