"""Byte-exact vectors of key ceremonies, computed by a script that knows nothing of Keyturn."""

import ast
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from keyturn.base.dsse import pae, parse_envelope, verified_signers
from keyturn.base.encoding import Digest, digest_of
from keyturn.base.errors import MalformedError
from keyturn.base.signatures import load_verify_key
from keyturn.ceremony.errors import CeremonyRefused
from keyturn.ceremony.phrases import phrase_of
from keyturn.ceremony.plan import parse_plan
from keyturn.ceremony.script import ShareUse, parse_script
from keyturn.ceremony.shareboxes import box_info, entry_info
from keyturn.ceremony.shares import check_value
from keyturn.ceremony.steps import parse_said, parse_step_signature
from keyturn.ceremony.transcript import make_transcript, parse_transcript, verify_transcript
from vectors.protocol import generate_ceremonies as generate

HERE = Path(__file__).parent / "protocol"
READERS: dict[str, Callable[[bytes], object]] = {
    "script": parse_script,
    "ceremony-plan": parse_plan,
    "ceremony-step": parse_step_signature,
    "ceremony-word": parse_said,
}
Case = dict[str, Any]


def cases(name: str, prefix: str = "") -> list[Any]:
    document = json.loads((HERE / name).read_text(encoding="utf-8"))
    found = [each for each in document["cases"] if each["id"].startswith(prefix)]
    return [pytest.param(each, id=each["id"]) for each in found]


@pytest.mark.parametrize("name", sorted(generate.FILES))
def test_the_files_are_what_the_script_writes(name: str) -> None:
    assert (HERE / name).read_text(encoding="utf-8") == generate.content(name)


def test_the_script_uses_nothing_of_keyturn() -> None:
    tree = ast.parse(Path(generate.__file__).read_text(encoding="utf-8"))
    modules = {str(each.module) for each in ast.walk(tree) if isinstance(each, ast.ImportFrom)}
    others = {each.partition(".")[0] for each in modules} - sys.stdlib_module_names
    assert others == {"vectors"}
    assert {each for each in modules if each.startswith("vectors")} == {"vectors.protocol.generate"}


@pytest.mark.parametrize("case", cases("ceremony-documents.json"))
def test_a_document(case: Case) -> None:
    raw = (case.get("envelope") or case["raw"]).encode()
    read = READERS[case["reader"]]
    if case["refused"]:
        with pytest.raises(MalformedError):
            read(raw)
    else:
        assert read(raw)
    if "envelope" not in case:
        return
    key, envelope = load_verify_key(bytes.fromhex(case["key_spki"])), parse_envelope(raw)
    assert pae(envelope.payload_type, envelope.payload).hex() == case["pae"]
    assert verified_signers(envelope, {key.key_id: key}) == (case["key_id"],)
    assert envelope.digest == case["digest"]


def test_scripts_and_plans_are_written_as_they_were_read() -> None:
    found = {case.values[0]["id"]: case.values[0] for case in cases("ceremony-documents.json")}
    script = parse_script(found["script"]["raw"].encode())
    assert script.to_bytes() == found["script"]["raw"].encode()
    plan = parse_plan(found["plan"]["envelope"].encode())
    assert plan.plan.to_payload() == found["plan"]["payload"].encode()
    assert plan.plan.script == script.digest


@pytest.mark.parametrize("case", cases("ceremony-transcripts.json"))
def test_a_transcript(case: Case) -> None:
    raw = case["transcript"].encode()
    records = [each.encode() for each in case["records"]]
    assert digest_of(records[-1]) == case["digest"]
    if case["outcome"] == "refused":
        with pytest.raises((CeremonyRefused, MalformedError)):
            verify_transcript(parse_transcript(raw))
        return
    found = verify_transcript(parse_transcript(raw))
    assert found.course.state.value == case["outcome"]
    assert found.digest == case["digest"]
    assert make_transcript(records) == raw


@pytest.mark.parametrize("case", cases("ceremony-shares.json", "phrase"))
def test_a_phrase(case: Case) -> None:
    assert phrase_of(Digest(case["digest"])) == case["phrase"]


@pytest.mark.parametrize("case", cases("ceremony-shares.json", "check"))
def test_a_check_value(case: Case) -> None:
    assert check_value(case["words"].encode()) == case["check"]


@pytest.mark.parametrize("case", cases("ceremony-shares.json", "infos"))
def test_the_infos_of_a_share(case: Case) -> None:
    use = ShareUse(case["use"])
    place = case["group"], case["member"]
    box = box_info(case["ceremony"], Digest(case["plan"]), use, case["officer"], *place)
    assert box.hex() == case["box_info"]
    previous = Digest(case["previous"])
    entry = entry_info(case["boot"], case["ceremony"], previous, use, case["officer"])
    assert entry.hex() == case["entry_info"]
