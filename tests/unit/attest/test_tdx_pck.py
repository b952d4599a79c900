"""The PCK certificate's SGX extensions (Intel's profile), on recorded and on changed ones."""

from dataclasses import replace
from types import MappingProxyType

import pytest

from keyturn.attest.certificates import Certificate, Extension, parse_certificate, pem_certificates
from keyturn.attest.errors import MalformedEvidence
from keyturn.attest.tdx_pck import SGX_EXTENSIONS, PckCa, SgxType, read_pck
from keyturn.attest.tdx_quote import parse_tdx_quote
from keyturn_sim.pki import der_oid, der_tlv, der_uint
from keyturn_sim.tdx import SimMachine, SimPlatform, pck_extension


@pytest.fixture
def leaf(machine: SimMachine) -> Certificate:
    return parse_certificate(pem_certificates(machine.chain)[0])


def with_extension(certificate: Certificate, value: bytes | None) -> Certificate:
    extensions = dict(certificate.extensions)
    extensions.pop(SGX_EXTENSIONS)
    if value is not None:
        extensions[SGX_EXTENSIONS] = Extension(False, value)
    return replace(certificate, extensions=MappingProxyType(extensions))


def test_a_recorded_certificate(vectors_dir) -> None:  # type: ignore[no-untyped-def]
    quote = parse_tdx_quote((vectors_dir / "tdx/v4-phala-b0c06f/quote.bin").read_bytes())
    pck = read_pck(parse_certificate(pem_certificates(quote.pck_chain)[0]), PckCa.PLATFORM)
    assert pck.fmspc.hex() == "b0c06f000000"
    assert (pck.pce_id, pck.pce_svn) == (bytes(2), 11)
    assert pck.components == (3, 3, 2, 2, 4, 1, 0, 5, 0, 0, 0, 0, 0, 0, 0, 0)
    assert pck.sgx_type is SgxType.SCALABLE
    assert len(pck.ppid) == 16
    assert pck.platform_instance_id is not None
    assert None not in (
        pck.configuration.dynamic_platform,
        pck.configuration.cached_keys,
        pck.configuration.smt,
    )


def test_a_simulated_certificate_reads_as_it_was_made(leaf: Certificate) -> None:
    platform = SimPlatform(
        components=tuple(range(240, 256)),
        pce_svn=0xFFFF,
        pce_id=b"\1\2",
        sgx_type=2,
        flags=(True, False, True),
    )
    pck = read_pck(with_extension(leaf, pck_extension(platform)), PckCa.PLATFORM)
    assert (pck.components, pck.pce_svn) == (platform.components, 0xFFFF)
    assert (pck.pce_id, pck.ppid, pck.fmspc) == (b"\1\2", platform.ppid, platform.fmspc)
    assert pck.sgx_type is SgxType.SCALABLE_WITH_INTEGRITY
    assert pck.cpu_svn == bytes(platform.components)
    found = pck.configuration
    assert (found.dynamic_platform, found.cached_keys, found.smt) == (True, False, True)


def test_each_authority_has_its_own_set(leaf: Certificate) -> None:
    plain = with_extension(leaf, pck_extension(SimPlatform(flags=None)))
    pck = read_pck(plain, PckCa.PROCESSOR)
    assert (pck.platform_instance_id, pck.configuration.smt) == (None, None)
    with pytest.raises(MalformedEvidence, match="not those of its kind"):
        read_pck(plain, PckCa.PLATFORM)
    with pytest.raises(MalformedEvidence, match="not those of its kind"):
        read_pck(leaf, PckCa.PROCESSOR)


def pair(number: str, value: bytes) -> bytes:
    return der_tlv(0x30, der_oid(f"{SGX_EXTENSIONS}.{number}") + value)


