"""A fleet whose nodes need collateral, served by a scripted server, and an officer at the page."""

from datetime import datetime, timedelta
from pathlib import Path

from keyturn.base.collateral import CollateralDocument
from keyturn.base.encoding import digest_of
from keyturn.keyrelease.binding import Purpose
from keyturn.keyrelease.challenge import make_challenge
from keyturn.keyrelease.entries import GrantEntry, grant_entry
from keyturn.quorum.kinds import Kind
from keyturn_sim import SimTdNode
from support.authority import policy_body
from support.carried import Shelf, bundle
from support.collateral import IntelDesk, amd_crl
from support.desks import InlineDesk
from support.logbook import MODEL, Logbook
from support.machines import sim_td
from support.nodes import Node, NodeSecrets
from unit.keyrelease.release_desk import vendors
from unit.quorum.authority_log import rsa_key

DAY = timedelta(days=1)


class Site:
    """Two TDs that got their key, Intel's documents by the same vendors, and one list of AMD's."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.book = Logbook(directory / "state")
        self.intel = IntelDesk(vendors().intel)
        self.issued: datetime = self.book.clock() - 3 * DAY
        server = self.book.server
        server.enact(Kind.TRUST_ANCHORS, "trust-anchors", vendors().trust_anchors())
        server.enact(Kind.POLICY, "serving", policy_body())
        self.book.admit()
        sim = SimTdNode.create(vendors(), sim_td(), gpus=(vendors().issue_gpu({}),))
        for place, name in enumerate(("td-1", "td-2")):
            self._granted(name, Node(sim, NodeSecrets(rsa_key=rsa_key(3072, 1)), name), place)
        self.shelf = server.shelf = Shelf(self.book.clock())

    @property
    def now(self) -> datetime:
        return self.book.clock()

    def stocked(self) -> "Site":
        self.shelf.documents += [*self.intel.everything(self.issued), amd_crl(vendors(), self.now)]
        return self

    def desk(self) -> InlineDesk:
        return self.book.desk()

    def newer(self) -> tuple[CollateralDocument, ...]:
        return self.intel.everything(self.now - timedelta(hours=1), 19)

    def bundle(self, *documents: CollateralDocument) -> tuple[Path, str]:
        raw, key = bundle(self.directory, documents, self.now)
        path = self.directory / "collateral.zip"
        path.write_bytes(raw)
        return path, key

    def _granted(self, name: str, node: Node, place: int) -> None:
        challenge = make_challenge(place.to_bytes(16, "big"), self.now, bytes(32))
        raw = node.request(challenge, MODEL)
        self.book.server.evidence[digest_of(raw)] = raw
        self.book.clock.advance(seconds=1)
        entry = GrantEntry(
            purpose=Purpose.RELEASE,
            grant=digest_of(b"grant"),
            lease=f"{place:032x}",
            until=self.now + timedelta(seconds=61),
            challenge=challenge,
            model=MODEL,
            node=name,
            platform=f"tdx:{name}",
            tls=digest_of(b"tls"),
            core=bytes(32),
            evidence=digest_of(raw),
            statements=(),
            caveats=("simulated",),
        )
        self.book._append(grant_entry(self.now, entry))
