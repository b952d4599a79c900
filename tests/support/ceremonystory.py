"""The whole life of an authority's keys by command line: made, rotated, lost, restored, changed.

Every officer uses `keyturn ceremony` with a key file of their own. Host, keyholder and control
plane are the shipped processes. What must never be seen anywhere is collected as it is made, so
that files, what was printed and the control plane's memory can be searched for it.
"""

import base64
import json
import os
import secrets
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import typer
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import load_der_public_key
from typer.testing import CliRunner, Result

from keyturn.agent.control import HttpControl
from keyturn.base.encoding import Digest, b64, digest_bytes, parse_digest
from keyturn.base.strictjson import dump, load_object
from keyturn.base.times import format_time
from keyturn.ceremony.kinds import SCRIPTS
from keyturn.ceremony.plan import KekProfile, ShareScheme
from keyturn.ceremony.script import ScriptKind, ShareUse
from keyturn.ceremony.shares import Gathering
from keyturn.cli import ceremony
from keyturn.client.ceremonies import CeremonyReader
from keyturn.client.ceremonydoor import LocalDoor
from keyturn.client.ceremonyhost import HostProcess
from keyturn.client.ceremonylog import logged_ceremonies, transcript_from_log
from keyturn.client.client import KeyturnClient
from keyturn.client.profile import Places, Profile
from keyturn.client.proposals import Status
from keyturn.hsm.backup import KekBackup, open_backup_key, parse_backup
from keyturn.hsm.protocol import OaepHash as HsmOaepHash
from keyturn.hsm.selftest import oaep_padding
from keyturn.keyholder.config import load_config
from keyturn.keyholder.server import local_socket
from keyturn.keyrelease.answer import check_answer, open_dek
from keyturn.keyrelease.grant import ReleaseAnswer
from keyturn.keyrelease.request import parse_request
from keyturn.officerkeys.location import InKeyring
from keyturn.officerkeys.signer import OfficerSigner
from keyturn.quorum.approvals import Decision
from keyturn.quorum.bundle import Authority, load_bundle
from keyturn.quorum.kinds import Kind
from keyturn.seal.identity import ModelId, ModelIdentity
from keyturn.seal.paths import KEY_NAME, MANIFEST_NAME
from keyturn.seal.sealedkey import OaepHash, WrappedDek
from keyturn.vault.sealer import seal_directory
from keyturn.wire.ceremonies import RewrapKeys
from keyturn.wire.errors import PeerRefused
from keyturn.wire.keyholder_client import ask_once
from keyturn.wire.tls import Pin, pinned_client
from keyturn_sim.node import SimNode
from keyturn_sim.vendors import SimVendors
from support.authority import policy_body
from support.ceremonies import scheme
from support.ceremonies_host import (
    APPROVERS,
    approval,
    ceremony_body,
    genesis_plan,
    now,
    statement,
)
from support.ceremonycommands import PASSPHRASE, Commands
from support.founded import command, environment, wait_for
from support.hsmtoken import Model, softhsm_module
from support.nodes import Node, NodeSecrets
from support.playedhost import secret_of
from support.rotating import digest_text
from support.system import (
    GOOD_FIRMWARE,
    GPU_MEASUREMENTS,
    WORKLOAD,
    admission_body,
    anchors_body,
    baseline_body,
)

HOST = "ceremony-host"
"""What the machine of this story calls itself."""
USER, SO = "3:ada,bela,chen,dora,emil", "2:farid,greta,hugo"
NEW_USER, NEW_SO = "2:ada,bela,chen", "2:farid,greta,hugo"
NEW = {ShareUse.USER: scheme((2, "ada bela chen")), ShareUse.SO: scheme((2, "farid greta hugo"))}
LOGGED = {
    **{"genesis": 1, "kek-rotation": 1, "backup": 1, "restore": 1, "restore-drill": 1},
    **{"custodian-change": 1, "unseal": 3, "seal": 1},
}
"""How many ceremonies of each kind the log holds in the end."""
RUN = 5  # words in a row of a share, as they might be left somewhere


