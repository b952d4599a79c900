"""What is known of each maker's PKCS#11 module: data that pre-flight reads, and nothing believes.

No code asks who the vendor is: it asks the profile. An entry says where a module is found to
differ, and what a person should know; whether a token may be used is decided by trying it
(`preflight`). Entries whose `tested` is False were read in the vendor's documentation or are
recalled, never run here, and are shown so wherever they are shown.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from keyturn.hsm.cryptoki import Attr, Mech
from keyturn.hsm.errors import HsmUnreachable
from keyturn.hsm.pkcs11 import Library
from keyturn.hsm.protocol import OaepHash
from keyturn.hsm.tokeninfo import ModuleInfo, TokenInfo


class Known(Enum):
    """Whether a vendor's module does something, as far as anybody here knows."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"


class EcdhKdf(Enum):
    """How a key can be agreed with a node where RSA-OAEP is not offered (not used yet)."""

    X963_SHA256 = "ECDH with the X9.63 KDF over SHA-256"
    NULL = "ECDH without KDF; context by AES-ECB over derived data"
    NONE = "none"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Login:
    """Who may log in, and what wrong PINs do."""

    so_separate: Known
    """The security officer has a PIN of his own, asked for at every login."""
    lockout: Known
    """Wrong PINs lock the token."""
    words: str


@dataclass(frozen=True, slots=True)
class KnownVersion:
    """A version of a module (beginning of `major.minor`) and what is to be said of it."""

    starts: str
    trap: str = ""
    """Why this version deserves a second look; empty: it was tested and is fine."""


@dataclass(frozen=True, slots=True)
class VendorProfile:
    """One vendor's module. Texts are compared in lower case, as parts."""

    name: str
    makers: tuple[str, ...]
    """Parts of the token's manufacturer; any one recognises it."""
    models: tuple[str, ...]
    """Parts of the token's model, the same."""
    modules: tuple[str, ...]
    """File names, for what must be known before the module is started."""
    reserved: str
    """What C_Initialize must be told, with `{directory}`; empty: nothing."""
    software: bool
    key_wrap: tuple[int, ...]
    """Mechanism numbers of AES key wrap by RFC 3394, best first."""
    oaep: tuple[OaepHash, ...]
    """Hashes to try, best first; one is used only once it is proved end to end."""
    ecdh: EcdhKdf
    unknown_attributes: frozenset[Attr]
    """The module refuses to make a key on the token with these."""
    unenforced: frozenset[Attr]
    """The module takes or ignores these, and does not act on them."""
    login: Login
    tells_space: bool
    """The memory figures of CK_TOKEN_INFO mean something, where they are given."""
    clock: Known
    """`utcTime` is a clock of the token's own, not the host's."""
    fips_marks: tuple[str, ...]
    """Parts of label or model that a token shows in FIPS mode only; empty: it does not tell."""
    versions: tuple[KnownVersion, ...]
    quirks: tuple[str, ...]
    tested: bool
    source: str

    @property
    def numbers(self) -> Mapping[Mech, int]:
        """Mechanisms that this module has another number for than the standard."""
        first = self.key_wrap[0]
        return {Mech.AES_KEY_WRAP: first} if first != Mech.AES_KEY_WRAP else {}

    @property
    def tested_words(self) -> str:
        return "tested" if self.tested else "not tested here"


_RFC3394 = (int(Mech.AES_KEY_WRAP),)
_BOTH_HASHES = (OaepHash.SHA256, OaepHash.SHA1)
_NO_ATTRIBUTES: frozenset[Attr] = frozenset()

SOFTHSM = VendorProfile(
    name="SoftHSM 2",
    makers=("softhsm project",),
    models=("softhsm v2",),
    modules=("libsofthsm2.so",),
    reserved="",
    software=True,
    key_wrap=_RFC3394,
    oaep=_BOTH_HASHES,
    ecdh=EcdhKdf.NULL,
    unknown_attributes=_NO_ATTRIBUTES,
    unenforced=_NO_ATTRIBUTES,
    login=Login(Known.YES, Known.NO, "user and SO have a PIN each; wrong PINs lock nothing"),
    tells_space=True,
    clock=Known.NO,
    fips_marks=(),
    versions=(
        KnownVersion("2.6"),
        KnownVersion("2.7", "RSA_AES_KEY_WRAP takes a SHA-256 parameter and uses SHA-1"),
    ),
    quirks=(
        "a slot's number changes when its token is initialised",
        "token.object is rewritten at every login: processes take turns",
        "a damaged wrapped key is answered with GENERAL_ERROR",
    ),
    tested=True,
    source="run with 2.6.1 of Debian 12; 2.7 built from source",
)

