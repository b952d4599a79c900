"""A policy read out as sentences: what a machine, its devices and its boot must be. No Qt."""

from collections.abc import Iterator

from keyturn.base.collateral import CollateralKind
from keyturn.quorum.policy_body import MAX_EVIDENCE_SECONDS, Policy
from keyturn.quorum.tee_rules import GpuRule, SnpRule, TdxRule
from keyturn.quorum.tpm_bodies import TpmRule
from keyturn_app.i18n import _, n_
from keyturn_app.statements.listing import listed, or_any


def policy_words(body: Policy, subject: str) -> Iterator[str]:
    yield _("Keys of models admitted under {policy} go to nodes that satisfy all of this:").format(
        policy=subject
    )
    if body.snp is not None:
        yield from _snp(body.snp)
    if body.tdx is not None:
        yield from _tdx(body.tdx)
    yield from _gpu(body.gpu)
    yield _("Measured as in: {baselines}.").format(baselines=listed(body.baselines))
    if body.tpm is not None:
        yield from _tpm(body.tpm)
    yield or_any(body.workloads, _("Any workload."), _("Workload one of: {list}."))
    yield or_any(body.platforms, _("Any machine."), _("A machine of: {list}."))
    if body.sites is not None:
        yield _("At a site of: {list}.").format(list=listed(body.sites))
    yield from _freshness(body)
    yield n_("A lease lasts {count} second.", "A lease lasts {count} seconds.", body.lease_seconds)
    caveats = [each.value for each in body.accepted_caveats]
    yield (
        _("Accepted caveats: {list}.").format(list=listed(caveats))
        if caveats
        else _("No caveat is accepted.")
    )


def document_word(kind: CollateralKind) -> str:
    """A vendor's document, for people."""
    return {
        CollateralKind.AMD_CHAIN: _("AMD's certificate chain"),
        CollateralKind.AMD_VEK: _("AMD's certificate of the chip"),
        CollateralKind.AMD_CRL: _("AMD's revocation list"),
        CollateralKind.INTEL_TCB_INFO: _("Intel's TCB info"),
        CollateralKind.INTEL_QE_IDENTITY: _("Intel's QE identity"),
        CollateralKind.INTEL_ROOT_CRL: _("Intel's root revocation list"),
        CollateralKind.INTEL_PCK_CRL: _("Intel's PCK revocation list"),
        CollateralKind.NVIDIA_RIM: _("NVIDIA's RIM"),
        CollateralKind.NVIDIA_OCSP: _("NVIDIA's OCSP answers"),
    }[kind]


def _snp(snp: SnpRule) -> Iterator[str]:
    yield _("AMD SEV-SNP on {products}.").format(products=listed(snp.products))
    for product, tcb in sorted(snp.min_tcb.items()):
        yield _(
            "Firmware of {product} from: bootloader {bootloader}, TEE {tee}, SNP {snp}, microcode "
            "{microcode}, FMC {fmc}."
        ).format(
            product=product,
            bootloader=tcb.bootloader,
            tee=tcb.tee,
            snp=tcb.snp,
            microcode=tcb.microcode,
            fmc=tcb.fmc,
        )
    yield _("Debugging is allowed.") if snp.debug else _("Debugging is not allowed.")
    yield _("A migration agent is allowed.") if snp.migrate_ma else _("No migration agent.")
    yield _("SMT is allowed.") if snp.smt else _("SMT is not allowed.")
    yield _("The alias check is required.") if snp.alias_check else _("No alias check is required.")
    yield _("VLEK is allowed.") if snp.vlek else _("VLEK is not allowed.")
    yield _("VMPL at most {vmpl}.").format(vmpl=snp.max_vmpl)


