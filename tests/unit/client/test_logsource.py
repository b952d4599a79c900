"""The log's questions: asked as the API has them, and irregular answers refused."""

import pytest

from keyturn.base.encoding import digest_of
from keyturn.base.errors import MalformedError
from keyturn.client.errors import ServerLied, ServerRefused
from keyturn.client.history import Source
from keyturn.client.logsource import log_source
from support.authority import Clock
from unit.client.scripted_server import Document, ScriptedServer


@pytest.fixture
def server() -> ScriptedServer:
    return ScriptedServer(Clock())


@pytest.fixture
def source(server: ScriptedServer) -> Source:
    http = server.transport()
    server.tokens.add("good")
    http.use_token("good")
    return log_source(http, lambda ask: ask())


def test_true_answers_are_read(server: ScriptedServer, source: Source) -> None:
    assert source.entries(1, 3) == server.leaves[1:3]
    digest = next(iter(server.objects))
    assert source.read_object(digest_of(server.objects[digest])) == server.objects[digest]
    assert len(source.consistency(1, 3)) == 2


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        ({"start": 2, "leaves": []}, ServerLied),
        ({"start": 1, "leaves": [7]}, MalformedError),
        ({"start": 1, "leaves": ["!"]}, MalformedError),
        ({"start": 1, "leaves": ["YQ=="] * 3}, MalformedError),
        ({"start": 1}, MalformedError),
    ],
)
def test_irregular_entries_are_refused(
    server: ScriptedServer, source: Source, wrong: Document, error: type[Exception]
) -> None:
    server.lie("/v1/log/entries", lambda _true: wrong)
    with pytest.raises(error):
        source.entries(1, 3)


def test_a_proof_of_something_else_than_hashes_is_refused(
    server: ScriptedServer, source: Source
) -> None:
    server.lie("/v1/log/consistency", lambda _true: {"proof": ["ab"]})
    with pytest.raises(MalformedError):
        source.consistency(1, 3)


def test_an_object_that_is_not_there_is_a_refusal(source: Source) -> None:
    with pytest.raises(ServerRefused):
        source.read_object(digest_of(b"nothing"))
