"""Documents proved against roots: recorded ones, made ones, and each way to be wrong."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp

from keyturn.attest.anchors import HARDWARE_ANCHORS, SpkiDigest, TrustAnchors, Vendor
from keyturn.attest.chains import ChainCache
from keyturn.attest.collateral_age import Age
from keyturn.attest.errors import REFUSALS, MalformedEvidence, Reason, UntrustedEvidence
from keyturn.attest.snp_tcb import SnpProduct
from keyturn.base.collateral import CollateralDocument, CollateralKind
from keyturn.base.encoding import sha256
from keyturn.collateral.errors import IssuerMissing, WrongScope
from keyturn.collateral.proof import Prover, chain_dates, prove
from keyturn_sim.pki import NOT_AFTER, der_of, make_certificate, make_crl, new_p384_key, spki_digest
from keyturn_sim.snp import SimTcb, vcek_extensions
from keyturn_sim.tdx import FMSPC, SimIntel
from support.nvdevices import Vendor as Maker
from support.nvdevices import certify
from support.ocspmaker import answer
from support.vendoranswers import CHAIN, NOW, PCK_LIST, QE, ROOT_LIST, TCB, Recorded
from support.vendoranswers import answer as signed_answer

LATE = datetime(2026, 8, 1, tzinfo=UTC)
VEKS = [
    ("milan-v2-virtee/vcek.der", SnpProduct.MILAN, "milan"),
    ("genoa-v5-routex/vcek.der", SnpProduct.GENOA, "genoa"),
    ("certs-only/turin-vcek.der", SnpProduct.TURIN, "turin"),
]


def by(now: datetime = NOW, anchors: TrustAnchors = HARDWARE_ANCHORS, **more: object) -> Prover:
    return Prover(anchors=anchors, now=now, cache=ChainCache(64), **more)  # type: ignore[arg-type]


def refused(document: CollateralDocument, prover: Prover) -> Reason:
    with pytest.raises(REFUSALS) as found:
        prove(document, prover)
    error = found.value
    assert isinstance(error, REFUSALS)
    return error.reason


def pem_to_der(text: bytes) -> tuple[bytes, ...]:
    found = x509.load_pem_x509_certificates(text)
    return tuple(each.public_bytes(Encoding.DER) for each in found)


@pytest.mark.parametrize("wanted", [CHAIN, TCB, QE, ROOT_LIST, PCK_LIST])
def test_recorded_documents_hold_at_their_time(recorded: Recorded, wanted) -> None:  # type: ignore[no-untyped-def]
    document = recorded.document(wanted)
    age = prove(document, by())
    assert age.until is not None
    assert age.issued < NOW < age.until


@pytest.mark.parametrize(
    ("wanted", "reason"),
    [
        (TCB, Reason.COLLATERAL_EXPIRED),
        (QE, Reason.COLLATERAL_EXPIRED),
        (ROOT_LIST, Reason.CRL_NOT_CURRENT),
        (PCK_LIST, Reason.CRL_NOT_CURRENT),
    ],
)
def test_none_holds_after_its_end(recorded: Recorded, wanted, reason: Reason) -> None:  # type: ignore[no-untyped-def]
    assert refused(recorded.document(wanted), by(LATE)) is reason


def test_none_holds_before_its_beginning(recorded: Recorded) -> None:
    early = datetime(2026, 1, 1, tzinfo=UTC)
    assert refused(recorded.document(TCB), by(early)) is Reason.COLLATERAL_NOT_YET_VALID
    old = datetime(2019, 1, 1, tzinfo=UTC)
    assert refused(recorded.document(CHAIN), by(old)) is Reason.CERT_NOT_YET_VALID


@pytest.mark.parametrize("wanted", [TCB, QE, ROOT_LIST, PCK_LIST])
def test_a_document_needs_its_issuers(recorded: Recorded, wanted) -> None:  # type: ignore[no-untyped-def]
    document = recorded.document(wanted)
    with pytest.raises(IssuerMissing):
        prove(replace(document, chain=()), by())
    with pytest.raises(MalformedEvidence):
        prove(replace(document, chain=(*document.chain, document.chain[0])), by())
    other = recorded.document(QE if wanted is PCK_LIST else PCK_LIST)
    with pytest.raises(UntrustedEvidence):
        prove(replace(document, chain=other.chain[: len(document.chain)]), by())


@pytest.mark.parametrize("wanted", [TCB, QE, ROOT_LIST, PCK_LIST])
def test_every_byte_of_a_signed_document_counts(recorded: Recorded, wanted) -> None:  # type: ignore[no-untyped-def]
    document = recorded.document(wanted)
    for at in range(0, len(document.data), 97):
        bent = bytearray(document.data)
        bent[at] ^= 1
        with pytest.raises(REFUSALS):
            prove(replace(document, data=bytes(bent)), by())


@pytest.mark.parametrize(
    ("wanted", "scope"), [(CHAIN, "vcek/Genoa"), (CHAIN, "vlek/Milan"), (TCB, "b0c06f000000")]
)
def test_a_document_is_of_its_scope(recorded: Recorded, wanted, scope: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(UntrustedEvidence):
        prove(replace(recorded.document(wanted), scope=scope), by())


def test_the_processor_cas_list_is_not_the_platform_cas(recorded: Recorded) -> None:
    document = replace(recorded.document(PCK_LIST), scope="processor")
    assert refused(document, by()) is Reason.CHAIN_INVALID


def test_the_roots_list_is_not_a_list_of_the_ca(recorded: Recorded) -> None:
    swapped = replace(recorded.document(PCK_LIST), data=recorded.list("root_ca_crl"))
    assert refused(swapped, by()) is Reason.CRL_INVALID


def test_identity_of_the_sgx_qe_is_refused(recorded: Recorded) -> None:
    other = Recorded(recorded.vectors, "negative-sgx-qe-identity")
    now = datetime(2025, 6, 25, tzinfo=UTC)
    assert refused(other.document(QE), by(now)) is Reason.COLLATERAL_MISMATCH


def test_a_vlek_chain_holds(recorded: Recorded) -> None:
    document = CollateralDocument(
        CollateralKind.AMD_CHAIN, "vlek/Milan", recorded.chain(kind="vlek")
    )
    prove(document, by())
    assert [name for name, _ in chain_dates(document)] == ["SEV-VLEK-Milan", "ARK-Milan"]


def test_a_chain_of_one_certificate_is_no_chain(recorded: Recorded) -> None:
    half = recorded.chain().partition(b"-----END CERTIFICATE-----")
    document = CollateralDocument(CHAIN.kind, CHAIN.scope, half[0] + half[1])
    assert refused(document, by()) is Reason.MALFORMED


@pytest.mark.parametrize(("place", "product", "name"), VEKS)
def test_a_vcek_of_each_product(
    recorded: Recorded, place: str, product: SnpProduct, name: str
) -> None:
    wanted = recorded.vek_wanted(place, product)
    chain = pem_to_der(recorded.chain(name))
    document = CollateralDocument(wanted.kind, wanted.scope, recorded.vek(place), chain)
    age = prove(document, by())
    assert age.number is None
    assert chain_dates(document)[0] == ("SEV-VCEK", age.until)
    start, _, tcb = wanted.scope.rpartition("/")
    other_tcb = replace(document, scope=f"{start}/{'00' * 8}" if int(tcb, 16) else wanted.scope)
    assert refused(other_tcb, by()) is Reason.COLLATERAL_MISMATCH
    other_chip = replace(document, scope=f"{product.value}/{'ab' * product.hwid_size}/{tcb}")
    assert refused(other_chip, by()) is Reason.COLLATERAL_MISMATCH
    with pytest.raises(IssuerMissing):
        prove(replace(document, chain=()), by())
    with pytest.raises(UntrustedEvidence):
        prove(replace(document, chain=pem_to_der(recorded.chain(name, "vlek"))), by())


def test_a_vcek_outlives_nothing(recorded: Recorded) -> None:
    place, product, name = VEKS[2]
    wanted = recorded.vek_wanted(place, product)
    chain = pem_to_der(recorded.chain(name))
    document = CollateralDocument(wanted.kind, wanted.scope, recorded.vek(place), chain)
    late = datetime(2032, 1, 1, tzinfo=UTC)
    assert refused(document, by(late)) is Reason.CERT_EXPIRED


class Amd:
    """A made root, its ASK, and its list: none of AMD's lists is recorded in public."""

    def __init__(
        self, ark: str = "ARK-Milan", ask: str = "SEV-Milan", path_length: int | None = 1
    ) -> None:
        key, ask_key = new_p384_key(), new_p384_key()
        self.key, self.ask_key = key, ask_key
        self.root = make_certificate(ark, key, None, key, is_ca=True, path_length=path_length)
        self.ask = make_certificate(ask, ask_key, self.root, key, is_ca=True)
        roots = {Vendor.AMD_SEV: [SpkiDigest(spki_digest(self.root))]}
        self.anchors = HARDWARE_ANCHORS.with_simulated(roots, source="test")

    def document(self, revoked: tuple[int, ...] = (), until: int = 7) -> CollateralDocument:
        made = make_crl(
            self.root,
            self.key,
            this_update=NOW - timedelta(days=1),
            next_update=NOW + timedelta(days=until),
            revoked=revoked,
        )
        chain = tuple(each.public_bytes(Encoding.DER) for each in (self.ask, self.root))
        return CollateralDocument(CollateralKind.AMD_CRL, "vcek/Milan", made, chain)

    def vcek(self, name: str = "SEV-VCEK") -> CollateralDocument:
        chip, tcb = b"\x21" * 64, SimTcb()
        extensions = vcek_extensions("Milan", chip, tcb)
        key = new_p384_key()
        made = make_certificate(
            name, key, self.ask, self.ask_key, is_ca=False, extensions=extensions
        )
        scope = f"Milan/{chip.hex()}/{tcb.to_bytes('Milan').hex()}"
        chain = self.document().chain
        return CollateralDocument(CollateralKind.AMD_VEK, scope, der_of(made), chain)


