"""Our certificate reader against another one (pyca), and what it refuses."""

import warnings
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from keyturn.attest import certificates
from keyturn.attest.certificates import (
    MAX_CERTIFICATE,
    Extension,
    parse_certificate,
    pem_certificates,
    pem_crls,
    verify_signed,
)
from keyturn.attest.errors import MalformedEvidence, Reason, UntrustedEvidence
from keyturn_sim import SimVendors
from keyturn_sim.pki import der_of, make_certificate, new_p384_key


def recorded(folder: Path) -> list[bytes]:
    found = [path.read_bytes() for path in sorted(folder.glob("snp/*/v?ek*.der"))]
    for pattern in ("snp/roots/*.pem", "nvidia/*/chain.pem", "nvidia/ppcie-8gpu/*/chain.pem"):
        for path in sorted(folder.glob(pattern)):
            found.extend(pem_certificates(path.read_bytes()))
    return found


# AMD's VCEK certificates have serial number 0, of which pyca warns; ours must read them.
@pytest.mark.filterwarnings("ignore:Parsed a serial number")
def test_recorded_certificates_read_as_another_reader_reads_them(vectors_dir: Path) -> None:
    certificates = recorded(vectors_dir)
    assert len(certificates) > 80
    for raw in certificates:
        ours, theirs = parse_certificate(raw), x509.load_der_x509_certificate(raw)
        assert ours.serial == theirs.serial_number
        assert (ours.issuer, ours.subject) == (
            theirs.issuer.public_bytes(),
            theirs.subject.public_bytes(),
        )
        assert (ours.not_before, ours.not_after) == (
            theirs.not_valid_before_utc,
            theirs.not_valid_after_utc,
        )
        assert ours.signed.tbs == theirs.tbs_certificate_bytes
        assert ours.signed.signature == theirs.signature
        assert [*ours.extensions] == [e.oid.dotted_string for e in theirs.extensions]
        assert ours.public_key == theirs.public_key()


def test_serial_zero_is_read_without_a_warning(vectors_dir: Path) -> None:
    raw = (vectors_dir / "snp/genoa-v5-routex/vcek.der").read_bytes()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert parse_certificate(raw).serial == 0


def test_basic_constraints_and_key_usage(vendors: SimVendors) -> None:
    ask = parse_certificate(vendors.intermediate_der)
    assert (ask.is_ca, ask.path_length) == (True, 0)
    assert (ask.may_sign_certificates, ask.may_sign_crls) == (True, True)
    assert ask.common_name == "SIMULATED SEV-Genoa"


def test_a_cut_or_longer_certificate_is_refused(vendors: SimVendors) -> None:
    raw = vendors.root_der
    for changed in (raw[:-1], raw + b"\0", b"", raw[1:], b"\x30" * 20_000):
        with pytest.raises(MalformedEvidence):
            parse_certificate(changed)


def test_another_kind_of_key_is_refused() -> None:
    key = ec.generate_private_key(ec.SECP521R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "P-521")])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name)
    builder = builder.public_key(key.public_key()).serial_number(1)
    builder = builder.not_valid_before(oracle_time(2020)).not_valid_after(oracle_time(2030))
    raw = builder.sign(key, hashes.SHA384()).public_bytes(Encoding.DER)
    with pytest.raises(MalformedEvidence, match="key is of another kind"):
        parse_certificate(raw)


def test_a_key_of_a_right_size_and_another_kind_or_of_a_wrong_size_is_refused() -> None:
    parameters = dsa.DSAParameterNumbers(p=(1 << 2047) + 1, q=(1 << 255) + 1, g=2)
    signs = dsa.DSAPublicNumbers(3, parameters).public_key()
    short = rsa.generate_private_key(65537, 1024).public_key()
    for key in (signs, short):
        spki = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        with pytest.raises(MalformedEvidence, match="key is of another kind"):
            certificates._public_key(spki)


@pytest.mark.parametrize(
    ("curve", "algorithm", "other"),
    [(ec.SECP256R1(), hashes.SHA256(), "sha384"), (ec.SECP384R1(), hashes.SHA384(), "sha256")],
)
def test_each_curve_signs_with_its_own_hash(curve, algorithm, other: str) -> None:  # type: ignore[no-untyped-def]
    key = ec.generate_private_key(curve)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "root")])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name)
    builder = builder.public_key(key.public_key()).serial_number(1)
    builder = builder.not_valid_before(oracle_time(2020)).not_valid_after(oracle_time(2030))
    found = parse_certificate(builder.sign(key, algorithm).public_bytes(Encoding.DER))
    verify_signed(found.signed, found, "certificate")
    wrong = hashes.SHA384() if other == "sha384" else hashes.SHA256()
    found = parse_certificate(builder.sign(key, wrong).public_bytes(Encoding.DER))
    with pytest.raises(UntrustedEvidence, match="does not fit"):
        verify_signed(found.signed, found, "certificate")


