"""One node's last evidence under everything that is in force in one state.

What a keyholder would find, but for what only it can know (its challenges, activations and
cosignatures). Nodes that showed the same are judged once.
"""

from collections.abc import Hashable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from keyturn.base.encoding import Digest
from keyturn.policy.alike import alike
from keyturn.policy.appraisal import appraise, appraise_evidence_age
from keyturn.policy.choosing import Chosen, caveat_findings, choose, revocation_findings
from keyturn.policy.cpu_appraisal import appraise_place
from keyturn.policy.device_appraisal import appraise_together
from keyturn.policy.findings import Finding, failing, judged
from keyturn.policy.observed import Observed
from keyturn.policy.rules import Rules
from keyturn.policy.shown import Shown
from keyturn.quorum.state import AuthorityState

_OWN = frozenset({"platform", "site"})


@dataclass(frozen=True, slots=True)
class Judged:
    """`common` is shared with every node that showed the same, `own` is of this one alone.

    `kept`: the judge keeps `common` as long as it lives, the very same tuple for all.
    """

    common: tuple[Finding, ...]
    own: tuple[Finding, ...]
    failed: tuple[Finding, ...]
    kept: bool = True

    @property
    def findings(self) -> tuple[Finding, ...]:
        return (*self.common, *self.own)


class Judging:
    """Of one state at one time. Not thread-safe: it remembers what it has judged."""

    def __init__(self, state: AuthorityState, now: datetime) -> None:
        self._state = state
        self._now = now
        self._chosen: dict[Digest, Chosen] = {}
        self._appraisals: dict[tuple[Digest, Hashable], tuple[Finding, ...]] = {}
        self._known: dict[Hashable, tuple[tuple[Finding, ...], tuple[Finding, ...]]] = {}

    def judged(self, seen: Observed, key: Hashable = None) -> Judged:
        """Every check of a node that is `measurable`. `key`: what `alike` says of it, if known."""
        assert seen.shown is not None
        chosen = self._chosen_of(seen.model)
        showed = alike(seen.shown) if key is None else key
        common, failed = self._common(chosen, (seen.model, showed), seen.shown)
        own = tuple(self._own(chosen.rules, seen, seen.shown))
        return Judged(common, own, (*failed, *failing(own)))

    def _chosen_of(self, model: Digest) -> Chosen:
        found = self._chosen.get(model)
        if found is None:
            found = self._chosen[model] = choose(model, self._state, self._now)
        return found

    def _common(
        self, chosen: Chosen, key: tuple[Digest, Hashable], shown: Shown
    ) -> tuple[tuple[Finding, ...], tuple[Finding, ...]]:
        found = self._known.get(key)
        if found is None:
            made = (*chosen.findings, *self._by_policy(chosen.rules, key, shown))
            found = self._known[key] = (made, failing(made))
        return found

    def _by_policy(
        self, rules: Rules | None, key: tuple[Digest, Hashable], shown: Shown
    ) -> tuple[Finding, ...]:
        """Models under one policy share what it says of nodes alike."""
        if rules is None:
            return ()
        under = (rules.policy_digest, key[1])
        found = self._appraisals.get(under)
        if found is None:
            found = self._appraisals[under] = tuple(self._appraised(rules, shown))
        return found

    def _appraised(self, rules: Rules, shown: Shown) -> Iterator[Finding]:
        for each in appraise(rules, replace(shown, challenged=None), self._now):
            if each.check not in _OWN and not each.check.startswith("devices: "):
                yield each
        if rules.policy.witnesses and self._state.roster is not None:
            known = len(self._state.roster.witnesses.keys)
            yield judged(
                "witness keys",
                known >= rules.policy.witnesses,
                "witness-cosignatures-missing",
                f"{known} keys in the roster",
                f"cosignatures of {rules.policy.witnesses}",
                statement=rules.policy_digest,
            )

    def _own(self, rules: Rules | None, seen: Observed, shown: Shown) -> Iterator[Finding]:
        if rules is not None:
            yield from appraise_place(rules, shown.cpu)
            yield from appraise_together(rules, shown)
            if seen.time is not None:
                yield from appraise_evidence_age(rules, shown, seen.time)
        if self._state.revoked:
            yield from revocation_findings(seen.node, shown, self._state)
        if rules is not None:
            yield from caveat_findings(seen.caveats, rules)
