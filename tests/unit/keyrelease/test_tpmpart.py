"""The TPM's part of a request: what is read is what was written, and nothing else."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keyturn.attest.tpm_algorithms import HashAlgorithm
from keyturn.base.encoding import b64
from keyturn.base.errors import MalformedError
from keyturn.base.strictjson import dump, parse_object
from keyturn.keyrelease.tpmpart import MAX_LOG, EkPart, TpmPart, read_tpm_part
from unit.quorum.bodies_reader import Document, changed

PART = TpmPart(
    b"quote",
    b"signature",
    b"ak",
    (b"leaf", b"issuer"),
    {HashAlgorithm.SHA256: {0: b"\1" * 32, 23: bytes(32)}, HashAlgorithm.SHA384: {7: b"\2" * 48}},
    b"log",
)
ACTIVATED = replace(PART, ak_chain=(), ek=EkPart(b"ek", (b"leaf", b"issuer"), b"\3" * 32))


def read(document: object) -> TpmPart:
    raw = dump(document)  # type: ignore[arg-type]
    return read_tpm_part(parse_object(raw, limit=1 << 20, what="tpm"))


@pytest.mark.parametrize("log", [b"log", b"", None])
def test_write_and_read_are_inverse(log: bytes | None) -> None:
    part = TpmPart(PART.quote, PART.signature, PART.ak, (), PART.pcrs, log)
    assert read(part.to_document()) == part
    assert read(PART.to_document()) == PART
    assert read(ACTIVATED.to_document()) == ACTIVATED


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("ek", None),
        ("ek", {}),
        ("ek.public", ...),
        ("ek.chain", [b64(bytes(8193))]),
        ("ek.chain", None),
        ("ek.proof", "03" * 31),
        ("ek.proof", None),
        ("ek.more", 1),
    ],
)
def test_an_ek_that_is_none_is_malformed(path: str, value: object) -> None:
    with pytest.raises(MalformedError):
        read(changed(ACTIVATED.to_document(), path, value))


def test_the_verifier_gets_the_very_parts() -> None:
    evidence = PART.to_evidence()
    assert (evidence.quote, evidence.signature, evidence.ak) == (b"quote", b"signature", b"ak")
    assert (evidence.pcrs, evidence.ak_chain, evidence.log) == (PART.pcrs, PART.ak_chain, b"log")
    assert evidence.runtime_data is None


@pytest.mark.parametrize(
    ("path", "value"),
    [
        *((name, ...) for name in PART.to_document()),
        ("quote", "not base64"),
        ("quote", b64(bytes(4097))),
        ("signature", None),
        ("ak", b64(bytes(2049))),
        ("ak_chain", "leaf"),
        ("ak_chain", [b64(bytes([place])) for place in range(7)]),
        ("ak_chain", [b64(bytes(8193))]),
        ("ak_chain", [b64(b"leaf"), b64(b"leaf")]),
        ("pcrs", {}),
        ("pcrs", {"sha1": {"0": "00" * 20}}),
        ("pcrs", {"sha256": {}}),
        ("pcrs", {"sha256": {"24": "00" * 32}}),
        ("pcrs", {"sha256": {"00": "00" * 32}}),
        ("pcrs", {"sha256": {"0": "00" * 31}}),
        ("pcrs", {"sha256": ["00" * 32]}),
        ("log", b64(bytes(MAX_LOG + 1))),
        ("log", 1),
        ("more", 1),
    ],
)
def test_anything_else_is_malformed(path: str, value: object) -> None:
    document: Document = PART.to_document()
    with pytest.raises(MalformedError):
        read(changed(document, path, value))


@given(
    st.dictionaries(
        st.sampled_from([*PART.to_document(), "more"]),
        st.recursive(st.none() | st.integers(0, 99) | st.text(max_size=9), st.lists, max_leaves=4),
    )
)
def test_any_object_is_read_or_refused(document: dict[str, object]) -> None:
    try:
        read({**PART.to_document(), **document})
    except MalformedError:
        return
