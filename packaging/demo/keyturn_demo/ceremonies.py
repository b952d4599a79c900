"""Key ceremonies of the demo: genesis, a KEK rotation, a backup, seal and unseal."""

import os
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from keyturn.base.encoding import Digest
from keyturn.base.strictjson import dump, load_object
from keyturn.base.times import format_time
from keyturn.ceremony.kinds import SCRIPTS
from keyturn.ceremony.plan import KekProfile, Plan
from keyturn.ceremony.records import Record
from keyturn.ceremony.script import Part, ScriptKind, ShareUse
from keyturn.client.ceremonydoor import ServerDoor
from keyturn.client.ceremonyhost import HostProcess
from keyturn.client.ceremonyplans import (
    About,
    Cast,
    Founds,
    compose_plan,
    founding_roster,
    read_scheme_text,
)
from keyturn.client.unsealdoor import LocalUnsealDoor, ServerUnsealDoor, UnsealDoor
from keyturn.client.unsealing import hand_share, seal_order
from keyturn.hsm.pins import new_pin
from keyturn.keyholder.server import local_socket
from keyturn.quorum.kinds import Kind
from keyturn.wire.ceremonies import RewrapKeys
from keyturn.wire.errors import PeerRefused
from keyturn.wire.keyholder_client import ask_once
from keyturn_demo.commands import KEYTURN
from keyturn_demo.console import Narrator, require
from keyturn_demo.desk import approve, now, propose
from keyturn_demo.parts import ORIGIN, START_SECONDS, System
from keyturn_demo.table import Known, Sheets, Table
from keyturn_demo.world import wait_for

TOKEN = "keyturn"  # noqa: S105 - a label
MAX_ENTRY = 1 << 16
ADMINISTRATOR, WITNESS = "hana", "viktor"
SHARES = {
    ShareUse.USER: "3:ada,bela,chen,dora,emil",
    ShareUse.SO: "2:farid,greta,ilse",
    ShareUse.BACKUP: "2:ada,chen,greta",
}
CUSTODIANS = ("ada", "chen", "emil")
"""Who unseals: three of the five."""
GENESIS, ROTATION, BACKUP = "genesis-2026", "rotation-2026", "backup-2026"


