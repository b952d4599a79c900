"""A golden machine's boot as a baseline's `tpm` value: what its TPM quotes and its log says."""

from pathlib import Path

from keyturn.agent.tpmsource import LocalTpm
from keyturn.attest.eventdata import boot_facts
from keyturn.attest.eventlog import parse_event_log
from keyturn.attest.tpm_algorithms import HashAlgorithm

PCRS = ("0", "4", "7")
_BANK = HashAlgorithm.SHA256


def captured(socket: Path, log: Path) -> dict[str, object]:
    """Raises KeyturnError where the TPM or its log cannot be read."""
    facts = boot_facts(parse_event_log(log.read_bytes()), _BANK)
    quoted = LocalTpm(socket).quote(bytes(32)).pcrs[_BANK]
    return {
        "pcrs": {"sha256": {number: [quoted[int(number)].hex()] for number in PCRS}},
        "applications": list(facts.applications),
        "authorities": list(facts.authorities),
        "variables": {name: [value] for name, value in facts.variables if name != "SecureBoot"},
        "source": "golden node",
    }


def rule() -> dict[str, object]:
    """Secure Boot, and a boot that a baseline knows."""
    return {
        "bank": "sha256",
        "pcrs": list(PCRS),
        "secure_boot": True,
        "applications": True,
        "authorities": True,
        "variables": [],
    }
