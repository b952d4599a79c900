"""A log with a story in it, served truly by a scripted server, and a desk in front of it."""

from datetime import datetime, timedelta
from pathlib import Path

from keyturn.base.encoding import Digest, digest_of
from keyturn.client.client import KeyturnClient
from keyturn.client.memory import Memory
from keyturn.keyrelease.binding import Purpose
from keyturn.keyrelease.entries import GrantEntry, RefusalEntry, grant_entry, refusal_entry
from keyturn.quorum.approvals import Decision
from keyturn.quorum.entries import start_entry
from keyturn.quorum.kinds import Kind
from keyturn.quorum.reports import (
    Program,
    ReportEntry,
    Setting,
    SignInFailure,
    configuration,
    configuration_entry,
    report_entry,
)
from keyturn.quorum.roster import OfficerId
from keyturn_app.desk import Identity
from support.authority import Clock, Proposal, policy_body
from support.desks import InlineDesk
from unit.client.scripted_server import ScriptedServer

MODEL = digest_of(b"a model")
MODEL_NAME = "all-MiniLM-L6-v2"


class Logbook:
    """Writes entries one after the other; a second passes between them."""

    def __init__(self, directory: Path | None = None) -> None:
        self.clock = Clock()
        self.server = ScriptedServer(self.clock)
        self.directory = directory
        self.proposal: Proposal | None = None
        self._count = 0

    # ---- writing ----

    def start(self) -> int:
        return self._append(start_entry(self.clock(), "ab" * 16, "keyturn 0.1.0"))

    def policy(self) -> Digest:
        self.clock.advance(seconds=1)
        return self.server.enact(Kind.POLICY, "serving", policy_body())

    def admit(self) -> Digest:
        self.clock.advance(seconds=1)
        body: dict[str, object] = {
            "model": MODEL,
            "name": MODEL_NAME,
            "version": "1",
            "tag": "ab" * 32,
            "policy": "serving",
        }
        return self.server.enact(Kind.MODEL, MODEL, body)

    def revoke(self, node: str = "node-1") -> Digest:
        self.clock.advance(seconds=1)
        target: dict[str, object] = {"target_kind": "node", "target": node}
        return self.server.enact(Kind.REVOCATION, f"node:{node}", target)

    def grant(self, node: str = "node-1", *, renewal: bool = False) -> int:
        named = self.server.state.newest.get((Kind.POLICY, "serving"))
        entry = GrantEntry(
            purpose=Purpose.RENEWAL if renewal else Purpose.RELEASE,
            grant=self._digest("grant"),
            lease=f"{self._count:032x}",
            until=self.clock() + timedelta(seconds=61),
            challenge=self._challenge(),
            model=MODEL,
            node=node,
            platform=f"snp:{node}",
            tls=self._digest("tls"),
            core=bytes(32),
            evidence=self._digest("evidence"),
            statements=(named.statement.digest,) if named else (),
            caveats=("simulated",),
        )
        return self._append(grant_entry(self._tick(), entry))

    def refuse(self, node: str = "node-2", *reasons: str) -> int:
        entry = RefusalEntry(
            Purpose.RELEASE,
            self._challenge(),
            MODEL,
            node,
            f"snp:{node}",
            self._digest("evidence"),
            reasons or ("measurement-mismatch",),
        )
        return self._append(refusal_entry(self._tick(), entry))

    def decide(self, officer: str = "bela", decision: Decision = Decision.REJECT) -> int:
        """Over a proposal that nobody hands in; it is open at the server too."""
        authority = self.server.authority
        if self.proposal is None:
            self.proposal = authority.propose(Kind.POLICY, "open", policy_body())
        said = authority.approval(self.proposal.digest, officer, decision=decision)
        self._tick()
        return self.server.record(self.proposal.raw, said)

    def report(self, officer: str | None = "ada", count: int = 3) -> int:
        who = None if officer is None else OfficerId(officer)
        said = ReportEntry(who, SignInFailure.BAD_SIGNATURE, count, self.clock())
        return self._append(report_entry(self._tick(), said))

    def configure(self, program: Program = Program.KEYHOLDER, **values: Setting) -> int:
        made = configuration(program, "keyturn 0.1.0", values or {"workers": 2}, {})
        return self._append(configuration_entry(self._tick(), made))

    def story(self) -> None:
        """Start, policy, model, a grant with renewals, a refusal, a revocation."""
        self.start()
        self.policy()
        self.admit()
        self.grant()
        self.grant(renewal=True)
        self.refuse()
        self.revoke()

    def busy(self, entries: int) -> None:
        """Many nodes at work, a few of them refused; only so that there is much to look at."""
        for place in range(entries):
            node = f"node-{place % 24 + 1}"
            if place % 11 == 7:
                self.refuse(node, "measurement-mismatch")
            else:
                self.grant(node, renewal=place >= 24)

    # ---- reading ----

    @property
    def size(self) -> int:
        return len(self.server.leaves)

    def memory(self) -> Memory:
        return Memory(self.server.fingerprint, self.directory)

    def client(self) -> KeyturnClient:
        return self.server.client(memory=self.memory() if self.directory else None)

    def identity(self) -> Identity:
        return Identity(self.server.profile(), "test-eu", "ada", "Officer Ada", locked=False)

    def desk(self) -> InlineDesk:
        """Connected, and told everything once."""
        desk = InlineDesk(self.identity(), self.client(), self.clock)
        desk.refresh()
        return desk

    def _append(self, leaf: bytes) -> int:
        return self.server.append(leaf)

    def _tick(self) -> datetime:
        self.clock.advance(seconds=1)
        self._count += 1
        return self.clock()

    def _digest(self, what: str) -> Digest:
        return digest_of(f"{what} {self._count}".encode())

    def _challenge(self) -> bytes:
        return self._count.to_bytes(56, "big")
