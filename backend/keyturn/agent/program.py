"""`keyturn agent`: from a configuration to a node that serves, and back to nothing.

Exit status: 0 when it was stopped or revoked (and wiped), 1 when refused or failed. A crash wipes
too, then shows itself.
"""

import asyncio
import json
import logging
import signal
import time
from datetime import UTC, datetime

from keyturn import __version__
from keyturn.agent.authority import read_authority
from keyturn.agent.config import AgentConfig
from keyturn.agent.control import HttpControl
from keyturn.agent.driver import Driver, Node, Outcome
from keyturn.agent.errors import ConfigInvalid
from keyturn.agent.exchange import Identity
from keyturn.agent.keys import make_node_keys, tls_digest
from keyturn.agent.lease import Timing
from keyturn.agent.leaseparts import EndReason
from keyturn.agent.machine import machine_of
from keyturn.agent.memory import can_lock
from keyturn.agent.model import ModelInMemory
from keyturn.agent.ready import ReadyFile
from keyturn.agent.server import NodeServer, listen
from keyturn.agent.service import Service
from keyturn.agent.tpmenrolment import EnrollingTpm
from keyturn.agent.tpmsource import tpm_of
from keyturn.base.encoding import Digest, digest_of
from keyturn.quorum.policy_body import Caveat
from keyturn.seal.manifest import MAX_MANIFEST, Manifest, parse_manifest
from keyturn.seal.paths import MANIFEST_NAME
from keyturn.vault.files import read_small
from keyturn.vault.hygiene import UNLOCKED_MEMORY, harden_process

log = logging.getLogger("keyturn.agent")

AGENT = f"keyturn/{__version__}"


def run_agent(config: AgentConfig) -> Outcome:
    """One life of a node. Raises KeyturnError when it cannot even begin."""
    return asyncio.run(_run(config))


def boot_seconds() -> float:
    """Seconds since boot on a clock that runs in suspend (clock_gettime(2))."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def utc_now() -> datetime:
    return datetime.now(UTC)


def read_model(config: AgentConfig) -> tuple[Manifest, Digest]:
    """The sealed model's manifest and its digest. Raises MalformedError, ConfigInvalid."""
    raw = read_small(config.sealed_model / MANIFEST_NAME, MAX_MANIFEST)
    digest = digest_of(raw)
    if config.model not in (None, digest):
        raise ConfigInvalid(
            "the sealed directory holds another model than 'model_digest' names",
            found=digest,
            expected=str(config.model),
        )
    return parse_manifest(raw), digest


def memory_caveats(manifest: Manifest) -> tuple[frozenset[str], tuple[str, ...]]:
    """Caveats to be named in the claims, and notes for people. Hardens the process on the way."""
    hygiene = harden_process()
    caveats, notes = set(hygiene.caveats), list(hygiene.notes)
    needed = sum(each.size for each in manifest.files) + (4 << 20) * len(manifest.files)
    if not can_lock(needed):
        caveats.add(UNLOCKED_MEMORY)
        notes.append(f"the kernel does not let this process lock {needed} bytes (RLIMIT_MEMLOCK)")
    return frozenset(caveats), tuple(notes)


async def _run(config: AgentConfig) -> Outcome:
    manifest, digest = read_model(config)
    caveats, notes = memory_caveats(manifest)
    for note in notes:
        log.warning("caveat %s: %s", UNLOCKED_MEMORY, note)
    authority = read_authority(config.authority_bundle, config.authority_fingerprint, utc_now)
    keys = make_node_keys(config.node, utc_now())
    named = frozenset(Caveat(each) for each in caveats)
    service = Service(boot_seconds, manifest.identity.name, digest)
    control = HttpControl(config.control_url, config.control_pin)
    tpm = tpm_of(config)
    node = Node(
        Identity(config.node, AGENT, digest, named),
        keys,
        control,
        machine_of(config),
        authority,
        ModelInMemory(config.sealed_model, digest, caveats=caveats, workers=config.workers),
        service,
        boot_seconds,
        utc_now,
        EnrollingTpm(tpm, control) if tpm is not None else None,
    )
    try:
        listener = listen(config.host, config.port)
    except OSError as error:
        raise ConfigInvalid(f"cannot listen at {config.host}:{config.port}: {error}") from error
    host, port = listener.getsockname()[:2]
    url = f"https://[{host}]:{port}" if ":" in host else f"https://{host}:{port}"
    ready = ReadyFile(config.data, url, tls_digest(keys), config.node, digest)
    server = NodeServer(service, listener, keys.server_context())
    try:
        return await _live(node, config, server, ready)
    finally:
        control.close()


async def _live(node: Node, config: AgentConfig, server: NodeServer, ready: ReadyFile) -> Outcome:
    def on_state(state: str, reason: EndReason | None) -> None:
        log.info("%s%s", state, f": {reason.value}" if reason else "")
        ready.tell(state, reason=reason.value if reason else "")

    ready.write("starting")
    driver = Driver(node, Timing(retry_refused=config.retry_refused), config.heartbeat, on_state)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, driver.stop)
    serving = asyncio.create_task(server.run())
    try:
        outcome = await driver.run()
        ready.tell("wiped", reason=outcome.reason.value, wiped_after_ms=outcome.milliseconds)
        return outcome
    finally:
        server.stop()
        await serving


def outcome_line(outcome: Outcome) -> str:
    """One JSON line for supervisors."""
    document = {
        "event": "ended",
        "reason": outcome.reason.value,
        "wiped_after_ms": outcome.milliseconds,
    }
    return json.dumps(document)