class Ceremonies:
    """What people do around one table, or each at their own desk."""

    def __init__(self, system: System, say: Narrator) -> None:
        self._system, self._say = system, say
        self.sheets = Sheets()

    # ---- genesis ----

    def found(self) -> None:
        """The authority, from the first record to the last; the host ends with it."""
        system, say, world = self._system, self._say, self._system.world
        socket = world.directory / "ceremony.sock"
        with (
            say.working("ten people, one host: token, keys, shares, roster, log"),
            HostProcess.start(
                world.keyholder,
                socket,
                module=world.module,
                environment=world.environment(),
                log=world.logs / "ceremony.log",
            ) as host,
        ):
            table = Table(host.door, system.people, self.sheets)
            table.open(self._genesis_plan())
            records = table.run()
            self._keep(table)
        stands = next(each.facts for each in records if "root" in each.facts)
        system.fingerprint = Digest(str(stands["authority"]))
        self._hand_pins_to_search()
        say.step(
            f"a ceremony with {len(records)} steps, each signed: the token's keys are made",
            f"led by {ADMINISTRATOR}, watched by {WITNESS}",
        )
        say.step(
            "PINs and the backup secret as SLIP-39 shares, each proved by re-entry",
            "; ".join(f"{use.value} {text}" for use, text in SHARES.items()),
        )
        self.begin_verifying(GENESIS)

    def _genesis_plan(self) -> Plan:
        people = self._system.people.values()
        entries = [
            load_object(
                dump(each.secret.public.roster_entry(each.roles)), limit=MAX_ENTRY, what="entry"
            )
            for each in people
        ]
        schemes = {use: read_scheme_text([text]) for use, text in SHARES.items()}
        return compose_plan(
            ScriptKind.GENESIS,
            Cast(ADMINISTRATOR, WITNESS, None, schemes),
            About(TOKEN, ceremony=GENESIS, kek_profile=KekProfile.RECOVERABLE),
            now(),
            Founds(ORIGIN, founding_roster(entries, simulation=True)),
        )

    def _hand_pins_to_search(self) -> None:
        """What enough custodians could put together: the search looks for it everywhere."""
        for use, descriptor in (
            (ShareUse.USER, self._system.pin_fd),
            (ShareUse.SO, self._system.so_pin_fd),
        ):
            secret = self.sheets.combined(use)
            pin = new_pin(secret)
            os.pwrite(descriptor, pin, 0)
            for each in (secret, pin):
                each[:] = bytes(len(each))

    def secrets(self) -> dict[str, str]:
        """Words of shares and the backup secret, by name: to be found nowhere."""
        found = {
            f"{use.value} share of {officer}": words.decode()
            for (officer, use), words in self.sheets.words.items()
        }
        secret = self.sheets.combined(ShareUse.BACKUP)
        found["backup secret"] = secret.hex()
        secret[:] = bytes(len(secret))
        return found

    # ---- a sealed keyholder ----

    def unseal_here(self) -> None:
        """At the keyholder's own machine, one after the other: there is no server yet."""
        path = local_socket(self._system.world.keyholder / "keyholder.sock")
        door = LocalUnsealDoor(path, self._system.fingerprint, None)
        self._unseal(lambda _officer: door, "in turn at its machine")

    def unseal(self) -> None:
        """Each from their own desk, through the server, which only forwards."""
        clients = self._system.clients
        self._unseal(lambda officer: ServerUnsealDoor(clients[officer]), "each from their own desk")

    def _unseal(self, door: Callable[[str], UnsealDoor], where: str) -> None:
        missing = []
        with self._say.working("custodians look at the keyholder, and enter their shares"):
            for officer in CUSTODIANS:
                signer = self._system.people[officer].signer
                words = bytearray(self.sheets.words[officer, ShareUse.USER])
                try:
                    taken = hand_share(door(officer), signer, words, now())
                finally:
                    words[:] = bytes(len(words))
                missing.append(taken.missing)
        require(not taken.sealed, "three shares unseal the keyholder", found=missing)
        self._say.step(
            f"unsealed by {', '.join(CUSTODIANS)}, {where}", "SLIP-39 shares, 3 of 5 needed"
        )

    def seal(self) -> None:
        """One custodian closes it: from then on it releases nothing."""
        client, desk = self._system.clients["dora"], self._system.people["dora"]
        door = ServerUnsealDoor(client)
        index = door.seal(
            seal_order(door.news(), desk.signer, Part.CUSTODIAN, "for the demonstration", now())
        )
        require(door.news().sealed, "the keyholder is sealed")
        self._say.step(f"sealed by dora alone, at log index {index}", "no key, no log, no answer")

    # ---- rotation ----

    def rotate(self) -> None:
        """A new KEK, every DEK under it, the old one destroyed."""
        say = self._say
        plan = self.let_happen(ScriptKind.KEK_ROTATION, ROTATION, KekProfile.RECOVERABLE)
        with say.working("a new KEK, and a backup of it"):
            table = self.table()
            table.open(plan)
            table.run(until="rewrap")
        with say.working("the control plane feeds the inventory to the keyholder"):
            wait_for("every DEK under the new KEK", self._nothing_left, START_SECONDS)
            records = table.run()
        self._say_rotated(records)
        self._keep(table)
        self.begin_verifying(ROTATION)

    def _nothing_left(self) -> bool | None:
        path = self._system.world.keyholder / "keyholder.sock"
        try:
            return ask_once(path, RewrapKeys(ROTATION, b"")).left == 0 or None
        except PeerRefused:
            return None  # the step before is not recorded yet

    def _say_rotated(self, records: list[Record]) -> None:
        facts = next(each.facts for each in records if each.step == "rewrap")
        require(facts["rewrapped"] == facts["total"], "every DEK was wrapped anew", found=facts)
        self._say.step(
            f"{facts['rewrapped']} of {facts['total']} DEKs under the new KEK",
            f"{str(facts['old'])[:8]}… → {str(facts['new'])[:8]}…",
        )
        self._say.step("the old KEK was retired, then destroyed in the token", "witnessed")

    def begin_backup(self) -> None:
        """A backup that waits for a second custodian of its secret, to be looked at."""
        plan = self.let_happen(ScriptKind.BACKUP, BACKUP, None)
        with self._say.working("a backup, and one of two shares"):
            table = self.table()
            table.open(plan)
            table.run(until="unlock-backup")
            table.sign([("ada", Part.CUSTODIAN)])
        self._say.step(f"{BACKUP} waits for one more share", "ada's is there")

    def table(self) -> Table:
        """Through the server, as its administrator: everybody signs with their own key."""
        client = self._system.clients["ada"]
        seen = client.seen()
        known = Known(seen.authority, seen.checkpoint.checkpoint)
        return Table(ServerDoor(client), self._system.people, self.sheets, known)

    def let_happen(self, kind: ScriptKind, ceremony: str, profile: KekProfile | None) -> Plan:
        """By a statement in force, which names people, script, token and a window of time."""
        clients, desks = self._system.clients, self._system.people
        body: dict[str, object] = {
            "ceremony": kind.value,
            "script": SCRIPTS[kind].digest,
            "token": TOKEN,
            "participants": {
                "administrator": ADMINISTRATOR,
                "custodians": ["ada", "chen", "greta"],
                "witness": WITNESS,
                "scribe": None,
            },
            "concerns": [],
            "not_before": format_time(now() - timedelta(minutes=1)),
            "not_after": format_time(now() + timedelta(days=1)),
        }
        proposal = propose(
            clients["ada"], desks["ada"], Kind.CEREMONY, ceremony, body, "yearly, as we promised"
        )
        by = ("bela", "chen", "dora")
        for officer in by:
            proposal = approve(clients[officer], proposal.digest)
        require(proposal.index is not None, "the ceremony is let happen", found=proposal.refusal)
        self._say.step(
            f"ceremony '{ceremony}' may be held, at log index {proposal.index}",
            f"proposed by ada, approved by {', '.join(by)}",
        )
        return compose_plan(
            kind,
            Cast(ADMINISTRATOR, WITNESS, None, {}),
            About(
                TOKEN,
                ceremony=ceremony,
                authority=self._system.fingerprint,
                statement=proposal.digest,
                kek_profile=profile,
            ),
            now(),
        )

    # ---- transcripts ----

    def _keep(self, table: Table) -> None:
        self._transcript(table.ceremony).write_bytes(table.transcript())

    def _transcript(self, ceremony: str) -> Path:
        return self._system.world.directory / "exchange" / f"{ceremony}.json"

    def begin_verifying(self, ceremony: str) -> None:
        """As an auditor does, offline, by the fingerprint alone; beside everything else."""
        file, fingerprint = self._transcript(ceremony), self._system.fingerprint
        command = ("ceremony", "verify", str(file), "--fingerprint", fingerprint, "--json")
        self._system.begin(f"verify {ceremony}", KEYTURN, *command)

    def verified(self, ceremony: str) -> None:
        with self._say.working("the transcript is verified"):
            found = self._system.collect(f"verify {ceremony}")
        require(found["state"] == "done", "the transcript is of a ceremony to its end", found=found)
        self._say.step(
            f"transcript of {ceremony} verified by `keyturn ceremony verify`, offline",
            f"{found['records']} records, digest {str(found['digest'])[:20]}…",
        )
