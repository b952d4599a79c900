"""Bodies of statements: exact, and what they say can be acted on (our protocol §2.6)."""

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from keyturn.base.encoding import Digest
from keyturn.base.errors import MalformedError
from keyturn.quorum.bodies import (
    Admission,
    Keys,
    OaepHash,
    Platforms,
    Purpose,
    Revocation,
    SimulatedAnchor,
    TrustAnchorsBody,
)
from keyturn.quorum.errors import MalformedStatement
from keyturn.quorum.kinds import Kind, TargetKind
from keyturn.quorum.origin import Origin
from keyturn.quorum.reference_bodies import ReferenceValues
from unit.quorum.authority_log import (
    KeyholderKeys,
    admission,
    ceremony,
    der,
    key_entry,
    measurements,
    platforms,
    restore,
    rsa_key,
)
from unit.quorum.bodies_reader import Document, changed, read_body

HOLDER = KeyholderKeys()
KEYS = HOLDER.body()
MODEL = Digest("sha256:" + "11" * 32)
ROOT: Document = {"vendor": "amd", "product": "Genoa", "spki_sha256": "ab" * 32}
ANCHORS: Document = {"hardware": "pinned", "simulated": [ROOT]}
GPU: Document = {
    "architecture": "GH100",
    "driver": "570.1",
    "vbios": "96.00",
    "measurements": {"0": ["ab" * 48], "254": ["cd" * 48, "ef" * 32]},
    "source": "the RIM",
}
VALUES = measurements(bytes(48), b"\1" * 48, gpu=[GPU])
LIST = platforms("amd-genoa-00", "nvidia-gh100-11")
ADMISSION = admission(MODEL)
REVOKED: Document = {"target_kind": "node", "target": "n1"}
BODIES = [
    (Kind.KEYS, KEYS),
    (Kind.TRUST_ANCHORS, ANCHORS),
    (Kind.REFERENCE_VALUES, VALUES),
    (Kind.PLATFORMS, LIST),
    (Kind.MODEL, ADMISSION),
    (Kind.REVOCATION, REVOKED),
    (Kind.CEREMONY, ceremony()),
    (Kind.RESTORE, restore()),
]


def test_every_kind_has_a_body_here() -> None:
    assert {kind for kind, _body in BODIES} == set(Kind) - {Kind.ROSTER, Kind.POLICY}


@pytest.mark.parametrize(("kind", "body"), BODIES)
def test_every_field_is_needed_and_no_other(kind: Kind, body: Document) -> None:
    for name in body:
        with pytest.raises(MalformedError, match=f"'{name}' is missing"):
            read_body(kind, changed(body, name, ...))
    with pytest.raises(MalformedError, match="unknown field 'more'"):
        read_body(kind, {**body, "more": 1})


@pytest.mark.parametrize(
    ("kind", "body", "path"),
    [
        (Kind.KEYS, KEYS, "keys.0.more"),
        (Kind.TRUST_ANCHORS, ANCHORS, "simulated.0.more"),
        (Kind.REFERENCE_VALUES, VALUES, "snp.more"),
        (Kind.REFERENCE_VALUES, VALUES, "snp.measurements.0.more"),
        (Kind.REFERENCE_VALUES, VALUES, "gpu.0.more"),
        (Kind.PLATFORMS, LIST, "platforms.0.more"),
    ],
)
def test_no_inner_field_is_unknown(kind: Kind, body: Document, path: str) -> None:
    with pytest.raises(MalformedError, match="unknown field 'more'"):
        read_body(kind, changed(body, path, 1))


# keys


def keys(*entries: Document) -> Document:
    return {**KEYS, "keys": list(entries)}


def test_keys_are_read() -> None:
    found = read_body(Kind.KEYS, KEYS)
    assert isinstance(found, Keys)

    assert (found.origin, found.assurance) == ("unit.example/log", "hardware")
    assert found.keys[Purpose.INGEST].oaep_hash is OaepHash.SHA256
    assert found.keys[Purpose.LOG].oaep_hash is None
    assert found.keys[Purpose.RESULT].spki == der(HOLDER.result)
    assert len(found.keys[Purpose.LOG].key_id) == 64


INGEST = key_entry("ingest", "rsa-3072", der(HOLDER.ingest), "sha1")
LOG = key_entry("log", "ed25519", der(HOLDER.log))
RESULT = key_entry("result", "p256", der(HOLDER.result))
KEYHOLDER = key_entry("keyholder", "ed25519", der(ed25519.Ed25519PrivateKey.generate()))
OTHER_KEYHOLDER = key_entry("keyholder", "ed25519", der(ed25519.Ed25519PrivateKey.generate()))
OTHER_LOG = key_entry("log", "ed25519", der(ed25519.Ed25519PrivateKey.generate()))


