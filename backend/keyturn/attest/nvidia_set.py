"""The NVIDIA devices of one machine, together: count, identity, mode and how they are linked.

Each device's own proof comes first (`keyturn.attest.nvidia`). In protected PCIe (PPCIE) every
GPU names the switches that its links lead to, every switch the GPUs it sees, and a boot ROM's
certificate the PDI of its device: all three must say the same. Source: NVIDIA nvtrust
ppcie-verifier topology/validate_topology.py and cc_admin.py (modes); the PDI in the certificates
is from recorded chains.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from keyturn.attest.checks import Check, judge, not_measured
from keyturn.attest.errors import Reason
from keyturn.attest.nvidia_claims import PPCIE, DeviceClaims, GpuClaims, SwitchClaims

_TOPOLOGY = "NVIDIA nvtrust ppcie-verifier"
_GPU_COUNT, _SWITCH_COUNT = "GPU count", "switch count"
COUNTS = frozenset({_GPU_COUNT, _SWITCH_COUNT})
"""The names of the checks of numbers, for whoever has counted otherwise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SetRule:
    """How many of each there must be. `nonce`: the challenge; None: one for all, whichever.

    `own_nonces`: every device was asked with a nonce of its own (our protocol §4.3), which its
    own proof compared; then no one nonce is asked for. `source` names the statement that set the
    numbers.
    """

    gpus: int
    switches: int
    nonce: bytes | None
    source: str
    own_nonces: bool = False


def appraise_set(
    gpus: Sequence[GpuClaims], switches: Sequence[SwitchClaims], rule: SetRule
) -> tuple[Check, ...]:
    """Every check of the set, in the order in which a refusal names them."""
    devices: tuple[DeviceClaims, ...] = (*gpus, *switches)
    return (
        _nonce(devices, rule),
        _distinct("GPUs distinct", gpus),
        _distinct("switches distinct", switches),
        _count(_GPU_COUNT, len(gpus), rule.gpus, rule.source),
        _count(_SWITCH_COUNT, len(switches), rule.switches, rule.source),
        _architecture(gpus),
        _mode(gpus, protected=bool(rule.switches)),
        *(_links(gpus, switches) if switches or rule.switches else ()),
    )


def gpu_links(gpus: Iterable[GpuClaims]) -> tuple[bytes, ...]:
    """The switches that GPUs say they are linked to, in the switches' byte order, sorted."""
    return tuple(sorted({pdi for gpu in gpus for pdi in _linked(gpu)}))


def switch_links(switches: Iterable[SwitchClaims]) -> tuple[bytes, ...]:
    """The GPUs that switches say they see, sorted."""
    return tuple(sorted({pdi for switch in switches for pdi in switch.gpu_pdis}))


def _nonce(devices: Sequence[DeviceClaims], rule: SetRule) -> Check:
    found = {device.nonce for device in devices}
    if rule.own_nonces:
        return judge(
            "own nonces",
            len(found) == len(devices),
            found=f"{len(found)} nonces",
            expected=f"{len(devices)} nonces, each proved with its device",
            source="the verifier's challenge",
            reason=Reason.NONCE_NOT_SHARED,
        )
    met = len(found) == 1 and rule.nonce in (None, *found)
    return judge(
        "one nonce",
        met,
        found=_listed(found),
        expected=rule.nonce.hex() if rule.nonce else "one nonce for all",
        source="the verifier's challenge",
        reason=Reason.NONCE_NOT_SHARED,
    )


def _distinct(name: str, devices: Sequence[DeviceClaims]) -> Check:
    """By certificate and by key: a shipped sample of four switches is one switch four times."""
    shown = [(device.device_id, device.leaf_digest, device.report.signed) for device in devices]
    fewest = min((len(set(each)) for each in zip(*shown, strict=True)), default=0)
    return judge(
        name,
        fewest == len(devices),
        found=f"{fewest} devices",
        expected=f"{len(devices)} devices",
        source=_TOPOLOGY,
        reason=Reason.DUPLICATE_DEVICE,
    )


