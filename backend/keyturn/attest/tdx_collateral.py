"""Intel's collateral for a TDX quote: TCB info, identity of the TD QE, lists, issuer chains.

Sources: Intel PCS API v4 ("Get TDX TCB Info" with TCB info version 3, "Get TDX QE Identity" with
enclave identity version 2, "Get PCK CRL", "Get Root CA CRL"). Intel signs the text of a document,
so exact bytes are kept. A field that has no name here is passed over, not refused: Intel adds
fields within a version (`tdxModuleIdentities` came so), and the text is signed as a whole.
"""

from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum

from keyturn.attest.certificates import pem_certificates
from keyturn.attest.chains import Parsed
from keyturn.attest.crl import Crl, parse_crl
from keyturn.attest.errors import MalformedEvidence
from keyturn.base.encoding import sha256
from keyturn.base.errors import MalformedError
from keyturn.base.strictjson import Fields, parse_object
from keyturn.base.times import parse_time

MAX_COLLATERAL = 16 << 20
MAX_DOCUMENT = 256 << 10
TDX, TD_QE = "TDX", "TD_QE"
TCB_INFO_VERSION = 3
QE_IDENTITY_VERSION = 2
_COMPONENTS = 16
_MAX_LEVELS = 256


class TcbStatus(Enum):
    """How Intel judges one TCB level (PCS API v4), and what a relaunch would mend (QVL)."""

    UP_TO_DATE = "UpToDate"
    SW_HARDENING_NEEDED = "SWHardeningNeeded"
    CONFIGURATION_NEEDED = "ConfigurationNeeded"
    CONFIGURATION_AND_SW_HARDENING_NEEDED = "ConfigurationAndSWHardeningNeeded"
    OUT_OF_DATE = "OutOfDate"
    OUT_OF_DATE_CONFIGURATION_NEEDED = "OutOfDateConfigurationNeeded"
    REVOKED = "Revoked"
    TD_RELAUNCH_ADVISED = "TDRelaunchAdvised"
    TD_RELAUNCH_ADVISED_CONFIGURATION_NEEDED = "TDRelaunchAdvisedConfigurationNeeded"


# What a document may say. A module or a QE has no configuration: it is current, old or revoked.
_OF_PLATFORM = frozenset(
    each for each in TcbStatus if not each.value.startswith("TDRelaunchAdvised")
)
_OF_ENCLAVE = frozenset({TcbStatus.UP_TO_DATE, TcbStatus.OUT_OF_DATE, TcbStatus.REVOKED})


@dataclass(frozen=True, slots=True)
class TcbLevel:
    """One level of a platform: the least SVNs, and what Intel says of a platform that has them."""

    sgx: tuple[int, ...]
    pce_svn: int
    tdx: tuple[int, ...]
    status: TcbStatus
    date: datetime
    advisories: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SvnLevel:
    """One level of a TDX module or of the QE: the least ISVSVN."""

    isv_svn: int
    status: TcbStatus
    date: datetime
    advisories: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ModuleIdentity:
    """Who made a TDX module. `levels` is empty for version 0, whose SVNs stand in the platform's.

    `attributes` and `mask` are SEAM attributes, 8 bytes each.
    """

    module_id: str
    mr_signer: bytes
    attributes: bytes
    mask: bytes
    levels: tuple[SvnLevel, ...]


@dataclass(frozen=True, slots=True)
class TcbInfo:
    """What Intel says of all platforms of one FMSPC. `module` None: TCB info of SGX."""

    tcb_id: str
    issued: datetime
    next_update: datetime
    fmspc: bytes
    pce_id: bytes
    evaluation_number: int
    module: ModuleIdentity | None
    modules: tuple[ModuleIdentity, ...]
    levels: tuple[TcbLevel, ...]


@dataclass(frozen=True, slots=True)
class QeIdentity:
    """Which enclave Intel's quoting enclave is, under masks."""

    qe_id: str
    issued: datetime
    next_update: datetime
    evaluation_number: int
    misc_select: int
    misc_select_mask: int
    attributes: bytes
    attributes_mask: bytes
    mr_signer: bytes
    isv_prod_id: int
    levels: tuple[SvnLevel, ...]


@dataclass(frozen=True, slots=True)
class TdxCollateral:
    """Intel's endorsements for one quote. None of it is believed unchecked.

    Documents are their exact signed text, signatures 64 bytes r || s, lists DER, chains DER with
    the issuer first and the root last. `digest` is of all of them, SHA-256.
    """

    tcb_info: bytes = field(repr=False)
    tcb_info_signature: bytes = field(repr=False)
    tcb_info_chain: tuple[bytes, ...] = field(repr=False)
    qe_identity: bytes = field(repr=False)
    qe_identity_signature: bytes = field(repr=False)
    qe_identity_chain: tuple[bytes, ...] = field(repr=False)
    root_crl: bytes = field(repr=False)
    pck_crl: bytes = field(repr=False)
    pck_crl_chain: tuple[bytes, ...] = field(repr=False)
    digest: bytes = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        texts = (
            self.tcb_info,
            self.tcb_info_signature,
            self.qe_identity,
            self.qe_identity_signature,
            self.root_crl,
            self.pck_crl,
        )
        chains = (self.tcb_info_chain, self.qe_identity_chain, self.pck_crl_chain)
        digests = [sha256(each) for each in texts]
        digests += [sha256(b"".join(map(sha256, each))) for each in chains]
        object.__setattr__(self, "digest", sha256(b"".join(digests)))


