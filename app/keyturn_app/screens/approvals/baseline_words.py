"""A baseline read out as sentences: what counts as known-good, and where it comes from. No Qt."""

from collections.abc import Iterator
from itertools import islice

from keyturn.quorum.origin import Method, Origin
from keyturn.quorum.reference_bodies import (
    GpuReference,
    ReferenceValues,
    SwitchReference,
    TdxReference,
)
from keyturn.quorum.tpm_bodies import TpmReference
from keyturn_app import wording
from keyturn_app.i18n import _, n_
from keyturn_app.statements.listing import SHOWN, brief, left_over, listed


def baseline_words(body: ReferenceValues, subject: str) -> Iterator[str]:
    yield _("Baseline {name}: what counts as known-good.").format(name=subject)
    for value, origin in islice(body.snp.items(), SHOWN):
        yield _("Launch measurement {value}, from: {source}.").format(
            value=wording.grouped(value), source=origin_words(origin)
        )
    yield from left_over(len(body.snp))
    for words in (
        [_td(each) for each in body.tdx],
        [_gpu(each) for each in body.gpu],
        [_switch(each) for each in body.switches],
        [_boot(each) for each in body.tpm],
    ):
        yield from words[:SHOWN]
        yield from left_over(len(words))
    if not body.gpu:
        yield _("No GPU firmware.")


def method_word(method: Method) -> str:
    return {
        Method.CAPTURED: _("captured from a node"),
        Method.RIM: _("from a RIM"),
        Method.CORIM: _("from a CoRIM"),
        Method.COMPUTED: _("computed from an image"),
        Method.EVENT_LOG: _("from an event log"),
        Method.BY_HAND: _("by hand"),
    }[method]


def origin_words(origin: Origin) -> str:
    """The source, and in brackets what is said of it more exactly."""
    found = origin.provenance
    if found is None:
        return brief(origin.source)
    parts = [method_word(found.method)]
    if found.document is not None:
        parts.append(_("document {digest}").format(digest=wording.grouped(found.document)))
    if found.signer is not None:
        parts.append(_("signed by {name}").format(name=found.signer))
    parts.append(_("obtained {time}").format(time=wording.moment(found.obtained)))
    if found.until is not None:
        parts.append(_("counts until {time}").format(time=wording.moment(found.until)))
    return f"{brief(origin.source)} ({'; '.join(parts)})"


def _td(td: TdxReference) -> str:
    registers = "; ".join(
        f"{register.value} {listed(values)}"
        for register, values in sorted(td.registers.items(), key=lambda each: each[0].value)
    )
    return _("TD with {registers}, from: {source}.").format(
        registers=registers, source=origin_words(td.origin)
    )


def _gpu(gpu: GpuReference) -> str:
    places = n_("{count} measurement", "{count} measurements", len(gpu.measurements))
    return _(
        "GPU {architecture}, driver {driver}, VBIOS {vbios}: {places}, from: {source}."
    ).format(
        architecture=gpu.architecture,
        driver=gpu.driver,
        vbios=gpu.vbios,
        places=places,
        source=origin_words(gpu.origin),
    )


def _switch(switch: SwitchReference) -> str:
    places = n_("{count} measurement", "{count} measurements", len(switch.measurements))
    return _("NVSwitch {architecture}, BIOS {bios}: {places}, from: {source}.").format(
        architecture=switch.architecture,
        bios=switch.bios,
        places=places,
        source=origin_words(switch.origin),
    )


def _boot(boot: TpmReference) -> str:
    """How many values of each kind; they stand in the fields and in the exact bytes."""
    parts = [
        _("PCRs of {bank}: {list}").format(bank=bank.value, list=", ".join(map(str, sorted(pcrs))))
        for bank, pcrs in boot.pcrs.items()
    ]
    for text, values in (
        (_("boot applications: {count}"), boot.applications),
        (_("authorities: {count}"), boot.authorities),
    ):
        if values:
            parts.append(text.format(count=len(values)))
    if boot.variables:
        parts.append(_("UEFI variables: {list}").format(list=listed(boot.variables)))
    return _("Boot of a TPM with {parts}, from: {source}.").format(
        parts="; ".join(parts), source=origin_words(boot.origin)
    )
