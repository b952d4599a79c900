"""Which of Intel's TCB levels a platform, its TDX module and its QE have, and what that means.

Source: Intel SGX and TDX DCAP Quote Verification Library, §4.1.2.5.2 (levels, TDX module,
converged status) and §4.1.2.5.1.20 (the module that runs now, TD relaunch). Levels stand in the
documents from the newest to the oldest; the first that is reached counts.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from operator import ge

from keyturn.attest.errors import Reason, UntrustedEvidence
from keyturn.attest.tdx_collateral import (
    ModuleIdentity,
    QeIdentity,
    SvnLevel,
    TcbInfo,
    TcbLevel,
    TcbStatus,
)
from keyturn.attest.tdx_pck import Pck
from keyturn.attest.tdx_quote import QeReport, TdReport

_UP = TcbStatus.UP_TO_DATE
_HARDEN = TcbStatus.SW_HARDENING_NEEDED
_CONFIGURE = TcbStatus.CONFIGURATION_NEEDED
_CONFIGURE_HARDEN = TcbStatus.CONFIGURATION_AND_SW_HARDENING_NEEDED
_OLD = TcbStatus.OUT_OF_DATE
_OLD_CONFIGURE = TcbStatus.OUT_OF_DATE_CONFIGURATION_NEEDED

_AGED = {_UP: _OLD, _HARDEN: _OLD, _CONFIGURE: _OLD_CONFIGURE, _CONFIGURE_HARDEN: _OLD_CONFIGURE}
"""What a platform's status becomes when its module or its QE is out of date."""


@dataclass(frozen=True, slots=True)
class TdxTcb:
    """The levels that were reached; None: none was.

    `module_version` is 0 where the TDX module's SVNs are judged with the platform's; then there is
    no level of the module. These are of the module that launched the TD; `current` is the status
    with the module that runs now, which only a report of TDX 1.5 shows (None: it does not).
    `status` None: some part reaches no level, then or now, so Intel supports it no more.
    """

    platform: TcbLevel | None
    module_version: int
    module: SvnLevel | None
    qe: SvnLevel | None
    current: TcbStatus | None
    status: TcbStatus | None

    @property
    def _parts(self) -> tuple[TcbLevel | SvnLevel, ...]:
        return tuple(each for each in (self.platform, self.module, self.qe) if each is not None)

    @property
    def advisories(self) -> tuple[str, ...]:
        """Intel's advisories that are not mended, of all parts, each once."""
        listed = [part.advisories for part in self._parts]
        return tuple(dict.fromkeys(itertools.chain.from_iterable(listed)))

    @property
    def date(self) -> datetime | None:
        """The oldest part's date: everything that was mended before is in."""
        return min((part.date for part in self._parts), default=None)


def find_module(info: TcbInfo, version: int) -> ModuleIdentity | None:
    """The identity of TDX modules of this version (second byte of TEE_TCB_SVN)."""
    if version == 0:
        return info.module
    wanted = f"TDX_{version:02X}"
    return next((each for each in info.modules if each.module_id == wanted), None)


def check_module(report: TdReport, info: TcbInfo) -> ModuleIdentity:
    """Who made the TDX module, which Intel says in its TCB info.

    Raises UntrustedEvidence (tdx-module-mismatch) for an unknown version, at launch or now, another
    signer, any SEAM attribute, or others than the identity's under its mask.
    """
    identity = _known_module(info, report.tee_tcb_svn)
    if report.tee_tcb_svn_2 is not None:
        _known_module(info, report.tee_tcb_svn_2)
    if any(report.seam_attributes):  # QVL §4.1.2.4.11.2: no production module has any
        raise _mismatch("SEAM attributes", report.seam_attributes.hex(), "none")
    if report.mr_signer_seam != identity.mr_signer:
        raise _mismatch("signer", report.mr_signer_seam.hex(), identity.mr_signer.hex())
    masked = bytes(a & b for a, b in zip(report.seam_attributes, identity.mask, strict=True))
    if masked != identity.attributes:
        raise _mismatch(
            "SEAM attributes",
            report.seam_attributes.hex(),
            f"{identity.attributes.hex()} under mask {identity.mask.hex()}",
        )
    return identity


