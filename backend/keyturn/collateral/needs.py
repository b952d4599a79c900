"""Which collateral the evidence of one request calls for. Pure, and nothing of it is proved.

What a forged request names costs a question to a vendor, and no more: whoever asks bounds that.
"""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

from keyturn.attest.anchors import SIMULATED
from keyturn.attest.certificates import parse_certificate, pem_certificates
from keyturn.attest.chains import ChainCache
from keyturn.attest.errors import REFUSALS
from keyturn.attest.snp_tcb import SnpProduct
from keyturn.attest.tdx_quote import parse_tdx_quote
from keyturn.base.collateral import MAX_CHAIN, CollateralKind
from keyturn.base.encoding import sha256
from keyturn.collateral.scopes import Wanted
from keyturn.keyrelease.collateral import read_platform
from keyturn.keyrelease.request import ReleaseRequest, SnpEvidence, TdxEvidence


@dataclass(frozen=True, slots=True)
class Need:
    """`always`: without it no such evidence is genuine; else only where a policy asks for it.

    `simulated`: of vendors that only a simulation has, so that no service can be asked.
    """

    wanted: Wanted
    always: bool
    simulated: bool


def needs_of(request: ReleaseRequest) -> tuple[Need, ...]:
    """Each document once. What cannot be read asks for nothing."""
    found: dict[tuple[CollateralKind, str], Need] = {}
    with suppress(*REFUSALS):
        for each in _of_cpu(request.evidence.cpu):
            found[each.wanted.key] = each
    for device in request.evidence.devices:
        with suppress(*REFUSALS):
            for each in _of_device(device.chain):
                found.setdefault(each.wanted.key, each)
    return tuple(found.values())


def _of_cpu(cpu: SnpEvidence | TdxEvidence) -> Iterator[Need]:
    if isinstance(cpu, TdxEvidence):
        yield from _of_tdx(cpu)
        return
    name = parse_certificate(cpu.intermediate).common_name
    simulated = name.startswith(SIMULATED)
    plain = name.removeprefix(SIMULATED).removeprefix("SEV-")
    kind = "vlek" if plain.startswith("VLEK-") else "vcek"
    product = plain.removeprefix("VLEK-")
    if product in {each.value for each in SnpProduct}:
        yield Need(Wanted(CollateralKind.AMD_CRL, f"{kind}/{product}"), False, simulated)


def _of_tdx(cpu: TdxEvidence) -> Iterator[Need]:
    from_chain = read_platform(cpu.quote, ChainCache(4))
    root = parse_certificate(pem_certificates(parse_tdx_quote(cpu.quote).pck_chain)[-1])
    simulated = root.common_name.startswith(SIMULATED)
    for kind, scope in (
        (CollateralKind.INTEL_TCB_INFO, from_chain.fmspc),
        (CollateralKind.INTEL_QE_IDENTITY, "td"),
        (CollateralKind.INTEL_ROOT_CRL, "root"),
        (CollateralKind.INTEL_PCK_CRL, from_chain.ca.value.lower()),
    ):
        yield Need(Wanted(kind, scope), True, simulated)


def _of_device(chain: tuple[bytes, ...]) -> Iterator[Need]:
    """About all that NVIDIA issued: neither the leaf, which the boot ROM signs, nor the root."""
    if len(chain) < 3:
        return
    simulated = parse_certificate(chain[-1]).common_name.startswith(SIMULATED)
    for place in range(1, len(chain) - 1):
        path = chain[place:]
        if len(path) <= MAX_CHAIN:
            scope = sha256(path[0]).hex()
            yield Need(Wanted(CollateralKind.NVIDIA_OCSP, scope, path), False, simulated)