@dataclass(frozen=True)
class Control:
    """A running control plane as the outside sees it."""

    pid: int
    url: str
    pin: Pin


@dataclass(frozen=True)
class SealedModel:
    model: Model
    documents: Mapping[str, bytes]
    node: Node


@dataclass
class Story:
    """One directory with a short path: sockets below it are to fit into Linux's 107 bytes."""

    desk: Path
    vendors: SimVendors
    node_secrets: NodeSecrets
    commands: Commands = field(init=False)
    fingerprint: Digest = field(init=False)
    transcripts: dict[str, bytes] = field(default_factory=dict)
    minutes: dict[str, bytes] = field(default_factory=dict)
    needles: dict[str, bytes] = field(default_factory=dict)
    """By name: what is to be found nowhere."""
    control: Control = field(init=False)

    def __post_init__(self) -> None:
        self.commands = Commands(self.desk, self.desk / "host.sock")
        self.needles["passphrase"] = PASSPHRASE
        place = self.desk / "named"
        place.mkdir()
        (place / "sitecustomize.py").write_text(
            f"import socket\n\nsocket.gethostname = lambda: {HOST!r}\n", encoding="utf-8"
        )

    # ---- processes ----

    @property
    def site(self) -> Path:
        return self.desk / "host"

    @property
    def bundle(self) -> Path:
        return self.desk / "authority.bundle"

    @property
    def authority(self) -> Authority:
        return load_bundle(self.bundle.read_bytes(), self.fingerprint, now())

    @property
    def environment(self) -> dict[str, str]:
        found = environment()
        return {**found, "PYTHONPATH": f"{found['PYTHONPATH']}{os.pathsep}{self.desk / 'named'}"}

    def host(self, *, rehearsal: bool = False) -> HostProcess:
        """A ceremony host at this desk's machine; the commands are at its socket."""
        place = self.desk / "rehearsal" if rehearsal else self.site
        self.commands.socket = place.with_suffix(".sock")
        return HostProcess.start(
            place,
            self.commands.socket,
            module=softhsm_module(),
            rehearsal=rehearsal,
            environment=self.environment,
            log=self.desk / "host.log",
            seconds=90,
        )

    @contextmanager
    def keyholder(self) -> Iterator[None]:
        """`keyturn keyholder` at the founded place, sealed; the commands are at its own socket."""
        local = local_socket(load_config(self.site / "keyholder.toml", {}).socket)
        with self._process("keyholder", "--config", str(self.site / "keyholder.toml")) as process:
            wait_for(lambda: local.exists() or process.poll() is not None)
            assert process.poll() is None, (self.desk / "keyholder.log").read_text()
            self.commands.socket = local
            yield

    @contextmanager
    def control_plane(self) -> Iterator[None]:
        data, config = self.desk / "control", self.desk / "control.toml"
        config.write_text(
            f'data = "{data}"\nkeyholder = "{self.site / "keyholder.sock"}"\n'
            f'fingerprint = "{self.fingerprint}"\nport = 0\npoll_seconds = 0.05\n',
            encoding="utf-8",
        )
        ready = data / "ready.json"
        with self._process("control", "--config", str(config)) as process:
            wait_for(lambda: ready.exists() or process.poll() is not None)
            assert process.poll() is None, (self.desk / "control.log").read_text()
            told = json.loads(ready.read_text())
            self.control = Control(process.pid, told["url"], Pin(told["pin"]))
            yield

    @contextmanager
    def _process(self, what: str, *arguments: str) -> Iterator["subprocess.Popen[bytes]"]:
        with (self.desk / f"{what}.log").open("ab") as output:
            process = subprocess.Popen(
                command(what, *arguments),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=self.environment,
            )
        try:
            yield process
        finally:
            process.terminate()
            process.wait(30)

    # ---- officers at the control plane ----

    @contextmanager
    def officer(self, name: str) -> Iterator[KeyturnClient]:
        """This officer's program; what it has seen of the log is kept between calls."""
        profile = Profile(
            self.control.url, self.control.pin, self.fingerprint, name, InKeyring(name)
        )
        place = self.desk / "desks" / name
        signer = OfficerSigner(secret_of(self.commands.cast, name))
        with KeyturnClient.open(
            profile, Places(place, place), now=now, signer=lambda: signer
        ) as client:
            yield client

    def enact(
        self,
        kind: Kind,
        subject: str,
        body: dict[str, object],
        documents: Mapping[str, bytes] | None = None,
    ) -> Digest:
        """Proposed by Ada, approved by others until it is in force."""
        wait_for(self._healthy)
        parts = documents or {}
        with self.officer("ada") as ada:
            found = ada.propose_change(
                kind,
                subject,
                load_object(dump(body), limit=1 << 20, what="body"),
                reason="for a test",
                key=parts.get("key"),
                manifest=parts.get("manifest"),
            )
        for name in APPROVERS:
            if found.status is not Status.IN_FORCE:
                with self.officer(name) as desk:
                    found = desk.decide(found.digest, Decision.APPROVE, "")
        assert found.status is Status.IN_FORCE
        return found.digest

    def approved_file(self, kind: Kind, subject: str, body: dict[str, object]) -> tuple[bytes, str]:
        """For an offline machine: `proposal-export` with three approvals."""
        raw, digest = statement(self.commands.cast, self.fingerprint, kind, subject, body)
        approvals = [b64(approval(self.commands.cast, digest, each)) for each in APPROVERS[:3]]
        return dump(
            {
                "type": "proposal-export",
                "format": 1,
                "statement": b64(raw),
                "approvals": approvals,
                "bundle": "",
            }
        ), digest

    def _healthy(self) -> bool:
        with pinned_client(self.control.url, self.control.pin, timeout=20) as client:
            return bool(client.get("/healthz").json()["status"] == "ok")

    # ---- a model and a node ----

    def admit(self) -> SealedModel:
        """A sealed model, in force, and a node that may have it."""
        dek, gpu = secrets.token_bytes(32), self.vendors.issue_gpu(GPU_MEASUREMENTS)
        self.needles |= {"DEK": dek, "DEK in hex": dek.hex().encode()}
        sim = SimNode.create(
            self.vendors, measurement=GOOD_FIRMWARE, host_data=WORKLOAD, gpus=(gpu,)
        )
        self.enact(Kind.TRUST_ANCHORS, "trust-anchors", anchors_body(self.vendors))
        self.enact(Kind.REFERENCE_VALUES, "firmware", baseline_body(sim))
        self.enact(Kind.POLICY, "serving", policy_body())
        sealed = self._sealed(dek)
        made = SealedModel(*sealed, Node(sim, self.node_secrets))
        body = admission_body(made.model)
        self.enact(Kind.MODEL, digest_text(made.model), body, made.documents)
        return made

    def _sealed(self, dek: bytes) -> tuple[Model, dict[str, bytes]]:
        source = self.desk / "plain"
        source.mkdir()
        (source / "weights.bin").write_bytes(b"w" * 1000)
        ingest, oaep = self.authority.ingest_key(), self.authority.ingest_oaep_hash()

        def wrap(key: bytearray | memoryview) -> WrappedDek:
            public = load_der_public_key(ingest.spki)
            assert isinstance(public, rsa.RSAPublicKey)
            wrapped = public.encrypt(bytes(key), oaep_padding(HsmOaepHash(oaep.value)))
            return WrappedDek(ingest.key_id, OaepHash(oaep.value), wrapped)

        sealed = seal_directory(
            source,
            self.desk / "sealed",
            dek=bytearray(dek),
            identity=ModelIdentity(ModelId("mini"), "mini", "1"),
            created=now(),
            randomness=secrets.token_bytes,
            wrap=wrap,
            threads=1,
        )
        documents = {
            "manifest": (sealed.directory / MANIFEST_NAME).read_bytes(),
            "key": (sealed.directory / KEY_NAME).read_bytes(),
        }
        return Model(dek, digest_bytes(sealed.model_digest), sealed.key.tag), documents

    def released(self, made: SealedModel) -> bool:
        """Whether the node is given the very DEK, over HTTPS, and proves the answer."""
        wait_for(self._healthy)
        link = HttpControl(self.control.url, self.control.pin)
        try:
            name = Digest(digest_text(made.model))
            raw = made.node.request(link.challenge(), name)
            answer = link.release(raw)
        finally:
            link.close()
        assert isinstance(answer, ReleaseAnswer), answer
        with self.officer("ada") as ada:
            authority = ada.seen().authority
        checked = check_answer(answer, parse_request(raw), authority, now())
        key = open_dek(checked, made.node.secrets.hpke, made.node.secrets.rsa_key)
        return bytes(key) == made.model.dek

    # ---- ceremonies ----

    def keyturn(self, *arguments: object) -> Result:
        """Any command, at no desk."""
        app = typer.Typer()
        app.callback()(lambda: None)
        ceremony.register(app)
        result = CliRunner().invoke(app, [*map(str, arguments)], env={"COLUMNS": "200"})
        self.commands.output += [result.stdout, result.stderr]
        return result

    def run(self, name: str) -> list[str]:
        """Everybody signs until it is over; the control plane wraps keys when it is time."""
        steps = []
        while (waiting := self.commands.show(name)["waiting"]) is not None:
            if waiting["step"] == "rewrap":
                wait_for(lambda: self._nothing_left(name))
            steps.append(self.commands.do_step(name))
        assert self.commands.show(name)["state"] == "done"
        return steps

    def _nothing_left(self, name: str) -> bool:
        try:
            return ask_once(self.site / "keyholder.sock", RewrapKeys(name, b"")).left == 0
        except PeerRefused:
            return False

    def genesis(self) -> None:
        """3 of 5, SO 2 of 3, a recoverable KEK: `keyturn ceremony open genesis`."""
        name = self.commands.open_genesis("genesis")
        self.run(name)
        self.fingerprint = parse_digest(self.commands.show(name)["authority"])
        self.learn(name)
        self.take_record(name)

    def rehearsal(self) -> None:
        """Its shares are worthless; the sheets of the genesis stay what they are."""
        commands = self.commands
        kept, pinned, commands.pinned = dict(commands.shares), commands.pinned, ()
        name = commands.open_genesis("rehearsal-genesis", "--rehearsal")
        self.run(name)
        self.take_record(name)
        commands.shares, commands.pinned = kept, pinned

    def hold(
        self,
        kind: ScriptKind,
        name: str,
        *more: str,
        shares: Mapping[ShareUse, ShareScheme] | None = None,
        kek_profile: KekProfile | None = None,
        concerns: tuple[str, ...] = (),
    ) -> list[str]:
        """Let happen by a statement in force, opened, led to its end, proved and printed."""
        plan = genesis_plan(
            self.commands.cast,
            ceremony=name,
            kind=kind,
            script=SCRIPTS[kind].digest,
            authority=self.fingerprint,
            founding=None,
            shares=shares or {},
            kek_profile=kek_profile,
            concerns=concerns,
        )
        lets = self.enact(Kind.CEREMONY, name, ceremony_body(plan))
        people = ("--witness", "viktor", "--scribe", "sofia")
        self.commands.json(
            "hana",
            *("open", kind.value, "--ceremony", name, "--yes", *people),
            *("--statement", lets, *more),
        )
        steps = self.run(name)
        self.take_record(name)
        return steps

    def rotate(self) -> list[str]:
        more = ("--kek", KekProfile.RECOVERABLE.value)
        return self.hold(
            ScriptKind.KEK_ROTATION, "rotation", *more, kek_profile=KekProfile.RECOVERABLE
        )

    def change_custodians(self) -> list[str]:
        more = ("--user", NEW_USER, "--so", NEW_SO, "--concern", "emil")
        steps = self.hold(
            ScriptKind.CUSTODIAN_CHANGE, "change", *more, shares=NEW, concerns=("emil",)
        )
        self.learn("change")
        return steps

    def backup(self) -> KekBackup:
        return parse_backup((self.site / "kek-backup.json").read_bytes())

    def lose_token(self) -> KekBackup:
        """The token's directory is deleted; what is left is the log and the backup."""
        shutil.rmtree(self.site / "token")
        return self.backup()

    def restore(self, backup: KekBackup) -> list[str]:
        """At a host again, on a fresh token: `keyturn ceremony open restore`."""
        kek, name = backup.wrapped.kek, "restore"
        file, lets = self.approved_file(
            Kind.RESTORE,
            kek,
            {
                "kek": kek,
                "backup": backup.digest,
                "token": "keyturn-2",
                "host": "the ceremony's machine",
                "custodians": ["ada", "bela", "chen", "dora", "emil"],
                "not_before": format_time(now() - timedelta(minutes=1)),
                "not_after": format_time(now() + timedelta(days=1)),
            },
        )
        path = self.desk / "approved-restore.json"
        path.write_bytes(file)
        self.commands.json(
            "hana",
            *("open", "restore", "--ceremony", name, "--yes", "--token", "keyturn-2"),
            *("--witness", "viktor", "--scribe", "sofia", "--user", USER, "--so", SO),
            *("--statement", lets, "--concern", kek),
        )
        self.commands.json(None, "files", name, "restore.json", "--put", path)
        steps = self.run(name)
        self.learn(name)
        self.take_record(name)
        return steps

    def unseal(self, *officers: str) -> None:
        """`keyturn ceremony unseal share` by each; the last one is told that it is open."""
        for officer in officers:
            lines = (self.commands.shares[officer, "user"],)
            found = self.commands.json(officer, "unseal", "share", lines=lines)
        assert found["sealed"] is False

    # ---- afterwards ----

    def take_record(self, name: str) -> None:
        """Transcript and bundle are fetched; `verify` and `minutes` must be content with them."""
        path, pdf = self.desk / f"{name}.json", self.desk / f"{name}.pdf"
        self.commands.json(None, "files", name, "transcript.json", "-o", path)
        proved: list[object] = []
        if not name.startswith("rehearsal-"):
            fresh = self.bundle.with_suffix(".new")
            self.commands.json(None, "files", name, "authority.bundle", "-o", fresh)
            fresh.replace(self.bundle)
            proved = ["--bundle", self.bundle, "--fingerprint", self.fingerprint]
            self.commands.pinned = (
                *("--authority", str(self.bundle), "--fingerprint", self.fingerprint),
            )
        verified = self.keyturn("ceremony", "verify", path, *proved, "--json")
        assert verified.exit_code == 0, verified.output
        assert json.loads(verified.stdout)["state"] == "done"
        printed = self.keyturn("ceremony", "minutes", path, "-o", pdf, *proved)
        assert printed.exit_code == 0, printed.output
        self.transcripts[name], self.minutes[name] = path.read_bytes(), pdf.read_bytes()

    def prove_from_log(self) -> dict[str, int]:
        """Every ceremony in the log, unsealings and sealings too: written from there, and verified.
        How many there are of each kind."""
        wait_for(self._healthy)
        kinds: dict[str, int] = {}
        with self.officer("ada") as ada:
            for each in logged_ceremonies(ada):
                path = self.desk / f"{each.ceremony}.log.json"
                path.write_bytes(transcript_from_log(ada, each.ceremony))
                known = ("--bundle", self.bundle, "--fingerprint", self.fingerprint)
                verified = self.keyturn("ceremony", "verify", path, *known)
                assert verified.exit_code == 0, verified.output
                kinds[each.kind] = kinds.get(each.kind, 0) + 1
        return kinds

    def learn(self, name: str) -> None:
        """What custodians could put together after this ceremony, and every share's words."""
        for (officer, of), words in self.commands.shares.items():
            parts = words.split(b" ")
            self.needles[f"{name}: {of} share of {officer}"] = b" ".join(parts[4 : 4 + RUN])
        for use, secret in self.secrets(name).items():
            self.needles |= {
                f"{name}: {use.value} secret": secret,
                f"{name}: {use.value} secret in hex": secret.hex().encode(),
                f"{name}: {use.value} secret in base64": base64.b64encode(secret)[:-2],
            }

    def secrets(self, name: str) -> dict[ShareUse, bytes]:
        """Each put together from the newest set of its use."""
        authority = self.authority if self.bundle.exists() else None
        reader = CeremonyReader(LocalDoor(self.commands.socket), authority)
        found: dict[ShareUse, bytes] = {}
        for each in {set_.use: set_ for set_ in reader.read(name).share_sets}.values():
            gathering = Gathering(each)
            for member in each.members:
                words = self.commands.shares[member.officer, each.use.value]
                gathering.add(member.officer, words)
            found[each.use] = bytes(gathering.combine())
        return found

    def learn_kek(self, backup: KekBackup) -> None:
        """As whoever has backup file and shares can: the KEK itself."""
        secret = bytearray(self.needles["genesis: backup secret"])
        key = open_backup_key(backup.key, secret)
        kek = key.decrypt(backup.wrapped.value, oaep_padding(backup.wrapped.oaep_hash))
        name = f"KEK {backup.wrapped.kek[:8]}"
        self.needles |= {name: kek, f"{name} in hex": kek.hex().encode()}