@pytest.mark.parametrize(
    ("amd", "name", "reason"),
    [
        (Amd(), "SEV-VCEK", None),
        (Amd(), "SEV-VLEK", Reason.CHAIN_INVALID),
        (Amd(path_length=0), "SEV-VCEK", Reason.CHAIN_INVALID),
        (Amd(ark="ARK-Genoa"), "SEV-VCEK", Reason.CHAIN_INVALID),
        (Amd(ask="SEV-Genoa"), "SEV-VCEK", Reason.CHAIN_INVALID),
        (Amd(ask="SEV-VLEK-Milan"), "SEV-VCEK", Reason.CHAIN_INVALID),
    ],
    ids=["good", "leaf's name", "path length", "root's name", "issuer's name", "VLEK's issuer"],
)
def test_names_and_places_in_amds_chain(amd: Amd, name: str, reason: Reason | None) -> None:
    document, prover = amd.vcek(name), by(anchors=amd.anchors)
    if reason is None:
        prove(document, prover)
    else:
        assert refused(document, prover) is reason


def test_amds_list() -> None:
    amd = Amd()
    assert prove(amd.document(), by(anchors=amd.anchors)).number == 1
    assert refused(amd.document(until=-1), by(anchors=amd.anchors)) is Reason.CRL_NOT_CURRENT
    assert refused(amd.document(), by()) is Reason.UNTRUSTED_ROOT
    revoked = amd.document((amd.ask.serial_number,))
    assert refused(revoked, by(anchors=amd.anchors)) is Reason.CERT_REVOKED
    other = replace(amd.document(), data=Amd().document().data)
    assert refused(other, by(anchors=amd.anchors)) is Reason.CRL_INVALID


