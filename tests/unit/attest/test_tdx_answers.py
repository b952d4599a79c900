"""Intel's answers: the exact signed text is cut out of them, or nothing is."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keyturn.attest.errors import MalformedEvidence
from keyturn.attest.tdx_answers import split_qe_identity, split_tcb_info

SIGNATURE = "ab" * 64


def answer(name: str, text: str, signature: str = SIGNATURE) -> bytes:
    return f'{{"{name}":{text},"signature":"{signature}"}}'.encode()


def test_recorded_texts_come_out_byte_for_byte(vectors_dir: Path) -> None:
    found = 0
    for path in sorted((vectors_dir / "tdx/collateral").glob("*.json")):
        raw = json.loads(path.read_bytes())
        info = answer("tcbInfo", raw["tcb_info"], raw["tcb_info_signature"])
        expected = (raw["tcb_info"].encode(), bytes.fromhex(raw["tcb_info_signature"]))
        assert split_tcb_info(info) == expected
        identity = answer("enclaveIdentity", raw["qe_identity"], raw["qe_identity_signature"])
        expected = (raw["qe_identity"].encode(), bytes.fromhex(raw["qe_identity_signature"]))
        assert split_qe_identity(identity) == expected
        found += 1
    assert found > 5


def test_space_around_is_no_part_of_it() -> None:
    raw = f' {{ "tcbInfo" :\n {{"a" : 1 }} , "signature": "{SIGNATURE.upper()}" }}\n'.encode()
    assert split_tcb_info(raw) == (b'{"a" : 1 }', bytes.fromhex(SIGNATURE))


def test_a_name_inside_the_text_is_only_text() -> None:
    text = '{"note":"\\",\\"signature\\":\\"","signature":"x","é":"}"}'
    assert split_tcb_info(answer("tcbInfo", text))[0] == text.encode()


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"[]",
        b"\xff",
        b"{}",
        answer("enclaveIdentity", "{}"),
        answer("tcbInfo", "{}", "ab" * 63),
        answer("tcbInfo", "{}", "zz" * 64),
        answer("tcbInfo", "{}") + b"x",
        answer("tcbInfo", "{}")[:-1],
        b'{"signature":"' + SIGNATURE.encode() + b'","tcbInfo":{}}',
        b'{"tcbInfo":{},"more":1,"signature":"' + SIGNATURE.encode() + b'"}',
        b'{"tcbInfo":{},"tcbInfo":{},"signature":"' + SIGNATURE.encode() + b'"}',
        b'{"tcbInfo":{}}',
        answer("tcbInfo", "{" + " " * (300 << 10) + "}"),
    ],
)
def test_another_form_is_refused(raw: bytes) -> None:
    with pytest.raises(MalformedEvidence):
        split_tcb_info(raw)


def test_a_field_too_many_is_named() -> None:
    raw = b'{"tcbInfo":{},"more":1,"signature":"' + SIGNATURE.encode() + b'"}'
    with pytest.raises(MalformedEvidence) as caught:
        split_tcb_info(raw)
    assert caught.value.found == "more, signature, tcbInfo"


def test_long_runs_of_space_cost_no_more_than_they_are_long() -> None:
    spaces = b" " * (200 << 10)
    raw = b'{"tcbInfo":{}' + spaces + b',"signature":"x"' + spaces + b"}"
    with pytest.raises(MalformedEvidence):
        split_tcb_info(raw)


@given(st.binary(max_size=200))
def test_junk_is_malformed(junk: bytes) -> None:
    for raw in (junk, b'{"tcbInfo":' + junk, answer("tcbInfo", "{}")[:-40] + junk):
        with pytest.raises(MalformedEvidence):
            split_tcb_info(raw)
