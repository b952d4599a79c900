"""The numbers by which a module calls mechanisms, where they are not the standard's.

Keyturn names a mechanism by what it means; `AES_KEY_WRAP` is RFC 3394 wherever it stands. A
vendor's profile says which number that is on its module (`vendors`), and this is the one place
that puts it into a call or a list, and takes it out of what the token says.
"""

import ctypes
from collections.abc import Mapping

from keyturn.hsm.ckstructs import (
    AttributeValue,
    CkAttribute,
    CkMechanism,
    Mechanism,
    Pinned,
    Template,
    encode_template,
)
from keyturn.hsm.cryptoki import Mech

_FOREIGN = 1 << 32
"""Above every number of a mechanism."""


class Dialect:
    """Numbers of one module, by the standard's; empty: it speaks as the standard does."""

    def __init__(self, numbers: Mapping[Mech, int] | None = None) -> None:
        self._own = {int(each): number for each, number in (numbers or {}).items()}
        self._standard = {number: each for each, number in self._own.items()}

    def mechanism(self, mechanism: Mechanism) -> tuple[CkMechanism, Pinned]:
        """In C's form."""
        ck, pinned = mechanism.encode()
        if self._own:
            ck.mechanism = self._own.get(ck.mechanism, ck.mechanism)
        return ck, pinned

    def template(self, template: Template) -> tuple[ctypes.Array[CkAttribute], Pinned]:
        """In C's form, with its lists of mechanisms."""
        return encode_template(self._spoken(template) if self._own else template)

    def heard(self, value: AttributeValue | None) -> AttributeValue | None:
        """A list of mechanisms that the module told, sorted, in the standard's numbers; one that
        has another number there is none of the standard's."""
        if not self._own or not isinstance(value, tuple):
            return value
        return tuple(sorted(self._heard(each) for each in value))

    def _heard(self, number: int) -> int:
        taken = _FOREIGN | number if number in self._own else number
        return self._standard.get(number, taken)

    def _spoken(self, template: Template) -> Template:
        return Template(tuple((kind, self._said(value)) for kind, value in template.items))

    def _said(self, value: AttributeValue) -> AttributeValue:
        if isinstance(value, Template):
            return self._spoken(value)
        if isinstance(value, tuple):
            return tuple(self._own.get(each, each) for each in value)
        return value
