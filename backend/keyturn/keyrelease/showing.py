"""A request's evidence as sections of fields, each under its specification's name."""

from keyturn.attest.fields import Field, Section, as_hex
from keyturn.attest.fields_certificate import chain_sections
from keyturn.attest.fields_nvidia import device_section
from keyturn.attest.fields_snp import snp_section
from keyturn.attest.fields_tdx import tdx_section
from keyturn.attest.fields_tpm import log_section, pcrs_section, quote_section
from keyturn.keyrelease.request import ReleaseRequest, SnpEvidence
from keyturn.keyrelease.tpmpart import TpmPart

REQUEST = "our protocol §5.2"


def sections_of(request: ReleaseRequest) -> tuple[Section, ...]:
    """All that was shown, in the order in which it is verified; nothing of it is proved here."""
    evidence = request.evidence
    return (
        _request(request),
        *_cpu(request),
        *(
            part
            for place, each in enumerate(evidence.gpus)
            for part in (
                device_section(each.report, f"GPU {place} report"),
                *chain_sections(each.chain, f"GPU {place}"),
            )
        ),
        *(
            part
            for place, each in enumerate(evidence.switches)
            for part in (
                device_section(each.report, f"Switch {place} report"),
                *chain_sections(each.chain, f"Switch {place}"),
            )
        ),
        *(() if evidence.tpm is None else _tpm(evidence.tpm)),
    )


def _request(request: ReleaseRequest) -> Section:
    keys = request.keys
    parts = (
        ("challenge", request.challenge),
        ("claims", request.claims.raw),
        ("keys.hpke", keys.hpke),
        ("keys.rsa", keys.rsa),
        ("keys.tls", keys.tls),
        ("keys.prompt", keys.prompt),
        ("keys.ak_name", keys.ak_name),
        ("core", request.core),
        ("binding", request.binding),
    )
    fields = (
        Field("purpose", None, b"", request.purpose.value),
        Field("model", None, b"", request.model),
        Field("node", None, b"", request.claims.node, "the node's own word"),
        Field("agent", None, b"", request.claims.agent, "the node's own word"),
        *(Field(name, None, raw, as_hex(raw)[:200]) for name, raw in parts),
    )
    return Section("Request", REQUEST, fields)


def _cpu(request: ReleaseRequest) -> tuple[Section, ...]:
    cpu = request.evidence.cpu
    if not isinstance(cpu, SnpEvidence):
        return (tdx_section(cpu.quote),)
    chain = chain_sections((cpu.vek, cpu.intermediate, cpu.root), "CPU")
    if cpu.runtime is None:
        return (snp_section(cpu.report), *chain)
    runtime = Field("runtime data", None, cpu.runtime, as_hex(cpu.runtime)[:200])
    return (
        snp_section(cpu.report),
        Section("Runtime data of the paravisor", "our protocol §4.3a", (runtime,)),
        *chain,
    )


def _tpm(part: TpmPart) -> tuple[Section, ...]:
    return (
        quote_section(part.quote),
        pcrs_section(part.pcrs),
        *chain_sections(part.ak_chain, "AK"),
        *(() if part.ek is None else chain_sections(part.ek.chain, "EK")),
        *(() if part.log is None else (log_section(part.log),)),
    )
