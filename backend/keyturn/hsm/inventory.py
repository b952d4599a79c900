"""What is on a token, as a document for people: its keys, their attributes and states.

For `keyturn hsm list`, which logs in itself, and for a running keyholder, whose workers tell.
"""

from collections.abc import Iterable
from datetime import datetime

from keyturn.ceremony.tokeninventory import (
    KeyAttribute,
    KeyOrigin,
    KeyProfile,
    KeyState,
    ListedKek,
    ListedKey,
    TokenInventory,
)
from keyturn.ceremony.tokenreport import ReportedToken, ReportedVendor, TokenAssurance
from keyturn.hsm.keks import load_record, open_keks
from keyturn.hsm.kekwork import AttributeReport, KekReport, KeyReport, TokenReport
from keyturn.hsm.pkcs11 import Library
from keyturn.hsm.token import assurance_of, find_token, log_in, report_pairs
from keyturn.hsm.tokeninfo import ModuleInfo, TokenInfo
from keyturn.hsm.vendors import vendor_of


def take_inventory(library: Library, label: str, pin: bytearray, now: datetime) -> TokenInventory:
    """Log in and read every key of Keyturn's. The caller wipes the PIN.

    A token without keys has an empty inventory. Raises HsmUnreachable, PinRefused, TokenError
    when a key is not as it was made, HsmError.
    """
    token = find_token(library, label)
    with library.session(token.slot) as session:
        log_in(session, pin)
        if not load_record(session).keks:
            report = TokenReport((), ())
        else:
            report = TokenReport(open_keks(session).reports(), report_pairs(session))
    token_said, vendor = describe_token(library.about(), token)
    return TokenInventory(
        now,
        library.describe(),
        token_said,
        vendor,
        TokenAssurance(assurance_of(token).value),
        None,
        listed_keks(report.keks),
        listed_keys(report.keys),
    )


def describe_token(module: ModuleInfo, token: TokenInfo) -> tuple[ReportedToken, ReportedVendor]:
    """What the token says of itself, and which profile fits it."""
    said = ReportedToken(
        token.label,
        token.manufacturer,
        token.model,
        token.serial,
        token.hardware,
        token.firmware,
    )
    vendor = vendor_of(module, token)
    return said, ReportedVendor(vendor.name, vendor.tested, vendor.source)


def listed_keks(reports: Iterable[KekReport]) -> tuple[ListedKek, ...]:
    return tuple(
        ListedKek(
            each.id,
            KeyProfile(each.profile.value),
            KeyState(each.state.value),
            KeyOrigin(each.origin.value),
            _attributes(each.attributes),
        )
        for each in reports
    )


def listed_keys(reports: Iterable[KeyReport]) -> tuple[ListedKey, ...]:
    return tuple(
        ListedKey(each.label, each.part, each.id, _attributes(each.attributes)) for each in reports
    )


def _attributes(reports: Iterable[AttributeReport]) -> tuple[KeyAttribute, ...]:
    return tuple(KeyAttribute(each.name, each.value, each.checked) for each in reports)
