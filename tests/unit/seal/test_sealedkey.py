import json

import pytest

from keyturn.base.errors import MalformedError
from keyturn.base.signatures import KeyId
from keyturn.seal.sealedkey import OaepHash, SealedKey, WrappedDek, parse_sealed_key

KEY = SealedKey(WrappedDek(KeyId("0a" * 32), OaepHash.SHA256, bytes(range(256)) * 2), b"\x11" * 32)


def changed(**changes):
    return json.dumps(json.loads(KEY.to_bytes()) | changes).encode()


def test_parse_after_write_is_identity():
    again = parse_sealed_key(KEY.to_bytes())
    assert again == KEY
    assert again.to_bytes() == KEY.to_bytes()


def test_fields_are_those_of_the_protocol():
    found = json.loads(KEY.to_bytes())
    assert list(found) == [
        "type", "format", "ingest_key", "algorithm", "oaep_hash", "wrapped", "tag",
    ]  # fmt: skip
    assert (found["type"], found["algorithm"], found["oaep_hash"], found["tag"]) == (
        "sealed-key",
        "rsa-oaep",
        "sha256",
        "11" * 32,
    )


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"type": "sealed-model"}, "type"),
        ({"format": 2}, "format"),
        ({"ingest_key": "0a"}, "wrong size"),
        ({"ingest_key": "0A" * 32}, "hex"),
        ({"algorithm": "rsa-pkcs1"}, "algorithm"),
        ({"oaep_hash": "md5"}, "sha1 or sha256"),
        ({"wrapped": "AAAA"}, "wrong size"),
        ({"wrapped": "*"}, "base64"),
        ({"tag": "11" * 31}, "wrong size"),
        ({"tag": None}, "tag"),
        ({"more": 1}, "unknown field 'more'"),
    ],
)
def test_wrong_key_files_are_refused(changes, problem):
    with pytest.raises(MalformedError, match=problem):
        parse_sealed_key(changed(**changes))


@pytest.mark.parametrize("name", list(json.loads(KEY.to_bytes())))
def test_each_field_is_needed(name):
    fields = json.loads(KEY.to_bytes())
    del fields[name]
    with pytest.raises(MalformedError, match="missing"):
        parse_sealed_key(json.dumps(fields).encode())


def test_a_huge_file_is_refused():
    with pytest.raises(MalformedError, match="too large"):
        parse_sealed_key(KEY.to_bytes() + b" " * 9000)
