"""A desk whose app is a witness, in front of a scripted server; and what it is shown."""

from dataclasses import dataclass
from pathlib import Path

from keyturn.base.encoding import b64
from keyturn.base.strictjson import dump
from keyturn.client.client import KeyturnClient
from keyturn.client.memory import Memory
from keyturn.quorum.bundle import make_bundle
from keyturn.quorum.kinds import Kind
from keyturn_app.desk import Identity
from support.authority import Clock, Proposal
from support.desks import InlineDesk
from support.watching import revocation_body
from support.witnesses import Pen
from unit.client.scripted_server import ScriptedServer

T = 300


@dataclass
class Cosigning:
    """Ada's app, and another witness's pen."""

    server: ScriptedServer
    client: KeyturnClient
    desk: InlineDesk
    pen: Pen
    directory: Path

    @property
    def clock(self) -> Clock:
        return self.server.clock

    def refresh(self) -> None:
        self.desk.refresh()

    def require(self, k: int = 2, t_seconds: int = T, *, own: bool = True) -> None:
        """The roster names the pen, and the app where `own`."""
        keys = [self.pen.verify_key]
        keys += [self.client.cosigner().key] if own else []
        listed = [{"algorithm": "ed25519", "spki": b64(key.spki)} for key in keys]
        witnesses = {"keys": listed, "k": k, "t_seconds": t_seconds}
        body = self.server.authority.roster_body(witnesses=witnesses)
        self.server.enact(Kind.ROSTER, "roster", body)

    def pen_cosigns(self, ahead: int = 0) -> None:
        note = self.server.checkpoint().to_bytes()
        seconds = int(self.clock().timestamp()) + ahead
        self.server.cosigned["pen"] = self.pen.cosigned(note, seconds).decode()

    def revocation(self, node: str = "node-1") -> Proposal:
        authority = self.server.authority
        made = authority.propose(Kind.REVOCATION, f"node:{node}", revocation_body(node))
        made.approvals.append(authority.approval(made.digest, "ada"))
        return made

    def hand(self, made: Proposal) -> None:
        """As a file, which the server knows nothing of."""
        document = {
            "type": "proposal-export",
            "format": 1,
            "statement": b64(made.raw),
            "approvals": [b64(each) for each in made.approvals],
            "bundle": b64(make_bundle(self.server.state)),
        }
        self.client.read_export(dump(document))


def cosigning_desk(directory: Path) -> Cosigning:
    """The roster asks for no witness yet."""
    server = ScriptedServer(Clock())
    client = server.client(memory=Memory(server.fingerprint, directory))
    identity = Identity(server.profile(), "test-eu", "ada", "Officer Ada", locked=False)
    desk = InlineDesk(identity, client, server.clock)
    desk.cosigns = True
    desk.refresh()
    return Cosigning(server, client, desk, Pen("one.example"), directory)