NSS = VendorProfile(
    name="NSS softoken",
    makers=("mozilla",),
    models=("nss 3",),
    modules=("libsoftokn3.so",),
    reserved=(
        "configdir='sql:{directory}' certPrefix='' keyPrefix='' secmod='' flags=forceOpen"
        " updatedir='' tokenDescription=''"
    ),
    software=True,
    key_wrap=_RFC3394,
    oaep=_BOTH_HASHES,
    ecdh=EcdhKdf.X963_SHA256,
    unknown_attributes=frozenset({Attr.COPYABLE, Attr.ALLOWED_MECHANISMS, Attr.UNWRAP_TEMPLATE}),
    unenforced=frozenset(
        {
            Attr.ALLOWED_MECHANISMS,
            Attr.COPYABLE,
            Attr.DECRYPT,
            Attr.EXTRACTABLE,
            Attr.TRUSTED,
            Attr.UNWRAP_TEMPLATE,
            Attr.WRAP_WITH_TRUSTED,
        }
    ),
    login=Login(
        Known.NO, Known.NO, "the SO's PIN protects nothing: one password opens the key database"
    ),
    tells_space=False,
    clock=Known.NO,
    fips_marks=("fips",),
    versions=(KnownVersion("3.87"),),
    quirks=(
        "no private data object is kept on the token: no mark, no canary",
        "generated keys say LOCAL false",
        "Ed25519 since 3.99",
        "it says that 1 of 1 byte of memory is free",
        "a wrong HMAC is answered with DEVICE_ERROR",
        "AES key wrap of 31 bytes adds a zero byte and says nothing",
        "the token in the second slot keeps keys; its label is fixed",
    ),
    tested=True,
    source="run with 3.87.1 of Debian 12",
)

LUNA = VendorProfile(
    name="Thales Luna",
    makers=("safenet", "thales"),
    models=("luna",),
    modules=("libcryptoki2_64.so", "libcryptoki2.so"),
    reserved="",
    software=False,
    key_wrap=_RFC3394,
    oaep=_BOTH_HASHES,
    ecdh=EcdhKdf.X963_SHA256,
    unknown_attributes=_NO_ATTRIBUTES,
    unenforced=_NO_ATTRIBUTES,
    login=Login(
        Known.YES,
        Known.YES,
        "partition SO and crypto officer; wrong logins lock the role or erase the partition",
    ),
    tells_space=True,
    clock=Known.UNKNOWN,
    fips_marks=(),
    versions=(),
    quirks=(
        "RFC 3394 was CKM_AES_KW, by the standard's number or the vendor's, by firmware",
        "cloning and key export are exclusive policies of a partition",
    ),
    tested=False,
    source="recalled; Luna SDK reference guide, Thales",
)

NSHIELD = VendorProfile(
    name="Entrust nShield",
    makers=("ncipher", "entrust"),
    models=(),
    modules=("libcknfast.so",),
    reserved="",
    software=False,
    key_wrap=_RFC3394,
    oaep=_BOTH_HASHES,
    ecdh=EcdhKdf.UNKNOWN,
    unknown_attributes=_NO_ATTRIBUTES,
    unenforced=_NO_ATTRIBUTES,
    login=Login(
        Known.UNKNOWN, Known.UNKNOWN, "operator card sets, with an M of N of their own: use it too"
    ),
    tells_space=True,
    clock=Known.UNKNOWN,
    fips_marks=(),
    versions=(),
    quirks=(
        "its security assurance mechanism refuses weak templates unless it is turned off",
        "a Security World of FIPS level 3 restricts mechanisms",
    ),
    tested=False,
    source="nShield PKCS#11 API guide v13.5, mechanisms (AES_KEY_WRAP, EDDSA listed)",
)

CLOUDHSM = VendorProfile(
    name="AWS CloudHSM",
    makers=("marvell", "cavium", "amazon"),
    models=(),
    modules=("libcloudhsm_pkcs11.so",),
    reserved="",
    software=False,
    key_wrap=(0x8000_2109,),
    oaep=_BOTH_HASHES,
    ecdh=EcdhKdf.X963_SHA256,
    unknown_attributes=_NO_ATTRIBUTES,
    unenforced=_NO_ATTRIBUTES,
    login=Login(Known.UNKNOWN, Known.YES, "crypto users log in as `user:password`; no SO here"),
    tells_space=True,
    clock=Known.UNKNOWN,
    fips_marks=(),
    versions=(),
    quirks=(
        "RFC 3394 is CKM_CLOUDHSM_AES_KEY_WRAP_NO_PAD; the standard's number pads (client SDK 3)",
        "TRUSTED is set by a crypto officer outside PKCS#11",
    ),
    tested=False,
    source="AWS CloudHSM user guide, PKCS#11 mechanisms of SDK 5, and its header file",
)

