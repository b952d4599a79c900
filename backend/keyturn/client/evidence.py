"""What every node showed last, fetched from a server that is not trusted and verified here.

Raw requests stay on disk by their digest; what was made of them stays in memory, so that asking
again after one node changed costs one node. Whatever the server withholds, changes, mixes up or
has only of an older entry is an `Observed` without anything shown that says so.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from keyturn.attest.anchors import TrustAnchors
from keyturn.attest.chains import ChainCache
from keyturn.attest.errors import REFUSALS
from keyturn.base.collateral import APPRAISED, CollateralDocument
from keyturn.base.encoding import Digest, digest_of, parse_digest
from keyturn.base.strictjson import Fields
from keyturn.client.errors import ServerLied
from keyturn.client.evidenceshelf import EvidenceShelf
from keyturn.client.seen import Seen
from keyturn.keyrelease.collateral import NOTHING_KEPT, CollateralSet
from keyturn.keyrelease.decision import caveats_owed
from keyturn.keyrelease.observing import Logged, observe, unseen
from keyturn.keyrelease.request import MAX_REQUEST
from keyturn.policy.observed import Observed
from keyturn.policy.trust import anchors_in_force
from keyturn.quorum.policy_body import Caveat
from keyturn.quorum.state import AuthorityState

Step = Callable[[int, int], None]
"""Told how many of how many nodes are done; stops it all by raising."""
FetchEvidence = Callable[[Sequence[Digest]], Mapping[Digest, bytes]]
"""Requests that the server keeps, of at most BATCH digests; what it has not is left out."""

BATCH = 100
WORKERS = 4
ASK_AGAIN = timedelta(seconds=60)
"""After the server did not give what an entry names."""


@dataclass(frozen=True, slots=True)
class Collateral:
    """Vendors' documents as they were at hand at a time; the same digest is the same documents."""

    documents: CollateralSet = field(compare=False, repr=False)
    digest: Digest
    as_of: datetime | None


NO_COLLATERAL = Collateral(NOTHING_KEPT, digest_of(b""), None)


def collateral_at(documents: Iterable[CollateralDocument], as_of: datetime) -> Collateral:
    """Whatever of it can be read; it is verified where it is used."""
    kept, digests = NOTHING_KEPT, []
    for each in documents:
        if each.kind not in APPRAISED:
            continue
        with suppress(*REFUSALS):
            kept = kept.with_documents([each])
            digests.append(each.digest)
    return Collateral(kept, digest_of("".join(sorted(digests)).encode()), as_of)


@dataclass(frozen=True, slots=True)
class _Case:
    """What an `Observed` follows from: the same case gives the same one."""

    logged: Logged
    anchors: TrustAnchors
    owed: frozenset[Caveat]
    collateral: "Collateral"

    @property
    def digest(self) -> Digest:
        return self.logged.entry.evidence


@dataclass(frozen=True, slots=True)
class _Done:
    """`until` None: it stays as long as its case does."""

    case: _Case
    observed: Observed
    until: datetime | None


