"""What rests on a baseline now: policies, models, nodes. No Qt in here."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from keyturn.base.encoding import Digest
from keyturn.policy.baseline_use import nodes_resting, policies_naming
from keyturn.policy.observed import Observed
from keyturn.quorum.bodies import Admission
from keyturn.quorum.expiry import in_force
from keyturn.quorum.reference_bodies import ReferenceValues
from keyturn.quorum.state import AuthorityState
from keyturn_app.i18n import n_


@dataclass(frozen=True, slots=True)
class Use:
    """`models` by digest, with the name by which each was admitted. `nodes` None: nobody has
    looked at the nodes' evidence yet."""

    policies: tuple[str, ...]
    models: tuple[tuple[Digest, str], ...]
    nodes: tuple[tuple[str, str], ...] | None  # name, and which parts

    @property
    def text(self) -> str:
        """In the list: how many of each."""
        said = [
            n_("{count} policy", "{count} policies", len(self.policies)),
            n_("{count} model", "{count} models", len(self.models)),
        ]
        if self.nodes is not None:
            said.append(n_("{count} node", "{count} nodes", len(self.nodes)))
        return ", ".join(said)


def use_of(
    subject: str,
    values: ReferenceValues,
    state: AuthorityState,
    observed: Sequence[Observed] | None,
    now: datetime,
) -> Use:
    """By statements in force, and by evidence that was verified here. `observed` None: unknown."""
    policies = tuple(
        sorted(each.statement.subject for each in policies_naming(state, subject, now))
    )
    models = []
    for each in in_force(state, now):
        body = each.statement.body
        if isinstance(body, Admission) and body.policy in policies:
            models.append((body.model, f"{body.name} {body.version}"))
    nodes = None
    if observed is not None:
        nodes = tuple(
            (each.node, ", ".join(each.parts)) for each in nodes_resting(values, observed)
        )
    return Use(policies, tuple(sorted(models)), nodes)