@pytest.mark.parametrize(
    "entries",
    [
        (),
        (INGEST, LOG),
        (INGEST, LOG, RESULT, OTHER_LOG),
        (INGEST, LOG, RESULT, RESULT),
        (INGEST, LOG, KEYHOLDER),
        (INGEST, LOG, RESULT, KEYHOLDER, OTHER_KEYHOLDER),
    ],
    ids=len,
)
def test_there_is_one_key_of_each_purpose(entries: tuple[Document, ...]) -> None:
    with pytest.raises(MalformedStatement, match="one key of each purpose"):
        read_body(Kind.KEYS, keys(*entries))
    assert read_body(Kind.KEYS, keys(RESULT, LOG, INGEST))


SMALL = rsa_key(2048)
P384 = ec.generate_private_key(ec.SECP384R1())


def with_exponent_3() -> bytes:
    public = HOLDER.ingest.public_key().public_numbers()
    odd = rsa.RSAPublicNumbers(3, public.n).public_key()
    return odd.public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def test_a_4096_bit_ingest_key_is_read() -> None:
    entry = key_entry("ingest", "rsa-4096", der(rsa_key(4096)), "sha384")
    assert read_body(Kind.KEYS, keys(entry, LOG, RESULT))


@pytest.mark.parametrize(
    ("entry", "match"),
    [
        (key_entry("ingest", "rsa-3072", der(SMALL), "sha1"), "found rsa-2048"),
        (key_entry("ingest", "rsa-4096", der(HOLDER.ingest), "sha1"), "found rsa-3072"),
        (key_entry("ingest", "rsa-3072", der(HOLDER.log), "sha1"), "found ed25519"),
        (key_entry("ingest", "rsa-3072", with_exponent_3(), "sha1"), "found exponent 3"),
        (key_entry("ingest", "rsa-3072", der(HOLDER.ingest) + b"\0", "sha1"), "not a public key"),
        (key_entry("ingest", "rsa-3072", b"", "sha1"), "not a public key"),
        (key_entry("ingest", "ed25519", der(HOLDER.log), "sha1"), "does not fit"),
        (key_entry("ingest", "rsa-3072", der(HOLDER.ingest)), "does not fit"),
        (key_entry("ingest", "rsa-3072", der(HOLDER.ingest), "md5"), "'oaep_hash' is wrong"),
        (key_entry("ingest", "rsa-2048", der(SMALL), "sha1"), "'algorithm' is wrong"),
        (key_entry("logs", "ed25519", der(HOLDER.log)), "'purpose' is wrong"),
    ],
)
def test_an_ingest_key_is_what_it_says(entry: Document, match: str) -> None:
    """Whoever seals to it would seal to a weaker key than the officers read."""
    with pytest.raises(MalformedError, match=match):
        read_body(Kind.KEYS, keys(entry, LOG, RESULT))
    assert read_body(Kind.KEYS, keys(INGEST, LOG, RESULT))


@pytest.mark.parametrize(
    ("entry", "match"),
    [
        (key_entry("log", "ed25519", der(HOLDER.result)), "found p256"),
        (key_entry("log", "p256", der(HOLDER.result)), "does not fit"),
        (key_entry("log", "ed25519", der(HOLDER.log), "sha256"), "does not fit"),
        (key_entry("log", "ed25519", b"\x30\x00"), "not a public key"),
    ],
)
def test_a_log_key_is_what_it_says(entry: Document, match: str) -> None:
    with pytest.raises(MalformedError, match=match):
        read_body(Kind.KEYS, keys(INGEST, entry, RESULT))


@pytest.mark.parametrize("key", [P384, HOLDER.log, HOLDER.ingest])
def test_a_result_key_is_what_it_says(
    key: ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey,
) -> None:
    with pytest.raises(MalformedError):
        read_body(Kind.KEYS, keys(INGEST, LOG, key_entry("result", "p256", der(key))))


def test_the_process_has_a_key_of_its_own_perhaps() -> None:
    found = read_body(Kind.KEYS, keys(INGEST, LOG, RESULT, KEYHOLDER))
    assert isinstance(found, Keys)
    assert found.keys[Purpose.KEYHOLDER].algorithm.value == "ed25519"

    for wrong in (
        key_entry("keyholder", "p256", der(HOLDER.result)),
        key_entry("keyholder", "ed25519", der(HOLDER.result)),
        key_entry("keyholder", "ed25519", der(HOLDER.log), "sha256"),
    ):
        with pytest.raises(MalformedError):
            read_body(Kind.KEYS, keys(INGEST, LOG, RESULT, wrong))