UTIMACO = VendorProfile(
    name="Utimaco CryptoServer",
    makers=("utimaco",),
    models=("cryptoserver", "u.trust"),
    modules=("libcs_pkcs11_R2.so", "libcs_pkcs11_R3.so"),
    reserved="",
    software=False,
    key_wrap=_RFC3394,
    oaep=_BOTH_HASHES,
    ecdh=EcdhKdf.UNKNOWN,
    unknown_attributes=_NO_ATTRIBUTES,
    unenforced=_NO_ATTRIBUTES,
    login=Login(Known.YES, Known.UNKNOWN, "user and SO of a slot, below the device's own officers"),
    tells_space=True,
    clock=Known.UNKNOWN,
    fips_marks=(),
    versions=(),
    quirks=("the vendor's simulator says that it is no hardware only in its serial number",),
    tested=False,
    source="recalled; CryptoServer PKCS#11 R2 developer guide, Utimaco",
)

FORTANIX = VendorProfile(
    name="Fortanix DSM",
    makers=("fortanix",),
    models=(),
    modules=("fortanix_pkcs11.so",),
    reserved="",
    software=False,
    key_wrap=_RFC3394,
    oaep=_BOTH_HASHES,
    ecdh=EcdhKdf.UNKNOWN,
    unknown_attributes=_NO_ATTRIBUTES,
    unenforced=_NO_ATTRIBUTES,
    login=Login(Known.UNKNOWN, Known.UNKNOWN, "an application's API key is the PIN"),
    tells_space=True,
    clock=Known.UNKNOWN,
    fips_marks=(),
    versions=(),
    quirks=("quorum and key policy of the service apply besides PKCS#11: use them too",),
    tested=False,
    source="Fortanix DSM, Clients: PKCS#11 library (wrap, derive and agree are listed)",
)

GENERIC = VendorProfile(
    name="unknown vendor",
    makers=(),
    models=(),
    modules=(),
    reserved="",
    software=False,
    key_wrap=_RFC3394,
    oaep=_BOTH_HASHES,
    ecdh=EcdhKdf.UNKNOWN,
    unknown_attributes=_NO_ATTRIBUTES,
    unenforced=_NO_ATTRIBUTES,
    login=Login(Known.UNKNOWN, Known.UNKNOWN, "nothing is known of it"),
    tells_space=True,
    clock=Known.UNKNOWN,
    fips_marks=(),
    versions=(),
    quirks=(),
    tested=False,
    source="none",
)

VENDORS = (SOFTHSM, NSS, LUNA, NSHIELD, CLOUDHSM, UTIMACO, FORTANIX)
SOFTWARE_PARTS = (
    *(part for each in VENDORS if each.software for part in (*each.makers, *each.models)),
    "softhsm",
    "kryoptic",
    "opencryptoki",
)
"""Parts of manufacturer and model that are a program's, whatever its slot claims to be."""


def vendor_of(module: ModuleInfo, token: TokenInfo) -> VendorProfile:
    """The first profile that a token's manufacturer, model or its module's words fit."""
    makers = f"{token.manufacturer}\n{module.manufacturer}".lower()
    models = f"{token.model}\n{module.description}".lower()
    for each in VENDORS:
        if any(part in makers for part in each.makers) or any(
            part in models for part in each.models
        ):
            return each
    return GENERIC


def vendor_of_file(module: Path) -> VendorProfile:
    """By the name of the module's file alone: before it is started there is nothing else."""
    for each in VENDORS:
        if module.name in each.modules:
            return each
    return GENERIC


def start_module(module: Path, directory: Path | None = None) -> Library:
    """Load and initialise it, told what its vendor's module must be told.

    `directory` is where such a module keeps its tokens. Raises HsmUnreachable.
    """
    return Library(module, reserved=reserved_text(module, directory))


def reserved_text(module: Path, directory: Path | None) -> str:
    """What C_Initialize is told. Raises HsmUnreachable when a directory is missing or odd."""
    template = vendor_of_file(module).reserved
    if not template:
        return ""
    if directory is None or not directory.is_dir():
        raise HsmUnreachable(
            f"{module.name} must be told where its tokens are",
            found=str(directory or "no directory"),
            expected="an existing directory",
            hint="name it with --token-directory",
        )
    place = str(directory.resolve())
    if any(each in place for each in "'\"\\\n"):
        raise HsmUnreachable("the token directory's name has quotation marks", found=place)
    return template.format(directory=place)
