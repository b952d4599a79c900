"""What a log proves of boot: told by digests, so that no other name for an event hides anything."""

import hashlib

import pytest

from keyturn.attest.errors import MalformedEvidence
from keyturn.attest.eventdata import (
    CC_REGISTERS,
    EV_EFI_BOOT_SERVICES_APPLICATION,
    EV_EFI_VARIABLE_AUTHORITY,
    EV_EFI_VARIABLE_DRIVER_CONFIG,
    EV_S_CRTM_VERSION,
    EV_SEPARATOR,
    BootFacts,
    SecureBoot,
    boot_facts,
    parse_variable,
)
from keyturn.attest.eventlog import EV_NO_ACTION, parse_event_log
from keyturn.attest.tpm_algorithms import HashAlgorithm
from support.tpm import SHA1, record, spec_id, variable

ON, OFF = variable("SecureBoot", b"\x01"), variable("SecureBoot", b"\x00")
END = record(7, EV_SEPARATOR, bytes(4))
IPL = 0x0000000D


def configured(data: bytes, kind: int = EV_EFI_VARIABLE_DRIVER_CONFIG) -> bytes:
    return record(7, kind, data)


def facts(*records: bytes) -> BootFacts:
    return boot_facts(parse_event_log(spec_id() + b"".join(records)), HashAlgorithm.SHA256)


@pytest.mark.parametrize(("data", "says"), [(ON, SecureBoot.ON), (OFF, SecureBoot.OFF)])
def test_secure_boot_is_what_was_measured(data: bytes, says: SecureBoot) -> None:
    assert facts(configured(data), END).secure_boot is says
    assert facts(END).secure_boot is SecureBoot.UNKNOWN


def test_secure_boot_that_comes_after_the_firmwares_end_says_nothing() -> None:
    """An operating system may extend PCR 7 too, and would like to have booted securely."""
    assert facts(END, configured(ON)).secure_boot is SecureBoot.UNKNOWN
    renamed = record(7, IPL, bytes(4))  # the same digest under another event type
    assert facts(renamed, configured(ON)).secure_boot is SecureBoot.UNKNOWN


def test_another_event_type_does_not_hide_that_secure_boot_is_off() -> None:
    assert facts(configured(OFF, IPL), configured(ON), END).secure_boot is SecureBoot.UNKNOWN
    assert facts(configured(OFF, IPL), END).secure_boot is SecureBoot.OFF


def test_data_that_the_digest_does_not_cover_is_not_believed() -> None:
    claimed = record(7, EV_EFI_VARIABLE_DRIVER_CONFIG, ON, measured=OFF)
    assert facts(claimed, END).secure_boot is SecureBoot.UNKNOWN


def test_another_vendors_variable_of_that_name_is_another() -> None:
    other = variable("SecureBoot", b"\x01", bytes(16))
    assert facts(configured(other), END).secure_boot is SecureBoot.UNKNOWN
    assert facts(configured(variable("SecureBoot", b"\x02")), END).secure_boot is SecureBoot.UNKNOWN


def test_variables_are_named_with_the_digest_of_their_value() -> None:
    found = facts(configured(variable("db", b"keys")), END).variables
    assert found == (("db", hashlib.sha256(b"keys").hexdigest()),)


def test_every_boot_loader_counts_whatever_it_is_called() -> None:
    action = record(4, 0x80000007, b"Calling EFI Application from Boot Option")
    loaders = [
        record(4, EV_EFI_BOOT_SERVICES_APPLICATION, b"path", measured=b"shim"),
        record(4, IPL, b"nothing to see", measured=b"implant"),
        record(4, 0x80000007, b"Calling EFI Application from Boot Option", measured=b"implant 2"),
    ]
    found = facts(action, record(4, EV_SEPARATOR, bytes(4)), *loaders).applications
    assert found == tuple(
        hashlib.sha256(each).hexdigest() for each in (b"shim", b"implant", b"implant 2")
    )


