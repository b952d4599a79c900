"""AK certificates: under an issuer that a statement names, for a TPM's key, and for this one."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from keyturn.attest import tpm_certificate
from keyturn.attest.anchors import HARDWARE_ANCHORS, SpkiDigest, TrustAnchors
from keyturn.attest.certificates import parse_certificate, pem_certificates
from keyturn.attest.chains import ChainCache
from keyturn.attest.errors import MalformedEvidence, Reason, UntrustedEvidence
from keyturn.attest.tpm_certificate import verify_ak_certificate, verify_ek_certificate
from keyturn.attest.tpm_key import TpmPublicKey, parse_tpm_public
from keyturn_sim.pki import der_of, der_oid, der_tlv, make_certificate, new_p384_key

NOW = datetime(2022, 1, 1, tzinfo=UTC)


@pytest.fixture
def leaf(vectors_dir: Path) -> bytes:
    return (vectors_dir / "tpm" / "gce-cos85-nonce" / "ak_cert.der").read_bytes()


@pytest.fixture
def issuer(vectors_dir: Path) -> bytes:
    return (vectors_dir / "tpm" / "roots" / "gce-ek-intermediate-2.crt").read_bytes()


@pytest.fixture
def key(vectors_dir: Path) -> TpmPublicKey:
    raw = (vectors_dir / "tpm" / "gce-cos85-nonce" / "ak_public.tpmt").read_bytes()
    return parse_tpm_public(raw).public_key


def trusting(certificate: bytes) -> TrustAnchors:
    spki = parse_certificate(certificate).spki
    return HARDWARE_ANCHORS.with_tpm_issuers([spki], source="test")


def reason(chain: list[bytes], key: TpmPublicKey, anchors: TrustAnchors, now: datetime) -> Reason:
    with pytest.raises(UntrustedEvidence) as caught:
        verify_ak_certificate(chain, key, anchors, now)
    return caught.value.reason


def test_a_real_certificate_under_its_issuer_or_the_root(
    vectors_dir: Path, leaf: bytes, issuer: bytes, key: TpmPublicKey
) -> None:
    assert verify_ak_certificate([leaf, issuer], key, trusting(issuer), NOW).leaf.der == leaf
    root = (vectors_dir / "tpm" / "roots" / "gce-ek-root-1.cer").read_bytes()
    found = verify_ak_certificate([leaf, issuer, root], key, trusting(root), NOW)
    assert len(found.path) == 3


def test_no_issuer_is_trusted_unless_a_statement_names_it(
    leaf: bytes, issuer: bytes, key: TpmPublicKey
) -> None:
    assert reason([leaf, issuer], key, HARDWARE_ANCHORS, NOW) is Reason.AK_CHAIN_INVALID
    named = HARDWARE_ANCHORS.with_tpm_issuers([SpkiDigest("00" * 32)], source="test")
    assert reason([leaf, issuer], key, named, NOW) is Reason.AK_CHAIN_INVALID


def test_a_path_that_was_verified_before_is_judged_again(
    leaf: bytes, issuer: bytes, key: TpmPublicKey
) -> None:
    cache, anchors, chain = ChainCache(), trusting(issuer), [leaf, issuer]
    late, early = datetime(2052, 1, 1, tzinfo=UTC), datetime(2020, 1, 1, tzinfo=UTC)
    elsewhere = HARDWARE_ANCHORS.with_tpm_issuers([SpkiDigest("00" * 32)], source="test")
    other = ec.generate_private_key(ec.SECP256R1()).public_key()

    def reason_of(anchors: TrustAnchors, now: datetime, key: TpmPublicKey) -> Reason | None:
        try:
            verify_ak_certificate(chain, key, anchors, now, cache)
        except UntrustedEvidence as refusal:
            return refusal.reason
        return None

    for _ in range(2):
        assert reason_of(anchors, late, key) is Reason.AK_CERT_EXPIRED
        assert reason_of(anchors, early, key) is Reason.AK_CERT_NOT_YET_VALID
        assert reason_of(HARDWARE_ANCHORS, NOW, key) is Reason.AK_CHAIN_INVALID
        assert reason_of(elsewhere, NOW, key) is Reason.AK_CHAIN_INVALID
        assert reason_of(anchors, NOW, other) is Reason.AK_MISMATCH
        assert reason_of(anchors, NOW, key) is None
    spki = parse_certificate(issuer).spki
    renamed = HARDWARE_ANCHORS.with_tpm_issuers([spki], source="another statement")
    found = verify_ak_certificate(chain, key, renamed, NOW, cache)
    assert found.anchor.source == "another statement"


def test_dates_links_and_lengths(leaf: bytes, issuer: bytes, key: TpmPublicKey) -> None:
    anchors = trusting(issuer)
    late, early = datetime(2052, 1, 1, tzinfo=UTC), datetime(2020, 1, 1, tzinfo=UTC)
    assert reason([leaf, issuer], key, anchors, late) is Reason.AK_CERT_EXPIRED
    assert reason([leaf, issuer], key, anchors, early) is Reason.AK_CERT_NOT_YET_VALID
    changed = leaf[:200] + bytes([leaf[200] ^ 1]) + leaf[201:]
    with pytest.raises((UntrustedEvidence, MalformedEvidence)):
        verify_ak_certificate([changed, issuer], key, anchors, NOW)
    assert reason([leaf], key, anchors, NOW) is Reason.AK_CHAIN_INVALID
    assert reason([leaf] * 6 + [issuer], key, anchors, NOW) is Reason.AK_CHAIN_INVALID
    assert reason([issuer, issuer], key, anchors, NOW) is Reason.AK_CHAIN_INVALID


def test_a_certificate_of_another_key_vouches_for_nothing(
    vectors_dir: Path, leaf: bytes, issuer: bytes
) -> None:
    other = parse_tpm_public((vectors_dir / "tpm" / "swtpm" / "ak-rsa.tpmt").read_bytes())
    found = reason([leaf, issuer], other.public_key, trusting(issuer), NOW)
    assert found is Reason.AK_MISMATCH


def test_a_path_that_was_verified_is_not_verified_again(
    leaf: bytes, issuer: bytes, key: TpmPublicKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache, anchors = ChainCache(), trusting(issuer)
    first = verify_ak_certificate([leaf, issuer], key, anchors, NOW, cache)
    monkeypatch.setattr(tpm_certificate, "_verify_path", None)
    assert verify_ak_certificate([leaf, issuer], key, anchors, NOW, cache) == first


def made(usage: bytes | None, *, is_ca: bool = False) -> tuple[list[bytes], TpmPublicKey]:
    """A chain whose leaf has this value as its extended key usage."""
    root_key, key = new_p384_key(), new_p384_key()
    root = make_certificate("TPM maker", root_key, None, root_key, is_ca=True)
    extensions = () if usage is None else (("2.5.29.37", usage),)
    leaf = make_certificate("TPM", key, root, root_key, is_ca=is_ca, extensions=extensions)
    return [der_of(leaf), der_of(root)], key.public_key()


MADE = datetime(2026, 11, 23, 8, tzinfo=UTC)
AK, EK = der_oid("2.23.133.8.3"), der_oid("2.23.133.8.1")
SERVER = der_oid("1.3.6.1.5.5.7.3.1")


@pytest.mark.parametrize("usage", [AK, EK, SERVER + AK])
def test_a_certificate_of_a_tpms_key_says_so(usage: bytes) -> None:
    chain, key = made(der_tlv(0x30, usage))
    assert len(verify_ak_certificate(chain, key, trusting(chain[-1]), MADE).path) == 2


@pytest.mark.parametrize("usage", [None, der_tlv(0x30, SERVER), der_tlv(0x30, b"")])
def test_a_web_server_of_the_same_issuer_is_no_tpm(usage: bytes | None) -> None:
    chain, key = made(usage)
    assert reason(chain, key, trusting(chain[-1]), MADE) is Reason.AK_CHAIN_INVALID


def test_an_ek_certificate_has_the_usage_of_an_ek() -> None:
    chain, key = made(der_tlv(0x30, EK))
    verify_ek_certificate(chain, key, trusting(chain[-1]), MADE)
    chain, key = made(der_tlv(0x30, AK))
    with pytest.raises(UntrustedEvidence) as caught:
        verify_ek_certificate(chain, key, trusting(chain[-1]), MADE)
    assert caught.value.reason is Reason.EK_CHAIN_INVALID


def test_an_authority_is_no_tpms_key() -> None:
    chain, key = made(der_tlv(0x30, AK), is_ca=True)
    assert reason(chain, key, trusting(chain[-1]), MADE) is Reason.AK_CHAIN_INVALID


def test_usages_are_read_strictly() -> None:
    for usage in (der_tlv(0x30, AK) + b"\0", der_tlv(0x30, SERVER * 32 + AK), b"\x04\0"):
        chain, key = made(usage)
        with pytest.raises(MalformedEvidence, match="extended key usage"):
            verify_ak_certificate(chain, key, trusting(chain[-1]), MADE)


def test_a_key_that_a_statement_names_does_not_vouch_for_itself() -> None:
    chain, key = made(der_tlv(0x30, AK))
    assert reason(chain[:1], key, trusting(chain[0]), MADE) is Reason.AK_CHAIN_INVALID


def test_a_chain_has_six_certificates_at_most() -> None:
    key = new_p384_key()
    issuers = [make_certificate("CA 0", key, None, key, is_ca=True)]
    for number in range(1, 6):
        issuers.insert(0, make_certificate(f"CA {number}", key, issuers[0], key, is_ca=True))
    extension = ("2.5.29.37", der_tlv(0x30, AK))
    for above in (5, 6):
        path = issuers[-above:]
        leaf = make_certificate("TPM", key, path[0], key, is_ca=False, extensions=(extension,))
        chain = [der_of(each) for each in (leaf, *path)]
        if above == 5:
            verify_ak_certificate(chain, key.public_key(), trusting(chain[-1]), MADE)
        else:
            found = reason(chain, key.public_key(), trusting(chain[-1]), MADE)
            assert found is Reason.AK_CHAIN_INVALID


def test_a_path_is_no_longer_than_its_issuers_allow() -> None:
    root_key, key, sub_key, low_key = (new_p384_key() for _ in range(4))
    root = make_certificate("TPM maker", root_key, None, root_key, is_ca=True, path_length=1)
    sub = make_certificate("one", sub_key, root, root_key, is_ca=True, path_length=0)
    low = make_certificate("two", low_key, sub, sub_key, is_ca=True)
    extension = ("2.5.29.37", der_tlv(0x30, AK))
    for issuer, by, path in ((sub, sub_key, (sub, root)), (low, low_key, (low, sub, root))):
        leaf = make_certificate("TPM", key, issuer, by, is_ca=False, extensions=(extension,))
        chain = [der_of(each) for each in (leaf, *path)]
        if issuer is sub:
            verify_ak_certificate(chain, key.public_key(), trusting(chain[-1]), MADE)
        else:
            found = reason(chain, key.public_key(), trusting(chain[-1]), MADE)
            assert found is Reason.AK_CHAIN_INVALID


def test_an_ek_certificate_of_a_real_tpm_is_read(vectors_dir: Path) -> None:
    """The local CA of swtpm is nobody's default: without a statement it is refused."""
    folder = vectors_dir / "tpm" / "swtpm"
    leaf = (folder / "ek_rsa_cert.der").read_bytes()
    issuer = pem_certificates((folder / "ca-issuer.pem").read_bytes())[0]
    key = parse_certificate(leaf).public_key
    now = datetime(2026, 11, 29, tzinfo=UTC)
    assert reason([leaf, issuer], key, HARDWARE_ANCHORS, now) is Reason.AK_CHAIN_INVALID
    verify_ak_certificate([leaf, issuer], key, trusting(issuer), now)
