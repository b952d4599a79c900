"""The certificate chain of an NVIDIA device: five certificates, to the pinned root.

Leaf first: firmware (FMC LF), boot ROM (BROM), Provisioner ICA, Identity, Device Identity CA.
What kind of device and which chip it is stands in the names of the first two, which NVIDIA's
CA and the device's boot ROM signed. Source: NVIDIA nvtrust, attestation-sdk, recorded chains.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache

from keyturn.attest import der
from keyturn.attest.anchors import Anchor, TrustAnchors, Vendor
from keyturn.attest.certificates import Certificate, parse_certificate
from keyturn.attest.chains import (
    ChainCache,
    chain_key,
    check_path_lengths,
    read_root,
    verified_link,
    verified_root,
)
from keyturn.attest.der import DerReader
from keyturn.attest.errors import REFUSALS, Reason, UntrustedEvidence
from keyturn.attest.nvidia_fwid import FwidExtension

CHAIN_LENGTH = 5
_SERIAL_NUMBER = "2.5.4.5"
_TEXTS = (der.UTF8_STRING, 0x13)  # UTF8String, PrintableString
_PDI_SERIAL = re.compile(r"(41|50)([0-9A-F]{16})\Z")  # of a GPU, of a switch


class DeviceKind(Enum):
    """The processor that signs is a GPU's GSP or a switch's FSP."""

    GPU = "gpu"
    SWITCH = "switch"


class Architecture(Enum):
    HOPPER = "hopper"
    BLACKWELL = "blackwell"
    LS10 = "ls10"


_NAMES = {
    DeviceKind.GPU: re.compile(r"(G[HB][0-9]{3}) [A-Z][0-9]{2} GSP (FMC LF|BROM)\Z"),
    DeviceKind.SWITCH: re.compile(r"(LS_10) [A-Z][0-9]{2} FSP (FMC LF|BROM)\Z"),
}
_ARCHITECTURES = {
    "GH": (Architecture.HOPPER, FwidExtension.COMPOSITE_DEVICE_ID),
    "GB": (Architecture.BLACKWELL, FwidExtension.DICE_TCB_INFO),
    "LS": (Architecture.LS10, FwidExtension.COMPOSITE_DEVICE_ID),
}


@dataclass(frozen=True, slots=True)
class Device:
    """What the certified names say. `chip`: GH100, GB100, LS10."""

    kind: DeviceKind
    chip: str
    architecture: Architecture
    fwid_extension: FwidExtension


def find_anchor(chain: Sequence[bytes], anchors: TrustAnchors, cache: ChainCache) -> Anchor:
    """The anchor that the chain ends at. Raises UntrustedEvidence (chain-invalid)."""
    if len(chain) != CHAIN_LENGTH:
        raise UntrustedEvidence(
            "device's certificate chain has the wrong length",
            reason=Reason.CHAIN_INVALID,
            found=f"{len(chain)} certificates",
            expected=f"{CHAIN_LENGTH} certificates",
        )
    root = read_root(chain[-1], cache)
    anchor = anchors.find(Vendor.NVIDIA_DEVICE, root.spki)
    if anchor is None:
        raise UntrustedEvidence(
            f"device's chain ends at '{root.common_name}', which is not a trusted NVIDIA root",
            reason=Reason.CHAIN_INVALID,
            found=root.spki[:16],
            expected=anchors.expected(Vendor.NVIDIA_DEVICE),
        )
    return anchor


@dataclass(frozen=True, slots=True)
class _Path:
    """Verified links and path lengths; what its root is worth is asked anew."""

    path: tuple[Certificate, ...]


def verify_path(chain: Sequence[bytes], cache: ChainCache) -> tuple[Certificate, ...]:
    """Each certificate signed by the next. The caller has asked for the root's anchor."""
    key = chain_key("NVIDIA path", *chain)
    return cache.read_once(key, _Path, lambda: _verify_new_path(chain, cache)).path


def _verify_new_path(chain: Sequence[bytes], cache: ChainCache) -> _Path:
    path = [verified_root(chain[-1], cache)]
    for raw in reversed(chain[:-1]):
        path.append(verified_link(raw, path[-1], cache))
    path.reverse()
    check_path_lengths(path)
    return _Path(tuple(path))


def read_path(chain: Sequence[bytes]) -> tuple[Certificate, ...]:
    """The certificates as they were shown, for explaining a refusal; empty if one cannot be read.

    At most `CHAIN_LENGTH` are read: more prove nothing.
    """
    try:
        return tuple(parse_certificate(raw) for raw in chain[:CHAIN_LENGTH])
    except REFUSALS:
        return ()


def shown_path(chain: Sequence[bytes], cache: ChainCache) -> tuple[Certificate, ...]:
    """As `read_path`; what was verified before is not read again."""
    known = cache.recall(chain_key("NVIDIA path", *chain), _Path)
    return known.path if known is not None else read_path(chain)


def check_device(path: Sequence[Certificate], anchor: Anchor, kind: DeviceKind) -> Device:
    """What the path certifies. Raises UntrustedEvidence (wrong-device-kind)."""
    leaf, brom = (anchor.plain_name(certificate.common_name) for certificate in path[:2])
    found = device_named(leaf, brom)
    if found is None or found.kind is not kind:
        raise UntrustedEvidence(
            f"certificate chain is not one of a {kind.value}",
            reason=Reason.WRONG_DEVICE_KIND,
            found=f"'{leaf}' under '{brom}'",
            expected=f"'<chip> {'GSP' if kind is DeviceKind.GPU else 'FSP'} FMC LF' of a known "
            "chip under the same chip's boot ROM",
        )
    return found


def device_named(leaf: str, brom: str) -> Device | None:
    """The device of these two names; None where no such device is known here."""
    for kind, pattern in _NAMES.items():
        match, above = pattern.match(leaf), pattern.match(brom)
        if match and above and match[1] == above[1] and (match[2], above[2]) == ("FMC LF", "BROM"):
            architecture, extension = _ARCHITECTURES[match[1][:2]]
            return Device(kind, match[1].replace("_", ""), architecture, extension)
    return None


def certified_pdi(brom: Certificate) -> bytes | None:
    """8 bytes: the device's PDI, in the byte order in which switches report it.

    Recorded boot ROM certificates have it as their subject's serialNumber, after one byte for
    the kind of device; None where one has not.
    """
    try:
        serial = _serial_of(brom.subject)
    except REFUSALS:
        return None
    match = _PDI_SERIAL.match(serial)
    return bytes.fromhex(match[2]) if match else None


@lru_cache(maxsize=4096)
def _serial_of(name: bytes) -> str:
    """The serialNumber attribute of a Name; empty where there is none."""
    sets = DerReader(name, "name").inside(der.SEQUENCE)
    while sets.tag is not None:
        attributes = sets.inside(der.SET)
        pair = attributes.inside(der.SEQUENCE)
        if pair.oid() == _SERIAL_NUMBER and pair.tag in _TEXTS:
            return pair.element(pair.tag).decode("latin-1")
    return ""