@dataclass(frozen=True, slots=True)
class Documents:
    """The collateral as it reads; whether any of it is believed is for a verifier to say."""

    info: TcbInfo
    identity: QeIdentity
    root_list: Crl
    pck_list: Crl
    spans: tuple[tuple[str, datetime, datetime], ...] = field(init=False, repr=False, compare=False)
    """What each is, and from when until when it is current."""
    until: str = field(init=False, repr=False, compare=False)
    """The first end, in words."""

    def __post_init__(self) -> None:
        info, identity, lists = self.info, self.identity, (self.pck_list, self.root_list)
        spans = (
            ("TCB info", info.issued, info.next_update),
            ("QE identity", identity.issued, identity.next_update),
            ("PCK list", lists[0].this_update, lists[0].next_update),
            ("root CA's list", lists[1].this_update, lists[1].next_update),
        )
        object.__setattr__(self, "spans", spans)
        first = min(until for _, _, until in spans)
        object.__setattr__(self, "until", f"until {first.isoformat()}")


def read_documents(collateral: TdxCollateral, parsed: Parsed[Documents] | None) -> Documents:
    """Read the documents and lists, or find them as they were read. Raises MalformedEvidence."""
    found = parsed.find(collateral.digest) if parsed is not None else None
    if found is not None:
        return found
    return Documents(
        parse_tcb_info(collateral.tcb_info),
        parse_qe_identity(collateral.qe_identity),
        parse_crl(collateral.root_crl),
        parse_crl(collateral.pck_crl),
    )


def remember_documents(
    collateral: TdxCollateral, documents: Documents, parsed: Parsed[Documents]
) -> None:
    """Keep what was read. Only for documents that Intel signed: others could be any number."""
    parsed.remember(collateral.digest, documents)


def read_collateral(raw: bytes) -> TdxCollateral:
    """Read a set in the JSON form of `dcap-qvl`: texts, PEM chains, signatures and lists in hex.

    Raises MalformedEvidence, also for a field that is missing or has no name here.
    """
    try:
        fields = parse_object(raw, limit=MAX_COLLATERAL, what="TDX collateral")
        found = TdxCollateral(
            tcb_info=_document(fields, "tcb_info"),
            tcb_info_signature=fields.hex("tcb_info_signature", size=64),
            tcb_info_chain=_chain(fields, "tcb_info_issuer_chain"),
            qe_identity=_document(fields, "qe_identity"),
            qe_identity_signature=fields.hex("qe_identity_signature", size=64),
            qe_identity_chain=_chain(fields, "qe_identity_issuer_chain"),
            root_crl=fields.hex("root_ca_crl", limit=4 << 20),
            pck_crl=fields.hex("pck_crl", limit=4 << 20),
            pck_crl_chain=_chain(fields, "pck_crl_issuer_chain"),
        )
        fields.done()
        return found
    except MalformedError as error:
        raise _as_evidence(error) from error


def parse_tcb_info(raw: bytes) -> TcbInfo:
    """Read the text of a TCB info, version 3, of TDX or SGX. Raises MalformedEvidence."""
    try:
        return _tcb_info(parse_object(raw, limit=MAX_DOCUMENT, what="TCB info"))
    except MalformedError as error:
        raise _as_evidence(error) from error


def parse_qe_identity(raw: bytes) -> QeIdentity:
    """Read the text of an enclave identity, version 2. Raises MalformedEvidence."""
    try:
        return _qe_identity(parse_object(raw, limit=MAX_DOCUMENT, what="QE identity"))
    except MalformedError as error:
        raise _as_evidence(error) from error


def _as_evidence(error: MalformedError) -> MalformedEvidence:
    if isinstance(error, MalformedEvidence):
        return error
    return MalformedEvidence(error.message, found=error.found, expected=error.expected)


def _document(fields: Fields, name: str) -> bytes:
    return fields.text(name, limit=MAX_DOCUMENT).encode()


def _chain(fields: Fields, name: str) -> tuple[bytes, ...]:
    return pem_certificates(fields.text(name, limit=64 << 10).encode())


