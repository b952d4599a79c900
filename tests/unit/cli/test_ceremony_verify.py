"""`keyturn ceremony verify`, `minutes` and `scripts`: without a server, exit status 0, 1 or 2."""

import io
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import httpx
import pypdf
import pytest
import typer
from typer.testing import CliRunner, Result

from keyturn.base.encoding import b64, digest_of
from keyturn.ceremony.kinds import SCRIPTS
from keyturn.ceremony.script import Many, Part, ScriptKind, Signers
from keyturn.ceremony.steps import Word
from keyturn.cli.ceremony import register
from support.ceremonies import Cast, Play, genesis_plan, played_genesis
from support.ceremonylog import logged_genesis
from support.sealedsessions import Session

PLAYED = played_genesis(eventful=True)
LOGGED = logged_genesis(Cast(simulation=False))
Run = Callable[..., Result]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setattr(httpx, "Client", None)
    app = typer.Typer()
    app.command()(lambda: None)
    register(app)

    def invoke(*words: object) -> Result:
        given = ["ceremony", *map(str, words)]
        return CliRunner().invoke(app, given, env={"COLUMNS": "240"})

    return invoke


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "transcript.json"
    path.write_bytes(PLAYED.transcript())
    return path


@pytest.fixture
def real(tmp_path: Path) -> Path:
    path = tmp_path / "real.json"
    path.write_bytes(LOGGED.transcript)
    return path


# ---- verify ----


def test_a_rehearsal_holds_and_is_shown_as_one(run: Run, file: Path) -> None:
    done = run("verify", file)
    assert done.exit_code == 0, done.output
    assert "REHEARSAL" in done.stderr
    assert "SIMULATED" in done.stderr
    for each in ("The transcript holds.", "make-token FAILED", "exception: The token's reader"):
        assert each in done.stdout
    assert "Not looked at" in done.stdout


def test_in_earnest_with_the_log(run: Run, real: Path) -> None:
    done = run("verify", real, "--fingerprint", LOGGED.fingerprint)
    assert done.exit_code == 0, done.output
    assert "REHEARSAL" not in done.output
    assert "Not looked at" not in done.stdout
    assert "every record is in the log" in done.stdout


def test_as_json(run: Run, real: Path) -> None:
    found = json.loads(run("verify", real, "--fingerprint", LOGGED.fingerprint, "--json").stdout)
    assert found["verified"] is True
    assert (found["state"], found["records"]) == ("done", 9)
    assert [each["step"] for each in found["steps"]] == [
        each.id for each in SCRIPTS[ScriptKind.GENESIS].steps
    ]
    assert found["digest"] == LOGGED.play.course.last.digest
    assert found["looked_at"] == {
        "pinned": True,
        "bundle": True,
        "log": {"origin": "keyturn.example/log", "first": 3, "last": 11, "size": 12},
    }
    assert {each["officer"] for each in found["steps"][1]["signed"]} == {"hana", "viktor"}


def test_what_went_otherwise_is_in_the_json(run: Run, file: Path) -> None:
    found = json.loads(run("verify", file, "--json").stdout)
    assert found["rehearsal"] is True
    assert [each["step"] for each in found["failures"]] == ["make-token"]
    assert [each["word"] for each in found["words"]] == ["exception", "note", "resume"]
    assert found["looked_at"]["log"] is None


def test_a_bundle_beside_the_file(run: Run, tmp_path: Path) -> None:
    path, bundle = tmp_path / "bare.json", tmp_path / "authority.bundle"
    path.write_bytes(LOGGED.play.transcript())
    bundle.write_bytes(LOGGED.bundle)
    found = json.loads(run("verify", path, "--bundle", bundle, "--json").stdout)
    assert found["looked_at"] == {"pinned": False, "bundle": True, "log": None}


