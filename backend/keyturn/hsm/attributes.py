"""Finding a key by its name, and reading back what the token says of it.

What it says is compared with what the key was made as: `check_attributes` refuses a difference,
`report_attributes` tells of all of them, for people.
"""

from keyturn.hsm.ckstructs import AttributeValue, Template
from keyturn.hsm.cryptoki import Attr, KeyType, Mech, ObjectClass
from keyturn.hsm.errors import HsmError, TokenError
from keyturn.hsm.kekwork import AttributeReport
from keyturn.hsm.pkcs11 import Handle, Session, raw_template
from keyturn.hsm.profiles import Label, key_query

_SHOWN = 200  # characters of a value
_NAMES = {Attr.CLASS: ObjectClass, Attr.KEY_TYPE: KeyType}


def find_key(session: Session, label: Label, kind: ObjectClass) -> Handle:
    """The one key of that name. Raises TokenError: an empty find is a fault, never "none yet"."""
    return find_one(session, label, key_query(label, kind))


def find_one(session: Session, label: Label, query: Template) -> Handle:
    """The one object of that query. Raises TokenError."""
    found = session.find(query)
    if len(found) != 1:
        kind = query[Attr.CLASS]
        raise TokenError(
            f"the token does not have exactly one {label.value}",
            found=f"{len(found)} of {ObjectClass(kind).name.lower()}",  # type: ignore[arg-type]
            expected="1",
        )
    return found[0]


def check_attributes(session: Session, handle: Handle, label: Label, wanted: Template) -> None:
    """Read every attribute back and compare. Raises TokenError that names the first different."""
    for attribute, value in wanted.items:
        found = _read(session, handle, label, attribute, value)
        want = _comparable(value)
        if found != want:
            raise TokenError(
                f"{label.value}: attribute {attribute.name} is not as it was made",
                found=_shown(attribute, found),
                expected=_shown(attribute, want),
            )


def report_attributes(
    session: Session, handle: Handle, label: Label, wanted: Template
) -> tuple[AttributeReport, ...]:
    """Every attribute of `wanted` as the token says it, and whether it is as wanted.

    Raises TokenError when one cannot be read.
    """
    reports = []
    for attribute, value in wanted.items:
        found = _read(session, handle, label, attribute, value)
        equal = found == _comparable(value)
        reports.append(AttributeReport(attribute.name, _shown(attribute, found), equal))
    return tuple(reports)


def _read(
    session: Session, handle: Handle, label: Label, attribute: Attr, like: AttributeValue
) -> AttributeValue | None:
    try:
        return session.read_like(handle, attribute, like)
    except HsmError as error:
        raise TokenError(
            f"{label.value}: attribute {attribute.name} cannot be read", found=error.found
        ) from error


def _comparable(value: AttributeValue) -> AttributeValue:
    return raw_template(value) if isinstance(value, Template) else value


def _shown(attribute: Attr, value: AttributeValue | None) -> str:
    if value is None:
        return "another form"
    if isinstance(value, Template):
        parts = (f"{inner.name}={_raw(raw)}" for inner, raw in value.items)
        return ", ".join(parts)[: _SHOWN * 4]
    if isinstance(value, bytes):
        return value.hex()[:_SHOWN]
    if isinstance(value, tuple):
        return ", ".join(_mechanism(each) for each in value)
    if attribute in _NAMES and not isinstance(value, bool):
        return _NAMES[attribute](value).name
    return str(value)


def _raw(value: AttributeValue) -> str:
    """One value of a template within an attribute: a flag, or a number as it lies in memory."""
    raw = value if isinstance(value, bytes) else b""
    if len(raw) == 1:
        return str(raw == b"\x01")
    return str(int.from_bytes(raw, "little"))


def _mechanism(number: int) -> str:
    try:
        return Mech(number).name
    except ValueError:
        return f"{number:#x}"
