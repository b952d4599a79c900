"""One authority, one policy, one baseline: what lints look at in tests."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache

from keyturn.attest.nvidia_claims import GpuClaims
from keyturn.attest.snp import SnpClaims
from keyturn.policy.drafts import draft_of_body, with_draft
from keyturn.policy.lint import LintRemark, lint
from keyturn.quorum.kinds import Kind
from keyturn.quorum.state import AuthorityState
from support.authority import policy_body
from unit.keyrelease.release_desk import Desk


@dataclass(frozen=True)
class Ground:
    """One authority with one policy, baseline and model, and its node's proved claims."""

    desk: Desk
    cpu: SnpClaims
    gpu: GpuClaims
    now: datetime

    @property
    def state(self) -> AuthorityState:
        return self.desk.log.state

    def entered(self, *drafts: tuple[Kind, str, Mapping[str, object]]) -> AuthorityState:
        state = self.state
        for kind, subject, body in drafts:
            draft = draft_of_body(kind, subject, dict(body), state, self.now)  # type: ignore[arg-type]
            state = with_draft(state, draft, self.now)
        return state

    def remarks(
        self,
        kind: Kind,
        subject: str,
        body: Mapping[str, object],
        state: AuthorityState | None = None,
        **options: object,
    ) -> tuple[LintRemark, ...]:
        state = state or self.state
        draft = draft_of_body(kind, subject, dict(body), state, self.now)  # type: ignore[arg-type]
        return lint(kind, subject, draft.body, state, self.now, **options)  # type: ignore[arg-type]

    def of_policy(
        self, state: AuthorityState | None = None, **changed: object
    ) -> set[tuple[str, str, str]]:
        return said(self.remarks(Kind.POLICY, "serving", policy_body(**changed), state))


@cache
def ground() -> Ground:
    desk = Desk()
    evidence = desk.verified(desk.request())
    assert isinstance(evidence.cpu, SnpClaims)
    return Ground(desk, evidence.cpu, evidence.gpus[0], desk.clock())


def said(remarks: tuple[LintRemark, ...]) -> set[tuple[str, str, str]]:
    return {(each.severity.value, each.place, each.code.value) for each in remarks}


def errors(found: set[tuple[str, str, str]]) -> set[tuple[str, str]]:
    return {(place, code) for severity, place, code in found if severity == "error"}