def _known_module(info: TcbInfo, svn: bytes) -> ModuleIdentity:
    identity = find_module(info, svn[1])
    if identity is None:
        known = ", ".join(("TDX_00", *(each.module_id for each in info.modules)))
        raise _mismatch("version", f"TDX_{svn[1]:02X}", f"one of {known}")
    return identity


def find_tcb(report: TdReport, qe: QeReport, pck: Pck, info: TcbInfo, ident: QeIdentity) -> TdxTcb:
    """Select the levels and converge them. A part without a level leaves `status` None."""
    known_qe = _svn_level(ident.levels, qe.isv_svn)
    launch = _Reached.of(report.tee_tcb_svn, pck, info)
    status, current = launch.converged(known_qe), None
    if report.tee_tcb_svn_2 is not None:
        current = _Reached.of(report.tee_tcb_svn_2, pck, info).converged(known_qe)
        status = _with_current(status, current)
    return TdxTcb(
        platform=launch.platform,
        module_version=report.tee_tcb_svn[1],
        module=launch.module,
        qe=known_qe,
        current=current,
        status=status,
    )


@dataclass(frozen=True, slots=True)
class _Reached:
    """The levels that one array of TEE TCB SVNs reaches on a platform."""

    platform: TcbLevel | None
    module_version: int
    module: SvnLevel | None

    @classmethod
    def of(cls, svn: bytes, pck: Pck, info: TcbInfo) -> "_Reached":
        reached = (e for e in info.levels if _reaches_sgx(pck, e) and _reaches_tdx(svn, e))
        platform = next(reached, None)
        identity = find_module(info, svn[1]) if svn[1] else None
        module = _svn_level(identity.levels, svn[0]) if identity else None
        return cls(platform, svn[1], module)

    def converged(self, qe: SvnLevel | None) -> TcbStatus | None:
        if self.platform is None or qe is None or (self.module_version and self.module is None):
            return None
        module = self.module.status if self.module else _UP
        return converge(converge(self.platform.status, module), qe.status)


def _reaches_sgx(pck: Pck, level: TcbLevel) -> bool:
    return pck.pce_svn >= level.pce_svn and _at_least(pck.components, level.sgx)


def _reaches_tdx(svn: bytes, level: TcbLevel) -> bool:
    """From module version 1 on, the first two SVNs are the module's and judged with it."""
    first = 2 if svn[1] else 0
    return _at_least(svn[first:], level.tdx[first:])


def _at_least(found: Sequence[int], least: Sequence[int]) -> bool:
    return len(found) == len(least) and all(map(ge, found, least))


def _svn_level(levels: Sequence[SvnLevel], svn: int) -> SvnLevel | None:
    return next((each for each in levels if svn >= each.isv_svn), None)


def converge(platform: TcbStatus, part: TcbStatus) -> TcbStatus:
    """A platform's status and that of one part of it (up to date, out of date or revoked)."""
    if part is TcbStatus.REVOKED:
        return part
    return _AGED.get(platform, platform) if part is _OLD else platform


def _with_current(launch: TcbStatus | None, current: TcbStatus | None) -> TcbStatus | None:
    """The TD was launched under one module, which may since have been replaced without ending it.

    What was old at launch and is not now, a relaunch of the TD would mend; until then the old
    module's measurement of the TD is all there is.
    """
    if current is None:
        return None
    if launch not in (_OLD, _OLD_CONFIGURE) or current not in _AGED:
        return launch
    if launch is _OLD_CONFIGURE or current in (_CONFIGURE, _CONFIGURE_HARDEN):
        return TcbStatus.TD_RELAUNCH_ADVISED_CONFIGURATION_NEEDED
    return TcbStatus.TD_RELAUNCH_ADVISED


def _mismatch(what: str, found: str, expected: str) -> UntrustedEvidence:
    return UntrustedEvidence(
        f"TDX module's {what} is not what Intel says",
        reason=Reason.TDX_MODULE_MISMATCH,
        found=found,
        expected=expected,
    )
