"""What the vendors' services answer, from recorded collateral, as our protocol's documents too."""

import base64
import hashlib
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import quote

from keyturn.attest.certificates import parse_certificate, pem_certificates
from keyturn.attest.snp_tcb import SnpProduct
from keyturn.attest.snp_vek import VekKind, read_vek
from keyturn.base.collateral import CollateralDocument, CollateralKind
from keyturn.collateral.fetching import Surroundings
from keyturn.collateral.scopes import Wanted
from keyturn.collateral.vendors import Services
from support.vendorserver import Answer, VendorServer

NOW = datetime(2026, 2, 25, tzinfo=UTC)
FMSPC = "90c06f000000"
RIM = "NV_GPU_DRIVER_GH100_550.144.03"
CHAIN = Wanted(CollateralKind.AMD_CHAIN, "vcek/Milan")
TCB = Wanted(CollateralKind.INTEL_TCB_INFO, FMSPC)
QE = Wanted(CollateralKind.INTEL_QE_IDENTITY, "td")
ROOT_LIST = Wanted(CollateralKind.INTEL_ROOT_CRL, "root")
PCK_LIST = Wanted(CollateralKind.INTEL_PCK_CRL, "platform")
TCB_PATH = f"/intel/tdx/certification/v4/tcb?fmspc={FMSPC.upper()}&update=standard"
QE_PATH = "/intel/tdx/certification/v4/qe/identity?update=standard"
PCK_PATH = "/intel/sgx/certification/v4/pckcrl?ca=platform&encoding=der"
ROOT_PATH = "/lists/IntelSGXRootCA.der"
CHAIN_PATH = "/amd/vcek/v1/Milan/cert_chain"
RIM_PATH = f"/rim/v1/rim/{RIM}"


def services(server: VendorServer) -> Services:
    return Services(
        amd=server.url + "/amd",
        intel=server.url + "/intel",
        intel_root_list=server.url + "/lists",
        nvidia_rim=server.url + "/rim",
        nvidia_ocsp=server.url + "/ocsp",
    )


class Recorded:
    """Recorded documents. `name`: a set of Intel's."""

    def __init__(self, vectors: Path, name: str = "90c06f-2026-02b") -> None:
        self.vectors = vectors
        self._intel = json.loads((vectors / f"tdx/collateral/{name}.json").read_bytes())

    def chain(self, name: str = "milan", kind: str = "vcek") -> bytes:
        roots = self.vectors / "snp/roots"
        below = "ask" if kind == "vcek" else "asvk"
        return (roots / f"{name}-{below}.pem").read_bytes() + (
            roots / f"{name}-ark.pem"
        ).read_bytes()

    def vek(self, place: str = "milan-v2-virtee/vcek.der") -> bytes:
        return (self.vectors / "snp" / place).read_bytes()

    def vek_wanted(self, place: str, product: SnpProduct) -> Wanted:
        vek = read_vek(parse_certificate(self.vek(place)), VekKind.VCEK, product)
        assert vek.hwid is not None
        scope = f"{product.value}/{vek.hwid.hex()}/{vek.tcb.raw.hex()}"
        return Wanted(CollateralKind.AMD_VEK, scope)

    def tcb_info(self) -> bytes:
        return answer("tcbInfo", self._intel["tcb_info"], self._intel["tcb_info_signature"])

    def qe_identity(self) -> bytes:
        text, signature = self._intel["qe_identity"], self._intel["qe_identity_signature"]
        return answer("enclaveIdentity", text, signature)

    def list(self, name: str) -> bytes:
        """`root_ca_crl` or `pck_crl`."""
        return bytes.fromhex(self._intel[name])

    def issuers(self, name: str) -> str:
        """`tcb_info`, `qe_identity` or `pck_crl`: the PEM chain beside it."""
        return str(self._intel[f"{name}_issuer_chain"])

    def rim(self) -> bytes:
        return (self.vectors / "nvidia/rims/driver-gh100-550.144.03.xml").read_bytes()

    def rim_answer(self) -> bytes:
        raw = self.rim()
        return json.dumps(
            {
                "id": RIM,
                "rim": base64.b64encode(raw).decode(),
                "sha256": hashlib.sha256(raw).hexdigest(),
                "last_updated": "2025-03-14T15:09:03.011000",
                "rim_format": "TCG",
                "request_id": "ca80a80a-054c-476e-bdd2-7be7e3047fe5",
            }
        ).encode()

    def document(self, wanted: Wanted) -> CollateralDocument:
        """One of Intel's, or AMD's chain, as it is kept."""
        data, chain = {
            CHAIN.kind: (self.chain(), ()),
            TCB.kind: (self.tcb_info(), self.certificates("tcb_info")),
            QE.kind: (self.qe_identity(), self.certificates("qe_identity")),
            ROOT_LIST.kind: (self.list("root_ca_crl"), self.certificates("qe_identity")[-1:]),
            PCK_LIST.kind: (self.list("pck_crl"), self.certificates("pck_crl")),
        }[wanted.kind]
        return CollateralDocument(wanted.kind, wanted.scope, data, chain)

    def certificates(self, name: str) -> tuple[bytes, ...]:
        return pem_certificates(self.issuers(name).encode())

    def speak(self, server: VendorServer) -> None:
        """Answer as AMD, Intel and NVIDIA do."""
        server.say(CHAIN_PATH, Answer(self.chain()))
        server.say(TCB_PATH, self.tcb_answer())
        headers = {"SGX-Enclave-Identity-Issuer-Chain": quote(self.issuers("qe_identity"))}
        server.say(QE_PATH, Answer(self.qe_identity(), headers=headers))
        headers = {"SGX-PCK-CRL-Issuer-Chain": quote(self.issuers("pck_crl"))}
        server.say(PCK_PATH, Answer(self.list("pck_crl"), headers=headers))
        server.say(ROOT_PATH, Answer(self.list("root_ca_crl")))
        server.say(RIM_PATH, Answer(self.rim_answer()))

    def tcb_answer(self) -> Answer:
        headers = {"TCB-Info-Issuer-Chain": quote(self.issuers("tcb_info"))}
        return Answer(self.tcb_info(), headers=headers)


def answer(name: str, text: str, signature: str) -> bytes:
    """A signed document as Intel's service sends it."""
    return f'{{"{name}":{text},"signature":"{signature}"}}'.encode()


@dataclass
class Clockwork:
    """A clock that only the test moves; sleeping moves it, and is written down."""

    now_is: datetime = NOW
    slept: list[float] = field(default_factory=list)
    step: float = 0.0  # each look at the monotonic clock moves it so far
    seconds: float = 1000.0

    def now(self) -> datetime:
        return self.now_is

    def monotonic(self) -> float:
        self.seconds += self.step
        return self.seconds

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.seconds += seconds
        self.now_is += timedelta(seconds=seconds)

    def around(self, nonce: bytes = b"\x07" * 32) -> Surroundings:
        return Surroundings(
            now=self.now,
            monotonic=self.monotonic,
            sleep=self.sleep,
            chance=lambda: 0.0,
            nonce=lambda: nonce,
        )
