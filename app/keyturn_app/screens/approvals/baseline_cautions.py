"""What a careful officer asks of a baseline: what comes, where from, and until when. No Qt."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from keyturn.quorum.origin import Method, Origin
from keyturn.quorum.reference_bodies import ReferenceValues
from keyturn_app import wording
from keyturn_app.i18n import _, n_
from keyturn_app.screens.approvals.outcome import Check, warning
from keyturn_app.screens.approvals.policy_cautions import some

ENDS_SOON = timedelta(days=30)


def baseline_cautions(
    body: ReferenceValues, before: ReferenceValues | None, now: datetime
) -> Iterator[Check]:
    yield from _where_from(body, before)
    yield from _until_when(body, now)
    if before is not None:
        yield from _what_comes(body, before)


def _where_from(body: ReferenceValues, before: ReferenceValues | None) -> Iterator[Check]:
    """Only of values that the version before did not have with just this origin."""
    known = set(_origins(before)) if before is not None else set()
    new = [origin for name, origin in _origins(body) if (name, origin) not in known]
    unsaid = sum(each.provenance is None for each in new)
    by_hand = sum(
        each.provenance is not None and each.provenance.method is Method.BY_HAND for each in new
    )
    if unsaid:
        yield warning(
            n_(
                "{count} value without provenance: only its source is said",
                "{count} values without provenance: only their sources are said",
                unsaid,
            )
        )
    if by_hand:
        yield warning(n_("{count} value by hand", "{count} values by hand", by_hand))


def _until_when(body: ReferenceValues, now: datetime) -> Iterator[Check]:
    ends = [
        origin.provenance.until
        for _name, origin in _origins(body)
        if origin.provenance is not None and origin.provenance.until is not None
    ]
    over = [each for each in ends if each <= now]
    soon = [each for each in ends if now < each <= now + ENDS_SOON]
    if over:
        yield warning(
            n_("{count} value counts no more", "{count} values count no more", len(over)),
            wording.moment(min(over)),
        )
    if soon:
        yield warning(
            n_("{count} value ends soon", "{count} values end soon", len(soon)),
            wording.moment(min(soon)),
        )


def _origins(body: ReferenceValues) -> Iterator[tuple[str, Origin]]:
    """Every value by what it is, with where it comes from."""
    yield from body.snp.items()
    for td in body.tdx:
        registers = sorted((each.value, sorted(values)) for each, values in td.registers.items())
        yield f"td {registers}", td.origin
    for gpu in body.gpu:
        measured = sorted((index, sorted(values)) for index, values in gpu.measurements.items())
        yield f"gpu {gpu.architecture} {gpu.driver} {gpu.vbios} {measured}", gpu.origin
    for switch in body.switches:
        measured = sorted((index, sorted(values)) for index, values in switch.measurements.items())
        yield f"switch {switch.architecture} {switch.bios} {measured}", switch.origin
    for boot in body.tpm:
        pcrs = sorted(
            (bank.value, number, sorted(values))
            for bank, by_number in boot.pcrs.items()
            for number, values in by_number.items()
        )
        yield f"boot {pcrs} {sorted(boot.applications)} {sorted(boot.authorities)}", boot.origin


def _what_comes(body: ReferenceValues, before: ReferenceValues) -> Iterator[Check]:
    """What would pass, and did not before."""
    tds = len([each for each in body.tdx if each not in before.tdx])
    if tds:
        yield warning(n_("{count} other TD", "{count} other TDs", tds))
    gpus = len([each for each in body.gpu if each not in before.gpu])
    if gpus:
        yield warning(n_("{count} other GPU firmware", "{count} other GPU firmwares", gpus))
    switches = len([each for each in body.switches if each not in before.switches])
    if switches:
        yield warning(
            n_("{count} other NVSwitch firmware", "{count} other NVSwitch firmwares", switches)
        )
    boots = len([each for each in body.tpm if each not in before.tpm])
    if boots:
        yield warning(n_("{count} other boot of a TPM", "{count} other boots of TPMs", boots))
    if added := body.measurements - before.measurements:
        yield warning(_("Measurements that come"), some(added))
