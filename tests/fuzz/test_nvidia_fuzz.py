"""Reports, chains, OCSP answers and manifests of any bytes: typed refusals, bounded cost."""

import time
import tracemalloc
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keyturn.attest.anchors import HARDWARE_ANCHORS, SpkiDigest, Vendor
from keyturn.attest.chains import ChainCache
from keyturn.attest.errors import REFUSALS
from keyturn.attest.nvidia import Asked, examine_gpu, examine_switch
from keyturn.attest.nvidia_documents import shown_document
from keyturn.attest.ocsp import OcspAnswer, Revocation, parse_ocsp
from keyturn.attest.spdm import parse_gpu_report
from keyturn.rim.signature import read_signed
from keyturn.rim.swid import read_swid
from keyturn.rim.verify import RimAsked, examine_rim
from support.fuzzing import examples
from support.nvdevices import Vendor as Maker
from support.ocspmaker import answer
from support.rimmaker import RimVendor, body, resource

NOW = datetime(2026, 11, 23, 8, tzinfo=UTC)
NONCE = bytes(32)
MEBIBYTE = 1 << 20
MAKER, RIMS = Maker.create(), RimVendor.create()
GPU, SWITCH = MAKER.gpu("GB100", pdi=b"\x01" * 8), MAKER.switch(b"\x02" * 8, (b"\x01" * 8,))
REPORTS = (GPU.report(NONCE), SWITCH.report(NONCE))
ANSWER = answer(GPU.path[1], GPU.path[2], now=NOW)
MANIFEST = RIMS.sign(body(*(resource(n, "02" * 48, "03" * 48) for n in range(64))))
ANCHORS = HARDWARE_ANCHORS.with_simulated(
    {
        Vendor.NVIDIA_DEVICE: [SpkiDigest(MAKER.spki)],
        Vendor.NVIDIA_RIM: [SpkiDigest(RIMS.spki)],
    },
    source="fuzz",
)
ASKED = Asked(anchors=ANCHORS, now=NOW, expected_nonce=NONCE, cache=ChainCache())
RIM_ASKED = RimAsked(anchors=ANCHORS, now=NOW, cache=ChainCache())
REVOCATION = Revocation(answers=(OcspAnswer(ANSWER, None),), max_age=timedelta(days=1))


def examine(raw: bytes) -> None:
    """Whatever comes, in whatever place: an examination, and a document of it."""
    for run, device in ((examine_gpu, GPU), (examine_switch, SWITCH)):
        shown_document(run(raw, device.chain, ASKED))
        shown_document(run(device.report(NONCE), (raw, *device.chain[1:]), ASKED))
        shown_document(run(device.report(NONCE), (*device.chain[:4], raw), ASKED))
    changed = replace(REVOCATION, answers=(OcspAnswer(raw, NONCE),))
    examine_gpu(GPU.report(NONCE), GPU.chain, replace(ASKED, revocation=changed))
    examine_rim(raw, RIM_ASKED)


READERS: tuple[Callable[[bytes], object], ...] = (
    parse_gpu_report,
    parse_ocsp,
    read_signed,
    lambda raw: read_swid(raw, "fuzz"),
)
MARKUP = st.lists(
    st.sampled_from(
        [
            b"<", b">", b"/>", b"</", b"a", b" b='", b"'", b"=", b"&#x41;", b"&lt;", b"&", b";",
            b"<!", b"<?", b"xmlns:", b"ds:Signature", b"\xc3\xa9", b"\xff", b"\0", b" ", b"]]>",
            b"<ds:Signature xmlns:ds='http://www.w3.org/2000/09/xmldsig#'>", b"</ds:Signature>",
        ]
    ),
    max_size=60,
).map(b"".join)  # fmt: skip


@pytest.mark.parametrize("place", range(len(READERS)))
@settings(max_examples=examples(150), deadline=None)
@given(raw=st.binary(max_size=400) | MARKUP)
def test_any_bytes_are_read_or_refused(place: int, raw: bytes) -> None:
    with suppress(*REFUSALS):
        READERS[place](raw)


@settings(max_examples=examples(60), deadline=None)
@given(raw=st.binary(max_size=200) | MARKUP)
def test_an_examination_never_raises(raw: bytes) -> None:
    examine(raw)


CHANGES = st.lists(st.tuples(st.integers(0, 1 << 16), st.integers(1, 255)), min_size=1, max_size=3)


def changed(raw: bytes, changes: list[tuple[int, int]], cut: int | None) -> bytes:
    found = bytearray(raw)
    for at, mask in changes:
        found[at % len(found)] ^= mask
    return bytes(found[: None if cut is None else cut % len(found)])