def oracle_time(year: int):  # type: ignore[no-untyped-def]
    from datetime import UTC, datetime

    return datetime(year, 1, 1, tzinfo=UTC)


def test_a_signature_by_another_key_is_refused(vendors: SimVendors) -> None:
    ask = parse_certificate(vendors.intermediate_der)
    with pytest.raises(UntrustedEvidence, match="not signed by") as caught:
        verify_signed(ask.signed, ask, "certificate")
    assert caught.value.reason is Reason.CHAIN_INVALID


def test_an_algorithm_that_does_not_fit_the_key_is_refused(vendors: SimVendors) -> None:
    ask = parse_certificate(vendors.intermediate_der)
    device_root = parse_certificate(der_of(vendors.device_root))
    with pytest.raises(UntrustedEvidence, match="does not fit"):
        verify_signed(ask.signed, device_root, "certificate")


def test_pem_files_hold_nothing_else(vendors: SimVendors) -> None:
    pem = vendors.ark.public_bytes(Encoding.PEM)
    assert pem_certificates(pem + b"\n\0") == (vendors.root_der,)
    assert pem_crls(b"") == ()
    for text in (b"hello\n" + pem, pem.replace(b"END CERT", b"END CART"), pem[:-30]):
        with pytest.raises(MalformedEvidence, match="something besides"):
            pem_certificates(text)
    with pytest.raises(MalformedEvidence, match="base64"):
        pem_certificates(b"-----BEGIN CERTIFICATE-----\nAAA\n-----END CERTIFICATE-----\n")


P384 = der_of(make_certificate("p384", KEY := new_p384_key(), None, KEY, is_ca=True))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("a003020102", "a003020101", "version 3"),
        ("300a06082a8648ce3d040303", "300a06082a8648ce3d040302", "two signature algorithms"),
        ("0603551d0f", "0603551d13", "stands twice"),  # keyUsage becomes basicConstraints
        ("03020106", "03020906", "keyUsage"),
        ("0603550403", "060355040a", None),  # commonName becomes another organization
        ("060355040a0c", "06035504030c", "several common names"),
        ("0603550403 0c", "0603550403 1e", "text of a known kind"),
        ("0603550403 0c0e 53", "0603550403 0c0e ff", "not UTF-8"),
        ("06052b81040022", "06052b8104007f", "key cannot be read"),
    ],
)
def test_one_change_of_form_is_refused(old: str, new: str, message: str | None) -> None:
    old_bytes, new_bytes = bytes.fromhex(old), bytes.fromhex(new)
    assert old_bytes in P384
    at = P384.rindex(old_bytes)  # the subject's, where the issuer has the same
    changed = P384[:at] + new_bytes + P384[at + len(old_bytes) :]
    if message is None:
        assert parse_certificate(changed).common_name != "SIMULATED p384"
    else:
        with pytest.raises(MalformedEvidence, match=message):
            parse_certificate(changed)


def test_a_certificate_of_more_than_16_kib_is_not_even_looked_at() -> None:
    with pytest.raises(MalformedEvidence, match="too large"):
        parse_certificate(bytes(MAX_CERTIFICATE + 1))
    with pytest.raises(MalformedEvidence, match="DER"):
        parse_certificate(bytes(MAX_CERTIFICATE))


@pytest.mark.parametrize("usage", ["030100", "0304060102ff", "0302010600"])
def test_a_key_usage_of_no_bits_or_too_many_is_refused(usage: str) -> None:
    key = new_p384_key()
    raw = der_of(make_certificate("usage", key, None, key, is_ca=True))
    good = bytes.fromhex("0404 03020106")  # keyCertSign, cRLSign
    assert raw.count(good) == 1
    found = parse_certificate(raw)
    extension = Extension(True, bytes.fromhex(usage))
    with pytest.raises(MalformedEvidence, match="keyUsage"):
        certificates._key_usage({**found.extensions, "2.5.29.15": extension})


def test_nothing_stands_behind_a_name() -> None:
    name = parse_certificate(P384).subject
    assert certificates._common_name(name) == "SIMULATED p384"
    with pytest.raises(MalformedEvidence, match="too many"):
        certificates._common_name(name + b"\x05\0")


def test_pkcs1_signatures_are_verified() -> None:
    key = rsa.generate_private_key(65537, 2048)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "pkcs1")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(datetime(2026, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(2027, 1, 1, tzinfo=UTC))
        .sign(key, hashes.SHA256())
    )
    raw = der_of(made)
    good = parse_certificate(raw)
    verify_signed(good.signed, good, "test")
    bad = parse_certificate(raw[:-1] + bytes((raw[-1] ^ 1,)))
    with pytest.raises(UntrustedEvidence, match="not signed by"):
        verify_signed(bad.signed, bad, "test")
