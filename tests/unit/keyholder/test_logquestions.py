"""Questions about a log are answered the same from a log that is written and one that is read."""

import pytest

from keyturn.base.errors import NotFoundError
from keyturn.keyholder.cosignatures import DIRECTORY, Cosignatures
from keyturn.keyholder.logquestions import LogQuestions
from keyturn.keyholder.logreading import read_log
from keyturn.wire import keyholder as asked
from support.system import ORIGIN, System


def test_sealed_or_not_the_answers_are_the_same(system: System) -> None:
    log = system.keyholder.journal.log
    size = log.size
    (statement, *_) = system.keyholder.journal.state.by_digest.values()
    digest = statement.statement.envelope.digest
    questions = [
        asked.AskEntries(0, size),
        asked.AskEntries(size, size + 5),
        asked.AskCheckpoint(),
        asked.AskReceipt(1),
        asked.AskReceipt(1, asked.Under.COSIGNED),
        asked.AskConsistency(1, size),
        asked.AskCosignatures(),
    ]
    answers = [system.keyholder.answer(each) for each in questions]
    system.keyholder.close()
    with read_log(system.directory / "log", ORIGIN, system.fingerprint) as found:
        cosignatures = Cosignatures(found, system.directory / "log" / DIRECTORY)
        read = LogQuestions(found, cosignatures, lambda: found.state.roster)
        for question, answer in zip(questions, answers, strict=True):
            assert {"ok": True, **(read.answer(question) or {})} == answer
        assert read.answer(asked.AskChallenge()) is None
        assert read.answer(asked.AskHello()) is None
        with pytest.raises(NotFoundError):
            read.answer(asked.AskObject(digest))  # of its payload: objects are envelopes