def _tdx(tdx: TdxRule) -> Iterator[str]:
    statuses = [each.value for each in tdx.statuses]
    yield _("Intel TDX, a TCB that Intel calls: {list}.").format(list=listed(statuses))
    yield _("Intel's TCB evaluation data number at least {number}.").format(
        number=tdx.min_evaluation_number
    )
    if tdx.advisories is not None and not tdx.advisories:
        yield _("No advisory of Intel may stand against the TCB.")
    else:
        yield or_any(
            tdx.advisories,
            _("Any advisory of Intel may stand against the TCB."),
            _("Advisories that may stand against the TCB: {list}."),
        )
    yield _("A TD under debug is allowed.") if tdx.debug else _("No TD under debug.")
    yield (
        _("A TD that can be migrated is allowed.")
        if tdx.migratable
        else _("No TD that can be migrated.")
    )
    if tdx.service_tds:
        yield _("Service TDs that may be bound: {list}.").format(list=listed(tdx.service_tds))
    else:
        yield _("No service TD may be bound.")
    yield from _tdx_platform(tdx)
    registers = [each.value for each in tdx.registers]
    yield _("Registers that must be as in one baseline: {list}.").format(list=listed(registers))


def _tdx_platform(tdx: TdxRule) -> Iterator[str]:
    yield (
        _("SEPT_VE_DISABLE is required.")
        if tdx.sept_ve_disable
        else _("SEPT_VE_DISABLE is not required.")
    )
    yield (
        _("A platform with changing packages is allowed.")
        if tdx.dynamic_platform
        else _("No platform with changing packages.")
    )
    yield (
        _("A platform that caches its keys is allowed.")
        if tdx.cached_keys
        else _("No platform that caches its keys.")
    )
    yield _("With TDX, SMT is allowed.") if tdx.smt else _("With TDX, SMT is not allowed.")
    if tdx.xfam is None:
        yield _("Any processor features.")
    else:
        yield _("Processor features within the mask {mask}.").format(mask=f"{tdx.xfam:016x}")


def _gpu(gpu: GpuRule) -> Iterator[str]:
    yield n_("{count} GPU is checked.", "{count} GPUs are checked.", gpu.count)
    if gpu.switches:
        yield n_("{count} NVSwitch is checked.", "{count} NVSwitches are checked.", gpu.switches)
    modes = None if gpu.modes is None else [each.value for each in gpu.modes]
    for text, names in (
        (_("GPU architecture one of: {list}."), gpu.architectures),
        (_("GPU mode one of: {list}."), modes),
        (_("GPU driver one of: {list}."), gpu.drivers),
        (_("GPU VBIOS one of: {list}."), gpu.vbioses),
    ):
        if names is not None:
            yield text.format(list=listed(names))
    if gpu.rim:
        yield _("Of GPUs and NVSwitches only values from signed RIMs count.")


def _tpm(tpm: TpmRule) -> Iterator[str]:
    bank = tpm.bank.value
    if tpm.pcrs:
        numbers = ", ".join(str(each) for each in tpm.pcrs)
        yield _("A TPM with PCRs of {bank} as in one baseline: {list}.").format(
            bank=bank, list=numbers
        )
    else:
        yield _("A TPM with a quote of {bank}.").format(bank=bank)
    if tpm.secure_boot:
        yield _("Secure Boot is required.")
    if tpm.applications:
        yield _("Boot applications must be known.")
    if tpm.authorities:
        yield _("Authorities of Secure Boot must be known.")
    if tpm.variables:
        yield _("UEFI variables that must be known: {list}.").format(list=listed(tpm.variables))


def _freshness(body: Policy) -> Iterator[str]:
    """How old proof may be, and who must have seen the log."""
    for kind in sorted(body.collateral, key=lambda each: each.value):
        age = n_("{count} second", "{count} seconds", body.collateral[kind])
        yield _("{document} at most {age} old.").format(document=document_word(kind), age=age)
    if body.evidence_seconds != MAX_EVIDENCE_SECONDS:
        yield n_(
            "Evidence at most {count} second after its challenge.",
            "Evidence at most {count} seconds after its challenge.",
            body.evidence_seconds,
        )
    if body.witnesses:
        yield n_(
            "A release needs cosignatures of {count} witness, or more if the roster says so.",
            "A release needs cosignatures of {count} witnesses, or more if the roster says so.",
            body.witnesses,
        )
