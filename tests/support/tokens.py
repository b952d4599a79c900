"""A token as a keyholder tells of it, and a pre-flight report of it, for readers of either."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from keyturn.base.encoding import b64
from keyturn.ceremony.tokeninventory import (
    KeyAttribute,
    KeyOrigin,
    KeyProfile,
    KeyState,
    ListedKek,
    ListedKey,
    TokenInventory,
    Workers,
    inventory_document,
)
from keyturn.ceremony.tokenreport import (
    Check,
    Level,
    PreflightReport,
    ReportedToken,
    ReportedVendor,
    TokenAssurance,
    encode_report,
)

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)
TOKEN = ReportedToken("keyturn", "SoftHSM project", "SoftHSM v2", "4f2a09b1c3d4e5f6", "2.6", "2.6")
VENDOR = ReportedVendor("SoftHSM 2", True, "run with 2.6.1 of Debian 12")
_KEK = (
    ("CLASS", "SECRET_KEY"),
    ("KEY_TYPE", "AES"),
    ("SENSITIVE", "True"),
    ("EXTRACTABLE", "False"),
    ("MODIFIABLE", "False"),
    ("COPYABLE", "False"),
    ("WRAP", "True"),
    ("UNWRAP", "True"),
    ("DECRYPT", "False"),
    ("ALLOWED_MECHANISMS", "AES_KEY_WRAP"),
    ("UNWRAP_TEMPLATE", "SENSITIVE=True, EXTRACTABLE=True, VERIFY=True"),
)


def attributes(*pairs: tuple[str, str], loose: str = "") -> tuple[KeyAttribute, ...]:
    """`loose`: the name of one that is not as the profile demands."""
    return tuple(KeyAttribute(name, value, name != loose) for name, value in pairs or _KEK)


ACTIVE = ListedKek(
    "b7" * 32, KeyProfile.NEVER_EXTRACTABLE, KeyState.ACTIVE, KeyOrigin.MADE, attributes()
)
RETIRED = ListedKek(
    "a1" * 32,
    KeyProfile.RECOVERABLE,
    KeyState.DEACTIVATED,
    KeyOrigin.RESTORED,
    attributes(loose="MODIFIABLE"),
)
GONE = ListedKek("09" * 32, KeyProfile.RECOVERABLE, KeyState.DESTROYED, KeyOrigin.MADE, ())


def key(label: str, part: str, key_id: str = "c3" * 32) -> ListedKey:
    return ListedKey(label, part, key_id, attributes(("CLASS", part.upper()), ("TOKEN", "True")))


INVENTORY = TokenInventory(
    NOW,
    "Implementation of PKCS11 2.6",
    TOKEN,
    VENDOR,
    TokenAssurance.SOFTWARE,
    Workers(2, False, "sha1"),
    (GONE, RETIRED, ACTIVE),
    tuple(
        key(f"keyturn-{name}", part, byte * 32)
        for name, byte in (("ingest", "c3"), ("log", "d4"), ("result", "e5"))
        for part in ("private", "public")
    ),
)
SOFTWARE_LOG = ListedKey(
    "keyturn-log",
    "wrapped",
    "d4" * 32,
    attributes(("HELD", "software log key"), ("WRAPPING_NEVER_EXTRACTABLE", "True")),
)
NARROW = replace(
    INVENTORY,
    keks=(ACTIVE,),
    keys=(*(each for each in INVENTORY.keys if each.label != "keyturn-log"), SOFTWARE_LOG),
)
"""Of a token without Ed25519."""
REPORT = PreflightReport(
    NOW - timedelta(days=12),
    "Implementation of PKCS11 2.6",
    TOKEN,
    VENDOR,
    TokenAssurance.SOFTWARE,
    (
        Check("assurance", Level.AMBER, "software assurance", "hardware", "use a hardware token"),
        Check("KEK attributes", Level.GREEN, "as made", "as they were asked for"),
        Check("unwrap template enforced", Level.GREEN, "in the one form only", "one form only"),
        Check("RSA-OAEP to a node", Level.AMBER, "SHA-1 only", "SHA-256", "a newer token"),
    ),
)
RED_REPORT = replace(
    REPORT,
    checks=(
        *REPORT.checks,
        Check("mark on the token", Level.RED, "refused", "a data object is kept", "another token"),
    ),
)


def answer(
    inventory: TokenInventory = INVENTORY, report: PreflightReport | None = REPORT
) -> dict[str, object]:
    """What the keyholder answers to `hsm`, without its `ok`."""
    raw = None if report is None else b64(encode_report(report))
    return {"inventory": inventory_document(inventory), "preflight": raw}