def _tcb_info(fields: Fields) -> TcbInfo:
    tcb_id = fields.text("id", limit=16)
    fields.literal("version", TCB_INFO_VERSION)
    fields.literal("tcbType", 0)
    of_tdx = tcb_id == TDX
    module = _module(fields.fields("tdxModule"), "TDX_00") if of_tdx else None
    modules: tuple[ModuleIdentity, ...] = ()
    if of_tdx and fields.has("tdxModuleIdentities"):
        listed = fields.objects("tdxModuleIdentities", limit=_MAX_LEVELS)
        modules = tuple(_named_module(each) for each in listed)
    if len({each.module_id for each in modules}) != len(modules):
        raise MalformedEvidence("TCB info names a TDX module twice")
    return TcbInfo(
        tcb_id=tcb_id,
        issued=_time(fields, "issueDate"),
        next_update=_time(fields, "nextUpdate"),
        fmspc=_hex(fields, "fmspc", 6),
        pce_id=_hex(fields, "pceId", 2),
        evaluation_number=fields.integer("tcbEvaluationDataNumber", high=0xFFFFFFFF),
        module=module,
        modules=modules,
        levels=tuple(_level(each, of_tdx) for each in _listed(fields, "tcbLevels")),
    )


def _qe_identity(fields: Fields) -> QeIdentity:
    fields.literal("version", QE_IDENTITY_VERSION)
    return QeIdentity(
        qe_id=fields.text("id", limit=16),
        issued=_time(fields, "issueDate"),
        next_update=_time(fields, "nextUpdate"),
        evaluation_number=fields.integer("tcbEvaluationDataNumber", high=0xFFFFFFFF),
        # The text has the bytes in the report's order, which is little endian.
        misc_select=int.from_bytes(_hex(fields, "miscselect", 4), "little"),
        misc_select_mask=int.from_bytes(_hex(fields, "miscselectMask", 4), "little"),
        attributes=_hex(fields, "attributes", 16),
        attributes_mask=_hex(fields, "attributesMask", 16),
        mr_signer=_hex(fields, "mrsigner", 32),
        isv_prod_id=fields.integer("isvprodid", high=0xFFFF),
        levels=tuple(_svn_level(each, 0xFFFF) for each in _listed(fields, "tcbLevels")),
    )


def _module(fields: Fields, module_id: str, levels: tuple[SvnLevel, ...] = ()) -> ModuleIdentity:
    return ModuleIdentity(
        module_id=module_id,
        mr_signer=_hex(fields, "mrsigner", 48),
        attributes=_hex(fields, "attributes", 8),
        mask=_hex(fields, "attributesMask", 8),
        levels=levels,
    )


def _named_module(fields: Fields) -> ModuleIdentity:
    levels = tuple(_svn_level(each, 0xFF) for each in _listed(fields, "tcbLevels"))
    return _module(fields, fields.text("id", limit=16).upper(), levels)


def _level(fields: Fields, of_tdx: bool) -> TcbLevel:
    tcb = fields.fields("tcb")
    status, date, advisories = _judgement(fields, _OF_PLATFORM)
    return TcbLevel(
        sgx=_components(tcb, "sgxtcbcomponents"),
        pce_svn=tcb.integer("pcesvn", high=0xFFFF),
        tdx=_components(tcb, "tdxtcbcomponents") if of_tdx else (),
        status=status,
        date=date,
        advisories=advisories,
    )


def _svn_level(fields: Fields, high: int) -> SvnLevel:
    status, date, advisories = _judgement(fields, _OF_ENCLAVE)
    svn = fields.fields("tcb").integer("isvsvn", high=high)
    return SvnLevel(isv_svn=svn, status=status, date=date, advisories=advisories)


def _judgement(
    fields: Fields, known: frozenset[TcbStatus]
) -> tuple[TcbStatus, datetime, tuple[str, ...]]:
    status = fields.choice("tcbStatus", TcbStatus)
    if status not in known:
        raise MalformedEvidence(
            f"{fields.what}: a status that does not belong here", found=status.value
        )
    advisories = fields.texts("advisoryIDs", limit=1000) if fields.has("advisoryIDs") else ()
    return status, _time(fields, "tcbDate"), advisories


def _components(fields: Fields, name: str) -> tuple[int, ...]:
    listed = fields.objects(name, limit=_COMPONENTS)
    if len(listed) != _COMPONENTS:
        raise MalformedEvidence(
            f"{fields.what}: {name} are another number",
            found=str(len(listed)),
            expected=str(_COMPONENTS),
        )
    return tuple(each.integer("svn", high=0xFF) for each in listed)


def _listed(fields: Fields, name: str) -> list[Fields]:
    listed = fields.objects(name, limit=_MAX_LEVELS)
    if not listed:
        raise MalformedEvidence(f"{fields.what}: {name} are empty")
    return listed


def _hex(fields: Fields, name: str, size: int) -> bytes:
    """Hex in either case: Intel's own documents differ in it."""
    text = fields.text(name, limit=2 * size)
    if len(text) != 2 * size or any(each not in "0123456789abcdefABCDEF" for each in text):
        raise MalformedEvidence(
            f"{fields.what}: field '{name}' is wrong",
            found=repr(text),
            expected=f"{2 * size} hex digits",
        )
    return bytes.fromhex(text)


def _time(fields: Fields, name: str) -> datetime:
    return parse_time(fields.text(name, limit=40), what=f"{fields.what}: {name}")
