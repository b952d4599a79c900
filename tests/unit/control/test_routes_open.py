"""What a server says to anybody: who it is and which authority it believes."""

from pathlib import Path

import pytest

from keyturn import __version__
from keyturn.base.encoding import Digest, unb64
from keyturn.base.errors import UntrustedError
from keyturn.quorum.bundle import load_bundle
from keyturn.wire.signin import NONCE_SIZE
from support.authority import Authority, Clock
from support.control import ORIGIN, LocalKeyholder, World, running_server


def test_hello_names_authority_log_and_simulation(standing: World) -> None:
    with standing.client() as client:
        answer = client.get("/v1/hello")
    assert answer.json() == {
        "software": f"keyturn {__version__}",
        "fingerprint": standing.keyholder.fingerprint,
        "origin": ORIGIN,
        "simulation": True,
        "time": "2026-11-23T08:00:00Z",
        "roster_index": 1,
        "sealed": False,
    }


def test_the_authority_is_checked_by_whoever_pinned_it(standing: World) -> None:
    with standing.client() as client:
        bundle = unb64(client.get("/v1/authority").json()["bundle"])
    found = load_bundle(bundle, standing.keyholder.fingerprint, standing.clock())
    assert found.origin == ORIGIN
    with pytest.raises(UntrustedError):
        load_bundle(bundle, Digest("sha256:" + "0" * 64), standing.clock())


def test_a_nonce_is_fresh_and_lives_a_minute(standing: World) -> None:
    with standing.client() as client:
        answers = [client.post("/v1/session/challenges", json={}).json() for _ in range(3)]
    assert len({each["nonce"] for each in answers}) == 3
    assert {len(bytes.fromhex(each["nonce"])) for each in answers} == {NONCE_SIZE}
    assert {each["expires"] for each in answers} == {"2026-11-23T08:01:00Z"}


def test_before_the_log_was_read_nothing_is_claimed(tmp_path: Path) -> None:
    clock = Clock()
    keyholder = LocalKeyholder(tmp_path / "k.sock", Authority(clock), clock)
    with (
        running_server(tmp_path, keyholder, clock, caught_up=False) as world,
        world.client() as client,
    ):
        hello = client.get("/v1/hello").json()
        assert (hello["origin"], hello["simulation"], hello["sealed"]) == ("", False, None)
        answer = client.get("/v1/authority")
    assert answer.status_code == 503
    assert answer.json()["error"]["kind"] == "unreachable"
