import pytest
from hypothesis import given
from hypothesis import strategies as st

from keyturn.seal.errors import MalformedSealedModel
from keyturn.seal.paths import ModelPath, check_paths, parse_path, sealed_name


@pytest.mark.parametrize(
    "text", ["a", "model.safetensors", "onnx/model.onnx", "..a/b..", "ü/é.bin", "a b", ".hidden"]
)
def test_ordinary_paths_pass_unchanged(text):
    assert parse_path(text) == text


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "1 to 1024 bytes"),
        ("a" * 1025, "1 to 1024 bytes"),
        ("/etc/passwd", "relative"),
        ("../a", "relative"),
        ("a/../../b", "relative"),
        ("a/..", "relative"),
        ("./a", "relative"),
        ("a//b", "relative"),
        ("a/", "relative"),
        ("a\0b", "control"),
        ("a\nb", "control"),
        ("a\x7fb", "control"),
        ("..\\a", "backslash"),
        ("u\u0308", "NFC"),
        ("\udc80", "Unicode"),
        ("keyturn.json", "reserved"),
        ("keyturn.key", "reserved"),
        ("a" * 249, "longer than 248"),
        ("/".join("a" * 33), "levels"),
    ],
)
def test_paths_that_could_do_harm_are_refused(text, problem):
    with pytest.raises(MalformedSealedModel, match=problem):
        parse_path(text)


@given(st.text(max_size=40))
def test_what_passes_stays_below_its_directory(text):
    try:
        path = parse_path(text)
    except MalformedSealedModel:
        return
    parts = path.split("/")
    assert ".." not in parts
    assert "" not in parts
    assert "\0" not in path


def test_sealed_name_keeps_the_layout():
    assert sealed_name(ModelPath("a/b.bin")) == "a/b.bin.sealed"


@pytest.mark.parametrize(
    "paths",
    [
        ["a", "a"],
        ["a", "a/b"],
        ["a", "a.sealed/b"],
        ["a/b", "a/b.sealed/c"],
    ],
)
def test_paths_that_cannot_lie_side_by_side_are_refused(paths):
    with pytest.raises(MalformedSealedModel):
        check_paths(map(ModelPath, paths))


def test_a_file_of_another_directory_may_have_the_same_name():
    check_paths(map(ModelPath, ["a", "b/a", "c/a", "b/c", "a.sealed"]))