def test_what_is_missing_extra_or_twice_is_refused(leaf: Certificate) -> None:
    whole = pck_extension(SimPlatform())
    body = whole[4:]
    fmspc = pair("4", der_tlv(0x04, SimPlatform().fmspc))
    pce_svn = pair("2.17", der_uint(11))
    assert fmspc in body
    assert pce_svn in body
    changed = {
        "no extension": None,
        "not a sequence": b"\x04\x00",
        "a byte too many": whole + b"\0",
        "cut": whole[:-1],
        "FMSPC missing": der_tlv(0x30, body.replace(fmspc, b"")),
        "FMSPC twice": der_tlv(0x30, body + fmspc),
        "an unknown one": der_tlv(0x30, body + pair("8", der_uint(1))),
        "FMSPC of another type": der_tlv(0x30, body.replace(fmspc, pair("4", der_uint(7)))),
    }
    for name, value in changed.items():
        with pytest.raises(MalformedEvidence):
            read_pck(with_extension(leaf, value), PckCa.PLATFORM)
        assert name


@pytest.mark.parametrize(
    "platform",
    [
        SimPlatform(ppid=bytes(15)),
        SimPlatform(pce_id=bytes(3)),
        SimPlatform(fmspc=bytes(5)),
        SimPlatform(fmspc=b""),
        SimPlatform(sgx_type=3),
        SimPlatform(components=(5,) * 15),
        SimPlatform(components=(5,) * 17),
        SimPlatform(pce_svn=0x10000),
    ],
)
def test_values_out_of_the_profile_are_refused(leaf: Certificate, platform: SimPlatform) -> None:
    with pytest.raises(MalformedEvidence):
        read_pck(with_extension(leaf, pck_extension(platform)), PckCa.PLATFORM)


def test_a_component_is_one_byte_and_not_negative(leaf: Certificate) -> None:
    whole = pck_extension(SimPlatform())
    first = pair("2.1", der_uint(5))
    assert whole.count(first) == 1
    for value in (b"\x02\x01\xff", b"\x02\x01\x80"):
        altered = whole.replace(first, pair("2.1", value))
        with pytest.raises(MalformedEvidence, match="no version number"):
            read_pck(with_extension(leaf, altered), PckCa.PLATFORM)


def test_an_unknown_flag_is_refused_and_a_missing_one_is_unknown(leaf: Certificate) -> None:
    whole = pck_extension(SimPlatform(flags=(True, True, True)))
    smt = pair("7.3", b"\x01\x01\xff")
    other = pair("7.4", b"\x01\x01\xff")
    assert smt in whole
    with pytest.raises(MalformedEvidence, match="not those of its kind"):
        read_pck(with_extension(leaf, whole.replace(smt, other)), PckCa.PLATFORM)
    three = b"".join(pair(f"7.{n}", b"\x01\x01\xff") for n in (1, 2, 3))
    said, less = (pair("7", der_tlv(0x30, each)) for each in (three, three[: -len(smt)]))
    assert said in whole
    altered = der_tlv(0x30, whole[4:].replace(said, less))
    found = read_pck(with_extension(leaf, altered), PckCa.PLATFORM).configuration
    assert (found.dynamic_platform, found.cached_keys, found.smt) == (True, True, None)


@pytest.mark.parametrize(
    "number", ["1", "2", "3", "4", "5", "6", "7", "2.1", "2.17", "2.18", "7.1"]
)
def test_nothing_stands_behind_a_value(leaf: Certificate, number: str) -> None:
    """Each pair is an identifier and one value; a second value in it is refused."""
    whole = pck_extension(SimPlatform())
    start = whole.index(der_oid(f"{SGX_EXTENSIONS}.{number}"))
    altered = _with_extra(whole, start)
    with pytest.raises(MalformedEvidence):
        read_pck(with_extension(leaf, altered), PckCa.PLATFORM)
    read_pck(with_extension(leaf, whole), PckCa.PLATFORM)


def _with_extra(whole: bytes, inside: int) -> bytes:
    """Put a NULL at the end of the innermost SEQUENCE that holds the offset; fix the lengths."""

    def rebuilt(raw: bytes, base: int) -> bytes:
        found, at = b"", 0
        while at < len(raw):
            size, head = raw[at + 1], 2
            if size >= 0x80:
                head += size & 0x7F
                size = int.from_bytes(raw[at + 2 : at + head], "big")
            content = raw[at + head : at + head + size]
            begin = base + at + head
            if raw[at] == 0x30 and begin <= inside < begin + size:
                inner = rebuilt(content, begin)
                content = inner if begin != inside else content + b"\x05\x00"
            found += der_tlv(raw[at], content)
            at += head + size
        return found

    return rebuilt(whole, 0)