def test_what_was_not_extended_in_this_bank_is_no_part_of_it() -> None:
    elsewhere = (record(4, IPL, b"loader", banks=[SHA1]), record(7, IPL, b"key", banks=[SHA1]))
    found = facts(END, *elsewhere)
    assert (found.applications, found.authorities) == ((), ())


def test_authorities_are_all_behind_the_separator() -> None:
    authority = record(7, EV_EFI_VARIABLE_AUTHORITY, b"certificate")
    other = record(7, IPL, b"something else")
    found = facts(configured(ON), END, authority, other).authorities
    assert len(found) == 2
    assert found[0] == hashlib.sha256(b"certificate").hexdigest()


def test_a_register_whose_measuring_failed_did_not_end_in_order() -> None:
    found = facts(record(2, EV_SEPARATOR, b"\x01\0\0\0"), record(3, EV_SEPARATOR, b"\xff" * 4))
    assert (found.separated, found.failed) == ({3}, {2})


def test_the_version_is_text_or_nothing() -> None:
    text = "Firmware 1.2\0".encode("utf-16-le")
    assert facts(record(0, EV_S_CRTM_VERSION, text)).crtm_version == "Firmware 1.2"
    assert facts(record(0, EV_S_CRTM_VERSION, text, measured=b"x")).crtm_version is None
    assert facts(record(0, EV_S_CRTM_VERSION, bytes(16))).crtm_version is None
    assert facts(record(0, EV_S_CRTM_VERSION, b"\xff\xff\xff")).crtm_version is None
    twice = (record(0, EV_S_CRTM_VERSION, text), record(0, EV_S_CRTM_VERSION, text))
    assert facts(*twice).crtm_version is None


def test_a_td_keeps_them_in_other_registers(vectors_dir) -> None:  # type: ignore[no-untyped-def]
    raw = (vectors_dir / "tpm" / "eventlogs" / "ccel-gcp.bin").read_bytes()
    found = boot_facts(parse_event_log(raw), HashAlgorithm.SHA384, CC_REGISTERS)
    assert found.secure_boot is SecureBoot.OFF
    assert len(found.applications) >= 2
    assert found.left_boot_services


@pytest.mark.parametrize(
    "data",
    [b"", ON[:-1], ON + b"\0", ON[:16] + b"\xff" * 16, ON[:24] + b"\xff" * 8 + ON[32:],
     ON[:32] + b"\x00\xd8" + ON[34:]],
)  # fmt: skip
def test_a_variable_of_another_form_is_none(data: bytes) -> None:
    with pytest.raises(MalformedEvidence):
        parse_variable(data)
    assert facts(configured(data), END).secure_boot is SecureBoot.UNKNOWN


def test_what_extends_nothing_ends_and_names_nothing() -> None:
    """An event of no action has a digest too; nobody extended a register with it."""
    said = [
        record(7, EV_NO_ACTION, bytes(4)),
        record(4, EV_NO_ACTION, b"loader"),
        record(0, EV_NO_ACTION, "v\0".encode("utf-16-le")),
    ]
    found = facts(*said)
    assert (found.separated, found.applications, found.crtm_version) == (frozenset(), (), None)
    assert not found.left_boot_services
    # Not even where its text is that of an end of firmware.
    assert (
        facts(record(7, EV_NO_ACTION, bytes(4)), configured(ON), END).secure_boot is SecureBoot.ON
    )


def test_the_version_is_an_event_of_that_type_alone() -> None:
    text = "Firmware 1.2\0".encode("utf-16-le")
    version = record(0, EV_S_CRTM_VERSION, text)
    assert (
        facts(record(0, 1, "other\0".encode("utf-16-le")), version).crtm_version == "Firmware 1.2"
    )
    assert facts(record(0, 1, text)).crtm_version is None
    assert facts(version, version).crtm_version is None


@pytest.mark.parametrize(("letters", "size"), [(1025, 0), (0, 1 << 40)])
def test_a_length_of_a_variable_that_cannot_be_is_refused(letters: int, size: int) -> None:
    data = bytes(16) + letters.to_bytes(8, "little") + size.to_bytes(8, "little") + bytes(4096)
    with pytest.raises(MalformedEvidence, match="impossible"):
        parse_variable(data)
