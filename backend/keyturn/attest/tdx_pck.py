"""The provisioning certification key's certificate: which platform it is, with which TCB.

Source: Intel SGX PCK Certificate and Certificate Revocation List Profile Specification, SGX
Extensions below 1.2.840.113741.1.13.1. Certificates of the Processor CA have the first five;
those of the Platform CA (multi-package platforms) have a platform instance id and a configuration
as well. An extension that the profile does not name is refused.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from keyturn.attest import der
from keyturn.attest.certificates import Certificate
from keyturn.attest.der import DerReader
from keyturn.attest.errors import MalformedEvidence

SGX_EXTENSIONS = "1.2.840.113741.1.13.1"
COMPONENTS = 16

_ARC = SGX_EXTENSIONS + "."
_PPID, _TCB, _PCE_ID, _FMSPC = _ARC + "1", _ARC + "2", _ARC + "3", _ARC + "4"
_SGX_TYPE, _INSTANCE, _CONFIGURATION = _ARC + "5", _ARC + "6", _ARC + "7"
_PCE_SVN, _CPU_SVN = _TCB + ".17", _TCB + ".18"
_DYNAMIC, _CACHED_KEYS, _SMT = (f"{_CONFIGURATION}.{n}" for n in (1, 2, 3))
_ALWAYS = frozenset({_PPID, _TCB, _PCE_ID, _FMSPC, _SGX_TYPE})
_OF_PLATFORM = _ALWAYS | {_INSTANCE, _CONFIGURATION}
_WHAT = "PCK certificate's SGX extensions"


class PckCa(Enum):
    """Which authority issued it; each has its own revocation list."""

    PROCESSOR = "Processor"
    PLATFORM = "Platform"

    @property
    def common_name(self) -> str:
        return f"Intel SGX PCK {self.value} CA"


class SgxType(Enum):
    """How memory is protected."""

    STANDARD = 0
    SCALABLE = 1
    SCALABLE_WITH_INTEGRITY = 2


@dataclass(frozen=True, slots=True)
class PlatformConfiguration:
    """What a registered platform may do: add packages later, keep its keys at Intel, run SMT.

    None: the certificate does not say.
    """

    dynamic_platform: bool | None = None
    cached_keys: bool | None = None
    smt: bool | None = None


@dataclass(frozen=True, slots=True)
class Pck:
    """What a verified PCK certificate says. `components`: 16 SVNs of the SGX TCB."""

    ca: PckCa
    ppid: bytes
    components: tuple[int, ...]
    pce_svn: int
    cpu_svn: bytes
    pce_id: bytes
    fmspc: bytes
    sgx_type: SgxType
    platform_instance_id: bytes | None
    configuration: PlatformConfiguration
    not_before: datetime
    not_after: datetime
    digest: bytes


def read_pck(certificate: Certificate, ca: PckCa) -> Pck:
    """Read the extensions of a PCK certificate whose chain was verified.

    Raises MalformedEvidence where one is missing, wrong or unknown.
    """
    extension = certificate.extensions.get(SGX_EXTENSIONS)
    if extension is None:
        raise MalformedEvidence("PCK certificate has no SGX extensions", expected=SGX_EXTENSIONS)
    reader = DerReader(extension.value, _WHAT)
    found = _pairs(_inside(reader))
    expected = _OF_PLATFORM if ca is PckCa.PLATFORM else _ALWAYS
    if found.keys() != expected:
        raise _wrong_set(found, expected)
    tcb = _pairs(_inside(found[_TCB]))
    names = [f"{_TCB}.{n}" for n in range(1, COMPONENTS + 1)]
    if tcb.keys() != {*names, _PCE_SVN, _CPU_SVN}:
        raise _wrong_set(tcb, {*names, _PCE_SVN, _CPU_SVN})
    return Pck(
        ca=ca,
        ppid=_octets(found[_PPID], 16),
        components=tuple(_svn(tcb[name], 0xFF) for name in names),
        pce_svn=_svn(tcb[_PCE_SVN], 0xFFFF),
        cpu_svn=_octets(tcb[_CPU_SVN], 16),
        pce_id=_octets(found[_PCE_ID], 2),
        fmspc=_octets(found[_FMSPC], 6),
        sgx_type=_sgx_type(found[_SGX_TYPE]),
        platform_instance_id=_octets(found[_INSTANCE], 16) if _INSTANCE in found else None,
        configuration=_configuration(found),
        not_before=certificate.not_before,
        not_after=certificate.not_after,
        digest=certificate.digest,
    )


def _inside(reader: DerReader) -> DerReader:
    """A reader of the one SEQUENCE that stands here."""
    inner = reader.inside(der.SEQUENCE)
    reader.done()
    return inner


def _pairs(listed: DerReader) -> dict[str, DerReader]:
    """SEQUENCE OF SEQUENCE { OID, ANY } as a map; each reader stands before its value."""
    found: dict[str, DerReader] = {}
    while listed.tag is not None:
        pair = listed.inside(der.SEQUENCE)
        oid = pair.oid()
        if oid in found:
            raise MalformedEvidence(f"{_WHAT}: {oid} stands twice")
        found[oid] = pair
    return found


def _wrong_set(found: Mapping[str, object], expected: frozenset[str] | set[str]) -> Exception:
    missing, extra = sorted(expected - found.keys()), sorted(found.keys() - expected)
    return MalformedEvidence(
        f"{_WHAT} are not those of its kind",
        found=f"without {missing[0]}" if missing else f"with {extra[0]}",
        expected=f"{len(expected)} extensions",
    )


def _octets(reader: DerReader, size: int) -> bytes:
    value = reader.element(der.OCTET_STRING)
    reader.done()
    if len(value) != size:
        raise MalformedEvidence(
            f"{_WHAT}: a value has the wrong size",
            found=f"{len(value)} bytes",
            expected=f"{size} bytes",
        )
    return value


def _svn(reader: DerReader, high: int) -> int:
    value = reader.integer()
    reader.done()
    if not 0 <= value <= high:
        raise MalformedEvidence(f"{_WHAT}: no version number", found=f"more than {high} or below 0")
    return value


def _sgx_type(reader: DerReader) -> SgxType:
    value = reader.enumerated()
    reader.done()
    try:
        return SgxType(value)
    except ValueError as error:
        raise MalformedEvidence(
            f"{_WHAT}: SGX type is not known", found=str(value), expected="0, 1 or 2"
        ) from error


def _configuration(found: Mapping[str, DerReader]) -> PlatformConfiguration:
    if _CONFIGURATION not in found:
        return PlatformConfiguration()
    flags = _pairs(_inside(found[_CONFIGURATION]))
    known = {_DYNAMIC, _CACHED_KEYS, _SMT}
    if not flags.keys() <= known:
        raise _wrong_set(flags, known)
    return PlatformConfiguration(*(_flag(flags.get(oid)) for oid in (_DYNAMIC, _CACHED_KEYS, _SMT)))


def _flag(reader: DerReader | None) -> bool | None:
    if reader is None:
        return None
    value = reader.boolean()
    reader.done()
    return value