class FleetEvidence:
    """One authority's fleet. Not thread-safe; verifying uses threads of its own."""

    def __init__(self, fetch: FetchEvidence, directory: Path | None = None) -> None:
        self._fetch = fetch
        self._shelf = EvidenceShelf(directory)
        self._chains = ChainCache()
        self._done: dict[str, _Done] = {}

    def raw(self, digest: Digest) -> bytes | None:
        """The exact request that an entry names; None: nobody gives it."""
        found = self._shelf.get(digest)
        if found is None:
            given = self._fetch([digest]).get(digest)
            if given is None or digest_of(given) != digest:
                return None
            self._shelf.put(given)
            found = given
        return found

    def requests(self, digests: Sequence[Digest]) -> dict[Digest, bytes]:
        """The exact requests of these digests, as far as they are given."""
        found: dict[Digest, bytes] = {}
        unique = list(dict.fromkeys(digests))
        for start in range(0, len(unique), BATCH):
            given = self._requests(unique[start : start + BATCH])
            found |= {each: raw for each, raw in given.items() if digest_of(raw) == each}
        return found

    def observe_node(
        self, name: str, seen: Seen, now: datetime, collateral: Collateral = NO_COLLATERAL
    ) -> Observed | None:
        """None: the log knows neither a grant nor a refusal of it."""
        found = self.observe_fleet(seen, now, nodes=[name], collateral=collateral)
        return found[0] if found else None

    def observe_fleet(
        self,
        seen: Seen,
        now: datetime,
        *,
        nodes: Collection[str] | None = None,
        anchors: TrustAnchors | None = None,
        collateral: Collateral = NO_COLLATERAL,
        step: Step = lambda _done, _total: None,
    ) -> tuple[Observed, ...]:
        """Of every node that the log knows, or of `nodes`, by name: its newest entry's evidence.

        `anchors` None: those in force. Raises what fetching and `step` raise; what was verified
        until then is kept.
        """
        state = seen.state
        trusted = anchors_in_force(state, now)[0] if anchors is None else anchors
        cases = {
            each.entry.node: _Case(each, trusted, caveats_owed(state, each.time), collateral)
            for each in _entries(seen, nodes)
        }
        todo = [case for name, case in cases.items() if not self._known(name, case, now)]
        done = len(cases) - len(todo)
        step(done, len(cases))
        with ThreadPoolExecutor(WORKERS, thread_name_prefix="evidence") as pool:
            for start in range(0, len(todo), BATCH):
                batch = todo[start : start + BATCH]
                self._take(batch, state, now, pool)
                done += len(batch)
                step(done, len(cases))
        if nodes is None:
            self._forget(cases)
        return tuple(self._done[name].observed for name in sorted(cases))

    def _take(
        self, batch: Sequence[_Case], state: AuthorityState, now: datetime, pool: Executor
    ) -> None:
        requests = self._requests([case.digest for case in batch])
        found = pool.map(lambda case: self._observe(case, requests, state), batch)
        for case, observed in zip(batch, found, strict=True):
            until = None if observed.shown is not None else now + ASK_AGAIN
            self._done[observed.node] = _Done(case, observed, until)

    def _known(self, name: str, case: _Case, now: datetime) -> bool:
        known = self._done.get(name)
        return (
            known is not None and known.case == case and (known.until is None or now < known.until)
        )

    def _requests(self, digests: Sequence[Digest]) -> Mapping[Digest, bytes]:
        """What is here or was given, changed or not: `observe` tells."""
        found: dict[Digest, bytes] = {}
        for digest in digests:
            kept = self._shelf.get(digest)
            if kept is not None:
                found[digest] = kept
        missing = [each for each in dict.fromkeys(digests) if each not in found]
        for digest, raw in (self._fetch(missing) if missing else {}).items():
            if digest_of(raw) == digest:
                self._shelf.put(raw)
            found[digest] = raw
        return found

    def _observe(
        self, case: _Case, requests: Mapping[Digest, bytes], state: AuthorityState
    ) -> Observed:
        """On any thread."""
        raw = requests.get(case.digest)
        if raw is None:
            return unseen(case.logged, state)
        return observe(
            raw,
            case.logged,
            anchors=case.anchors,
            state=state,
            cache=self._chains,
            collateral=case.collateral.documents,
            as_of=case.collateral.as_of,
        )

    def _forget(self, cases: Mapping[str, _Case]) -> None:
        for name in [each for each in self._done if each not in cases]:
            del self._done[name]
        self._shelf.keep_only({case.digest for case in cases.values()})


def read_batch(
    answer: Fields, asked: Collection[Digest]
) -> tuple[dict[Digest, bytes], list[Digest]]:
    """A batch's answer: what was given, and what is to be asked for again.

    Raises MalformedAnswer, and ServerLied when it gives or names what nobody asked for, something
    twice, or nothing of what it says that it keeps.
    """
    found: dict[Digest, bytes] = {}
    for each in answer.objects("found", limit=BATCH):
        digest = each.digest("digest")
        _check_asked(digest, asked, found)
        found[digest] = each.b64("data", limit=MAX_REQUEST)
    left: list[Digest] = []
    for text in answer.texts("left", limit=BATCH):
        digest = parse_digest(text, what="evidence: left")
        _check_asked(digest, asked, (*found, *left))
        left.append(digest)
    if left and not found:
        raise ServerLied("the server gives no evidence of that which it says that it keeps")
    return found, left


def _check_asked(digest: Digest, asked: Collection[Digest], had: Collection[Digest]) -> None:
    if digest not in asked or digest in had:
        raise ServerLied(
            "the server names evidence twice, or some that nobody asked for", found=digest
        )


def _entries(seen: Seen, nodes: Collection[str] | None) -> Iterator[Logged]:
    """The newest entry of each node."""
    for name in sorted(seen.index.names() if nodes is None else set(nodes)):
        found = seen.index.logged(name)
        if found is not None:
            yield found