def test_an_easier_script_of_the_same_kind_is_not_enough(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An auditor gets a transcript that holds, of a genesis that the administrator signed alone."""
    genesis = SCRIPTS[ScriptKind.GENESIS]
    alone = Signers(Part.ADMINISTRATOR, Many.ONE)
    easier = replace(genesis, steps=(replace(genesis.steps[0], signers=(alone,)),))
    with monkeypatch.context() as patch:
        patch.setattr("support.ceremonies.SCRIPTS", {ScriptKind.GENESIS: easier})
        play = Play(Cast(), genesis_plan(Cast(), script=easier.digest))
        play.do({"roster": None, "file": None})
    path = tmp_path / "easier.json"
    path.write_bytes(play.transcript())
    refused = run("verify", path)
    assert refused.exit_code == 1
    assert "script that this release does not have" in " ".join(refused.output.split())
    taken = run("verify", path, "--any-script")
    assert taken.exit_code == 0, taken.output
    assert "Not this release's script" in " ".join(taken.stdout.split())


def test_an_unfinished_one_says_so(run: Run, tmp_path: Path) -> None:
    play = Play(Cast(), genesis_plan(Cast()))
    play.say(Word.ABORT, "The wrong token [bold]was[/bold] brought.", Part.WITNESS)
    path = tmp_path / "aborted.json"
    path.write_bytes(play.transcript())
    done = run("verify", path)
    assert done.exit_code == 0
    assert "Aborted" in done.stdout
    assert "What there is of the transcript holds." in done.stdout
    assert "[bold]was[/bold]" in done.stdout


def test_what_does_not_hold_is_status_1(run: Run, file: Path, real: Path, tmp_path: Path) -> None:
    other = digest_of(b"another authority")
    bent = tmp_path / "bent.json"
    raws = [each.replace(b"ceremony-host", b"ceremony-home") for each in PLAYED.raw]
    document = {**json.loads(file.read_bytes()), "records": [b64(each) for each in raws]}
    bent.write_text(json.dumps(document))
    cases = {
        "not the pinned authority": ("verify", real, "--fingerprint", other),
        "not a digest": ("verify", real, "--fingerprint", "abc"),
        "none.json": ("verify", tmp_path / "none.json"),
        "record ": ("verify", bent),
    }
    for said, words in cases.items():
        done = run(*words)
        assert done.exit_code == 1, words
        assert said in done.stderr
        error = json.loads(run(*words, "--json").stdout)["error"]
        assert error["message"]


def test_which_record_does_not_hold(run: Run, tmp_path: Path) -> None:
    document = json.loads(PLAYED.transcript())
    del document["records"][4]
    path = tmp_path / "gap.json"
    path.write_text(json.dumps(document))
    error = json.loads(run("verify", path, "--json").stdout)["error"]
    assert error["message"].startswith("record 5: ")
    assert error["kind"] == "CeremonyRefused"


def test_wrong_usage_is_status_2(run: Run) -> None:
    assert run("verify").exit_code == 2
    assert run("minutes", "x").exit_code == 2
    assert run("scripts", "party").exit_code == 2


# ---- minutes ----


def test_minutes_are_written_once(run: Run, file: Path, tmp_path: Path) -> None:
    output = tmp_path / "minutes.pdf"
    done = run("minutes", file, "-o", output)
    assert done.exit_code == 0, done.output
    text = pypdf.PdfReader(io.BytesIO(output.read_bytes())).pages[0].extract_text()
    assert "REHEARSAL" in text
    assert PLAYED.course.last.digest in text.replace("\n", "")
    assert run("minutes", file, "-o", output).exit_code == 1


def test_minutes_as_json(run: Run, file: Path, tmp_path: Path) -> None:
    output = tmp_path / "minutes.pdf"
    found = json.loads(run("minutes", file, "-o", output, "--json").stdout)
    assert found == {
        "file": str(output),
        "digest": digest_of(output.read_bytes()),
        "transcript": PLAYED.course.last.digest,
    }


def test_no_minutes_of_what_does_not_hold(run: Run, file: Path, tmp_path: Path) -> None:
    output = tmp_path / "minutes.pdf"
    other = digest_of(b"another authority")
    assert run("minutes", file, "-o", output, "--fingerprint", other).exit_code == 1
    assert not output.exists()


# ---- scripts ----


def test_scripts_are_listed(run: Run) -> None:
    listed = run("scripts").stdout
    found = json.loads(run("scripts", "--json").stdout)["scripts"]
    assert {each["kind"] for each in found} == {each.value for each in ScriptKind}
    for each in found:
        assert each["digest"] in listed


@pytest.mark.parametrize("kind", ScriptKind)
def test_a_script_is_read_step_by_step(run: Run, kind: ScriptKind) -> None:
    text = run("scripts", kind.value).stdout
    script = SCRIPTS[kind]
    assert script.digest in text
    for step in script.steps:
        assert step.title in text
        assert step.says in text
    assert text.count("Signed by: ") == len(script.steps)


def test_who_signs_is_said_in_words(run: Run) -> None:
    text = run("scripts", "restore").stdout
    assert "a quorum of custodians of backup shares; witness" in text
    assert "every custodian of user and so shares" in text
    assert "custodian enters: Number of the bag" in text


def test_a_script_as_json_is_the_script(run: Run) -> None:
    found = json.loads(run("scripts", "seal", "--json").stdout)
    assert found["digest"] == SCRIPTS[ScriptKind.SEAL].digest
    assert found["script"]["kind"] == "seal"


# ---- without a plan ----


def test_an_unsealing_and_its_minutes(run: Run, tmp_path: Path) -> None:
    path, output = tmp_path / "unseal.json", tmp_path / "unseal.pdf"
    path.write_bytes(Session(LOGGED).transcript())
    pin = ("--fingerprint", LOGGED.fingerprint)
    found = json.loads(run("verify", path, *pin, "--json").stdout)
    assert (found["verified"], found["kind"], found["state"]) == (True, "unseal", "done")
    assert [each["officer"] for each in found["signed"]] == ["ada", "chen", "emil"]
    assert found["looked_at"]["log"]["last"] == found["looked_at"]["log"]["first"] + 1
    text = run("verify", path, *pin).stdout
    assert "signed by ada (custodian)" in text
    assert "The transcript holds." in text
    assert run("minutes", path, "-o", output, *pin).exit_code == 0
    page = pypdf.PdfReader(io.BytesIO(output.read_bytes())).pages[0]
    assert "Ada Byron" in page.extract_text()
    assert run("verify", path).exit_code == 1