class Ocsp:
    """A made vendor of devices, and answers about its Identity CA."""

    def __init__(self) -> None:
        self.vendor = Maker.create()
        roots = {Vendor.NVIDIA_DEVICE: [SpkiDigest(self.vendor.spki)]}
        self.anchors = HARDWARE_ANCHORS.with_simulated(roots, source="test")

    def document(self, **said: object) -> CollateralDocument:
        path = (self.vendor.identity, self.vendor.root)
        raw = answer(*path, now=NOW, **said)  # type: ignore[arg-type]
        chain = tuple(each.der for each in path)
        scope = sha256(chain[0]).hex()
        return CollateralDocument(CollateralKind.NVIDIA_OCSP, scope, raw, chain)


def test_an_ocsp_answer() -> None:
    made = Ocsp()
    age = prove(made.document(), by(anchors=made.anchors))
    assert age.issued == NOW - timedelta(hours=1)
    assert refused(made.document(), by()) is Reason.UNTRUSTED_ROOT
    asked = by(anchors=made.anchors, nonce=b"\x07" * 32)
    prove(made.document(nonce=b"\x07" * 32), asked)
    assert refused(made.document(nonce=b"\x08" * 32), asked) is Reason.OCSP_NONCE_MISMATCH
    assert refused(made.document(), asked) is Reason.OCSP_NONCE_MISMATCH
    old = made.document(age=timedelta(hours=30), lasts=timedelta(days=9))
    assert refused(old, by(anchors=made.anchors)) is Reason.OCSP_NOT_CURRENT
    other = replace(made.document(), scope="00" * 32)
    assert refused(other, by(anchors=made.anchors)) is Reason.COLLATERAL_MISMATCH
    alone = replace(made.document(), chain=made.document().chain[:1])
    assert refused(alone, by(anchors=made.anchors)) is Reason.COLLATERAL_MISMATCH
    swapped = replace(made.document(), data=Ocsp().document().data)
    assert refused(swapped, by(anchors=made.anchors)) is Reason.OCSP_INCOMPLETE


