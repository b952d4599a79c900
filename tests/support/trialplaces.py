"""A place of a pre-flight trial without a token, for trials that look at what is known only."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import cast

from keyturn.hsm.cryptoki import CKF_LOGIN_REQUIRED, CKF_USER_PIN_INITIALIZED
from keyturn.hsm.hardening import Hardened
from keyturn.hsm.pkcs11 import Session
from keyturn.hsm.tokeninfo import ModuleInfo, Slot, TokenInfo
from keyturn.hsm.trials import Place
from keyturn.hsm.vendors import GENERIC

NOW = datetime(2026, 11, 29, 12, 0, tzinfo=UTC)
_TOKEN = TokenInfo(
    Slot(0),
    "label",
    "maker",
    "model",
    "serial",
    initialised=True,
    hardware_slot=True,
    flags=CKF_LOGIN_REQUIRED | CKF_USER_PIN_INITIALIZED,
)


def place(pin: bytes = b"f" * 32, **changed: object) -> Place:
    """Attributes of `Place`, or with a prefix `token_` of its token, may be given."""
    token_changes = {k[6:]: v for k, v in changed.items() if k.startswith("token_")}
    others = {k: v for k, v in changed.items() if not k.startswith("token_")}
    nowhere = cast("Session", None)  # a trial that asks the token fails here
    made = Place(
        nowhere,
        replace(_TOKEN, **token_changes),  # type: ignore[arg-type]
        ModuleInfo("maker", "module", "1.0"),
        GENERIC,
        Hardened(memory_locked=True),
        NOW,
        bytearray(pin),
    )
    return replace(made, **others)  # type: ignore[arg-type]
