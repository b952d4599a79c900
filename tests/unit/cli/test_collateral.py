"""`keyturn collateral`, run against vendors on a local port and carried between two caches."""

import json
from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner, Result

from keyturn.cli import collateral as module
from keyturn.collateral.fetching import Fetcher, Surroundings
from keyturn.collateral.pacing import Backoff
from support.vendoranswers import NOW, PCK_PATH, Recorded
from support.vendorserver import Answer, VendorServer, self_signed

EVERY = (
    "amd-chain:vcek/Milan",
    "intel-tcb-info:90C06F000000",
    "intel-qe-identity:td",
    "intel-pck-crl:platform",
)


class Desk:
    """The command with a cache, a clock and a local vendor."""

    def __init__(self, folder: Path, url: str) -> None:
        self.folder = folder
        self._app = typer.Typer()
        module.register(self._app)
        self._mirrors = [
            part
            for name in ("amd", "intel", "nvidia-rim")
            for part in ("--mirror", f"{name}={url}/{name.removeprefix('nvidia-')}")
        ]

    def run(self, *words: object, cache: str = "here") -> Result:
        asked = ["collateral", *map(str, words), "--cache", str(self.folder / cache)]
        return CliRunner().invoke(self._app, asked)

    def fetch(self, *words: object, **how: str) -> Result:
        return self.run("fetch", *words, *self._mirrors, **how)

    def json(self, *words: object, code: int = 0, cache: str = "here") -> Any:
        found = self.run(*words, "--json", cache=cache)
        assert found.exit_code == code, found.output
        return json.loads(found.stdout)


@pytest.fixture
def server(vectors_dir: Path) -> Iterator[VendorServer]:
    made = VendorServer()
    Recorded(vectors_dir).speak(made)
    with made.running():
        yield made


