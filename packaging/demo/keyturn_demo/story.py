"""The story, step by step; every step raises StepFailed unless it held."""

import base64
import json
import os
import shutil
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx

from keyturn.base.encoding import Digest
from keyturn.client.client import KeyturnClient
from keyturn.client.proposals import Proposal
from keyturn.keyrelease.binding import Purpose
from keyturn.keyrelease.entries import GrantEntry, read_grant
from keyturn.quorum.entries import EntryKind, parse_entry
from keyturn.quorum.kinds import Kind
from keyturn.wire.errors import PeerUnreachable
from keyturn.wire.keyholder import AskHello
from keyturn.wire.keyholder_client import ask_once
from keyturn.wire.tls import parse_pin, pinned_client
from keyturn_demo import bodies
from keyturn_demo.commands import KEYTURN, SIMULATOR, Commands, Document, secret_fd
from keyturn_demo.console import Narrator, StepFailed, require
from keyturn_demo.desk import Desk, approve, make_desks, propose
from keyturn_demo.reference import TEXTS
from keyturn_demo.supervisor import Supervisor, tail
from keyturn_demo.world import (
    GOOD_FIRMWARE,
    GPU_MEASUREMENTS,
    MODEL,
    MODEL_PACKAGE,
    WORKLOAD,
    WRONG_FIRMWARE,
    World,
    read_json,
    wait_for,
)

ORIGIN = "demo.example/keyturn"
START_SECONDS = 60.0


