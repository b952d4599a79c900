import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keyturn.base.encoding import digest_of
from keyturn.base.errors import MalformedError
from keyturn.seal.errors import MalformedSealedModel, WrongManifest
from keyturn.seal.identity import ModelId, ModelIdentity
from keyturn.seal.manifest import FileEntry, Manifest, Provenance, check_manifest, parse_manifest
from keyturn.seal.paths import CONTENTS_PATH, ModelPath
from keyturn.seal.stream import sealed_size


def entry(path, size=10):
    return FileEntry(ModelPath(path), size, sealed_size(size), digest_of(path.encode()))


def manifest(*paths):
    files = [entry(each) for each in sorted([*paths, CONTENTS_PATH], key=str.encode)]
    provenance = Provenance("keyturn", "0.1.0", len(paths), 10 * len(paths))
    created = datetime(2026, 11, 23, 8, tzinfo=UTC)
    return Manifest(ModelIdentity(ModelId("m"), "M", "1"), created, tuple(files), provenance)


def document(**changes):
    return json.loads(manifest("a", "b/c").to_bytes()) | changes


def raw(value):
    return json.dumps(value).encode()


def test_bytes_are_those_of_the_protocol():
    expected = {
        "type": "sealed-model",
        "format": 1,
        "model_id": "m",
        "name": "M",
        "version": "1",
        "created": "2026-11-23T08:00:00Z",
        "files": [
            {
                "path": path,
                "size": 10,
                "sealed_size": 10 + 40 + 16,
                "sealed_sha256": digest_of(path.encode()),
            }
            for path in ("a", "b/c", "keyturn.contents.json")
        ],
        "provenance": {"tool": "keyturn", "tool_version": "0.1.0", "files": 2, "bytes": 20},
    }
    assert json.loads(manifest("a", "b/c").to_bytes()) == expected


@given(st.sets(st.sampled_from(["a", "b", "c/d", "c/e", "ü.bin", "z/y/x"])))
def test_parse_after_write_is_identity(paths):
    original = manifest(*paths)
    again = parse_manifest(original.to_bytes())
    assert again == original
    assert again.to_bytes() == original.to_bytes()


def test_views_of_the_files():
    found = manifest("a", "b/c")
    assert [each.path for each in found.model_files] == ["a", "b/c"]
    assert found.by_path[CONTENTS_PATH].size == 10
    assert found.sealed_bytes == 3 * 66


@pytest.mark.parametrize("name", list(document()))
def test_each_field_is_needed(name):
    changed = document()
    del changed[name]
    with pytest.raises(MalformedError, match=f"'{name}' is missing"):
        parse_manifest(raw(changed))


@pytest.mark.parametrize("name", ["path", "size", "sealed_size", "sealed_sha256"])
def test_each_field_of_a_file_is_needed(name):
    changed = document()
    del changed["files"][0][name]
    with pytest.raises(MalformedError, match=f"'{name}' is missing"):
        parse_manifest(raw(changed))


def test_unknown_fields_are_refused_at_every_level():
    for where in (lambda d: d, lambda d: d["files"][0], lambda d: d["provenance"]):
        changed = document()
        where(changed)["more"] = 1
        with pytest.raises(MalformedError, match="unknown field 'more'"):
            parse_manifest(raw(changed))


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"type": "sealed-key"}, "'type'"),
        ({"format": 2}, "'format'"),
        ({"format": True}, "'format'"),
        ({"model_id": "M"}, "model id"),
        ({"created": "2026-11-23 08:00:00Z"}, "not a time"),
        ({"files": []}, "is not listed"),
        ({"files": {}}, "a list"),
    ],
)
def test_wrong_values_are_refused(changes, problem):
    with pytest.raises(MalformedError, match=problem):
        parse_manifest(raw(document(**changes)))


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda files: files[0].update(path="../a"), "relative"),
        (lambda files: files[0].update(path="/a"), "relative"),
        (lambda files: files[0].update(path="keyturn.key"), "reserved"),
        (lambda files: files[0].update(size=11), "sizes of 'a' do not fit"),
        (lambda files: files[0].update(size=-1), "'size'"),
        (lambda files: files[0].update(sealed_size=67), "sizes of 'a' do not fit"),
        (lambda files: files[0].update(sealed_sha256="sha256:00"), "not a digest"),
        (lambda files: files.reverse(), "order"),
        (lambda files: files.insert(0, files[0]), "share a name"),
        (lambda files: files.pop(0), "provenance"),
        (lambda files: files.pop(), "is not listed"),
    ],
)
def test_wrong_file_lists_are_refused(change, problem):
    changed = document()
    change(changed["files"])
    with pytest.raises(MalformedError, match=problem):
        parse_manifest(raw(changed))


def test_trailing_bytes_and_duplicates_are_refused():
    good = manifest("a").to_bytes()
    for bad in (good + b"{}", good[:-1], good.replace(b'"format":1', b'"format":1,"format":1')):
        with pytest.raises(MalformedError):
            parse_manifest(bad)


def test_a_size_beyond_the_format_is_refused():
    with pytest.raises(MalformedSealedModel, match="do not fit"):
        FileEntry(ModelPath("a"), 5, 5, digest_of(b""))


def test_the_digest_decides_before_anything_is_parsed():
    good = manifest("a").to_bytes()
    assert check_manifest(good, digest_of(good)) == manifest("a")
    with pytest.raises(WrongManifest) as caught:
        check_manifest(b"not even json", digest_of(good))
    assert (caught.value.found, caught.value.expected) == (
        digest_of(b"not even json"),
        digest_of(good),
    )
