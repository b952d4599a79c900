"""One report's outcome, ready to be shown."""

from dataclasses import dataclass

from keyturn.attest.checks import Check, failures
from keyturn.base.strictjson import JsonObject


@dataclass(frozen=True, slots=True)
class Judgement:
    """`refusal` is the reason's name; None: proved, and the checks decide.

    `asked`: whether the caller named a value that the evidence had to answer.
    """

    tee: str
    refusal: str | None
    message: str
    simulated: bool
    checks: tuple[Check, ...]
    claims: JsonObject
    asked: bool = False

    @property
    def accepted(self) -> bool:
        return self.refusal is None and not failures(self.checks)

    @property
    def fresh(self) -> bool:
        """Whether the evidence answered a value of the caller's."""
        return self.asked and self.refusal is None
