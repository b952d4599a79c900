"""The running system: token, keyholder, control plane, nodes, officers, and how each is reached."""

import base64
import os
import subprocess
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from keyturn.base.collateral import read_collateral
from keyturn.base.encoding import Digest
from keyturn.base.strictjson import parse_object
from keyturn.client.client import KeyturnClient
from keyturn.wire.errors import PeerUnreachable
from keyturn.wire.keyholder import AskHello
from keyturn.wire.keyholder_client import ask_once
from keyturn.wire.tls import parse_pin, pinned_client
from keyturn_demo import bodies
from keyturn_demo.commands import KEYTURN, SIMULATOR, Commands, Document, secret_fd
from keyturn_demo.console import StepFailed, require
from keyturn_demo.desk import OFFICERS, Desk, make_desks
from keyturn_demo.supervisor import Part, Supervisor, tail
from keyturn_demo.world import (
    GPU_MEASUREMENTS,
    RTMRS,
    UNPACKED,
    WORKLOAD,
    World,
    read_json,
    wait_for,
)

ORIGIN = "demo.example/keyturn"
START_SECONDS = 60.0


class System:
    """Every program of the demo. Use as a context manager: it ends what it began."""

    heartbeat_seconds = 1.0
    """The control plane's: a node that misses two is stale."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._stack = ExitStack()
        environment = world.environment()
        self.run = Commands(environment)
        self.supervisor = self._stack.enter_context(Supervisor(world.logs, environment))
        self._background: dict[str, subprocess.Popen[bytes]] = {}
        self.people: dict[str, Desk] = {}
        self.desks: dict[str, Desk] = {}
        """Of the five officers who propose and approve."""
        self.clients: dict[str, KeyturnClient] = {}
        self.fingerprint = Digest("")
        self.url = ""
        self.pin = ""
        self.pin_fd, self.so_pin_fd = (
            os.memfd_create(name, os.MFD_CLOEXEC) for name in ("pin", "so-pin")
        )
        """Empty until a search needs to know what to look for."""
        self._stack.callback(os.close, self.pin_fd)
        self._stack.callback(os.close, self.so_pin_fd)

    def __enter__(self) -> "System":
        return self

    def __exit__(self, *_: object) -> None:
        for process in self._background.values():
            process.kill()
            process.communicate()
        self._stack.close()

    # ---- beside everything else ----

    def begin(self, name: str, *arguments: str) -> None:
        """Start a Python program whose JSON is needed later."""
        self._background[name] = self.run.background(*arguments)

    def collect(self, name: str) -> Document:
        return self.run.collect(self._background.pop(name))

    # ---- genesis ----

    def make_officers(self) -> None:
        self.people = make_desks(self.world.officers)
        self.desks = {name: self.people[name] for name in OFFICERS}
        for desk in self.people.values():
            self._stack.callback(desk.secret.wipe)

    def secrets(self) -> dict[str, str]:
        """What must be found nowhere: PINs and passphrases, by name."""
        pins = {"user PIN": self.pin_fd, "SO PIN": self.so_pin_fd}
        found = {name: os.pread(descriptor, 256, 0).decode() for name, descriptor in pins.items()}
        for desk in self.people.values():
            found[f"passphrase of {desk.officer}"] = desk.passphrase.decode()
        return found

    # ---- keyholder and control plane ----

    def start_keyholder(self) -> Part:
        """Sealed: nobody has its token's PIN."""
        config = self.world.keyholder / "keyholder.toml"
        part = self.supervisor.start(
            "keyholder",
            (KEYTURN, "keyholder", "--config", str(config)),
        )
        self.wait_keyholder()
        return part

    def wait_keyholder(self) -> None:
        socket = self.world.keyholder / "keyholder.sock"

        def answers() -> object | None:
            try:
                return ask_once(socket, AskHello(), seconds=2.0)
            except PeerUnreachable:
                return None

        wait_for("the keyholder answers", answers, START_SECONDS, self._still("keyholder"))

    def start_control(self) -> None:
        world = self.world
        world.control.mkdir(mode=0o700)
        config = world.control / "control.toml"
        config.write_text(
            f'data = "{world.control / "data"}"\n'
            f'keyholder = "{world.keyholder / "keyholder.sock"}"\n'
            f'fingerprint = "{self.fingerprint}"\n'
            "port = 0\n"
            f"heartbeat_seconds = {self.heartbeat_seconds}\n",
            encoding="utf-8",
        )
        self.supervisor.start("control", (KEYTURN, "control", "--config", str(config)))
        ready = wait_for(
            "the control plane is up",
            lambda: read_json(world.control / "data" / "ready.json"),
            START_SECONDS,
            self._still("control"),
        )
        self.url, self.pin = str(ready["url"]), str(ready["pin"])
        for name, desk in self.desks.items():
            self.clients[name] = desk.connect(
                self.url, parse_pin(self.pin), self.fingerprint, self._stack
            )

    def _still(self, name: str) -> Callable[[], None]:
        return lambda: self.supervisor.check_given_up(name)

    def cli(self, officer: str, *arguments: str) -> Document:
        """`keyturn …` at an officer's desk, the passphrase by descriptor."""
        desk = self.desks[officer]
        descriptor = secret_fd(desk.passphrase)
        try:
            return self.run.keyturn(
                *arguments,
                *("--profile", str(desk.directory), "--passphrase-fd", str(descriptor)),
                pass_fds=(descriptor,),
            )
        finally:
            os.close(descriptor)

    # ---- nodes ----

    def make_machine(self, name: str, firmware: bytes, *, tee: str = "snp") -> None:
        """Begin to make a simulated machine; `start_devices` waits for it."""
        sim = self.world.directory / "sim"
        arguments = ["--vendors", str(sim / "vendors"), "--out", str(sim / f"{name}.json")]
        arguments += ["--measurement", firmware.hex(), "--host-data", WORKLOAD.hex()]
        arguments += ["--tee", tee]
        for index, value in RTMRS.items():
            arguments += ["--rtmr", f"{index}={value.hex()}"]
        arguments += ["--driver", bodies.DRIVER, "--vbios", bodies.VBIOS]
        for index, value in GPU_MEASUREMENTS.items():
            arguments += ["--gpu-measurement", f"{index}={value.hex()}"]
        self.begin(name, *SIMULATOR[1:], "node", *arguments)

    def start_tpm(self, name: str) -> None:
        """Begin to boot a machine's TPM; `wait_tpm` waits for it."""
        vendors = str(self.world.directory / "sim" / "vendors")
        folder = str(self.tpm_directory(name))
        arguments = ("--vendors", vendors, "--dir", folder, "--unpacked", str(UNPACKED))
        self.supervisor.start(f"{name}-tpm", (*SIMULATOR, "tpm", *arguments))

    def wait_tpm(self, name: str) -> Path:
        """The folder of a TPM that has booted."""
        folder = self.tpm_directory(name)
        written_last = folder / "issuers.pem"
        wait_for(
            f"{name}'s TPM boots",
            lambda: written_last.exists() or None,
            START_SECONDS,
            self._still(f"{name}-tpm"),
        )
        return folder

    def tpm_directory(self, name: str) -> Path:
        return self.world.directory / "sim" / f"{name}-tpm"

    def hand_in_collateral(self, *machines: str) -> tuple[str, ...]:
        """What the simulated vendors publish now about machines, as an officer hands it in; the
        kinds that the keyholder keeps."""
        sim = self.world.directory / "sim"
        out = sim / "collateral.json"
        arguments = ["--vendors", str(sim / "vendors"), "--out", str(out)]
        for name in machines:
            arguments += ["--node", str(sim / f"{name}.json")]
        self.run.simulator("collateral", *arguments)
        listed = parse_object(out.read_bytes(), limit=8 << 20, what="collateral")
        documents = [read_collateral(each) for each in listed.objects("documents", limit=1000)]
        answer = self.clients["ada"].hand_in_collateral(documents)
        require(not answer.refused, "the keyholder keeps the collateral", found=answer.refused)
        return tuple(sorted({each.kind.value for each in documents}))

    def start_devices(self, name: str) -> None:
        self.collect(name)
        sim = self.world.directory / "sim"
        config, socket = str(sim / f"{name}.json"), str(sim / f"{name}.sock")
        self.supervisor.start(
            f"{name}-devices", (*SIMULATOR, "device", "--config", config, "--socket", socket)
        )

    def start_agent(self, name: str, *, restart: bool = False) -> None:
        sim = self.world.directory / "sim" / f"{name}.sock"
        wait_for(f"{name}'s devices answer", lambda: sim.exists() or None, START_SECONDS)
        data = self.node_directory(name)
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
        (data / "ready.json").unlink(missing_ok=True)
        config = data / "agent.toml"
        config.write_text(
            f'node = "{name}"\n'
            f'control_url = "{self.url}"\n'
            f'control_pin = "{self.pin}"\n'
            f'authority_bundle = "{self.world.keyholder / "authority.bundle"}"\n'
            f'authority_fingerprint = "{self.fingerprint}"\n'
            f'sealed_model = "{self.world.sealed}"\n'
            f'device_socket = "{sim}"\n'
            f'data = "{data}"\n'
            'listen = "127.0.0.1:0"\n'
            "heartbeat_seconds = 0.5\n" + self._tpm_settings(name),
            encoding="utf-8",
        )
        self.supervisor.start(name, (KEYTURN, "agent", "--config", str(config)), restart=restart)

    def _tpm_settings(self, name: str) -> str:
        if not self.tpm_directory(name).exists():
            return ""
        folder = self.wait_tpm(name)
        files = {"tpm": "tpm.sock", "tpm_log": "event.log", "tpm_issuers": "issuers.pem"}
        return "".join(f'{setting} = "{folder / file}"\n' for setting, file in files.items())

    def node_directory(self, name: str) -> Path:
        return self.world.directory / "nodes" / name

    def wait_serving(self, name: str) -> "ServingNode":
        part = self.supervisor.part(name)

        def serving() -> dict[str, Any] | None:
            document = read_json(self.node_directory(name) / "ready.json")
            return document if document and document["state"] == "serving" else None

        def alive() -> None:
            if part.process is not None and part.process.poll() is not None:
                raise StepFailed(f"{name} ended; {tail(part.log, 30)}")

        found = wait_for(f"{name} serves", serving, START_SECONDS, alive)
        return ServingNode(str(found["url"]), str(found["tls_spki_sha256"]))


class ServingNode:
    """A node's address and TLS pin, and what it answers."""

    def __init__(self, url: str, pin: str) -> None:
        self.url = url
        self._pin = parse_pin(pin)

    def embeddings(self, texts: tuple[str, ...]) -> list[bytes]:
        """Each text's embedding as little-endian float32. Raises httpx.HTTPError, StepFailed."""
        with pinned_client(self.url, self._pin) as node:
            found = []
            for text in texts:
                answer = node.post(
                    "/v1/embeddings",
                    json={"input": text, "model": bodies.MODEL_NAME, "encoding_format": "base64"},
                    timeout=30,
                )
                require(answer.status_code == 200, "/v1/embeddings", found=answer.text[:300])
                found.append(base64.b64decode(answer.json()["data"][0]["embedding"]))
            return found