def test_a_current_document_by_certificates_that_ended() -> None:
    late = NOT_AFTER + timedelta(days=1)
    intel = SimIntel.create()
    made = intel.collateral(late)
    text, signature = str(made["tcb_info"]), str(made["tcb_info_signature"])
    chain = tuple(der_of(each) for each in (intel.signer, intel.root))
    raw = signed_answer("tcbInfo", text, signature)
    document = CollateralDocument(TCB.kind, FMSPC.hex(), raw, chain)
    roots = {Vendor.INTEL_SGX: [SpkiDigest(intel.root_spki)]}
    anchors = HARDWARE_ANCHORS.with_simulated(roots, source="test")
    assert refused(document, by(late, anchors)) is Reason.CERT_EXPIRED

    root = certify("NVIDIA Device Identity CA", None)
    ended = certify("NVIDIA GH100 Identity", root, dates=(NOW - timedelta(9), NOW - timedelta(1)))
    path = (ended, root)
    roots = {Vendor.NVIDIA_DEVICE: [SpkiDigest(spki_digest(root.certificate))]}
    document = CollateralDocument(
        CollateralKind.NVIDIA_OCSP,
        sha256(ended.der).hex(),
        answer(*path, now=NOW),
        tuple(each.der for each in path),
    )
    anchors = HARDWARE_ANCHORS.with_simulated(roots, source="test")
    assert refused(document, by(anchors=anchors)) is Reason.CERT_EXPIRED


def test_a_ca_below_a_root_that_allows_none() -> None:
    root = certify("NVIDIA Device Identity CA", None, path_length=0)
    identity = certify("NVIDIA GH100 Identity", root)
    provisioner = certify("NVIDIA GH100 Provisioner ICA 1", identity)
    roots = {Vendor.NVIDIA_DEVICE: [SpkiDigest(spki_digest(root.certificate))]}
    document = CollateralDocument(
        CollateralKind.NVIDIA_OCSP,
        sha256(provisioner.der).hex(),
        answer(provisioner, identity, now=NOW),
        tuple(each.der for each in (provisioner, identity, root)),
    )
    anchors = HARDWARE_ANCHORS.with_simulated(roots, source="test")
    assert refused(document, by(anchors=anchors)) is Reason.CHAIN_INVALID


def test_that_a_certificate_is_revoked_is_kept_too() -> None:
    made = Ocsp()
    for reason in (x509.ReasonFlags.key_compromise, x509.ReasonFlags.certificate_hold):
        document = made.document(status=ocsp.OCSPCertStatus.REVOKED, reason=reason)
        prove(document, by(anchors=made.anchors))


def test_rims_are_the_callers_to_prove(recorded: Recorded) -> None:
    document = CollateralDocument(CollateralKind.NVIDIA_RIM, "NV_GPU_DRIVER", recorded.rim())
    with pytest.raises(IssuerMissing):
        prove(document, by())
    age = Age(NOW, None)
    assert prove(document, by(rim=lambda _document, _now: age)) == age


def test_a_scope_of_another_form_is_refused(recorded: Recorded) -> None:
    with pytest.raises(WrongScope):
        prove(replace(recorded.document(QE), scope="sgx"), by())
