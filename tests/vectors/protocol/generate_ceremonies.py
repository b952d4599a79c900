"""Writes the vectors of key ceremonies, from §10 of docs/PROTOCOL.md and none of Keyturn's code.

As `generate`, whose signatures and digests it uses. One ceremony is told from opening to end: a
rehearsal of sealing, whose script has one step.
"""

import hashlib
import json
import struct
from collections.abc import Iterator
from pathlib import Path

from vectors.protocol.generate import (
    Case,
    b64,
    compact,
    digest,
    enveloped,
    lp,
    officer,
    pattern,
    seed_of,
)

HERE = Path(__file__).parent
CEREMONY = "rehearsal-seal-1"
OPENED, SIGNED, DONE = "2026-11-30T09:00:00Z", "2026-11-30T09:01:00Z", "2026-11-30T09:01:05Z"
KINDS = (
    "roster keys policy reference-values platforms trust-anchors model ceremony revocation restore"
)
Document = dict[str, object]


def script(**changed: object) -> Document:
    """§10.1"""
    step: Document = {
        "id": "seal",
        "title": "Seal",
        "says": "The token is closed.",
        "action": "seal",
        "signers": [
            {"part": "administrator", "many": "one", "shares": []},
            {"part": "witness", "many": "one", "shares": []},
        ],
        "entered": [
            {
                "name": "why",
                "kind": "text",
                "label": "Why",
                "part": "administrator",
                "required": True,
            }
        ],
        "attaches": "none",
    }
    return {
        "type": "ceremony-script",
        "format": 1,
        "kind": "seal",
        "revision": 1,
        "title": "Seal",
        "purpose": "To try it.",
        "steps": [step],
        **changed,
    }


def roster() -> Document:
    people = {
        "ada": ["operator", "proposer"],
        "bela": ["approver", "custodian"],
        "chen": ["approver", "custodian"],
        "emil": ["witness"],
    }
    return {
        "simulation": True,
        "officers": [officer(name, roles, seed_of(name)) for name, roles in people.items()],
        "thresholds": {kind: 2 for kind in KINDS.split()},
        "proposer_may_approve": [],
        "witnesses": {"keys": [], "k": 0, "t_seconds": 300},
    }


def plan(**changed: object) -> Document:
    """§10.2"""
    return {
        "type": "ceremony-plan",
        "format": 1,
        "ceremony": CEREMONY,
        "kind": "seal",
        "script": digest(compact(script())),
        "rehearsal": True,
        "authority": None,
        "statement": None,
        "administrator": "ada",
        "witness": "emil",
        "scribe": None,
        "shares": {},
        "kek_profile": None,
        "token": "rehearsal",
        "concerns": [],
        "founding": {"origin": "vectors.example/log", "life_days": 90, "roster": roster()},
        "time": OPENED,
        **changed,
    }


def envelope(name: str, document: Document, by: str) -> bytes:
    text = enveloped(name, compact(document), seed_of(by))["envelope"]
    return str(text).encode()


def record(seq: int, previous: str | None, **said: object) -> bytes:
    """§10.4"""
    return compact(
        {
            "type": "ceremony-record",
            "format": 1,
            "ceremony": CEREMONY,
            "rehearsal": True,
            "seq": seq,
            "previous": previous,
            **said,
        }
    )


def opened(by: str = "ada", **changed: object) -> bytes:
    return record(
        0,
        None,
        event="opened",
        step=None,
        time=OPENED,
        signed=[b64(envelope("ceremony-plan", plan(**changed), by))],
        facts={
            "script": b64(compact(script())),
            "software": "vectors",
            "host": "vectors",
            "token": None,
            "custody": [],
        },
    )


def step_signature(who: str, part: str, **changed: object) -> Document:
    """§10.3"""
    return {
        "type": "ceremony-step",
        "format": 1,
        "ceremony": CEREMONY,
        "rehearsal": True,
        "seq": 1,
        "step": "seal",
        "previous": digest(opened()),
        "officer": who,
        "part": part,
        "time": SIGNED,
        "entered": {"why": "a drill"} if part == "administrator" else {},
        "attached": [],
        **changed,
    }


def word(what: str, **changed: object) -> Document:
    return {
        "type": "ceremony-word",
        "format": 1,
        "ceremony": CEREMONY,
        "rehearsal": True,
        "seq": 1,
        "previous": digest(opened()),
        "officer": "emil",
        "part": "witness",
        "time": SIGNED,
        "word": what,
        "text": "a word",
        **changed,
    }


def done(signed: list[bytes], **changed: object) -> bytes:
    settings: Document = {
        "event": "done",
        "step": "seal",
        "time": DONE,
        "signed": list(map(b64, signed)),
        "facts": {},
    }
    return record(1, digest(opened()), **{**settings, **changed})


def both() -> list[bytes]:
    return [
        envelope("ceremony-step", step_signature("ada", "administrator"), "ada"),
        envelope("ceremony-step", step_signature("emil", "witness"), "emil"),
    ]


