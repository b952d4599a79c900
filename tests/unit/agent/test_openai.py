"""The embeddings API: what is not supported is refused by name, and nothing is repeated (I7)."""

import base64
import json

import numpy as np
import pytest

from keyturn.agent.errors import ModelUnusable, RequestInvalid
from keyturn.agent.openai import (
    MAX_BODY,
    MAX_INPUTS,
    embedding_response,
    error_response,
    models_response,
    parse_embedding_request,
)

SECRET = "a prompt that must not be repeated"


def request(**changed: object) -> bytes:
    return json.dumps({"input": SECRET, "model": "mini", **changed}).encode()


def test_one_text_and_a_list_of_texts() -> None:
    assert parse_embedding_request(request()).texts == (SECRET,)
    assert parse_embedding_request(request(input=["a", "b"])).texts == ("a", "b")


def test_defaults() -> None:
    found = parse_embedding_request(request(user="someone"))

    assert (found.as_base64, found.dimensions, found.model) == (False, None, "mini")


@pytest.mark.parametrize(
    ("changed", "param"),
    [
        ({"input": [1, 2, 3]}, "input"),
        ({"input": [[1, 2], [3]]}, "input"),
        ({"input": []}, "input"),
        ({"input": ""}, "input"),
        ({"input": ["a", ""]}, "input"),
        ({"input": None}, "input"),
        ({"input": {"a": "b"}}, "input"),
        ({"input": ["a"] * (MAX_INPUTS + 1)}, "input"),
        ({"model": None}, "model"),
        ({"model": ""}, "model"),
        ({"encoding_format": "int8"}, "encoding_format"),
        ({"dimensions": 0}, "dimensions"),
        ({"dimensions": "384"}, "dimensions"),
        ({"stream": True}, "stream"),
    ],
)
def test_refuses_naming_the_field(changed: dict[str, object], param: str) -> None:
    with pytest.raises(RequestInvalid) as caught:
        parse_embedding_request(request(**changed))

    assert caught.value.param == param
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    "raw", [b"", b"[]", b"{", b'{"input":"a","input":"b"}', b"\xff", b"{" * 100_000]
)
def test_refuses_what_is_not_a_json_object(raw: bytes) -> None:
    with pytest.raises(RequestInvalid):
        parse_embedding_request(raw)


def test_refuses_too_much() -> None:
    with pytest.raises(RequestInvalid, match="too large"):
        parse_embedding_request(request(input="x" * MAX_BODY))


def test_both_encodings_give_back_the_very_floats() -> None:
    vectors = np.array([[0.1, -1e-8], [1 / 3, 3e38]], dtype=np.float32)

    plain = json.loads(embedding_response(vectors, 5, "mini", as_base64=False))
    packed = json.loads(embedding_response(vectors, 5, "mini", as_base64=True))

    for place, row in enumerate(vectors):
        assert np.array_equal(np.array(plain["data"][place]["embedding"], np.float32), row)
        raw = base64.b64decode(packed["data"][place]["embedding"])
        assert np.array_equal(np.frombuffer(raw, "<f4"), row)
    assert plain["usage"] == {"prompt_tokens": 5, "total_tokens": 5}
    assert [each["index"] for each in plain["data"]] == [0, 1]
    assert {plain["object"], plain["data"][0]["object"]} == {"list", "embedding"}


def test_lists_models() -> None:
    found = json.loads(models_response(("mini",), 7))

    assert found["data"] == [{"id": "mini", "object": "model", "created": 7, "owned_by": "keyturn"}]


def test_errors_have_the_form_of_the_api() -> None:
    found = json.loads(error_response(ModelUnusable("no", found="x"), "server_error", param="p"))

    assert found == {
        "error": {
            "message": "no; found x",
            "type": "server_error",
            "param": "p",
            "code": "ModelUnusable",
        }
    }
