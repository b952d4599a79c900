"""`make recording`: the story once more, with a fleet of machines, kept for pictures of the app.

What is kept are the control plane's own answers at three moments. The app's client verifies them
again whenever a picture is drawn from them.
"""

from pathlib import Path

from keyturn.client.inventory import NodeState
from keyturn.keyrelease.entries import GrantEntry, RefusalEntry, read_grant, read_refusal
from keyturn.quorum.entries import EntryKind
from keyturn.quorum.kinds import Kind
from keyturn_app.recording import Moment, capture, write_recording
from keyturn_demo import bodies, crowd
from keyturn_demo.console import Narrator, require
from keyturn_demo.desk import approve, now
from keyturn_demo.parts import START_SECONDS, System
from keyturn_demo.story import Story
from keyturn_demo.world import wait_for

OFFICER = "chen"
"""Who looks at the screens: one who has something to approve."""
FLEET = "fleet"
QUIET = 6
"""Granted nodes that are not heard of again."""
EUROPE = ("dub-2", "fra-1", crowd.LAB)


class RecordedStory(Story):
    """Nodes renew rarely here, so that the log holds still while it is kept."""

    lease_seconds = 600

    def __init__(self, system: System, say: Narrator, file: Path) -> None:
        super().__init__(system, say)
        system.heartbeat_seconds = 5.0
        self._file = file
        self._moments: list[Moment] = []
        self._crowd: list[crowd.Beats] = []

    def tell(self) -> None:
        """Raises StepFailed, RecordingUnusable."""
        self._prepare()
        self._genesis()
        self.moment("founded")
        self._seal()
        self._authority()
        self._admit()
        self._release()
        self._refuse()
        self._hold_ceremony()
        self._fill()
        self._ceremonies.begin_backup()
        self.moment("serving")
        self._revoke()
        self.moment("revoked")
        write_recording(self._file, self._system.desks[OFFICER].profile, self._moments)
        size = self._file.stat().st_size
        self._say.step(f"{len(self._moments)} moments kept in {self._file}", f"{size:,} bytes")

    def moment(self, name: str) -> None:
        """Keep every answer of now."""
        desk = self._system.desks[OFFICER]
        with self._say.working(f"recording '{name}'"):
            crowd.beat(self._system, self._crowd)
            self._moments.append(capture(name, desk.profile, lambda: desk.signer, now))

    def _fill(self) -> None:
        """Machines at five sites, two of them with old firmware, and statements under way."""
        system, say = self._system, self._say
        crowd.begin(system)
        for each in crowd.MACHINES:
            system.start_devices(each.name)
        for each in crowd.MACHINES:
            crowd.wait_for_devices(system, each)
        early, late = crowd.MACHINES[4:5], (*crowd.MACHINES[:4], *crowd.MACHINES[5:])
        with say.working("machines attest for the first time"):
            for machine in crowd.MACHINES:
                crowd.attest(system, self._model, (machine.first,))
            quiet = crowd.attest(system, self._model, early)
        self._sites()
        self._enact(
            Kind.REFERENCE_VALUES,
            bodies.BEFORE,
            bodies.baseline_before(self._boot),
            "firmware of October",
            ("bela", "chen"),
        )
        with say.working("a fleet attests"):
            self._crowd = crowd.attest(system, self._model, late)
        expected = sum(len(each.nodes) for each in late if each.good)
        granted = len(self._crowd)
        require(granted == expected, "a fleet attests", found=granted, expected=expected)
        self._crowd += quiet[QUIET:]
        say.step(f"{granted} more nodes granted", f"{len(crowd.MACHINES)} machines")
        self._under_way()
        silent = set(crowd.MACHINES[4].nodes[:QUIET])
        client = system.clients[OFFICER]

        def stale() -> bool | None:
            found = {each.name for each in client.nodes() if each.state is NodeState.STALE}
            return silent <= found or None

        with say.working("some fall silent"):
            wait_for("those not heard of are stale", stale, START_SECONDS)

    def _sites(self) -> None:
        """Where each platform of the log stands."""
        grants = [read_grant(entry) for _, entry in self._entries(EntryKind.GRANT)]
        refusals = [read_refusal(entry) for _, entry in self._entries(EntryKind.REFUSAL)]
        told: list[GrantEntry | RefusalEntry] = [*refusals, *grants]
        found = {each.platform: each.node for each in told}
        body: dict[str, object] = {
            "platforms": [
                {"id": platform, "site": crowd.site_of(node), "note": ""}
                for platform, node in sorted(found.items())
            ]
        }
        self._enact(Kind.PLATFORMS, FLEET, body, "machines as delivered", ("bela", "chen"))

    def _under_way(self) -> None:
        """A policy that some nodes would lose by and others gain, one approval short; a baseline
        that nobody has looked at; a revocation.
        """
        system = self._system
        tighter = bodies.policy(120, every_kind=True)
        tighter["baselines"] = [bodies.BASELINE, bodies.BEFORE]
        tighter["platforms"] = [FLEET]
        tighter["sites"] = list(EUROPE)
        policy = self._propose(
            Kind.POLICY, bodies.POLICY, tighter, "in Europe only; October's firmware too"
        )
        approve(system.clients["bela"], policy.digest, "checked against the fleet")
        self._propose(
            Kind.REFERENCE_VALUES,
            "firmware-2026-12",
            bodies.baseline(self._boot),
            "firmware of December",
        )
        node = crowd.MACHINES[0].nodes[-1]
        revoked = self._propose(
            Kind.REVOCATION, f"node:{node}", bodies.node_revocation(node), "disk swapped"
        )
        approve(system.clients["dora"], revoked.digest)
