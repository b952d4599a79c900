"""Refusals of evidence, each with a reason that logs, screens and scripts can rely on."""

from enum import Enum

from keyturn.base.errors import MalformedError, UntrustedError


class Reason(Enum):
    """Why evidence was refused, or which rule it broke. The values are stable."""

    MALFORMED = "malformed"
    UNSUPPORTED_VERSION = "unsupported-version"
    UNSUPPORTED_SIGNATURE_ALGORITHM = "unsupported-signature-algorithm"
    UNTRUSTED_ROOT = "untrusted-root"
    CHAIN_INVALID = "chain-invalid"
    CERT_NOT_YET_VALID = "cert-not-yet-valid"
    CERT_EXPIRED = "cert-expired"
    CERT_REVOKED = "cert-revoked"
    CRL_INVALID = "crl-invalid"
    CRL_NOT_CURRENT = "crl-not-current"
    PRODUCT_MISMATCH = "product-mismatch"
    WRONG_DEVICE_KIND = "wrong-device-kind"
    SIGNING_KEY_MISMATCH = "signing-key-mismatch"
    SIGNATURE_INVALID = "signature-invalid"
    TCB_CERT_MISMATCH = "tcb-cert-mismatch"
    CHIP_ID_MISMATCH = "chip-id-mismatch"
    FWID_MISMATCH = "fwid-mismatch"
    REPORT_DATA_MISMATCH = "report-data-mismatch"
    NONCE_MISMATCH = "nonce-mismatch"
    RUNTIME_DATA_MISMATCH = "runtime-data-mismatch"
    NOT_A_TDX_QUOTE = "not-a-tdx-quote"
    UNSUPPORTED_QE_VENDOR = "unsupported-qe-vendor"
    UNSUPPORTED_CERTIFICATION_DATA = "unsupported-certification-data"
    COLLATERAL_NOT_YET_VALID = "collateral-not-yet-valid"
    COLLATERAL_EXPIRED = "collateral-expired"
    COLLATERAL_MISMATCH = "collateral-mismatch"
    TCB_INFO_SIGNATURE_INVALID = "tcb-info-signature-invalid"
    QE_IDENTITY_SIGNATURE_INVALID = "qe-identity-signature-invalid"
    QE_REPORT_SIGNATURE_INVALID = "qe-report-signature-invalid"
    ATTESTATION_KEY_BINDING_INVALID = "attestation-key-binding-invalid"
    QUOTE_SIGNATURE_INVALID = "quote-signature-invalid"
    QE_IDENTITY_MISMATCH = "qe-identity-mismatch"
    TDX_MODULE_MISMATCH = "tdx-module-mismatch"
    TCB_NOT_SUPPORTED = "tcb-not-supported"
    OCSP_INVALID = "ocsp-invalid"
    OCSP_NOT_CURRENT = "ocsp-not-current"
    OCSP_NONCE_MISMATCH = "ocsp-nonce-mismatch"
    OCSP_INCOMPLETE = "ocsp-incomplete"
    CERT_ON_HOLD = "cert-on-hold"
    RIM_SIGNATURE_INVALID = "rim-signature-invalid"
    RIM_CHAIN_INVALID = "rim-chain-invalid"
    RIM_CERT_NOT_YET_VALID = "rim-cert-not-yet-valid"
    RIM_CERT_EXPIRED = "rim-cert-expired"
    RIM_CERT_REVOKED = "rim-cert-revoked"
    ALGORITHM_NOT_ALLOWED = "algorithm-not-allowed"
    BAD_MAGIC = "bad-magic"
    NOT_A_QUOTE = "not-a-quote"
    AK_ATTRIBUTES = "ak-attributes"
    AK_CHAIN_INVALID = "ak-chain-invalid"
    AK_CERT_NOT_YET_VALID = "ak-cert-not-yet-valid"
    AK_CERT_EXPIRED = "ak-cert-expired"
    AK_MISMATCH = "ak-mismatch"
    EK_ATTRIBUTES = "ek-attributes"
    EK_CHAIN_INVALID = "ek-chain-invalid"
    EK_CERT_NOT_YET_VALID = "ek-cert-not-yet-valid"
    EK_CERT_EXPIRED = "ek-cert-expired"
    EK_MISMATCH = "ek-mismatch"
    PCR_VALUES_INCOMPLETE = "pcr-values-incomplete"
    PCR_DIGEST_MISMATCH = "pcr-digest-mismatch"
    EVENTLOG_MISMATCH = "eventlog-mismatch"
    # Broken rules: found by appraisal of evidence that is genuine.
    DEBUG_ALLOWED = "debug-allowed-by-guest-policy"
    MIGRATION_AGENT_ALLOWED = "migration-agent-allowed"
    VMPL_TOO_HIGH = "vmpl-too-high"
    SMT_ALLOWED = "smt-allowed"
    TCB_BELOW_MINIMUM = "tcb-below-minimum"
    TCB_ORDER = "tcb-order-violated"
    ALIAS_CHECK_NOT_COMPLETE = "alias-check-not-complete"
    DEBUG_TD = "debug-td"
    MIGRATABLE_TD = "migratable-td"
    SERVICE_TD_NOT_ALLOWED = "service-td-not-allowed"
    SEPT_VE_DISABLE_NOT_SET = "sept-ve-disable-not-set"
    TD_ATTRIBUTES_NOT_ALLOWED = "td-attributes-not-allowed"
    XFAM_NOT_ALLOWED = "xfam-not-allowed"
    COLLATERAL_BELOW_MINIMUM = "collateral-below-minimum-evaluation-number"
    TCB_STATUS_NOT_ALLOWED = "tcb-status-not-allowed"
    ADVISORY_NOT_ACCEPTED = "advisory-not-accepted"
    PLATFORM_CONFIGURATION_NOT_ALLOWED = "platform-configuration-not-allowed"
    DRIVER_MISMATCH = "driver-version-mismatch"
    VBIOS_MISMATCH = "vbios-version-mismatch"
    RIM_KIND_MISMATCH = "rim-kind-mismatch"
    RIM_VERSION_MISMATCH = "rim-version-mismatch"
    RIM_PRODUCT_MISMATCH = "rim-product-mismatch"
    RIM_INDEX_CONFLICT = "rim-index-conflict"
    MEASUREMENT_MISMATCH = "measurement-mismatch"
    NO_REFERENCE_VALUES = "no-reference-values"
    NONCE_NOT_SHARED = "nonce-not-shared"
    DUPLICATE_DEVICE = "duplicate-device"
    TOPOLOGY_INCOMPLETE = "topology-incomplete"
    TOPOLOGY_MISMATCH = "topology-mismatch"
    MIXED_ARCHITECTURES = "mixed-architectures"
    MIXED_MODES = "mixed-modes"


class MalformedEvidence(MalformedError):
    """Evidence or collateral that does not have the form its specification demands."""

    def __init__(
        self,
        message: str,
        *,
        reason: Reason = Reason.MALFORMED,
        found: str = "",
        expected: str = "",
        hint: str = "",
    ) -> None:
        super().__init__(message, found=found, expected=expected, hint=hint)
        self.reason = reason


class UntrustedEvidence(UntrustedError):
    """Well-formed evidence of which some proof is missing or wrong."""

    def __init__(
        self,
        message: str,
        *,
        reason: Reason,
        found: str = "",
        expected: str = "",
        hint: str = "",
    ) -> None:
        super().__init__(message, found=found, expected=expected, hint=hint)
        self.reason = reason


REFUSALS = (MalformedEvidence, UntrustedEvidence)
"""For `except REFUSALS as refusal:`; both carry `refusal.reason`."""
