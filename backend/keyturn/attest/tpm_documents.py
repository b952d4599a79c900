"""TPM claims as plain documents, with the specification's names where it has some."""

from keyturn.attest.eventdata import KINDS, BootFacts, covers
from keyturn.attest.eventlog import EventLog
from keyturn.attest.tpm import TpmExamination
from keyturn.attest.tpm_algorithms import HashAlgorithm
from keyturn.attest.tpm_key import Attribute, TpmKey
from keyturn.attest.tpm_quote import Pcrs, TpmQuote, TpmSignature
from keyturn.base.strictjson import JsonObject

_ATTRIBUTES = {
    "fixed_tpm": Attribute.FIXED_TPM,
    "fixed_parent": Attribute.FIXED_PARENT,
    "sensitive_data_origin": Attribute.SENSITIVE_DATA_ORIGIN,
    "restricted": Attribute.RESTRICTED,
    "decrypt": Attribute.DECRYPT,
    "sign": Attribute.SIGN,
}
_SHOWN_DATA = 256


def tpm_document(found: TpmExamination) -> JsonObject:
    """What was shown and, where nothing was refused, proved."""
    document: JsonObject = _quote(found.quote) if found.quote is not None else {}
    document["ak_attributes"] = _key(found.ak) if found.ak is not None else None
    if found.claims is not None:
        document.update(_signature(found.claims.signature))
        if found.claims.pcrs:
            document["pcrs"] = pcrs_document(found.claims.pcrs)
        if found.claims.ak_certificate is not None:
            document["ak_certificate_sha256"] = found.claims.ak_certificate.digest.hex()
        document["simulated"] = found.claims.simulated
    return document


def log_document(log: EventLog) -> JsonObject:
    """The registers that a log leads to, in every bank that it has."""
    return {
        "pcrs": pcrs_document({bank: log.replay(bank) for bank in log.banks}),
        "events": len(log.events),
        "startup_locality": log.startup_locality,
        "parsed_bytes": log.size,
    }


def events_document(log: EventLog, bank: HashAlgorithm) -> list[JsonObject]:
    """Every event for people: what was extended, and its data where the digest covers it."""
    return [
        {
            "index": each.index,
            "register": each.register,
            "type": KINDS.get(each.kind, f"{each.kind:#010x}"),
            "digest": digest.hex() if (digest := each.digest(bank)) is not None else None,
            "data_covered": covers(each, bank),
            "data": each.data[:_SHOWN_DATA].hex(),
            "data_bytes": len(each.data),
        }
        for each in log.events
    ]


def boot_document(facts: BootFacts) -> JsonObject:
    """What measured boot proves, as a policy or baseline would name it."""
    return {
        "crtm_version": facts.crtm_version,
        "secure_boot": facts.secure_boot.value,
        "variables": dict(facts.variables),
        "authorities": list(facts.authorities),
        "applications": list(facts.applications),
        "separated": [*sorted(facts.separated)],
        "failed": [*sorted(facts.failed)],
        "left_boot_services": facts.left_boot_services,
    }


def pcrs_document(pcrs: Pcrs) -> JsonObject:
    return {
        bank.bank: {str(number): value.hex() for number, value in sorted(values.items())}
        for bank, values in pcrs.items()
    }


def _quote(quote: TpmQuote) -> JsonObject:
    return {
        "magic": "0xff544347",
        "type": "0x8018",
        "qualified_signer": quote.qualified_signer.hex(),
        "extra_data": quote.extra_data.hex(),
        "clock": quote.clock_ms,
        "reset_count": quote.reset_count,
        "restart_count": quote.restart_count,
        "safe": int(quote.safe),
        "firmware_version": f"{quote.firmware_version:#x}",
        "pcr_select": {bank.bank: list(numbers) for bank, numbers in quote.selection},
        "pcr_digest": quote.pcr_digest.hex(),
        "trailing": 0,
    }


def _signature(signature: TpmSignature) -> JsonObject:
    return {
        "signature_algorithm": signature.scheme.name.lower(),
        "signature_hash": signature.hash.bank,
    }


def _key(key: TpmKey) -> JsonObject:
    return {
        "type": key.kind,
        "name_alg": key.name_hash.bank,
        "attributes": f"{key.attributes:#x}",
        **{name: key.has(attribute) for name, attribute in _ATTRIBUTES.items()},
        "scheme": f"{key.scheme.value:#x}" if key.scheme is not None else None,
    }
