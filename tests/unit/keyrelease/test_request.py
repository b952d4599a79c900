"""Release requests: exact form, complete for their purpose, nothing proved (§4.4, §5.2)."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keyturn.base.encoding import Digest, b64, digest_of
from keyturn.base.errors import MalformedError
from keyturn.keyrelease.binding import (
    NodeKeys,
    Purpose,
    compute_binding,
    compute_core,
    device_evidence,
)
from keyturn.keyrelease.errors import MalformedRequest
from keyturn.keyrelease.request import (
    MAX_QUOTE,
    MAX_REQUEST,
    Evidence,
    GpuEvidence,
    NodeClaims,
    SnpEvidence,
    SwitchEvidence,
    TdxEvidence,
    build_request,
    parse_claims,
    parse_request,
)
from keyturn.quorum.policy_body import Caveat

CHALLENGE = bytes(range(56))
MODEL = Digest("sha256:" + "11" * 32)
LEASE = "ab" * 16
SNP = SnpEvidence(b"report", b"vek", b"intermediate", b"root")
GPUS = (GpuEvidence(b"gpu report", (b"leaf", b"ca")), GpuEvidence(b"second", ()))
KEYS = NodeKeys(b"h" * 1216, b"rsa", b"tls", b"prompt", b"ak")
RENEWED = NodeKeys(b"", b"", b"tls")
Document = dict[str, Any]


def claims(lease: str | None = None) -> NodeClaims:
    return NodeClaims.make("node-1", "agent 1", lease, (Caveat.UNLOCKED_MEMORY,))


def release(keys: NodeKeys = KEYS) -> bytes:
    evidence = Evidence(SNP, GPUS)
    return build_request(Purpose.RELEASE, CHALLENGE, MODEL, keys, claims(), evidence)


def renewal(keys: NodeKeys = RENEWED, lease: str | None = LEASE) -> bytes:
    evidence = Evidence(SNP, ())
    return build_request(Purpose.RENEWAL, CHALLENGE, MODEL, keys, claims(lease), evidence)


def test_a_request_is_written_as_the_protocol_says() -> None:
    assert json.loads(release()) == {
        "type": "release-request",
        "format": 1,
        "purpose": "release",
        "suite": "MLKEM768_X25519/HKDF-SHA256/AES-256-GCM+RSA-OAEP",
        "challenge": CHALLENGE.hex(),
        "model": MODEL,
        "keys": {
            "hpke": b64(b"h" * 1216),
            "rsa": b64(b"rsa"),
            "tls": b64(b"tls"),
            "prompt": b64(b"prompt"),
            "ak_name": b64(b"ak"),
        },
        "claims": b64(claims().raw),
        "evidence": {
            "snp": {
                "report": b64(b"report"),
                "vek": b64(b"vek"),
                "intermediate": b64(b"intermediate"),
                "root": b64(b"root"),
            },
            "gpus": [
                {"report": b64(b"gpu report"), "chain": [b64(b"leaf"), b64(b"ca")]},
                {"report": b64(b"second"), "chain": []},
            ],
        },
    }


@pytest.mark.parametrize(
    ("raw", "purpose", "keys"),
    [(release(), Purpose.RELEASE, KEYS), (renewal(), Purpose.RENEWAL, RENEWED)],
)
def test_a_request_reads_back(raw: bytes, purpose: Purpose, keys: NodeKeys) -> None:
    found = parse_request(raw)

    assert (found.purpose, found.challenge, found.model) == (purpose, CHALLENGE, MODEL)
    assert (found.keys, found.raw, found.digest) == (keys, raw, digest_of(raw))
    assert found.evidence.cpu == SNP
    again = build_request(
        found.purpose, found.challenge, found.model, found.keys, found.claims, found.evidence
    )
    assert again == raw


def test_core_and_binding_are_those_of_its_parts() -> None:
    found = parse_request(release())
    core = compute_core(Purpose.RELEASE, CHALLENGE, b"\x11" * 32, KEYS, claims().raw)

    assert found.core == core
    devices = [device_evidence(each.report, each.chain) for each in GPUS]
    assert found.binding == compute_binding(core, devices)


def edited(raw: bytes, path: str, value: object) -> bytes:
    document: Document = json.loads(raw)
    *walk, last = [int(step) if step.isdigit() else step for step in path.split(".")]
    place: Any = document
    for step in walk:
        place = place[step]
    if value is ...:
        del place[last]
    else:
        place[last] = value
    return json.dumps(document).encode()


TOP = ["type", "format", "purpose", "suite", "challenge", "model", "keys", "claims", "evidence"]
INNER = [
    *(f"keys.{name}" for name in ("hpke", "rsa", "tls", "prompt", "ak_name")),
    *(f"evidence.snp.{name}" for name in ("report", "vek", "intermediate", "root")),
    "evidence.snp",
    "evidence.gpus",
    "evidence.gpus.0.report",
    "evidence.gpus.0.chain",
]


@pytest.mark.parametrize("path", [*TOP, *INNER])
def test_every_field_is_needed(path: str) -> None:
    with pytest.raises(MalformedError, match=r"is missing|not one kind of CPU"):
        parse_request(edited(release(), path, ...))


@pytest.mark.parametrize(
    "path", ["more", "keys.more", "evidence.more", "evidence.snp.more", "evidence.gpus.0.more"]
)
def test_no_other_field_is_there(path: str) -> None:
    with pytest.raises(MalformedError, match="unknown field"):
        parse_request(edited(release(), path, None))


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("type", "release"),
        ("format", 2),
        ("purpose", "Release"),
        ("suite", "X25519"),
        ("challenge", CHALLENGE[:-1].hex()),
        ("challenge", CHALLENGE.hex().upper()),
        ("model", "11" * 32),
        ("keys.tls", None),
        ("keys.tls", ""),
        ("keys.tls", b64(bytes(1025))),
        ("keys.prompt", ""),
        ("keys.rsa", ""),
        ("keys.rsa", None),
        ("keys.hpke", None),
        ("keys.hpke", b64(b"h" * 1215)),
        ("keys.hpke", b64(b"h" * 1217)),
        ("claims", b64(b"{}")),
        ("claims", b64(claims().raw + b" x")),
        ("evidence.snp", None),
        ("evidence.snp.report", b64(bytes(4097))),
        ("evidence.gpus", None),
        ("evidence.gpus.0.chain", [b64(b"one"), b64(b"one")]),
        ("evidence.gpus.0.chain", ["@"]),
        ("evidence.gpus.0.chain", [b64(bytes([n])) for n in range(11)]),
    ],
)
def test_another_form_is_refused(path: str, value: object) -> None:
    with pytest.raises(MalformedError):
        parse_request(edited(release(), path, value))


def test_no_more_than_64_devices() -> None:
    gpu = {"report": b64(b"x"), "chain": []}
    assert len(parse_request(edited(release(), "evidence.gpus", [gpu] * 64)).evidence.gpus) == 64
    with pytest.raises(MalformedError, match="gpus"):
        parse_request(edited(release(), "evidence.gpus", [gpu] * 65))


@pytest.mark.parametrize("raw", [renewal(KEYS), renewal(NodeKeys(b"", b"rsa", b"tls"))])
def test_a_renewal_carries_no_keys_for_a_dek(raw: bytes) -> None:
    with pytest.raises(MalformedRequest, match="a renewal carries no HPKE and no RSA key"):
        parse_request(raw)


@pytest.mark.parametrize(
    "raw", [renewal(lease=None), edited(release(), "claims", b64(claims(LEASE).raw))]
)
def test_a_renewal_names_its_lease_and_a_release_none(raw: bytes) -> None:
    with pytest.raises(MalformedRequest, match="a renewal names its lease"):
        parse_request(raw)


def test_a_request_is_at_most_256_kib() -> None:
    assert parse_request(release().ljust(MAX_REQUEST)).model == MODEL
    with pytest.raises(MalformedError, match="too large"):
        parse_request(release().ljust(MAX_REQUEST + 1))


# Claims


def test_claims_are_read_and_their_bytes_kept() -> None:
    found = claims(LEASE)
    assert json.loads(found.raw) == {
        "type": "node-claims",
        "format": 1,
        "node": "node-1",
        "agent": "agent 1",
        "lease": LEASE,
        "caveats": ["unlocked-memory"],
    }
    assert parse_claims(found.raw) == found
    spaced = json.dumps(json.loads(found.raw), indent=1).encode()
    assert parse_claims(spaced).raw == spaced


@pytest.mark.parametrize("name", ["type", "format", "node", "agent", "lease", "caveats"])
def test_every_claim_is_needed(name: str) -> None:
    document = json.loads(claims().raw)
    del document[name]
    with pytest.raises(MalformedError, match=f"'{name}' is missing"):
        parse_claims(json.dumps(document).encode())


@pytest.mark.parametrize(
    "change",
    [
        {"more": 1},
        {"type": "claims"},
        {"node": ""},
        {"node": "n 1"},
        {"node": "n/1"},
        {"node": "nöde"},
        {"node": "-.-"},
        {"node": "n" * 65},
        {"node": "n1\n"},
        {"agent": ""},
        {"lease": "ab" * 15},
        {"lease": "AB" * 16},
        {"lease": ""},
        {"caveats": ["none at all"]},
        {"caveats": ["simulated", "simulated"]},
        {"caveats": None},
    ],
    ids=str,
)
def test_other_claims_are_refused(change: Document) -> None:
    document = {**json.loads(claims().raw), **change}
    with pytest.raises(MalformedError):
        parse_claims(json.dumps(document).encode())


# Properties

KEY = st.binary(min_size=1, max_size=60)


@given(
    keys=st.builds(NodeKeys, st.just(b"h" * 1216), KEY, KEY, KEY | st.just(b""), KEY),
    report=st.binary(max_size=60),
    chain=st.lists(st.binary(min_size=1, max_size=20), unique=True, max_size=10),
)
def test_write_and_read_are_inverse(keys: NodeKeys, report: bytes, chain: list[bytes]) -> None:
    evidence = Evidence(SNP, (GpuEvidence(report, tuple(chain)),))
    raw = build_request(Purpose.RELEASE, CHALLENGE, MODEL, keys, claims(), evidence)
    found = parse_request(raw)

    assert (found.keys, found.evidence, found.claims) == (keys, evidence, claims())


RAW = release()


@settings(max_examples=300)
@given(place=st.integers(0, len(RAW) - 1), mask=st.integers(1, 255))
def test_a_changed_byte_is_refused_or_changes_what_is_bound(place: int, mask: int) -> None:
    """The digest is another, and where it parses so is the binding or the CPU evidence."""
    raw = bytearray(RAW)
    raw[place] ^= mask
    honest = parse_request(RAW)
    assert digest_of(bytes(raw)) != honest.digest
    found = parsed(parse_request, bytes(raw))
    if found is not None:
        assert (found.binding, found.evidence.cpu) != (honest.binding, honest.evidence.cpu)


def parsed(read: Callable[[bytes], Any], raw: bytes) -> Any:
    """What is read, or None when it is refused."""
    try:
        return read(raw)
    except MalformedError:
        return None


# TDX, switches, a paravisor


TDX_CPU = TdxEvidence(b"quote")
SWITCHES = (SwitchEvidence(b"switch report", (b"leaf", b"ca")), SwitchEvidence(b"other", ()))


def shown(evidence: Evidence) -> bytes:
    return build_request(Purpose.RELEASE, CHALLENGE, MODEL, KEYS, claims(), evidence)


def evidence_of(raw: bytes) -> Any:
    return json.loads(raw)["evidence"]


def with_evidence(raw: bytes, **parts: object) -> bytes:
    document = json.loads(raw)
    document["evidence"] = {**document["evidence"], **parts}
    document["evidence"] = {k: v for k, v in document["evidence"].items() if v is not ...}
    return json.dumps(document).encode()


def test_a_td_and_switches_are_written_and_read_as_the_protocol_says() -> None:
    raw = shown(Evidence(TDX_CPU, GPUS, switches=SWITCHES))

    assert evidence_of(raw)["tdx"] == {"quote": b64(b"quote")}
    assert evidence_of(raw)["switches"] == [
        {"report": b64(b"switch report"), "chain": [b64(b"leaf"), b64(b"ca")]},
        {"report": b64(b"other"), "chain": []},
    ]
    assert "snp" not in evidence_of(raw)
    assert parse_request(raw).evidence == Evidence(TDX_CPU, GPUS, switches=SWITCHES)


def test_runtime_data_of_a_paravisor_is_written_and_read() -> None:
    cpu = SnpEvidence(b"report", b"vek", b"intermediate", b"root", b"runtime")
    raw = shown(Evidence(cpu, ()))

    assert evidence_of(raw)["snp"]["runtime"] == b64(b"runtime")
    assert parse_request(raw).evidence.runtime == b"runtime"
    assert parse_request(shown(Evidence(TDX_CPU, ()))).evidence.runtime is None


@pytest.mark.parametrize(
    "parts",
    [
        {"snp": ...},
        {"tdx": {"quote": b64(b"quote")}},
        {"snp": ..., "tdx": {}},
        {"snp": ..., "tdx": {"quote": b64(b"quote"), "more": 1}},
        {"snp": ..., "tdx": {"quote": b64(bytes(MAX_QUOTE + 1))}},
        {"switches": []},
        {"switches": None},
        {"switches": [{"report": b64(b"switch report")}]},
        {"switches": [{"report": b64(b"r"), "chain": [], "more": 1}]},
        {"switches": [{"report": b64(b"r"), "chain": []}] * 63},
        {
            "snp": {
                **{each: b64(b"x") for each in ("report", "vek", "intermediate", "root")},
                "runtime": "",
            }
        },
    ],
)
def test_neither_both_or_half_a_cpu_and_wrong_switches_are_malformed(parts: Document) -> None:
    with pytest.raises(MalformedError):
        parse_request(with_evidence(release(), **parts))


def test_devices_are_numbered_gpus_first_and_every_change_of_order_changes_the_binding() -> None:
    one, other = SWITCHES
    sets = [
        Evidence(SNP, GPUS, switches=(one, other)),
        Evidence(SNP, GPUS, switches=(other, one)),
        Evidence(SNP, GPUS, switches=(one,)),
        Evidence(SNP, GPUS, switches=(one, one)),
        Evidence(SNP, GPUS),
        Evidence(SNP, GPUS[:1], switches=(one, other)),
    ]

    assert len({parse_request(shown(each)).binding for each in sets}) == len(sets)
    parsed = parse_request(shown(sets[0]))
    devices = [device_evidence(each.report, each.chain) for each in (*GPUS, one, other)]
    assert parsed.binding == compute_binding(parsed.core, devices)