Look = Callable[[Story, str], None]
"""What is done after each ceremony, by its name."""


def tell(story: Story, look: Look) -> None:
    """From genesis to a custodian change, with the loss of the token between."""
    with story.host():
        story.genesis()
        backup = story.backup()
        look(story, "genesis")
    with story.host(rehearsal=True):
        story.rehearsal()
        look(story, "rehearsal-genesis")
    with ExitStack() as stack:
        keyholder = stack.enter_context(ExitStack())
        keyholder.enter_context(story.keyholder())
        story.learn_kek(backup)
        stack.enter_context(story.control_plane())
        model = _before_the_loss(story, look)
        keyholder.close()
        backup = story.lose_token()
        with story.host():
            story.restore(backup)
            look(story, "restore")
        keyholder.enter_context(story.keyholder())
        _after_the_loss(story, model, look)


def _before_the_loss(story: Story, look: Look) -> SealedModel:
    story.unseal("ada", "chen", "emil")
    model = story.admit()
    assert story.released(model)
    assert "rewrap" in story.rotate()
    story.learn_kek(story.backup())
    look(story, "rotation")
    assert story.released(model)
    assert "prove-backup" in story.hold(ScriptKind.BACKUP, "backup")
    look(story, "backup")
    return model


def _after_the_loss(story: Story, model: SealedModel, look: Look) -> None:
    story.unseal("bela", "dora", "emil")
    assert story.released(model)  # it was sealed before the loss
    assert "prove-backup" in story.hold(ScriptKind.RESTORE_DRILL, "drill")
    look(story, "drill")
    old = dict(story.commands.shares)
    story.change_custodians()
    look(story, "change")
    story.commands.json("dora", "seal", "to see who opens it", "--yes")
    refused = story.commands.refused("dora", "unseal", "share", lines=(old["dora", "user"],))
    assert "share" in refused["message"]
    refused = story.commands.refused("ada", "unseal", "share", lines=(old["ada", "user"],))
    assert "set" in refused["message"]
    story.unseal("ada", "bela")
    assert story.released(model)
    assert story.prove_from_log() == LOGGED
