"""Claims and checks as JSON documents, for results, screens and conformance.

Byte strings are lower-case hex, times RFC 3339, names those of the attestation vectors.
Writing only: nothing is ever read back into trust.
"""

from keyturn.attest.checks import Check
from keyturn.attest.snp import SnpClaims
from keyturn.attest.snp_report import GuestPolicy, PlatformInfo, SnpReport
from keyturn.attest.snp_tcb import Tcb
from keyturn.base.strictjson import JsonObject

_POLICY_BITS = {
    "smt": GuestPolicy.SMT,
    "migrate_ma": GuestPolicy.MIGRATE_MA,
    "debug": GuestPolicy.DEBUG,
    "single_socket": GuestPolicy.SINGLE_SOCKET,
}
_LATER_POLICY_BITS = {
    "cxl_allowed": GuestPolicy.CXL_ALLOWED,
    "mem_aes_256_xts": GuestPolicy.MEM_AES_256_XTS,
    "rapl_dis": GuestPolicy.RAPL_DIS,
    "ciphertext_hiding": GuestPolicy.CIPHERTEXT_HIDING,
    "page_swap_disable": GuestPolicy.PAGE_SWAP_DISABLE,
}
_HEX_FIELDS = (
    "report_data",
    "measurement",
    "host_data",
    "id_key_digest",
    "author_key_digest",
    "family_id",
    "image_id",
    "report_id",
    "report_id_ma",
    "chip_id",
)


def snp_document(claims: SnpClaims) -> JsonObject:
    """Every claim of an SNP report."""
    report, vek = claims.report, claims.vek
    family, model, stepping = report.cpuid or (None, None, None)
    document: JsonObject = {
        "version": report.version,
        "guest_svn": report.guest_svn,
        "policy": report.policy,
        "vmpl": report.vmpl,
        "sig_algo": report.signature_algorithm,
        "signing_key": report.signing_key,
        "mask_chip_key": int(report.mask_chip_key),
        "author_key_en": int(report.author_key_en),
        "platform_info": report.platform_info,
        **{name: getattr(report, name).hex() for name in _HEX_FIELDS},
        "current_tcb": _tcb(claims.current_tcb),
        "reported_tcb": _tcb(claims.reported_tcb),
        "committed_tcb": _tcb(claims.committed_tcb),
        "launch_tcb": _tcb(claims.launch_tcb),
        "cpuid_fam": family,
        "cpuid_mod": model,
        "cpuid_step": stepping,
        "policy_bits": _policy_bits(report),
        "later_policy_bits": {n: report.allows(b) for n, b in _LATER_POLICY_BITS.items()},
        "platform_bits": {
            bit.name.lower(): report.platform_has(bit) for bit in PlatformInfo if bit.name
        },
        "unknown_platform_bits": report.unknown_platform_bits,
        "product": claims.product.value,
        "product_cert": vek.product_name,
        "vek": vek.kind.value,
        "vek_not_before": vek.not_before.isoformat(),
        "vek_not_after": vek.not_after.isoformat(),
        "platform_id": claims.platform_id,
        "simulated": claims.simulated,
    }
    if report.launch_mit_vector is not None:
        document["launch_mit_vector"] = report.launch_mit_vector
        document["current_mit_vector"] = report.current_mit_vector
    if vek.csp_id is not None:
        document["csp_id"] = vek.csp_id
    return document


def check_document(check: Check) -> JsonObject:
    """One check, with the broken rule's name where it failed."""
    return {
        "name": check.name,
        "outcome": check.outcome.value,
        "found": check.found,
        "expected": check.expected,
        "source": check.source,
        "reason": check.reason.value if check.reason and check.failed else None,
        "required": check.required,
    }


def _policy_bits(report: SnpReport) -> JsonObject:
    major, minor = report.abi
    bits: JsonObject = {name: report.allows(bit) for name, bit in _POLICY_BITS.items()}
    return {"abi_minor": minor, "abi_major": major, **bits}


def _tcb(tcb: Tcb) -> JsonObject:
    document: JsonObject = {} if tcb.fmc is None else {"fmc": tcb.fmc}
    return {
        **document,
        "bootloader": tcb.bootloader,
        "tee": tcb.tee,
        "snp": tcb.snp,
        "microcode": tcb.microcode,
        "raw": tcb.raw.hex(),
    }
