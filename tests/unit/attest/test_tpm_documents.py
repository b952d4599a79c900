"""TPM claims as documents: only what was proved is called so, and data only where it is covered."""

import json

from keyturn.attest.eventdata import boot_facts
from keyturn.attest.eventlog import parse_event_log
from keyturn.attest.tpm_algorithms import HashAlgorithm
from keyturn.attest.tpm_documents import boot_document, events_document, log_document
from support.tpm import record, spec_id

BANK = HashAlgorithm.SHA256
RAW = spec_id() + record(0, 8, b"v1") + record(4, 0x12345678, b"said", measured=b"done")


def test_events_say_what_the_digest_covers() -> None:
    found = events_document(parse_event_log(RAW), BANK)
    assert [each["type"] for each in found] == ["EV_S_CRTM_VERSION", "0x12345678"]
    assert [each["data_covered"] for each in found] == [True, False]
    assert json.dumps(found)


def test_a_log_shows_every_bank() -> None:
    document = log_document(parse_event_log(RAW))
    assert document["events"] == 2
    assert document["parsed_bytes"] == len(RAW)
    assert list(document["pcrs"]) == ["sha1", "sha256"]  # type: ignore[arg-type]


def test_boot_is_a_document() -> None:
    document = boot_document(boot_facts(parse_event_log(RAW), BANK))
    assert document["secure_boot"] == "unknown"
    assert json.loads(json.dumps(document)) == document