@pytest.fixture
def desk(tmp_path: Path, server: VendorServer, monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.setattr(module, "_now", lambda: NOW)
    monkeypatch.setattr(module, "_around", lambda: Surroundings(now=lambda: NOW))
    return Desk(tmp_path, server.url)


def test_fetch_says_what_became_of_each(desk: Desk) -> None:
    found = desk.fetch(*EVERY)
    assert found.exit_code == 0, found.output
    assert "amd-chain vcek/Milan: newer, fetched 1 minute ago, fresh" in found.output
    again = desk.fetch("intel-pck-crl:platform")
    assert "intel-pck-crl platform: fresh" in again.output
    documents = json.loads(desk.fetch(*EVERY, "--json").stdout)["documents"]
    assert {each["done"] for each in documents} == {"fresh", "same"}


def test_a_failed_fetch_is_status_one_and_says_what_to_do(desk: Desk, server: VendorServer) -> None:
    server.say(PCK_PATH, Answer(b"", 404))
    found = desk.fetch("intel-pck-crl:platform")
    assert found.exit_code == 1
    assert "what to do" in found.output
    document = json.loads(desk.fetch("intel-pck-crl:platform", "--json").stdout)
    assert document["documents"][0]["error"]["kind"] == "NoSuchCollateral"


@pytest.mark.parametrize(
    "words",
    [
        ("fetch",),
        ("fetch", "amd-chain:vcek/Milan", "--mirror", "amd"),
        ("fetch", "amd-chain:vcek/Milan", "--mirror", "apple=https://x"),
        ("fetch", "amd-chain:vcek/Milan", "--mirror", "amd=ftp://x"),
        ("export",),
        ("import",),
    ],
)
def test_wrong_usage_is_status_two(desk: Desk, words: tuple[str, ...]) -> None:
    assert desk.run(*words).exit_code == 2


def test_a_wrong_name_is_status_one(desk: Desk) -> None:
    assert desk.fetch("amd-chain:Naples").exit_code == 1


def test_status_and_list(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    assert desk.json("status")["documents"] == []
    desk.fetch(*EVERY)
    document = desk.json("status")
    assert document["states"] == {"fresh": 3, "due": 1, "stale": 0, "expired": 0}
    assert [each["kind"] for each in document["documents"]] == [
        "amd-chain",
        "intel-pck-crl",
        "intel-qe-identity",
        "intel-tcb-info",
    ]
    assert "90c06f000000" in desk.run("status").output
    assert len(desk.json("list", "--kind", "amd-chain")["documents"]) == 1
    assert "sha256:" in desk.run("list").output
    monkeypatch.setattr(module, "_now", lambda: NOW + timedelta(days=10))
    assert desk.json("status", code=1)["states"]["expired"] == 1
    for path in (desk.folder / "here").glob("intel-pck*"):
        path.write_bytes(b"garbage")
    assert len(desk.json("status", code=1)["damaged"]) == 1


def test_due_renews_what_is_not_fresh(desk: Desk) -> None:
    desk.fetch(*EVERY)
    found = json.loads(desk.fetch("--due", "--json").stdout)
    assert [each["kind"] for each in found["documents"]] == ["intel-tcb-info"]
    assert json.loads(desk.fetch("--due", "--json", cache="empty").stdout)["documents"] == []


def test_a_bundle_goes_from_one_machine_to_another(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.fetch(*EVERY)
    keyfile, bundle = desk.folder / "key", desk.folder / "bundle.zip"
    exported = desk.run("export", "-o", bundle, "--key", keyfile)
    assert exported.exit_code == 1  # there is no key yet
    made = CliRunner().invoke(desk._app, ["collateral", "key", str(keyfile), "--json"])
    digest = json.loads(made.stdout)["root_key"]
    again = CliRunner().invoke(desk._app, ["collateral", "key", str(keyfile)])
    assert again.output == digest + "\n"
    document = desk.json("export", "-o", bundle, "--key", keyfile)
    assert (document["documents"], document["root_key"]) == (4, digest)
    assert desk.run("export", "-o", bundle, "--key", keyfile).exit_code == 1  # never over a file
    assert desk.run("import", bundle, cache="there").exit_code == 1
    brought = desk.json("import", bundle, "--root-key", digest, cache="there")
    assert [each["newer"] for each in brought["documents"]] == [True] * 4
    said = desk.run("import", bundle, cache="there")
    assert "4 of 4 documents are kept" in said.output
    assert desk.json("list", cache="there") == desk.json("list")
    monkeypatch.setattr(module, "_now", lambda: NOW + timedelta(days=15))
    late = desk.json("import", bundle, code=1, cache="there")
    assert late["error"]["kind"] == "BundleUntrusted"


def test_there_is_nothing_to_export(desk: Desk) -> None:
    CliRunner().invoke(desk._app, ["collateral", "key", str(desk.folder / "key")])
    found = desk.json("export", "-o", desk.folder / "x", "--key", desk.folder / "key", code=1)
    assert found["error"]["kind"] == "NoSuchCollateral"


def test_an_import_that_keeps_a_part_is_status_one(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.fetch(*EVERY)
    keyfile, bundle = desk.folder / "key", desk.folder / "bundle.zip"
    made = CliRunner().invoke(desk._app, ["collateral", "key", str(keyfile), "--json"])
    desk.run("export", "-o", bundle, "--key", keyfile)
    monkeypatch.setattr(module, "_now", lambda: NOW + timedelta(days=7))
    digest = json.loads(made.stdout)["root_key"]
    said = desk.run("import", bundle, "--root-key", digest, cache="there")
    assert said.exit_code == 1
    assert "3 of 4 documents are kept" in said.output
    assert "TCB info is not current" in said.output


def test_the_forecast_names_nodes_and_models(desk: Desk) -> None:
    desk.fetch(*EVERY)
    needs = desk.folder / "needs.json"
    needs.write_text(
        '{"nodes":[{"node":"gpu-1","models":["llama"],'
        '"collateral":["intel-tcb-info:90c06f000000","amd-crl:vcek/Milan"]}]}'
    )
    events = desk.json("forecast", "--needs", needs)["events"]
    assert events[0] == {
        "when": "2026-02-25T00:00:00Z",
        "kind": "amd-crl",
        "scope": "vcek/Milan",
        "why": "missing",
        "what": "not in the cache",
        "nodes": ["gpu-1"],
        "models": ["llama"],
    }
    ends = [each for each in events if each["why"] == "document-ends"]
    assert ends[0]["when"] == "2026-03-03T14:49:26Z"
    assert ends[0]["nodes"] == ["gpu-1"]
    assert len(desk.json("forecast", "--days", 1)["events"]) == 0
    assert "llama" in desk.run("forecast", "--needs", needs).output


def test_a_mirror_with_tls_of_its_own(
    desk: Desk, vectors_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    context, ca = self_signed(desk.folder)
    mirror = VendorServer(context)
    Recorded(vectors_dir).speak(mirror)
    backoff = Backoff(tries=1)
    monkeypatch.setattr(module, "Fetcher", partial(Fetcher, backoff=backoff))
    words = ("fetch", "amd-chain:vcek/Milan", "--mirror", f"amd={mirror.url}/amd")
    with mirror.running():
        refused = desk.run(*words)
        assert refused.exit_code == 1
        assert "CERTIFICATE_VERIFY_FAILED" in refused.output
        assert desk.run(*words, "--ca", ca).exit_code == 0
    assert desk.run(*words, "--ca", desk.folder / "absent").exit_code == 1
    assert desk.run(*words, "--ca", desk.folder / "key").exit_code == 1


def test_an_early_cache_foretells_a_recovery(desk: Desk, server: VendorServer) -> None:
    desk.fetch(*EVERY)
    desk.fetch(*EVERY, cache="early")
    found = desk.json("forecast", "--early", desk.folder / "early")
    assert "newer-evaluation" not in {each["why"] for each in found["events"]}
