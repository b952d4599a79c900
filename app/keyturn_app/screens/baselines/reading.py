"""Files read and proved away from the window's thread, for a draft. No Qt in here."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from keyturn.attest.certificates import pem_certificates
from keyturn.attest.eventlog import MAX_LOG, parse_event_log
from keyturn.base.encoding import parse_digest
from keyturn.client.baselines import (
    MAX_RIM,
    Term,
    of_corim,
    of_event_log,
    of_firmware,
    of_manifests,
    of_tdvf,
)
from keyturn.client.offline import read_file
from keyturn.client.snplaunch import MAX_FIRMWARE, MAX_PART, SnpLaunch
from keyturn.policy.by_hand import (
    MalformedValue,
    gpu_by_hand,
    origin_by_hand,
    snp_by_hand,
    switch_by_hand,
    tdx_by_hand,
)
from keyturn.policy.trust import anchors_in_force
from keyturn.quorum.reference_bodies import ReferenceValues
from keyturn.quorum.state import AuthorityState
from keyturn.quorum.tee_rules import TdRegister
from keyturn.quorum.tpm_bodies import PcrBank
from keyturn.rim.tdvf import MAX_IMAGE, PageOrder
from keyturn_app.i18n import _
from keyturn_app.screens.baselines.items import keys_of
from keyturn_app.screens.baselines.pool import Pool, pool_of_log, whole_choice
from keyturn_app.screens.baselines.sources import Filled, Source
from keyturn_app.screens.baselines.standing import ValueKind
from keyturn_app.tasks import Job, Progress, Work

Tell = Callable[[Progress], None]


class Reader:
    """Reads one file after the other, and says which; stops between two."""

    def __init__(self, filled: Filled, job: Job, tell: Tell) -> None:
        self._filled, self._job, self._tell = filled, job, tell
        self._total = 1 + sum(bool(filled.get(each)) for each in _FILES)
        self._done = 0

    def file(self, name: str, limit: int) -> bytes:
        """Raises FileUnusable, Cancelled."""
        path = Path(self._filled.get(name, ""))
        self.step(_("Reading {name}").format(name=path.name))
        return read_file(path, limit)

    def maybe(self, name: str, limit: int) -> bytes | None:
        return self.file(name, limit) if self._filled.get(name) else None

    def step(self, text: str) -> None:
        self._job.check()
        self._tell(Progress(self._done, self._total, text))
        self._done += 1


_FILES = ("first", "second", "root", "corim", "key", "image", "kernel", "initrd", "log")


def reading(source: Source, filled: Filled, state: AuthorityState, now: datetime) -> Work[Pool]:
    """The work that reads a source. It raises KeyturnError, each with what it found."""

    def work(job: Job, tell: Tell) -> Pool:
        reader = Reader(filled, job, tell)
        found = _READ[source](reader, filled, state, Term(now))
        job.check()
        return found

    return work


def _whole(values: ReferenceValues) -> Pool:
    return Pool(values, keys_of(values))


def _rim(reader: Reader, filled: Filled, state: AuthorityState, term: Term) -> Pool:
    files = [reader.file("first", MAX_RIM)]
    if filled.get("second"):
        files.append(reader.file("second", MAX_RIM))
    root = reader.maybe("root", MAX_RIM)
    roots = () if root is None else tuple(pem_certificates(root))
    reader.step(_("Verifying signatures and chains"))
    anchors, _statement = anchors_in_force(state, term.obtained)
    return _whole(of_manifests(files, anchors, roots, term))


def _corim(reader: Reader, filled: Filled, _state: AuthorityState, term: Term) -> Pool:
    named = parse_digest(filled.get("signer", "").strip(), what=_("signer's digest"))
    raw, key = reader.file("corim", MAX_RIM), reader.file("key", MAX_RIM)
    reader.step(_("Verifying the signature"))
    return _whole(of_corim(raw, key, named, term))


def _firmware(reader: Reader, filled: Filled, _state: AuthorityState, term: Term) -> Pool:
    launch = SnpLaunch(
        _number(filled.get("cpus", ""), _("virtual CPUs")),
        filled.get("cpu", ""),
        _number(filled.get("features", ""), _("guest features")),
        filled.get("vmm", ""),
        reader.maybe("kernel", MAX_PART),
        reader.maybe("initrd", MAX_PART),
        filled.get("append", ""),
    )
    image = reader.file("image", MAX_FIRMWARE)
    reader.step(_("Computing the launch measurement"))
    return _whole(of_firmware(image, launch, term))


def _tdvf(reader: Reader, filled: Filled, _state: AuthorityState, term: Term) -> Pool:
    image = reader.file("image", MAX_IMAGE)
    reader.step(_("Computing MRTD"))
    return _whole(of_tdvf(image, PageOrder(filled.get("order", "")), term))


def _log(reader: Reader, filled: Filled, _state: AuthorityState, term: Term) -> Pool:
    bank = PcrBank(filled.get("bank", ""))
    raw = reader.file("log", MAX_LOG)
    reader.step(_("Reading the events"))
    log = parse_event_log(raw)
    return pool_of_log(of_event_log(raw, whole_choice(log, bank), term), log, bank)


def _by_hand(reader: Reader, filled: Filled, _state: AuthorityState, term: Term) -> Pool:
    reader.step(_("Reading the values"))
    origin = origin_by_hand(filled.get("why", ""), term.obtained, None)
    kind = ValueKind(filled.get("what", ""))
    lines = [each.strip() for each in filled.get("values", "").splitlines() if each.strip()]
    if kind is ValueKind.SNP:
        return _whole(snp_by_hand(lines, origin))
    pairs = _pairs(lines)
    if kind is ValueKind.TDX:
        return _whole(tdx_by_hand(_registers(pairs), origin))
    measured = {_number(name, _("index")): value for name, value in pairs.items()}
    architecture, vbios = (filled.get(each, "").strip() for each in ("architecture", "vbios"))
    if kind is ValueKind.SWITCH:
        return _whole(switch_by_hand(architecture, vbios, measured, origin))
    return _whole(
        gpu_by_hand(architecture, filled.get("driver", "").strip(), vbios, measured, origin)
    )


def _pairs(lines: list[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for line in lines:
        name, equals, value = (part.strip() for part in line.partition("="))
        if not equals or not value:
            raise MalformedValue(_("a line is not name=hex"), found=line[:60])
        if name.lower() in found:
            raise MalformedValue(_("a name stands twice"), found=name[:60])
        found[name.lower()] = value
    return found


def _registers(pairs: dict[str, str]) -> dict[TdRegister, str]:
    known = {each.value: each for each in TdRegister}
    for name in pairs:
        if name not in known:
            raise MalformedValue(_("no such register"), found=name[:60], expected=", ".join(known))
    return {known[name]: value for name, value in pairs.items()}


def _number(text: str, what: str) -> int:
    try:
        return int(text.strip()[:20], 0)
    except ValueError:
        raise MalformedValue(
            _("{what}: not a number").format(what=what),
            found=text[:40],
            expected=_("a number such as 4 or 0x1"),
        ) from None


_READ: dict[Source, Callable[[Reader, Filled, AuthorityState, Term], Pool]] = {
    Source.RIM: _rim,
    Source.CORIM: _corim,
    Source.FIRMWARE: _firmware,
    Source.TDVF: _tdvf,
    Source.EVENT_LOG: _log,
    Source.BY_HAND: _by_hand,
}