@settings(max_examples=examples(150), deadline=None)
@given(CHANGES, st.none() | st.integers(0, 1 << 16))
def test_a_changed_report_is_never_proved(changes: list[tuple[int, int]], cut: int | None) -> None:
    for raw, run, device in (
        (REPORTS[0], examine_gpu, GPU),
        (REPORTS[1], examine_switch, SWITCH),
    ):
        other = changed(raw, changes, cut)
        assert other == raw or run(other, device.chain, ASKED).claims is None


@settings(max_examples=examples(150), deadline=None)
@given(CHANGES, st.integers(0, 4))
def test_a_changed_chain_is_never_proved(changes: list[tuple[int, int]], place: int) -> None:
    chain = list(GPU.chain)
    chain[place] = changed(chain[place], changes, None)
    examined = examine_gpu(REPORTS[0], chain, ASKED)
    assert tuple(chain) == GPU.chain or examined.claims is None
    shown_document(examined)


@settings(max_examples=examples(150), deadline=None)
@given(CHANGES, st.none() | st.integers(0, 1 << 16))
def test_a_changed_manifest_says_the_same_or_nothing(
    changes: list[tuple[int, int]], cut: int | None
) -> None:
    # White space between attributes and the like may change: what is read may not.
    found = examine_rim(changed(MANIFEST, changes, cut), RIM_ASKED).rim
    assert found is None or found == examine_rim(MANIFEST, RIM_ASKED).rim


LARGE: dict[str, bytes] = {
    "zeros": bytes(MEBIBYTE),
    "report": REPORTS[0][:41] + b"\xff\xff\xff\xff" + bytes(MEBIBYTE - 45),
    "small fields": REPORTS[0][:37] + b"\x11\x60\0\0\0\0\0\0" + bytes(32) + b"\xff\xff"
    + b"".join(n.to_bytes(2, "little") + b"\0\0" for n in range(16_000)),
    "sequences": b"\x30\x80" * (MEBIBYTE // 2),
    "nested": b"".join(
        b"\x30\x83" + (MEBIBYTE - 5 * n - 5).to_bytes(3, "big") for n in range(MEBIBYTE // 5)
    ),
    "answers": ANSWER * (MEBIBYTE // len(ANSWER)),
    "tags": b"<a>" * (MEBIBYTE // 3),
    "entities": b"<a>" + b"&amp;" * (MEBIBYTE // 5) + b"</a>",
    "attributes": b"<a " + b"b='' " * (MEBIBYTE // 5) + b"/>",
    "one attribute": b"<a b='" + b"x" * (MEBIBYTE - 10) + b"'/>",
    "laughs": b"<!DOCTYPE a [" + b"<!ENTITY x '&x;&x;'>" * (MEBIBYTE // 20) + b"]><a>&x;</a>",
    "certificates": MANIFEST.replace(
        b"<ds:X509Certificate>", b"<ds:X509Certificate>" + b"AAAA" * (200 << 10), 1
    ),
    "spaces": b"<a" + b" " * (MEBIBYTE - 4) + b"/>",
}  # fmt: skip
# At the very limit of a manifest's size: all of these reach the parser.
LARGEST: dict[str, bytes] = {
    "elements": b"<a>" + b"<b c='d'/>" * 1000 + b"</a>",
    "names": b"<a>" + b"".join(b"<b%d/>" % n for n in range(1000)) + b"</a>",
    "namespaces": b"<a " + b" ".join(b"xmlns:n%d='u:%d'" % (n, n) for n in range(4000)) + b"/>",
    "attributes": b"<a " + b" ".join(b"a%d='x'" % n for n in range(4000)) + b"/>",
    "text": b"<a>" + b"x" * (255 << 10) + b"</a>",
    "references": b"<a>" + b"&#65;" * (50 << 10) + b"</a>",
    "nested namespaces": b"".join(
        b"<a " + b" ".join(b"xmlns:n%d='u:%d-%d'" % (n, d, n) for n in range(500)) + b">"
        for d in range(8)
    ) + b"</a>" * 8,
}  # fmt: skip


@pytest.mark.parametrize("raw", [*LARGE.values(), *LARGEST.values()], ids=[*LARGE, *LARGEST])
def test_no_input_of_a_mebibyte_costs_more_than_a_second_or_64_mebibytes(raw: bytes) -> None:
    for read in (*READERS, lambda each: examine_rim(each, RIM_ASKED)):
        tracemalloc.start()
        begin = time.process_time()
        with suppress(*REFUSALS):
            read(raw)
        spent, (_, most) = time.process_time() - begin, tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert spent < 1
        assert most < 64 << 20
