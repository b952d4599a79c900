import pytest
from hypothesis import given
from hypothesis import strategies as st

from keyturn.seal.errors import MalformedSealedModel
from keyturn.seal.identity import ModelId, ModelIdentity, model_id_from, parse_model_id


@pytest.mark.parametrize("text", ["a", "minilm-l6-v2", "a.b_c", "0", "a" * 64])
def test_model_ids(text):
    assert parse_model_id(text) == text


@pytest.mark.parametrize("text", ["", "A", "a b", "a\0b", "-a", "a-", "a/b", "ä", "a" * 65, "a\n"])
def test_what_is_no_model_id(text):
    with pytest.raises(MalformedSealedModel, match="model id"):
        parse_model_id(text)


def test_model_id_from_a_name():
    assert model_id_from("Mini LM/v2 (Öl)") == "mini-lm-v2-ol"


@given(st.text(max_size=100))
def test_a_derived_id_is_valid_or_refused(name):
    try:
        derived = model_id_from(name)
    except MalformedSealedModel:
        return
    assert parse_model_id(derived) == derived


@pytest.mark.parametrize(
    ("name", "version"),
    [("", "1"), ("M", ""), (" M", "1"), ("M\n", "1"), ("M", "1\t2"), ("M" * 201, "1")],
)
def test_labels_are_printable_and_bounded(name, version):
    with pytest.raises(MalformedSealedModel, match="is refused"):
        ModelIdentity(ModelId("m"), name, version)