def _count(name: str, found: int, expected: int, source: str) -> Check:
    return judge(
        name,
        found == expected,
        found=found,
        expected=expected,
        source=source,
        reason=Reason.TOPOLOGY_INCOMPLETE,
    )


def _architecture(gpus: Sequence[GpuClaims]) -> Check:
    found = sorted({gpu.arch for gpu in gpus})
    return judge(
        "one architecture",
        len(found) <= 1,
        found=", ".join(found) or "no GPU",
        expected="one for all GPUs",
        source=_TOPOLOGY,
        reason=Reason.MIXED_ARCHITECTURES,
    )


def _mode(gpus: Sequence[GpuClaims], *, protected: bool) -> Check:
    """Single (SPT) and several GPUs for one tenant (MPT), or PPCIE: never mixed.

    PPCIE sends NVLink's traffic through switches: without them in the set it proves too little.
    """
    found = sorted({gpu.mode for gpu in gpus})
    met = found == [PPCIE] if protected else len(found) <= 1 and PPCIE not in found
    return judge(
        "one mode",
        met,
        found=", ".join(found) or "no GPU",
        expected=PPCIE if protected else "one for all GPUs; PPCIE only with its switches",
        source="NVIDIA nvtrust cc_admin.py",
        reason=Reason.MIXED_MODES,
    )


def _links(gpus: Sequence[GpuClaims], switches: Sequence[SwitchClaims]) -> tuple[Check, ...]:
    own = frozenset(switch.pdi for switch in switches)
    seen = frozenset(switch_links(switches))
    return (
        _all_say("GPUs name the switches", [_linked(gpu) for gpu in gpus], own),
        _all_say("switches name the GPUs", [frozenset(s.gpu_pdis) for s in switches], seen),
        _link(
            "as many GPUs as the switches see",
            len(seen) == len(gpus),
            found=f"{len(gpus)} GPUs",
            expected=f"{len(seen)} GPUs",
        ),
        _certified_gpus(gpus, seen),
        _certified_switches(switches),
    )


def _all_say(name: str, said: Sequence[frozenset[bytes]], expected: frozenset[bytes]) -> Check:
    wrong = [each for each in said if each != expected]
    return _link(
        name,
        bool(expected) and bool(said) and not wrong,
        found=_listed(wrong[0]) if wrong else f"{len(said)} devices say so",
        expected=_listed(expected) or "at least one",
    )


def _certified_gpus(gpus: Sequence[GpuClaims], seen: frozenset[bytes]) -> Check:
    """The GPUs that the switches see are the very ones whose boot ROMs were certified."""
    name = "GPUs certified as seen"
    certified = frozenset(gpu.pdi for gpu in gpus if gpu.pdi is not None)
    if len(certified) < len(gpus):
        return not_measured(
            name, found=f"{len(certified)} of {len(gpus)} certified a PDI", source=_TOPOLOGY
        )
    return _link(name, certified == seen, found=_listed(certified), expected=_listed(seen))


def _certified_switches(switches: Sequence[SwitchClaims]) -> Check:
    name = "switches certified as reported"
    known = [switch for switch in switches if switch.certified_pdi is not None]
    wrong = [switch for switch in known if switch.certified_pdi != switch.pdi]
    if len(known) < len(switches) and not wrong:
        return not_measured(
            name, found=f"{len(known)} of {len(switches)} certified a PDI", source=_TOPOLOGY
        )
    return _link(
        name,
        not wrong,
        found=_listed(switch.pdi for switch in wrong or switches),
        expected=_listed(switch.certified_pdi or b"" for switch in wrong or switches),
    )


def _link(name: str, met: bool, *, found: str, expected: str) -> Check:
    return judge(
        name,
        met,
        found=found,
        expected=expected,
        source=_TOPOLOGY,
        reason=Reason.TOPOLOGY_MISMATCH,
    )


def _linked(gpu: GpuClaims) -> frozenset[bytes]:
    """The switches behind a GPU's links; unused links are zeros."""
    return frozenset(pdi[::-1] for pdi in gpu.switch_pdis if any(pdi))


def _listed(values: Iterable[bytes]) -> str:
    return ", ".join(sorted(value.hex() for value in values))
