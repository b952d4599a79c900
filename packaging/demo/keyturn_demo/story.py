"""The story, step by step; every step raises StepFailed unless it held."""

import base64
import json
import os
import shutil
import signal
import subprocess
import sys
import time

import httpx

from keyturn.base.encoding import Digest
from keyturn.client.proposals import Proposal
from keyturn.keyrelease.binding import Purpose
from keyturn.keyrelease.entries import GrantEntry, read_grant
from keyturn.quorum.entries import Entry, EntryKind, parse_entry
from keyturn.quorum.kinds import Kind
from keyturn_demo import bodies, kinds
from keyturn_demo.ceremonies import GENESIS, ROTATION, Ceremonies
from keyturn_demo.commands import SIMULATOR, Document, secret_fd
from keyturn_demo.console import Narrator, StepFailed, require
from keyturn_demo.desk import approve, propose
from keyturn_demo.kinds import EveryKind
from keyturn_demo.parts import START_SECONDS, ServingNode, System
from keyturn_demo.reference import TEXTS
from keyturn_demo.supervisor import tail
from keyturn_demo.world import (
    GOOD_FIRMWARE,
    MODEL,
    MODEL_PACKAGE,
    WRONG_FIRMWARE,
    read_json,
    wait_for,
)


class Story:
    """Everything the demo does, in order."""

    lease_seconds = bodies.LEASE_SECONDS
    every_kind = True
    """Whether machines have TPMs, and one is a TD of Intel's."""

    def __init__(self, system: System, say: Narrator) -> None:
        self._system = system
        self._say = say
        self._world = system.world
        self._model = Digest("")
        self._tag = ""
        self._expected: list[bytes] = []
        self._kinds = EveryKind(system, say)
        self._ceremonies = Ceremonies(system, say)
        self._node: ServingNode | None = None
        self._boot: dict[str, object] | None = None

    def tell(self) -> None:
        """The whole story. Raises StepFailed at the first step that does not hold."""
        self._prepare()
        self._genesis()
        self._seal()
        self._authority()
        self._admit()
        self._release()
        self._refuse()
        self._hold_ceremony()
        self._survive()
        self._search_while_serving()
        self._revoke()
        self._search_after()
        self._verify_log()

    def stay(self) -> dict[str, str]:
        """Bring up a node that keeps serving, and say where things are."""
        system = self._system
        system.make_machine("node-3", GOOD_FIRMWARE)
        if self.every_kind:
            system.start_tpm("node-3")
        system.start_devices("node-3")
        system.start_agent("node-3", restart=True)
        for desk in system.desks.values():
            passphrase = desk.directory / "passphrase"
            passphrase.touch(mode=0o600)
            passphrase.write_bytes(bytes(desk.passphrase))
        ada = system.desks["ada"]
        return {
            "control": system.url,
            "node": system.wait_serving("node-3").url,
            "profile": str(ada.directory),
            "passphrase_file": str(ada.directory / "passphrase"),
            "officers": str(self._world.officers),
        }

    def watch(self) -> None:
        """Raises StepFailed when a part has given up."""
        for name in ("keyholder", "control"):
            self._system.supervisor.check_given_up(name)

    @property
    def system(self) -> System:
        return self._system

    def moment(self, name: str) -> None:
        """A moment worth keeping; who records the story says how."""

    # ---- genesis ----

    def _prepare(self) -> None:
        """Start what takes long beside everything else."""
        require(MODEL.is_dir(), f"the model's weights are missing: {MODEL}", expected="make setup")
        shutil.copytree(MODEL, self._world.plaintext)
        vendors = str(self._world.directory / "sim" / "vendors")
        self._system.begin("vendors", *SIMULATOR[1:], "vendors", "--dir", vendors)
        self._system.begin("plain", "-m", "keyturn_demo.reference", str(self._world.plaintext))

    def _genesis(self) -> None:
        say, system = self._say, self._system
        say.chapter("Genesis")
        with say.working("officers make their keys"):
            system.make_officers()
        say.step("five officers, each with a key of their own", ", ".join(system.desks))
        also = [each for each in system.people if each not in system.desks]
        say.step("five others, who lead, watch and keep ceremonies", ", ".join(also))
        self._ceremonies.found()
        say.step("roster version 1 and keys in force, 3 approvals each", "a SIMULATED authority")
        say.step("authority fingerprint, pinned by every part", system.fingerprint)
        with say.working("the keyholder replays its log"):
            part = system.start_keyholder()
        say.step("keyholder up, sealed", f"process {part.pid}, no network socket, no PIN")
        self._ceremonies.unseal_here()
        with say.working("the control plane starts"):
            system.start_control()
        say.step(f"control plane up at {system.url}", f"TLS key pinned: {system.pin[:16]}…")
        self._ceremonies.verified(GENESIS)

    # ---- sealing ----

    def _seal(self) -> None:
        say, world, system = self._say, self._world, self._system
        say.chapter("Sealing needs no secret")
        with say.working("the plaintext model's own embeddings, to compare with later"):
            found = system.collect("plain")
        self._expected = [base64.b64decode(each) for each in found["embeddings"]]
        with say.working("sealing"):
            sealed = system.run.keyturn(
                *("seal", str(world.plaintext), "-o", str(world.sealed)),
                *("--to", str(world.keyholder / "authority.bundle")),
                *("--fingerprint", system.fingerprint, "--name", bodies.MODEL_NAME),
            )
        self._model = Digest(sealed["model_digest"])
        size = sum(each.stat().st_size for each in world.plaintext.rglob("*") if each.is_file())
        say.step(f"{bodies.MODEL_NAME} sealed, {size / 1e6:.1f} MB", f"digest {self._model}")
        shutil.rmtree(world.plaintext)
        command = (sys.executable, "-c", f"import {MODEL_PACKAGE}")
        imported = subprocess.run(
            command, env=world.environment(), capture_output=True, check=False
        )
        require(imported.returncode != 0, "the model's package can be imported where nodes run")
        say.step("the plaintext is gone, and its package cannot be imported where nodes run")
        registered = system.clients["emil"].register_model(*self._manifest_and_key())
        self._tag = registered.tag
        say.step("registered in the inventory", "not admitted: no key for anybody yet")

    def _manifest_and_key(self) -> tuple[bytes, bytes]:
        sealed = self._world.sealed
        return (sealed / "keyturn.json").read_bytes(), (sealed / "keyturn.key").read_bytes()

    # ---- authority ----

    def _authority(self) -> None:
        self._say.chapter("Nobody alone: statements come into force by quorum")
        anchors = self._system.collect("vendors")["trust_anchors"]
        self._make_machines()
        self._enact(
            Kind.TRUST_ANCHORS,
            "trust-anchors",
            anchors,
            "SIMULATED vendors of this demo",
            ("bela", "chen", "dora"),
        )
        self._one_short()
        self._enact(
            Kind.POLICY,
            bodies.POLICY,
            bodies.policy(self.lease_seconds, every_kind=self.every_kind),
            "who may serve in the EU",
            ("bela", "chen"),
        )

    def _make_machines(self) -> None:
        self._system.make_machine("node-1", GOOD_FIRMWARE)
        self._system.make_machine("node-2", WRONG_FIRMWARE)
        if self.every_kind:
            self._kinds.make_machines("node-1", "node-2")

    def _enact(
        self, kind: Kind, subject: str, body: dict[str, object], reason: str, by: tuple[str, ...]
    ) -> None:
        proposal = self._propose(kind, subject, body, reason)
        for officer in by:
            proposal = approve(self._system.clients[officer], proposal.digest)
        self._in_force(proposal, by)

    def _propose(
        self,
        kind: Kind,
        subject: str,
        body: dict[str, object],
        reason: str,
        *,
        by: str = "ada",
        key: bytes | None = None,
    ) -> Proposal:
        system = self._system
        return propose(system.clients[by], system.desks[by], kind, subject, body, reason, key=key)

    def _in_force(self, proposal: Proposal, by: tuple[str, ...]) -> None:
        statement = proposal.statement
        require(
            proposal.index is not None,
            f"{statement.kind.value} did not come into force",
            found=proposal.refusal or proposal.status.value,
        )
        self._say.step(
            f"{statement.kind.value} '{statement.subject[:32]}' in force at log index "
            f"{proposal.index}, receipt verified",
            f"proposed by {statement.proposer}, approved by {', '.join(by)}",
        )

    def _one_short(self) -> None:
        """A baseline with one approval of two is not in force."""
        self._boot = self._kinds.captured_boot() if self.every_kind else None
        system = self._system
        kind, subject = Kind.REFERENCE_VALUES, bodies.BASELINE
        body = bodies.baseline(self._boot)
        proposal = self._propose(kind, subject, body, "firmware of November")
        proposal = approve(system.clients["bela"], proposal.digest)
        known = system.clients["chen"].state().newest.get((kind, subject))
        require(proposal.index is None and known is None, "one approval of two must not do")
        self._say.step(
            f"baseline '{subject}' NOT IN FORCE",
            f"{len(proposal.approved_by)} of {proposal.needed} approvals: "
            f"{', '.join(proposal.approved_by)}",
        )
        self.moment("one-short")
        self._in_force(approve(system.clients["chen"], proposal.digest), ("bela", "chen"))

    def _admit(self) -> None:
        """The admission's last approval comes by file, from an officer without network."""
        say, system, exchange = self._say, self._system, self._world.directory / "exchange"
        proposal = self._propose(
            Kind.MODEL,
            self._model,
            bodies.admission(self._model, self._tag),
            "first model",
            key=self._manifest_and_key()[1],
        )
        approve(system.clients["bela"], proposal.digest)
        asked, answered = str(exchange / "request.json"), str(exchange / "answer.json")
        with say.working("an officer without network approves by file"):
            system.cli("chen", "proposal", "export", proposal.digest, "-o", asked)
            system.cli("emil", "proposal", "approve", "--file", asked, "-o", answered, "--yes")
            system.cli("chen", "proposal", "import", answered)
        say.step("emil approved from a file, with no server in reach; it came back by file")
        self._in_force(system.clients["ada"].proposal(proposal.digest), ("bela", "emil"))
        say.detail("the HSM unwrapped the DEK, verified its tag, and wrapped it under the KEK")

    # ---- nodes ----

    def _release(self) -> None:
        say, system = self._say, self._system
        say.chapter("A machine proves itself, and the key goes to it alone")
        system.start_devices("node-1")
        system.start_devices("node-2")
        if self.every_kind:
            self._kinds.start()
        system.start_agent("node-1")
        with say.working("node-1 attests, gets the key, opens the model in memory"):
            self._node = system.wait_serving("node-1")
        system.start_agent("node-2")
        index, grant = self._grants(Purpose.RELEASE, "node-1")[-1]
        parts = "SEV-SNP, its TPM and one GPU" if self.every_kind else "SEV-SNP and one GPU"
        say.step(f"node-1 proved {parts}, bound to its keys", grant.platform[:36] + "…")
        say.step(
            f"grant at log index {index}, durable before the HSM was asked",
            f"lease {grant.lease[:8]}… until {grant.until:%H:%M:%S}",
        )
        say.detail("caveats accepted by name: " + ", ".join(grant.caveats))
        same = self._node.embeddings(TEXTS) == self._expected
        require(same, "the sealed model's embeddings differ from the plaintext model's")
        say.step(
            f"node-1 serves /v1/embeddings at {self._node.url}",
            f"{len(TEXTS)} embeddings equal the plaintext model's, bit for bit",
        )
        if self.every_kind:
            self._serve_td()

    def _serve_td(self) -> None:
        say, node = self._say, self._kinds.serving()
        grant = self._grants(Purpose.RELEASE, kinds.TD)[-1][1]
        say.step(f"{kinds.TD} proved TDX, its TPM and one GPU", grant.platform[:36] + "…")
        same = node.embeddings(TEXTS) == self._expected
        require(same, "the trust domain's embeddings differ from the plaintext model's")
        say.step(f"{kinds.TD} serves the same embeddings, bit for bit")

    def _entries(self, kind: EntryKind) -> list[tuple[int, Entry]]:
        """Entries of the log, as an officer's client proved it."""
        leaves = self._system.clients["dora"].leaves()[1]
        entries = ((index, parse_entry(leaf)) for index, leaf in enumerate(leaves))
        return [(index, entry) for index, entry in entries if entry.kind is kind]

    def _grants(self, purpose: Purpose, node: str) -> list[tuple[int, GrantEntry]]:
        grants = [(index, read_grant(entry)) for index, entry in self._entries(EntryKind.GRANT)]
        wanted = (purpose, node)
        return [each for each in grants if (each[1].purpose, each[1].node) == wanted]

    def _refuse(self) -> None:
        say, system = self._say, self._system
        say.chapter("A machine with other firmware is refused, and told why")
        with say.working("node-2 attests"):
            status = system.supervisor.wait_exit("node-2", START_SECONDS)
        require(status == 1, "node-2 must be refused", found=f"exit status {status}")
        shown = system.cli("dora", "node", "show", "node-2")
        reasons = shown["reasons"]
        require(
            [each["reason"] for each in reasons] == ["measurement-mismatch"],
            "the firmware, and nothing else, is what is wrong with node-2",
            found=reasons,
        )
        reason = reasons[0]
        say.step("node-2 refused", reason["check"])
        say.detail(f"found         {reason['found'][:40]}…")
        say.detail(f"expected      {reason['expected'][:40]}…  (baseline {bodies.BASELINE})")
        say.detail(f"set by        {reason['statement']}")
        say.detail(f"what would unblock it: {reason['hint']}")

    def _hold_ceremony(self) -> None:
        """A KEK rotation by its script; then the model's key is released from under the new KEK."""
        say, system = self._say, self._system
        say.chapter("A key ceremony: the KEK is rotated")
        self._ceremonies.rotate()
        before = self._grants(Purpose.RELEASE, "node-1")[-1][0]
        system.supervisor.stop("node-1")
        with say.working("node-1 starts again, and asks for the key"):
            system.start_agent("node-1")
            self._node = system.wait_serving("node-1")
        index, grant = self._grants(Purpose.RELEASE, "node-1")[-1]
        require(index > before, "node-1 was given the key again", found=index)
        same = self._node.embeddings(TEXTS) == self._expected
        require(same, "the model opens under the new KEK")
        say.step(
            f"node-1 got the key again from under the new KEK, grant at log index {index}",
            f"the same embeddings, lease {grant.lease[:8]}…",
        )
        self._ceremonies.verified(ROTATION)
        self._ceremonies.seal()
        self._ceremonies.unseal()

    def _survive(self) -> None:
        """The keyholder is killed; its log brings everything back, the lease included."""
        say, system = self._say, self._system
        say.chapter("Killed, and back")
        part = system.supervisor.part("keyholder")
        killed, starts = part.pid, len(self._entries(EntryKind.START))
        os.kill(killed, signal.SIGKILL)
        with say.working("the supervisor starts it again, sealed"):
            wait_for("another keyholder", lambda: part.pid != killed or None, START_SECONDS)
            system.wait_keyholder()
        self._ceremonies.unseal()
        begun = self._entries(EntryKind.START)
        require(len(begun) == starts + 1, "the restart is in the log", found=len(begun))
        say.step(
            f"keyholder killed and restarted, its log replayed; start at log index {begun[-1][0]}",
            f"process {killed} → {part.pid}",
        )

        def renewed() -> tuple[int, GrantEntry] | None:
            renewals = self._grants(Purpose.RENEWAL, "node-1")
            found = [each for each in renewals if each[0] > begun[-1][0]]
            return found[-1] if found else None

        with say.working("node-1 renews its lease with fresh evidence"):
            index, grant = wait_for("a renewal", renewed, bodies.LEASE_SECONDS * 2.0)
        say.step(
            f"node-1 renewed its lease at log index {index}, after the restart",
            f"fresh evidence, no key travelled, lease {grant.lease[:8]}…",
        )

    # ---- searching ----

    def _search(self, *processes: str) -> Document:
        world, system = self._world, self._system
        spec = world.directory / "tmp" / "search.json"
        document = {
            "weights": str(MODEL / "model.safetensors"),
            "sealed": str(world.sealed),
            "keyholder": str(world.keyholder / "keyholder.toml"),
            "processes": {name: system.supervisor.part(name).pid for name in processes},
            "trees": {"demo directory": str(world.directory)},
        }
        spec.write_text(json.dumps(document), encoding="utf-8")
        with self._say.working("searching memory and files"):
            secrets_fd = secret_fd(
                json.dumps(system.secrets() | self._ceremonies.secrets()).encode()
            )
            try:
                return system.run.python(
                    *("-m", "keyturn_demo.search", str(spec), "--pin-fd", str(system.pin_fd)),
                    *("--secrets-fd", str(secrets_fd)),
                    pass_fds=(system.pin_fd, secrets_fd),
                )
            finally:
                os.close(secrets_fd)

    def _search_while_serving(self) -> None:
        self._say.chapter("Where is the plaintext?")
        found = self._search("node-1", "keyholder", "control")
        self._check_control(found)
        node = found["processes"]["node-1"]
        if node["searched"]:
            weights = [each for each in node["found"] if each.startswith("weights")]
            require(
                len(weights) == found["windows"] and node["found"] == weights,
                "in node-1's memory must be the weights, and no DEK, PIN or passphrase",
                found=node["found"],
            )
            self._say.step(
                "in node-1's (encrypted) memory: the weights, and no longer the DEK",
                f"{len(weights)} windows found",
            )
        self._nowhere(found, ("keyholder", "control"))

    def _check_control(self, found: Document) -> None:
        for place, result in found["control"].items():
            require(
                len(result["found"]) == found["needles"],
                f"the search's positive control ({place}) must find every needle",
                found=result,
            )
        self._say.step(
            "the search finds weights, DEK, PINs and passphrases where they were put on purpose",
            f"{found['needles']} of {found['needles']} in memory, in a file, in an environment",
        )

    def _nowhere(self, found: Document, processes: tuple[str, ...]) -> None:
        for name in processes:
            result = found["processes"][name]
            if not result["searched"]:
                self._say.warn(f"{name}: not searched here ({result['why']})")
                continue
            require(not result["found"], f"{name}'s memory holds plaintext", found=result["found"])
            self._say.step(f"not in {name}'s memory", f"{result['bytes'] / 1e6:.0f} MB searched")
        shown = found["argv and environment"]
        require(not shown["found"], "argv or environment shows a secret", found=shown["found"])
        self._say.step("in nobody's argv or environment", f"{shown['read']} looked through")
        for name, result in found["trees"].items():
            require(not result["found"], f"a file in the {name} holds it", found=result["found"])
            require(not result["unreadable"], f"a file in the {name} could not be read")
            self._say.step(f"in no file of the {name}", f"{result['bytes'] / 1e6:.0f} MB searched")

    # ---- the end ----

    def _revoke(self) -> None:
        say, system = self._say, self._system
        say.chapter("Revoked")
        body = bodies.node_revocation("node-1")
        proposal = self._propose(
            Kind.REVOCATION, "node:node-1", body, "for the demonstration", by="bela"
        )
        begun = time.monotonic()
        proposal = approve(system.clients["bela"], proposal.digest)
        require(proposal.index is not None, "the revocation must be in force", found=proposal)
        say.step(f"revocation of node-1 in force at log index {proposal.index}", "1 of 1: bela")
        with say.working("node-1 checks the receipt, stops and wipes"):
            ready = wait_for("node-1 wipes", self._wiped, 30.0)
            took = time.monotonic() - begun
            status = system.supervisor.wait_exit("node-1", 30)
        require(status == 0, "node-1 ends with 0 after a revocation", found=(status, ready))
        say.step(
            f"node-1 stopped serving and wiped {took:.2f} s after the approval",
            f"the wipe itself took {ready['wiped_after_ms']} ms",
        )
        try:
            if self._node is not None:
                self._node.embeddings(TEXTS[:1])
        except httpx.HTTPError:
            say.step("node-1 no longer answers")
            return
        raise StepFailed("node-1 still answers after its revocation")

    def _wiped(self) -> Document | None:
        ready = read_json(self._system.node_directory("node-1") / "ready.json")
        return ready if ready and ready.get("wiped_after_ms") is not None else None

    def _search_after(self) -> None:
        found = self._search("keyholder", "control")
        self._check_control(found)
        self._nowhere(found, ("keyholder", "control"))

    def _verify_log(self) -> None:
        say, system = self._say, self._system
        say.chapter("The log proves all of it, offline")
        export = str(self._world.directory / "exchange" / "log")
        with say.working("exporting and verifying"):
            system.cli("dora", "log", "export", "-o", export)
            verified = system.run.keyturn(
                *("log", "verify", export, "--fingerprint", system.fingerprint)
            )
        counts = verified["entries"]
        for kind, least in (("statement", 7), ("grant", 2), ("refusal", 1)):
            require(counts.get(kind, 0) >= least, f"{kind} entries", found=counts, expected=least)
        shown = ", ".join(f"{count} {kind}" for kind, count in sorted(counts.items()))
        say.step(f"{verified['size']} entries verified from the fingerprint alone", shown)
        restarted = system.supervisor.restarts
        require(
            restarted == ["keyholder"],
            "nothing else was restarted",
            found=f"{restarted}; {tail(system.supervisor.part(restarted[-1]).log, 20)}",
        )