class Story:
    """Everything the demo does, in order. Use as a context manager: it ends what it began."""

    def __init__(self, world: World, say: Narrator) -> None:
        self._world = world
        self._say = say
        self._stack = ExitStack()
        environment = world.environment()
        self._run = Commands(environment)
        self._supervisor = self._stack.enter_context(Supervisor(world.logs, environment))
        self._desks: dict[str, Desk] = {}
        self._clients: dict[str, KeyturnClient] = {}
        self._fingerprint = Digest("")
        self._pin_fd = -1
        self._pin = ""
        self._url = ""
        self._model = Digest("")
        self._tag = ""
        self._roots: dict[str, str] = {}
        self._reference: subprocess.Popen[bytes] | None = None
        self._simulator: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> "Story":
        return self

    def __exit__(self, *_: object) -> None:
        for process in (self._reference, self._simulator):
            if process is not None and process.poll() is None:
                process.kill()
                process.communicate()
        self._stack.close()

    def tell(self) -> None:
        """The whole story. Raises StepFailed at the first step that does not hold."""
        self._prepare()
        self._genesis()
        self._seal()
        self._authority()
        self._admit()
        self._release()
        self._renew()
        self._refuse()
        self._search_while_serving()
        self._revoke()
        self._search_after()
        self._verify_log()

    # ---- before ----

    def _prepare(self) -> None:
        """Start what takes long beside everything else."""
        require(MODEL.is_dir(), f"the model's weights are missing: {MODEL}", expected="make setup")
        world = self._world
        shutil.copytree(MODEL, world.plaintext)
        self._reference = self._run.background("-m", "keyturn_demo.reference", str(world.plaintext))
        self._simulator = self._run.background(
            *SIMULATOR[1:], "vendors", "--dir", str(world.directory / "sim" / "vendors")
        )

    # ---- genesis ----

    def _genesis(self) -> None:
        say, world = self._say, self._world
        say.chapter("Genesis")
        with say.working("five officers make their keys"):
            self._desks = make_desks(world.officers)
            for desk in self._desks.values():
                self._stack.callback(desk.secret.wipe)
        say.step("five officers, each with a key of their own", ", ".join(self._desks))
        with say.working("token, keys, roster, log"):
            made = self._init()
        self._fingerprint = Digest(made["fingerprint"])
        say.step(
            "SoftHSM token: KEK, ingest, log and result keys made inside", "PIN: by descriptor"
        )
        say.step("roster version 1 and keys in force", "3 of 5 approved each; SIMULATED authority")
        say.step("authority fingerprint, pinned by every part from here on", self._fingerprint)
        self._start_keyholder()
        self._start_control()

    def _init(self) -> Document:
        """`keyturn init`: PINs arrive by descriptor, and stay in memory files."""
        world = self._world
        pin, so_pin = (os.memfd_create(name, os.MFD_CLOEXEC) for name in ("pin", "so-pin"))
        self._stack.callback(os.close, pin)
        self._stack.callback(os.close, so_pin)
        self._pin_fd = pin
        arguments = ["init", str(world.keyholder), "--origin", ORIGIN, "--simulation"]
        arguments += ["--module", str(world.module)]
        arguments += ["--pin-out-fd", str(pin), "--so-pin-out-fd", str(so_pin)]
        opened = []
        for desk in self._desks.values():
            descriptor = secret_fd(desk.passphrase)
            opened.append(descriptor)
            arguments += ["--officer", str(desk.key_file), "--passphrase-fd", str(descriptor)]
        try:
            return self._run.keyturn(*arguments, pass_fds=(pin, so_pin, *opened))
        finally:
            for descriptor in opened:
                os.close(descriptor)

    def _start_keyholder(self) -> None:
        config = self._world.keyholder / "keyholder.toml"
        part = self._supervisor.start(
            "keyholder",
            (KEYTURN, "keyholder", "--config", str(config), "--pin-fd", str(self._pin_fd)),
            pass_fds=(self._pin_fd,),
        )
        socket = self._world.keyholder / "keyholder.sock"

        def answers() -> object | None:
            try:
                return ask_once(socket, AskHello(), seconds=2.0)
            except PeerUnreachable:
                return None

        with self._say.working("the keyholder replays its log"):
            wait_for(
                "the keyholder answers",
                answers,
                START_SECONDS,
                lambda: None if part.restart else self._supervisor.check("keyholder"),
            )
        self._say.step(
            "keyholder up, HSM worker unsealed", f"process {part.pid}, no network socket"
        )

    def _start_control(self) -> None:
        world = self._world
        world.control.mkdir(mode=0o700)
        config = world.control / "control.toml"
        config.write_text(
            f'data = "{world.control / "data"}"\n'
            f'keyholder = "{world.keyholder / "keyholder.sock"}"\n'
            f'fingerprint = "{self._fingerprint}"\n'
            "port = 0\n"
            "heartbeat_seconds = 1.0\n",
            encoding="utf-8",
        )
        part = self._supervisor.start("control", (KEYTURN, "control", "--config", str(config)))
        with self._say.working("the control plane starts"):
            ready = wait_for(
                "the control plane is up",
                lambda: read_json(world.control / "data" / "ready.json"),
                START_SECONDS,
                lambda: None if part.restart else self._supervisor.check("control"),
            )
        self._url, self._pin = str(ready["url"]), str(ready["pin"])
        for name, desk in self._desks.items():
            self._clients[name] = desk.connect(
                self._url, parse_pin(self._pin), self._fingerprint, self._stack
            )
        self._say.step(f"control plane up at {self._url}", f"TLS key pinned: {self._pin[:16]}…")

    # ---- sealing ----

    def _seal(self) -> None:
        say, world = self._say, self._world
        say.chapter("Sealing needs no secret")
        if self._reference is not None:
            with say.working("the plaintext model's own embeddings, to compare with later"):
                found = self._run.collect(self._reference)
            self._expected = [base64.b64decode(each) for each in found["embeddings"]]
        bundle = world.keyholder / "authority.bundle"
        with say.working("sealing"):
            sealed = self._run.keyturn(
                "seal",
                str(world.plaintext),
                "--to",
                str(bundle),
                "-o",
                str(world.sealed),
                "--fingerprint",
                self._fingerprint,
                "--name",
                "all-MiniLM-L6-v2",
            )
        self._model = Digest(sealed["model_digest"])
        size = sum(each.stat().st_size for each in world.plaintext.rglob("*") if each.is_file())
        say.step(f"all-MiniLM-L6-v2 sealed, {size / 1e6:.1f} MB", f"model digest {self._model}")
        shutil.rmtree(world.plaintext)
        check = (sys.executable, "-c", f"import {MODEL_PACKAGE}")
        gone = subprocess.run(
            check, env=world.environment(), capture_output=True, check=False
        ).returncode
        require(gone != 0, "the model's package can be imported where nodes run")
        say.step("the plaintext is gone, and its package cannot be imported where nodes run")
        operator = self._clients["emil"]
        registered = operator.register_model(*self._manifest_and_key())
        self._tag = registered.tag.hex() if isinstance(registered.tag, bytes) else registered.tag
        say.step("registered in the inventory", "not admitted: no key for anybody yet")

    def _manifest_and_key(self) -> tuple[bytes, bytes]:
        sealed = self._world.sealed
        return (sealed / "keyturn.json").read_bytes(), (sealed / "keyturn.key").read_bytes()

    # ---- authority ----

    def _authority(self) -> None:
        say = self._say
        say.chapter("Nobody alone: statements come into force by quorum")
        if self._simulator is not None:
            self._roots = self._run.collect(self._simulator)["roots"]
        self._enact(
            Kind.TRUST_ANCHORS,
            "trust-anchors",
            bodies.trust_anchors(self._roots),
            "SIMULATED vendors of this demo",
            ("bela", "chen", "dora"),
        )
        self._one_short()
        self._enact(
            Kind.POLICY, bodies.POLICY, bodies.policy(), "who may serve in the EU", ("bela", "chen")
        )

    def _enact(
        self, kind: Kind, subject: str, body: dict[str, object], reason: str, by: tuple[str, ...]
    ) -> Proposal:
        proposal = self._propose(kind, subject, body, reason)
        for officer in by:
            proposal = approve(self._clients[officer], proposal.digest)
        return self._in_force(proposal, by)

    def _propose(
        self, kind: Kind, subject: str, body: dict[str, object], reason: str, **files: bytes
    ) -> Proposal:
        return propose(
            self._clients["ada"], self._desks["ada"], kind, subject, body, reason, **files
        )

    def _in_force(self, proposal: Proposal, by: tuple[str, ...]) -> Proposal:
        require(
            proposal.index is not None,
            f"{proposal.statement.kind.value} did not come into force",
            found=proposal.refusal or proposal.status.value,
        )
        self._say.step(
            f"{proposal.statement.kind.value} '{proposal.statement.subject[:40]}' in force at log "
            f"index {proposal.index}, receipt verified",
            f"proposed by ada, approved by {', '.join(by)}",
        )
        return proposal

    def _one_short(self) -> None:
        """A baseline with one approval of two is not in force, and the keyholder says why."""
        proposal = self._propose(
            Kind.REFERENCE_VALUES, bodies.BASELINE, bodies.baseline(), "firmware of November"
        )
        proposal = approve(self._clients["bela"], proposal.digest)
        state = self._clients["chen"].state()
        require(
            proposal.index is None
            and state.newest.get((Kind.REFERENCE_VALUES, bodies.BASELINE)) is None,
            "a statement with one approval of two must not be in force",
        )
        self._say.step(
            f"baseline '{bodies.BASELINE}' NOT IN FORCE",
            f"1 of {proposal.needed} approvals: {', '.join(proposal.approved_by)}",
        )
        self._in_force(approve(self._clients["chen"], proposal.digest), ("bela", "chen"))

    def _admit(self) -> None:
        """The admission's last approval comes by file, from an officer without network."""
        say, exchange = self._say, self._world.directory / "exchange"
        _, key = self._manifest_and_key()
        proposal = self._propose(
            Kind.MODEL,
            self._model,
            bodies.admission(self._model, self._tag),
            "first model",
            key=key,
        )
        approve(self._clients["bela"], proposal.digest)
        request, answer = exchange / "request.json", exchange / "answer.json"
        with say.working("an officer without network approves by file"):
            self._cli("chen", "proposal", "export", proposal.digest, "-o", str(request))
            self._cli(
                "emil", "proposal", "approve", "--file", str(request), "-o", str(answer), "--yes"
            )
            self._cli("chen", "proposal", "import", str(answer))
        say.step("emil approved from a file, with no server in reach, and it came back by file")
        self._in_force(self._clients["ada"].proposal(proposal.digest), ("bela", "emil"))
        say.detail("the HSM unwrapped the DEK, verified its tag, and wrapped it under the KEK")

    def _cli(self, officer: str, *arguments: str) -> Document:
        """`keyturn …` at an officer's desk, the passphrase by descriptor."""
        desk = self._desks[officer]
        descriptor = secret_fd(desk.passphrase)
        try:
            return self._run.keyturn(
                *arguments,
                "--profile",
                str(desk.directory),
                "--passphrase-fd",
                str(descriptor),
                pass_fds=(descriptor,),
            )
        finally:
            os.close(descriptor)

    # ---- nodes ----

    def _make_node(self, name: str, firmware: bytes) -> None:
        """A simulated machine: its devices in a process, ready to be asked for evidence."""
        sim = self._world.directory / "sim"
        arguments = ["--vendors", str(sim / "vendors"), "--out", str(sim / f"{name}.json")]
        arguments += ["--measurement", firmware.hex(), "--host-data", WORKLOAD.hex()]
        arguments += ["--driver", bodies.DRIVER, "--vbios", bodies.VBIOS]
        for index, value in GPU_MEASUREMENTS.items():
            arguments += ["--gpu-measurement", f"{index}={value.hex()}"]
        self._run.simulator("node", *arguments)
        socket = sim / f"{name}.sock"
        self._supervisor.start(
            f"{name}-devices",
            (*SIMULATOR, "device", "--config", str(sim / f"{name}.json"), "--socket", str(socket)),
        )
        wait_for(f"{name}'s devices answer", lambda: socket.exists() or None, START_SECONDS)

    def _start_agent(self, name: str, *, restart: bool = False) -> Path:
        data = self._world.directory / "nodes" / name
        data.mkdir(mode=0o700, parents=True)
        config = data / "agent.toml"
        config.write_text(
            f'node = "{name}"\n'
            f'control_url = "{self._url}"\n'
            f'control_pin = "{self._pin}"\n'
            f'authority_bundle = "{self._world.keyholder / "authority.bundle"}"\n'
            f'authority_fingerprint = "{self._fingerprint}"\n'
            f'sealed_model = "{self._world.sealed}"\n'
            f'device_socket = "{self._world.directory / "sim" / f"{name}.sock"}"\n'
            f'data = "{data}"\n'
            'listen = "127.0.0.1:0"\n'
            "heartbeat_seconds = 0.5\n",
            encoding="utf-8",
        )
        self._supervisor.start(name, (KEYTURN, "agent", "--config", str(config)), restart=restart)
        return data / "ready.json"

    def _wait_serving(self, name: str, ready: Path) -> dict[str, Any]:
        part = self._supervisor.part(name)

        def serving() -> dict[str, Any] | None:
            document = read_json(ready)
            return document if document and document["state"] == "serving" else None

        def alive() -> None:
            if part.process is not None and part.process.poll() is not None:
                raise StepFailed(f"{name} ended; {tail(part.log, 30)}")

        return wait_for(f"{name} serves", serving, START_SECONDS, alive)

    def _release(self) -> None:
        say = self._say
        say.chapter("A machine proves itself, and the key goes to it alone")
        self._make_node("node-1", GOOD_FIRMWARE)
        ready = self._start_agent("node-1")
        with say.working("node-1 attests, gets the key, opens the model in memory"):
            document = self._wait_serving("node-1", ready)
        grants = self._grants(Purpose.RELEASE)
        index, grant = grants[-1]
        say.step(
            "node-1 proved SEV-SNP and one GPU, bound to its keys",
            f"platform {grant.platform[:28]}…",
        )
        say.step(
            f"grant at log index {index}, before the HSM was asked",
            f"lease {grant.lease[:8]}…, until {grant.until:%H:%M:%S}",
        )
        say.detail("caveats accepted by name: " + ", ".join(grant.caveats))
        self._node_url = str(document["url"])
        self._node_pin = str(document["tls_spki_sha256"])
        same = self._embeddings() == self._expected
        require(same, "the sealed model's embeddings differ from the plaintext model's")
        say.step(
            f"node-1 serves /v1/embeddings at {self._node_url}",
            f"{len(TEXTS)} embeddings equal the plaintext model's, bit for bit",
        )

    def _embeddings(self) -> list[bytes]:
        with pinned_client(self._node_url, parse_pin(self._node_pin)) as node:
            found = []
            for text in TEXTS:
                answer = node.post(
                    "/v1/embeddings",
                    json={"input": text, "model": "all-MiniLM-L6-v2", "encoding_format": "base64"},
                    timeout=30,
                )
                require(answer.status_code == 200, "/v1/embeddings", found=answer.text[:300])
                found.append(base64.b64decode(answer.json()["data"][0]["embedding"]))
            return found

    def _grants(self, purpose: Purpose) -> list[tuple[int, GrantEntry]]:
        """Grants in the log, as the officer's client proved it."""
        found = []
        for index, leaf in enumerate(self._clients["dora"].leaves()[1]):
            entry = parse_entry(leaf)
            if entry.kind is EntryKind.GRANT:
                grant = read_grant(entry)
                if grant.purpose is purpose:
                    found.append((index, grant))
        return found

    def _renew(self) -> None:
        def renewed() -> tuple[int, GrantEntry] | None:
            found = self._grants(Purpose.RENEWAL)
            return found[-1] if found else None

        with self._say.working("node-1 renews its lease with fresh evidence"):
            index, grant = wait_for("a renewal", renewed, bodies.LEASE_SECONDS * 2.0)
        self._say.step(
            f"lease renewed at log index {index}, fresh evidence, no key travelled",
            f"lease {grant.lease[:8]}…",
        )

    def _refuse(self) -> None:
        say = self._say
        say.chapter("A machine with other firmware is refused, and told why")
        self._make_node("node-2", WRONG_FIRMWARE)
        self._start_agent("node-2")
        with say.working("node-2 attests"):
            status = self._supervisor.wait_exit("node-2", START_SECONDS)
        require(status == 1, "node-2 must be refused", found=f"exit status {status}")
        shown = self._cli("dora", "node", "show", "node-2")
        failing = [each for each in shown["reasons"] if each["reason"] == "measurement-mismatch"]
        require(bool(failing), "the refusal names the measurement", found=shown["reasons"])
        reason = failing[0]
        require(len(shown["reasons"]) == 1, "nothing else is wrong with node-2", found=shown)
        say.step("node-2 refused", reason["check"])
        say.detail(f"found         {reason['found'][:40]}…")
        say.detail(f"expected      {reason['expected'][:40]}…  (baseline {bodies.BASELINE})")
        say.detail(f"set by        {reason['statement']}")
        say.detail(f"what would unblock it: {reason['hint']}")

    # ---- searching ----

    def _search(self, processes: dict[str, int]) -> Document:
        world = self._world
        spec = world.directory / "tmp" / "search.json"
        spec.write_text(
            json.dumps(
                {
                    "weights": str(MODEL / "model.safetensors"),
                    "sealed": str(world.sealed),
                    "keyholder": str(world.keyholder / "keyholder.toml"),
                    "processes": processes,
                    "trees": {"demo directory": str(world.directory)},
                }
            )
        )
        descriptor = self._pin_fd
        return self._run.python(
            "-m",
            "keyturn_demo.search",
            str(spec),
            "--pin-fd",
            str(descriptor),
            pass_fds=(descriptor,),
        )

    def _search_while_serving(self) -> None:
        say = self._say
        say.chapter("Where is the plaintext?")
        with say.working("searching memory and files"):
            found = self._search(
                {
                    "node-1": self._supervisor.part("node-1").pid,
                    "keyholder": self._supervisor.part("keyholder").pid,
                    "control": self._supervisor.part("control").pid,
                }
            )
        self._check_control(found)
        node = found["processes"]["node-1"]
        if node["searched"]:
            weights = [each for each in node["found"] if each != "DEK"]
            require(
                len(weights) == found["needles"] - 1,
                "the search must find the weights where they are: in node-1's memory",
                found=node["found"],
            )
            say.step("in node-1's (encrypted) memory: the weights", f"{len(weights)} windows found")
        self._nowhere(found, ("keyholder", "control"))

    def _check_control(self, found: Document) -> None:
        control = found["control"]
        for place in ("memory", "files"):
            require(
                len(control[place]["found"]) == found["needles"],
                f"the search's positive control ({place}) must find every needle",
                found=control[place],
            )
        self._say.step(
            "the search finds the DEK and weights where they were put on purpose",
            f"{found['needles']} of {found['needles']} in memory and in a file",
        )

    def _nowhere(self, found: Document, processes: tuple[str, ...]) -> None:
        for name in processes:
            result = found["processes"][name]
            if not result["searched"]:
                self._say.warn(f"{name}: not searched here ({result['why']})")
                continue
            require(not result["found"], f"{name}'s memory holds plaintext", found=result["found"])
            self._say.step(
                f"not in the {name}'s memory", f"{result['bytes'] / 1e6:.0f} MB searched"
            )
        for name, result in found["trees"].items():
            require(not result["found"], f"a file in the {name} holds it", found=result["found"])
            require(not result["unreadable"], f"a file in the {name} could not be read")
            self._say.step(f"in no file of the {name}", f"{result['bytes'] / 1e6:.0f} MB searched")

    # ---- the end ----

    def _revoke(self) -> None:
        say = self._say
        say.chapter("Revoked")
        client = self._clients["bela"]
        proposal = propose(
            client,
            self._desks["bela"],
            Kind.REVOCATION,
            "node:node-1",
            bodies.node_revocation("node-1"),
            "for the demonstration",
        )
        begun = time.monotonic()
        proposal = approve(client, proposal.digest)
        require(proposal.index is not None, "the revocation must be in force", found=proposal)
        say.step(f"revocation of node-1 in force at log index {proposal.index}", "1 of 1: bela")
        with say.working("node-1 checks the receipt, stops and wipes"):
            status = self._supervisor.wait_exit("node-1", 30)
        took = time.monotonic() - begun
        require(status == 0, "node-1 ends with 0 after a wipe", found=status)
        ready = read_json(self._world.directory / "nodes" / "node-1" / "ready.json") or {}
        require(ready.get("state") == "wiped", "node-1 says that it wiped", found=ready)
        say.step(
            f"node-1 stopped and wiped {took:.2f} s after the approval",
            f"wiping itself took {ready.get('wiped_after_ms')} ms",
        )
        try:
            self._embeddings()
        except httpx.HTTPError:
            say.step("node-1 no longer answers")
            return
        raise StepFailed("node-1 still answers after its revocation")

    def _search_after(self) -> None:
        with self._say.working("searching memory and files again"):
            found = self._search(
                {
                    "keyholder": self._supervisor.part("keyholder").pid,
                    "control": self._supervisor.part("control").pid,
                }
            )
        self._check_control(found)
        self._nowhere(found, ("keyholder", "control"))

    def _verify_log(self) -> None:
        say = self._say
        say.chapter("The log proves all of it, offline")
        export = self._world.directory / "exchange" / "log"
        with say.working("exporting and verifying"):
            self._cli("dora", "log", "export", "-o", str(export))
            verified = self._run.keyturn(
                "log", "verify", str(export), "--fingerprint", self._fingerprint
            )
        counts = verified["counts"]
        for kind, least in (("statement", 7), ("grant", 2), ("refusal", 1)):
            require(counts.get(kind, 0) >= least, f"{kind} entries", found=counts, expected=least)
        shown = ", ".join(f"{count} {kind}" for kind, count in sorted(counts.items()))
        say.step(f"{verified['size']} entries verified from the fingerprint alone", shown)
        require(
            not self._supervisor.restarts,
            "no process had to be restarted",
            found=self._supervisor.restarts,
        )

    def stay(self) -> dict[str, str]:
        """Bring up a node that keeps serving, and say what to try."""
        self._make_node("node-3", GOOD_FIRMWARE)
        ready = self._start_agent("node-3", restart=True)
        document = self._wait_serving("node-3", ready)
        return {
            "control": self._url,
            "pin": self._pin,
            "node": str(document["url"]),
            "fingerprint": self._fingerprint,
            "profile": str(self._desks["ada"].directory),
            "passphrase_file": str(self._passphrase_file()),
        }

    def _passphrase_file(self) -> Path:
        """For a person to try commands with; it goes with the demo's directory."""
        path = self._world.directory / "officers" / "ada" / "passphrase"
        path.touch(mode=0o600)
        path.write_bytes(bytes(self._desks["ada"].passphrase))
        return path

    def watch(self) -> None:
        """Until a part gives up. Raises StepFailed."""
        for name in ("keyholder", "control", "node-3"):
            self._supervisor.check(name)
