"""Where new values can be taken from, and what each source has to be told. No Qt in here."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from keyturn.client.errors import FileUnusable
from keyturn.client.snplaunch import VMMS, cpu_types
from keyturn.quorum.tee_rules import TdRegister
from keyturn.quorum.tpm_bodies import PcrBank
from keyturn.rim.tdvf import PageOrder
from keyturn_app.i18n import _
from keyturn_app.screens.baselines.naming import kind_word
from keyturn_app.screens.baselines.standing import ValueKind


class Source(Enum):
    NODE = "node"
    RIM = "rim"
    CORIM = "corim"
    FIRMWARE = "firmware"
    TDVF = "tdvf"
    EVENT_LOG = "event-log"
    BY_HAND = "by-hand"


class Form(Enum):
    """What a field is filled with."""

    FILE = "file"
    TEXT = "text"
    LINES = "lines"
    CHOICE = "choice"


@dataclass(frozen=True, slots=True)
class Field:
    """`value` of a file is its path; `choices` are value and text. `needed`: not without it."""

    id: str
    label: str
    form: Form
    value: str
    hint: str = ""
    choices: tuple[tuple[str, str], ...] = ()
    needed: bool = True


Filled = Mapping[str, str]
BY_HAND_KINDS = (ValueKind.SNP, ValueKind.TDX, ValueKind.GPU, ValueKind.SWITCH)


def source_word(source: Source) -> tuple[str, str]:
    """Its name, and the icon beside it."""
    return {
        Source.NODE: (_("Node"), "server"),
        Source.RIM: (_("RIM"), "badge-check"),
        Source.CORIM: (_("CoRIM"), "file-check"),
        Source.FIRMWARE: (_("Firmware image"), "microchip"),
        Source.TDVF: (_("TDVF image"), "cpu"),
        Source.EVENT_LOG: (_("Event log"), "scroll-text"),
        Source.BY_HAND: (_("By hand"), "pencil"),
    }[source]


def source_hint(source: Source) -> str:
    """What stands behind its values, and what does not."""
    return {
        Source.NODE: _(
            "From a golden node's newest evidence, verified on this machine. A node that a policy "
            "refused may be captured; one whose evidence is not genuine never."
        ),
        Source.RIM: _(
            "NVIDIA's signed manifests: a GPU's driver and VBIOS manifest, or a switch's one. "
            "Signature and chain are checked here."
        ),
        Source.CORIM: _(
            "A signed CoRIM of a signer whom you name. Get the signer's digest by another way "
            "than the file came: by telephone, or from paper."
        ),
        Source.FIRMWARE: _(
            "The SEV-SNP launch measurement, computed from an image and exactly these parameters."
        ),
        Source.TDVF: _("A TD's MRTD, computed from its virtual firmware."),
        Source.EVENT_LOG: _(
            "What a TPM's event log says. No quote stands behind a bare log: rather capture a node."
        ),
        Source.BY_HAND: _("The reason is all that others can check. Prefer any other source."),
    }[source]


def defaults(source: Source) -> dict[str, str]:
    return {
        Source.FIRMWARE: {"cpus": "1", "cpu": "EPYC-v4", "features": "0x1", "vmm": "QEMU"},
        Source.TDVF: {"order": PageOrder.PAGE.value},
        Source.EVENT_LOG: {"bank": PcrBank.SHA256.value},
        Source.BY_HAND: {"what": ValueKind.SNP.value},
    }.get(source, {})


def fields_of(source: Source, filled: Filled) -> tuple[Field, ...]:
    """In the order in which they are asked."""
    if source is Source.NODE:
        return ()
    if source is Source.BY_HAND:
        return _by_hand(filled)
    if source is Source.FIRMWARE:
        return _firmware(filled)
    return _few(source, filled)


def missing(source: Source, filled: Filled) -> str:
    """The label of the first field that has to be filled, or ""."""
    return next(
        (
            each.label
            for each in fields_of(source, filled)
            if each.needed and not each.value.strip()
        ),
        "",
    )


def _file(name: str, text: str, filled: Filled, hint: str = "", *, needed: bool = True) -> Field:
    return Field(name, text, Form.FILE, filled.get(name, ""), hint, needed=needed)


def _text(name: str, text: str, filled: Filled, hint: str = "", *, needed: bool = True) -> Field:
    return Field(name, text, Form.TEXT, filled.get(name, ""), hint, needed=needed)


def _choice(
    name: str, text: str, filled: Filled, choices: tuple[tuple[str, str], ...], hint: str = ""
) -> Field:
    return Field(name, text, Form.CHOICE, filled.get(name, ""), hint, choices)


def _few(source: Source, filled: Filled) -> tuple[Field, ...]:
    if source is Source.RIM:
        return (
            _file("first", _("Driver manifest, or a switch's"), filled),
            _file("second", _("VBIOS manifest"), filled, _("not for a switch"), needed=False),
            _file(
                "root",
                _("NVIDIA's root (PEM)"),
                filled,
                _("only where the manifests leave it out; it must be a pinned one"),
                needed=False,
            ),
        )
    if source is Source.CORIM:
        return (
            _file("corim", _("CoRIM"), filled),
            _file("key", _("Signer's key (JWK) or certificate"), filled),
            _text(
                "signer",
                _("Signer's digest, confirmed by another way"),
                filled,
                _("sha256: and 64 digits"),
            ),
        )
    if source is Source.TDVF:
        orders = (
            (PageOrder.PAGE.value, _("page by page, as KVM")),
            (PageOrder.SECTION.value, _("section by section, as some older hosts")),
        )
        return (
            _file("image", _("TDVF image"), filled),
            _choice("order", _("The host extends MRTD"), filled, orders),
        )
    banks = tuple((each.value, each.value.upper()) for each in PcrBank)
    return (
        _file("log", _("Event log (binary_bios_measurements)"), filled),
        _choice("bank", _("Bank of PCRs"), filled, banks),
    )


def _firmware(filled: Filled) -> tuple[Field, ...]:
    try:
        kinds = tuple((each, each) for each in cpu_types())
    except FileUnusable as error:
        kinds = (("EPYC-v4", f"EPYC-v4: {error.message}"),)
    return (
        _file("image", _("Firmware image (OVMF)"), filled),
        _text("cpus", _("Virtual CPUs"), filled),
        _choice("cpu", _("Kind of virtual CPU"), filled, kinds),
        _text("features", _("Guest features (SEV_FEATURES)"), filled),
        _choice("vmm", _("VMM"), filled, tuple((each, each) for each in VMMS)),
        _file(
            "kernel",
            _("Kernel"),
            filled,
            _("only where the VMM is given a kernel, which is then measured"),
            needed=False,
        ),
        _file("initrd", _("Its initrd"), filled, needed=False),
        _text("append", _("Its command line"), filled, needed=False),
    )


def _by_hand(filled: Filled) -> tuple[Field, ...]:
    what = filled.get("what", "")
    kinds = tuple((each.value, kind_word(each)) for each in BY_HAND_KINDS)
    found = [
        _choice("what", _("Values of"), filled, kinds),
        Field(
            "why",
            _("Where they come from, and who checked them"),
            Form.LINES,
            filled.get("why", ""),
            _("at least 10 characters; it stays with the values"),
        ),
    ]
    if what in (ValueKind.GPU.value, ValueKind.SWITCH.value):
        found.append(_text("architecture", _("Architecture"), filled, _("as GH100 or LS10")))
        if what == ValueKind.GPU.value:
            found.append(_text("driver", _("Driver version"), filled))
        found.append(_text("vbios", _("VBIOS or BIOS version"), filled))
    found.append(
        Field("values", _("Values, one a line"), Form.LINES, filled.get("values", ""), _how(what))
    )
    return tuple(found)


def _how(what: str) -> str:
    if what == ValueKind.SNP.value:
        return _("launch measurements, 96 hex digits each")
    if what == ValueKind.TDX.value:
        return _("register=hex; mrtd is needed; registers: {names}").format(
            names=", ".join(each.value for each in TdRegister)
        )
    return _("index=hex, as 9=0a1b…")