def test_a_log_key_may_be_a_software_log_key_and_no_other_key() -> None:
    found = read_body(Kind.KEYS, keys(INGEST, {**LOG, "assurance": "software"}, RESULT))
    assert isinstance(found, Keys)
    assert [p for p, key in found.keys.items() if key.in_software] == [Purpose.LOG]
    plain = read_body(Kind.KEYS, keys(INGEST, LOG, RESULT))
    assert isinstance(plain, Keys)
    assert not plain.keys[Purpose.LOG].in_software
    assert found != plain
    for wrong in ("hardware", "", None, True, "Software"):
        with pytest.raises(MalformedError):
            read_body(Kind.KEYS, keys(INGEST, {**LOG, "assurance": wrong}, RESULT))
    with pytest.raises(MalformedError, match="only the log key"):
        read_body(Kind.KEYS, keys(INGEST, LOG, {**RESULT, "assurance": "software"}))


@pytest.mark.parametrize(
    "origin", ["", "a b", "a+b", "a\nb", "a\tb", "a\u00a0b", "a\x7f", "x" * 201]
)
def test_an_origin_can_name_a_log(origin: str) -> None:
    """C2SP signed-note: a key's name has no spaces and no plus."""
    with pytest.raises(MalformedError, match="origin"):
        read_body(Kind.KEYS, {**KEYS, "origin": origin})


@pytest.mark.parametrize("assurance", ["", "Hardware", "fips"])
def test_assurance_is_one_of_two_words(assurance: str) -> None:
    with pytest.raises(MalformedError, match="assurance"):
        read_body(Kind.KEYS, {**KEYS, "assurance": assurance})
    assert read_body(Kind.KEYS, {**KEYS, "assurance": "software"})


# trust-anchors


def test_anchors_are_read() -> None:
    body = read_body(Kind.TRUST_ANCHORS, ANCHORS)
    assert body == TrustAnchorsBody((SimulatedAnchor("amd", "Genoa", "ab" * 32),))
    none = read_body(Kind.TRUST_ANCHORS, {"hardware": "pinned", "simulated": []})
    assert none == TrustAnchorsBody(())


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("hardware", "any"),
        ("hardware", []),
        ("simulated.0.vendor", "arm"),
        ("simulated.0.product", ""),
        ("simulated.0.spki_sha256", "ab" * 31),
        ("simulated.0.spki_sha256", "AB" * 32),
        ("simulated", [ROOT, ROOT]),
        ("simulated", [ROOT, {**ROOT, "product": "Turin"}]),
        ("simulated", ["ab"]),
    ],
)
def test_other_anchors_are_refused(path: str, value: object) -> None:
    with pytest.raises(MalformedError):
        read_body(Kind.TRUST_ANCHORS, changed(ANCHORS, path, value))


PINNED = ["a9" * 32, "df" * 32]


def test_pinned_roots_may_be_narrowed_to_some() -> None:
    body = read_body(Kind.TRUST_ANCHORS, {**ANCHORS, "hardware": PINNED})
    assert isinstance(body, TrustAnchorsBody)
    assert body.hardware == frozenset(PINNED)
    assert body.simulated


def test_a_simulated_root_of_intel() -> None:
    body = read_body(Kind.TRUST_ANCHORS, changed(ANCHORS, "simulated.0.vendor", "intel"))
    assert body == TrustAnchorsBody((SimulatedAnchor("intel", "Genoa", "ab" * 32),))


@pytest.mark.parametrize(
    "value",
    [None, "Pinned", "", {}, 0, ["pinned"], ["a9" * 31], ["A9" * 32], [PINNED[0]] * 2, [1]],
)
def test_hardware_roots_are_the_written_pinned_or_some(value: object) -> None:
    with pytest.raises(MalformedError):
        read_body(Kind.TRUST_ANCHORS, {**ANCHORS, "hardware": value})


# reference-values


def test_reference_values_are_read() -> None:
    found = read_body(Kind.REFERENCE_VALUES, VALUES)
    assert isinstance(found, ReferenceValues)

    assert dict(found.snp) == {"00" * 48: Origin("a test"), "01" * 48: Origin("a test")}
    (gpu,) = found.gpu
    assert (gpu.architecture, gpu.driver, gpu.vbios, gpu.origin.source) == (
        "GH100",
        "570.1",
        "96.00",
        "the RIM",
    )
    assert gpu.measurements == {
        0: frozenset({"ab" * 48}),
        254: frozenset({"cd" * 48, "ef" * 32}),
    }