def documents() -> Iterator[Case]:
    """Scripts, plans, signatures and words, each as it is signed."""
    yield {"id": "script", "reader": "script", "raw": compact(script()).decode(), "refused": False}
    other = script(kind="party")
    yield {"id": "another-kind", "reader": "script", "raw": compact(other).decode(), "refused": True}  # fmt: skip  # noqa: E501
    signed = {
        "plan": ("ceremony-plan", plan(), "ada", False),
        "plan-of-no-rehearsal-by-its-id": ("ceremony-plan", plan(ceremony="seal-1"), "ada", True),
        "plan-whose-witness-writes-too": ("ceremony-plan", plan(scribe="emil"), "ada", True),
        "plan-of-two-authorities": ("ceremony-plan", plan(authority=digest(b"x")), "ada", True),
        "step": ("ceremony-step", step_signature("ada", "administrator"), "ada", False),
        "step-with-more": ("ceremony-step", step_signature("ada", "king"), "ada", True),
        "note": ("ceremony-word", word("note"), "emil", False),
        "abort": ("ceremony-word", word("abort"), "emil", False),
        "no-such-word": ("ceremony-word", word("shout"), "emil", True),
    }
    for name, (kind, document, by, refused) in signed.items():
        case = enveloped(kind, compact(document), seed_of(by))
        yield {"id": name, "reader": kind, "refused": refused, **case}


def transcripts() -> Iterator[Case]:
    """A ceremony from its opening to its end, and what is none (§10.4, §10.9)."""
    first, last = opened(), done(both())
    ada, emil = both()
    forged = envelope("ceremony-step", step_signature("emil", "witness"), "bela")
    late = step_signature("emil", "witness", time="2026-11-30T09:05:00Z")
    elsewhere = step_signature("emil", "witness", previous=digest(b"another record"))
    aborted = record(
        1,
        digest(first),
        event="aborted",
        step=None,
        time=DONE,
        signed=[b64(envelope("ceremony-word", word("abort"), "emil"))],
        facts={},
    )
    told: dict[str, tuple[list[bytes], str]] = {
        "whole": ([first, last], "done"),
        "so-far": ([first], "running"),
        "aborted": ([first, aborted], "aborted"),
        "plan-by-another": ([opened("bela")], "refused"),
        "administrator-without-the-role": ([opened("bela", administrator="bela")], "refused"),
        "without-the-witness": ([first, done([ada])], "refused"),
        "one-signs-twice": ([first, done([ada, ada, emil])], "refused"),
        "witness-signed-by-another-key": ([first, done([ada, forged])], "refused"),
        "signed-at-another-time": (
            [first, done([ada, envelope("ceremony-step", late, "emil")])],
            "refused",
        ),
        "signed-for-another-place": (
            [first, done([ada, envelope("ceremony-step", elsewhere, "emil")])],
            "refused",
        ),
        "facts-where-there-are-none": ([first, done(both(), facts={"more": 1})], "refused"),
        "a-step-of-no-script": ([first, done(both(), step="close")], "refused"),
        "twice": ([first, last, last], "refused"),
        "without-its-opening": ([last], "refused"),
    }
    for name, (records, outcome) in told.items():
        file: Document = {
            "type": "ceremony-transcript",
            "format": 1,
            "records": list(map(b64, records)),
            "bundle": None,
            "receipts": [],
        }
        yield {
            "id": name,
            "records": [each.decode() for each in records],
            "digest": digest(records[-1]),
            "transcript": compact(file).decode(),
            "outcome": outcome,
        }


def shares() -> Iterator[Case]:
    """§10.5, §10.6: what is read aloud, check values, and the infos of HPKE."""
    spoken = {
        "e58294f2e9a22748": "topmost istanbul pluto vagabond treadmill pacific brackish dictator",
        "6e8b061b31cc528f": "goldfish medusa afflict bravado chatter revolver dupont midsummer",
    }
    for head, words in spoken.items():  # of the list's published example
        of = head + pattern("the rest", 24).hex()
        yield {"id": f"phrase-{head}", "digest": f"sha256:{of}", "phrase": words}
    for words in ("academic acid acne", "shadow pistol academic always"):
        check = hashlib.sha256(b"keyturn-share-check-v1" + words.encode()).hexdigest()[:8]
        yield {"id": f"check-{check}", "words": words, "check": check}
    previous, planned = digest(opened()), digest(compact(plan()))
    for use, who, group, member in (("user", "bela", 0, 0), ("backup", "chen", 1, 15)):
        texts = (CEREMONY, planned, use, who)
        parts = b"".join(lp(each.encode()) for each in texts)
        box = b"keyturn-share-v1" + parts + struct.pack(">II", group, member)
        boot = pattern("boot", 16).hex()
        for_host = (boot, CEREMONY, previous, use, who)
        entry = b"keyturn-share-entry-v1" + b"".join(lp(each.encode()) for each in for_host)
        yield {
            "id": f"infos-{use}-{who}",
            "ceremony": CEREMONY,
            "plan": planned,
            "previous": previous,
            "boot": boot,
            "use": use,
            "officer": who,
            "group": group,
            "member": member,
            "box_info": hashlib.sha256(box).hexdigest(),
            "entry_info": hashlib.sha256(entry).hexdigest(),
        }


FILES = {
    "ceremony-documents.json": ("our protocol §10.1–§10.3", documents),
    "ceremony-transcripts.json": ("our protocol §10.4, §10.9", transcripts),
    "ceremony-shares.json": ("our protocol §10.5, §10.6", shares),
}


def content(name: str) -> str:
    source, made = FILES[name]
    document = {"source": source, "cases": list(made())}
    return json.dumps(document, ensure_ascii=False, indent=1) + "\n"


if __name__ == "__main__":
    for name in FILES:
        (HERE / name).write_text(content(name), encoding="utf-8")
