"""The form of a policy as values: sections of fields, each with what the lint says of it. No Qt."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum

from keyturn.base.collateral import APPRAISED
from keyturn.base.strictjson import JsonObject
from keyturn.policy.remarks import LintRemark, Severity
from keyturn.quorum.kinds import Kind
from keyturn.quorum.policy_body import MAX_AGE, MAX_EVIDENCE_SECONDS, Caveat
from keyturn.quorum.tee_rules import GpuMode, TdRegister, TdxStatus
from keyturn.quorum.tpm_bodies import PcrBank
from keyturn_app import wording
from keyturn_app.i18n import _
from keyturn_app.screens.policies import bodies
from keyturn_app.screens.policies.bodies import ANY, Value
from keyturn_app.screens.policies.seen import Offered
from keyturn_app.statements.caveats import meaning
from keyturn_app.statements.fieldnames import field_words
from keyturn_app.statements.lintwords import lint_words, severity_look
from keyturn_app.statements.policy_words import document_word
from keyturn_app.states import Look


class Shape(Enum):
    """How a field is written."""

    FLAG = "flag"
    NUMBER = "number"
    ONE = "one"  # of the options
    MANY = "many"  # of the options
    NAMES = "names"  # any, one a line
    TEXT = "text"
    FLOOR = "floor"  # five numbers


@dataclass(frozen=True, slots=True)
class Option:
    """`note` says what it means, or that it is not in force."""

    value: str
    text: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Remark:
    look: Look
    text: str


@dataclass(frozen=True, slots=True)
class Field:
    """`may_be_any`: the written `any` is a choice of its own. `offered`: as seen now."""

    place: str
    shape: Shape
    name: str
    value: Value
    hint: str = ""
    options: tuple[Option, ...] = ()
    offered: tuple[Offered, ...] = ()
    low: int = 0
    high: int = 0
    may_be_any: bool = False
    remarks: tuple[Remark, ...] = ()

    @property
    def any_chosen(self) -> bool:
        return self.may_be_any and self.value == ANY


@dataclass(frozen=True, slots=True)
class Section:
    id: str
    title: str
    text: str
    fields: tuple[Field, ...]
    remarks: tuple[Remark, ...] = ()

    @property
    def every_remark(self) -> tuple[Remark, ...]:
        return (*self.remarks, *(each for field in self.fields for each in field.remarks))


@dataclass(frozen=True, slots=True)
class Known:
    """What pickers offer: names of statements in force, and what the fleet shows."""

    baselines: tuple[str, ...] = ()
    lists: tuple[str, ...] = ()
    sites: tuple[str, ...] = ()
    offered: Mapping[str, tuple[Offered, ...]] | None = None


_FAULTS = (
    ("tees", "tees"),
    ("min_tcb", "snp.products"),
    ("accepted", "tdx.tcb_statuses"),
    ("registers", "tdx.registers"),
    ("service", "tdx.service_tds"),
    ("advisories", "tdx.advisories"),
    ("xfam", "tdx.xfam"),
    ("baseline", "baselines"),
    ("workload", "workloads"),
    ("platforms", "platforms"),
    ("sites", "sites"),
    ("lease_seconds", "lease_seconds"),
    ("TPM", "tpm"),
    ("architectures", "gpu.architectures"),
    ("drivers", "gpu.drivers"),
    ("vbioses", "gpu.vbioses"),
    ("variables", "tpm.variables"),
    ("gpu", "gpu.count"),
)
"""What a parser calls the part that it cannot read, and the field in which it is written."""


def fault_place(problem: str) -> str:
    """Where what cannot be read is written; empty where nobody knows."""
    return next((place for words, place in _FAULTS if words in problem), "")


def sections(
    body: JsonObject, known: Known, remarks: Sequence[LintRemark], problem: str = ""
) -> tuple[tuple[Section, ...], tuple[Remark, ...]]:
    """All of the form, and what is said of the policy as a whole. `problem`: why it is none."""
    made = [each for each in _made(body, known) if each.fields]
    offered = known.offered or {}
    placed = [
        replace(each, fields=tuple(_offer(field, offered) for field in each.fields))
        for each in made
    ]
    left = list(remarks)
    done = [_remarked(each, left) for each in placed]
    if problem:
        done = [_faulty(each, problem, fault_place(problem)) for each in done]
    return tuple(done), tuple(_remark(each) for each in left)


def _faulty(section: Section, problem: str, place: str) -> Section:
    told = (Remark(severity_look(Severity.ERROR), problem),)
    fields = (
        replace(each, remarks=told) if each.place == place else each for each in section.fields
    )
    return replace(section, fields=tuple(fields))


def _offer(field: Field, offered: Mapping[str, tuple[Offered, ...]]) -> Field:
    return replace(field, offered=offered.get(field.place, ()))


def _remarked(section: Section, left: list[LintRemark]) -> Section:
    """Takes out of `left` what is said of the section and its fields: the longest place wins."""
    fields = []
    for field in section.fields:
        own = [each for each in left if _within(each.place, field.place)]
        for each in own:
            left.remove(each)
        fields.append(replace(field, remarks=tuple(_remark(each) for each in own)))
    general = [each for each in left if each.place == section.id]
    for each in general:
        left.remove(each)
    return replace(section, fields=tuple(fields), remarks=tuple(_remark(e) for e in general))


def _within(place: str, outer: str) -> bool:
    return place == outer or (place.startswith(f"{outer}.") and outer not in ("tpm",))


def _remark(each: LintRemark) -> Remark:
    return Remark(severity_look(each.severity), lint_words(each))


# ---- the sections ----


def _made(body: JsonObject, known: Known) -> Iterable[Section]:
    tees = bodies.texts(body, "tees")
    options = (Option("snp", _("AMD SEV-SNP")), Option("tdx", _("Intel TDX")))
    yield Section(
        "tees",
        _("Machines"),
        _("Which kinds of processor may get keys."),
        (_many(body, "tees", options),),
    )
    if "snp" in tees:
        yield Section("snp", _("AMD SEV-SNP"), "", tuple(_snp(body)))
    if "tdx" in tees:
        yield Section("tdx", _("Intel TDX"), "", tuple(_tdx(body)))
    yield Section("gpu", _("GPUs and switches"), "", tuple(_gpu(body)))
    yield Section("tpm", _("Boot, by a TPM"), "", tuple(_tpm(body)))
    yield Section("measured", _("Reference values"), "", (_names_of(body, "baselines", known),))
    yield Section("where", _("Workloads and places"), "", tuple(_where(body, known)))
    yield Section("fresh", _("Freshness and leases"), "", tuple(_fresh(body)))
    yield Section(
        "accepted_caveats",
        _("Accepted caveats"),
        _("What evidence cannot prove. Each is accepted by name, or no key is released."),
        (_many(body, "accepted_caveats", _caveats()),),
    )


def _snp(body: JsonObject) -> Iterable[Field]:
    products = bodies.texts(body, "snp.products")
    known = dict.fromkeys(("Milan", "Genoa", "Turin", *products))
    yield _many(body, "snp.products", tuple(Option(each, each) for each in known))
    for product in products:
        yield Field(
            f"snp.min_tcb.{product}",
            Shape.FLOOR,
            field_words(Kind.POLICY, f"snp.min_tcb.{product}"),
            bodies.floor(body, product),
            _("FMC · bootloader · TEE · SNP · microcode"),
            high=255,
        )
    for name in ("debug", "migrate_ma", "smt", "alias_check", "vlek"):
        yield _flag(body, f"snp.{name}")
    levels = tuple(Option(str(each), str(each)) for each in range(4))
    yield _one("snp.max_vmpl", levels, str(bodies.number(body, "snp.max_vmpl")))


def _tdx(body: JsonObject) -> Iterable[Field]:
    statuses = tuple(Option(each.value, each.value) for each in TdxStatus)
    yield _many(body, "tdx.tcb_statuses", statuses)
    yield _number(body, "tdx.min_evaluation_number", high=1 << 20)
    yield _names(body, "tdx.advisories", _("Such as INTEL-SA-00837; none: no advisory may stand."))
    for name in ("debug", "migratable", "sept_ve_disable", "dynamic_platform", "cached_keys"):
        yield _flag(body, f"tdx.{name}")
    yield _flag(body, "tdx.smt")
    yield _names(body, "tdx.service_tds", _("SHA-384 in hex; none: none may be bound."))
    mask = bodies.get(body, "tdx.xfam")
    yield Field(
        "tdx.xfam",
        Shape.TEXT,
        field_words(Kind.POLICY, "tdx.xfam"),
        str(mask),
        _("16 hex digits, or any"),
    )
    registers = tuple(Option(each.value, each.value.upper()) for each in TdRegister)
    yield _many(body, "tdx.registers", registers)


def _gpu(body: JsonObject) -> Iterable[Field]:
    yield _number(body, "gpu.count", high=64)
    if not bodies.number(body, "gpu.count"):
        return
    yield _number(body, "gpu.switches", high=64)
    held = _("None named: whatever the baselines hold.")
    modes = tuple(Option(each.value, each.value) for each in GpuMode)
    yield replace(_many(body, "gpu.modes", modes), hint=held)
    for name in ("architectures", "drivers", "vbioses"):
        yield _names(body, f"gpu.{name}", held)
    yield _flag(body, "gpu.rim")


def _tpm(body: JsonObject) -> Iterable[Field]:
    asked = bodies.get(body, "tpm") is not None
    yield Field("tpm", Shape.FLAG, _("A TPM's quote is required"), asked)
    if not asked:
        return
    banks = tuple(Option(each.value, each.value) for each in PcrBank)
    yield _one("tpm.bank", banks, str(bodies.get(body, "tpm.bank")))
    yield _many(body, "tpm.pcrs", tuple(Option(str(each), str(each)) for each in range(24)))
    for name in ("secure_boot", "applications", "authorities"):
        yield _flag(body, f"tpm.{name}")
    yield _names(body, "tpm.variables", _("Such as db, dbx, KEK."))


def _where(body: JsonObject, known: Known) -> Iterable[Field]:
    hint = _("64 hex digits each: what the workload's measurement is.")
    yield replace(_names(body, "workloads", hint), may_be_any=True)
    yield replace(_names_of(body, "platforms", known), may_be_any=True)
    if not bodies.is_any(body, "platforms"):
        yield _picked(body, "sites", known.sites, _("None named: every site of these lists."))


def _fresh(body: JsonObject) -> Iterable[Field]:
    yield replace(_number(body, "lease_seconds", high=86_400), low=5)
    seconds = bodies.number(body, "evidence_seconds", MAX_EVIDENCE_SECONDS)
    asked = _number(body, "evidence_seconds", high=MAX_EVIDENCE_SECONDS)
    yield replace(asked, low=5, value=seconds)
    yield _number(body, "witnesses", high=100)
    for kind in sorted(APPRAISED, key=lambda each: each.value):
        yield Field(
            f"collateral.{kind.value}",
            Shape.NUMBER,
            _("Oldest {document}, seconds").format(document=document_word(kind)),
            bodies.number(body, f"collateral.{kind.value}"),
            _("0: its own expiry alone counts."),
            high=MAX_AGE,
        )


def _caveats() -> tuple[Option, ...]:
    return tuple(Option(each.value, each.value, meaning(each.value)) for each in Caveat)


# ---- the shapes ----


def _name(place: str) -> str:
    return field_words(Kind.POLICY, place)


def _flag(body: JsonObject, place: str) -> Field:
    return Field(place, Shape.FLAG, _name(place), bodies.flag(body, place))


def _number(body: JsonObject, place: str, *, high: int) -> Field:
    return Field(place, Shape.NUMBER, _name(place), bodies.number(body, place), high=high)


def _one(place: str, options: tuple[Option, ...], value: str) -> Field:
    return Field(place, Shape.ONE, _name(place), value, options=options)


def _many(body: JsonObject, place: str, options: tuple[Option, ...]) -> Field:
    return Field(place, Shape.MANY, _name(place), bodies.texts(body, place), options=options)


def _names(body: JsonObject, place: str, hint: str) -> Field:
    value: Value = ANY if bodies.is_any(body, place) else bodies.texts(body, place)
    may = place == "tdx.advisories"
    return Field(place, Shape.NAMES, _name(place), value, hint, may_be_any=may)


def _names_of(body: JsonObject, place: str, known: Known) -> Field:
    """Picked from statements in force; one that is named and gone stays to be seen."""
    there = known.baselines if place == "baselines" else known.lists
    return _picked(body, place, there, "" if there else _("None is in force."))


def _picked(body: JsonObject, place: str, there: Sequence[str], hint: str) -> Field:
    chosen = bodies.texts(body, place)
    options = [Option(each, each) for each in there]
    options += [Option(each, each, _("not in force")) for each in chosen if each not in there]
    value: Value = ANY if bodies.is_any(body, place) else chosen
    return Field(place, Shape.MANY, _name(place), value, hint, tuple(options))


def said(field: Field) -> str:
    """The value as one reads it, for whoever cannot see the widget."""
    match field.value:
        case bool():
            return _("yes") if field.value else _("no")
        case tuple():
            return ", ".join(wording.digest(str(each)) for each in field.value) or "—"
        case _:
            return str(field.value)