@pytest.mark.parametrize(
    ("path", "value", "match"),
    [
        ("snp.measurements.1.value", "00" * 48, "stands twice"),
        ("snp.measurements.0.value", "00" * 47, "wrong size"),
        ("snp.measurements.0.source", "", "'source' is wrong"),
        ("gpu.0.measurements", {}, "a gpu without measurements"),
        ("gpu.0.measurements.255", ["ab"], "gpu index"),
        ("gpu.0.measurements.-1", ["ab"], "gpu index"),
        ("gpu.0.measurements.01", ["ab"], "gpu index"),
        ("gpu.0.measurements.1", [], "1 has no value"),
        ("gpu.0.measurements.1", ["AB"], "not lower-case hex"),
        ("gpu.0.measurements.1", ["ab", "ab"], "repeated"),
        ("gpu.0.measurements.1", "ab", "is wrong"),
        ("gpu.0.architecture", "", "'architecture' is wrong"),
        ("gpu.0.driver", None, "'driver' is wrong"),
    ],
)
def test_other_reference_values_are_refused(path: str, value: object, match: str) -> None:
    above, _, index = path.rpartition(".")
    if above == "gpu.0.measurements":
        body = changed(VALUES, above, {index: value})
    else:
        body = changed(VALUES, path, value)
    with pytest.raises(MalformedError, match=match):
        read_body(Kind.REFERENCE_VALUES, body)


# platforms


def test_platforms_are_read() -> None:
    found = read_body(Kind.PLATFORMS, LIST)
    assert isinstance(found, Platforms)
    assert set(found.platforms) == {"amd-genoa-00", "nvidia-gh100-11"}
    assert found.platforms["amd-genoa-00"].site == "Berlin"


WRONG_IDS = [
    *("", "genoa-00", "amd-", "AMD-genoa-00", "amd-Genoa-00", "amd-genoa-00 ", "intel-0"),
    *(f"intel-{'0' * size}" for size in (30, 31, 33, 64)),
    *(f"intel-{'0A' * 16}", "intel-hidden", f"intel-{'00' * 16}\n", f"intel-tdx-{'00' * 16}"),
]


@pytest.mark.parametrize("platform", [*WRONG_IDS, "amd-genoa-00\n"])
def test_a_platforms_id_is_as_evidence_names_it(platform: str) -> None:
    with pytest.raises(MalformedError):
        read_body(Kind.PLATFORMS, platforms(platform))


def test_a_platform_of_intel_is_named_by_its_ppid() -> None:
    ppid = f"intel-{'0a' * 16}"
    found = read_body(Kind.PLATFORMS, platforms(ppid))
    assert isinstance(found, Platforms)
    assert set(found.platforms) == {ppid}
    body: Document = {"target_kind": "platform", "target": ppid}
    assert read_body(Kind.REVOCATION, body) == Revocation(TargetKind.PLATFORM, ppid)


def test_a_platform_list_is_not_empty_and_repeats_nothing() -> None:
    with pytest.raises(MalformedStatement, match="the list is empty"):
        read_body(Kind.PLATFORMS, platforms())
    with pytest.raises(MalformedStatement, match="stands twice"):
        read_body(Kind.PLATFORMS, platforms("amd-genoa-00", "amd-genoa-00"))


# model


def test_an_admission_is_read() -> None:
    found = read_body(Kind.MODEL, ADMISSION)
    assert found == Admission(MODEL, "mini", "1", b"\xab" * 32, "serving")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("model", "11" * 32),
        ("name", ""),
        ("version", 1),
        ("tag", "ab" * 31),
        ("tag", "AB" * 32),
        ("policy", ""),
        ("policy", ["serving"]),
        ("policy", "any" * 100),
    ],
)
def test_another_admission_is_refused(name: str, value: object) -> None:
    with pytest.raises(MalformedError):
        read_body(Kind.MODEL, {**ADMISSION, name: value})


# revocation


@pytest.mark.parametrize(
    ("kind", "target"),
    [
        ("node", "n1"),
        ("platform", "amd-genoa-00"),
        ("model", MODEL),
        ("measurement", "00" * 48),
        ("policy", "serving"),
    ],
)
def test_a_revocation_is_read(kind: str, target: str) -> None:
    found = read_body(Kind.REVOCATION, {"target_kind": kind, "target": target})
    assert found == Revocation(TargetKind(kind), target)
    assert isinstance(found, Revocation)
    assert found.subject == f"{kind}:{target}"


@pytest.mark.parametrize(
    ("kind", "target"),
    [
        ("officer", "ada"),
        ("roster", "roster"),
        ("key", "00" * 32),
        ("node", ""),
        ("model", "11" * 32),
        ("measurement", "00" * 47),
        ("measurement", "AB" * 48),
        *(("platform", each) for each in WRONG_IDS),
    ],
)
def test_a_revocation_that_would_name_nothing_is_refused(kind: str, target: str) -> None:
    with pytest.raises(MalformedError):
        read_body(Kind.REVOCATION, {"target_kind": kind, "target": target})
