"""The words of a host's key: where a signature may carry them, and whose they must be."""

import dataclasses
from datetime import timedelta

import pytest

from keyturn.base.encoding import digest_of
from keyturn.ceremony.errors import CeremonyReason, CeremonyRefused
from keyturn.ceremony.hostphrase import (
    COMPARED,
    HOST_ENTRY,
    check_entered_host,
    check_host_entry,
    host_phrase,
    may_enter_host,
)
from keyturn.ceremony.script import Part, ScriptKind
from keyturn.ceremony.steps import Place, StepSignature, parse_step_signature, step_payload
from support.authority import START, sign
from support.ceremonies import Cast

KEY, OTHER = bytes(1216), b"\x01" + bytes(1215)
RECORD = digest_of(b"the record before")


def signature(part: Part = Part.CUSTODIAN, *, share: bool = True, **entered: str) -> StepSignature:
    payload = step_payload(
        Place("restore-1", False, 3, RECORD),
        "prove-shares",
        "ada",
        part,
        START + timedelta(minutes=1),
        entered=entered,
        attached=(digest_of(b"sealed"),) if share else (),
    )
    raw = sign("application/vnd.keyturn.ceremony-step.v1+json", payload, Cast().key("ada"))
    return parse_step_signature(raw)


def test_sixteen_words_in_lower_case() -> None:
    words = host_phrase(KEY).split(" ")
    assert len(words) == 16
    assert host_phrase(KEY) == " ".join(words).lower()
    assert host_phrase(OTHER) != host_phrase(KEY)


@pytest.mark.parametrize("kind", list(ScriptKind))
def test_only_in_a_restore_with_a_share_by_a_custodian(kind: ScriptKind) -> None:
    assert may_enter_host(kind, signature()) is (kind in COMPARED)
    assert not may_enter_host(kind, signature(share=False))
    assert not may_enter_host(kind, signature(Part.WITNESS))


def test_the_host_takes_its_own_words_and_no_others() -> None:
    check_entered_host(ScriptKind.RESTORE, signature(), KEY)
    check_entered_host(ScriptKind.RESTORE, signature(host=host_phrase(KEY)), KEY)
    for kind, said in [
        (ScriptKind.RESTORE, signature(host=host_phrase(OTHER))),
        (ScriptKind.BACKUP, signature(host=host_phrase(KEY))),
        (ScriptKind.RESTORE, signature(Part.WITNESS, host=host_phrase(KEY))),
    ]:
        with pytest.raises(CeremonyRefused) as refused:
            check_entered_host(kind, said, KEY)
        assert refused.value.reason is CeremonyReason.WRONG_PHRASE
        assert refused.value.hint


@pytest.mark.parametrize(
    "text", ["", "yes", host_phrase(KEY).upper(), host_phrase(KEY) + " zulu", " " * 15]
)
def test_what_has_not_the_form_of_one(text: str) -> None:
    said = dataclasses.replace(signature(), entered={HOST_ENTRY: text})
    with pytest.raises(CeremonyRefused, match="not the phrase"):
        check_host_entry(said)
