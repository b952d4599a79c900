"""Ways to a ceremony's host: its own socket at the desk, or the control plane, which forwards.

Both ask the same questions (our protocol §10.7). Neither is believed: what a host answers is
verified by whoever asked (`client.ceremonies`).
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeVar

from keyturn.base.errors import MalformedError
from keyturn.base.strictjson import parse_object
from keyturn.client.client import KeyturnClient
from keyturn.wire.ceremonies import (
    AskCeremonies,
    AskCeremony,
    AskCeremonyFile,
    OpenCeremony,
    PutCeremonyFile,
    RewrapKeys,
    SignStep,
    parse_ceremony_request,
)
from keyturn.wire.errors import PeerUnreachable
from keyturn.wire.keyholder_client import ask_once
from keyturn.wire.requests import Request

A = TypeVar("A")

SECONDS = 30.0
SECONDS_OF_A_STEP = 600.0
"""The last signature of a step has the host act: it makes keys, some of them slowly. A rehearsal
makes its token when it is opened."""


class CeremonyDoor(Protocol):
    """Asks one host."""

    def ask(self, request: Request[A]) -> A:
        """The typed answer. Raises KeyturnError: refused, unreachable, malformed."""
        ...


class LocalDoor:
    """A host's unix socket on this machine: whoever may open it sits at the ceremony's desk."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @property
    def path(self) -> Path:
        return self._path

    def ask(self, request: Request[A]) -> A:
        """Raises PeerRefused, PeerUnreachable, MalformedError."""
        slow = isinstance(request, (OpenCeremony, SignStep, RewrapKeys))
        try:
            return ask_once(self._path, request, seconds=SECONDS_OF_A_STEP if slow else SECONDS)
        except PeerUnreachable as error:
            raise PeerUnreachable(
                f"the ceremony's host does not answer: {error.message.rpartition(': ')[2]}",
                found=error.found or str(self._path),
                expected="a host that listens there",
                hint="Start it again in the same directory: it goes on from its records. Look at "
                "the ceremony before anything is signed again.",
            ) from error


class ServerDoor:
    """Through the control plane, as a signed-in officer, to the keyholder."""

    def __init__(self, client: KeyturnClient) -> None:
        self._client = client

    def ask(self, request: Request[A]) -> A:
        """Raises what `KeyturnClient` raises."""
        return self._client.ask_host(request)


TRANSCRIPT = "transcript.json"
RESTORE = "restore.json"


def transcript_of(door: CeremonyDoor, ceremony: str) -> bytes:
    """The host's transcript file, as it came. Raises what `door` raises."""
    return door.ask(AskCeremonyFile(ceremony, TRANSCRIPT))


def put_restore(door: CeremonyDoor, ceremony: str, file: bytes) -> None:
    """Hand in the statement of a restore, which the log cannot say yet (our protocol §10.8).

    Raises what `door` raises.
    """
    door.ask(PutCeremonyFile(ceremony, RESTORE, file))


@dataclass(frozen=True, slots=True)
class Question:
    """A question to a host that changes nothing there; `name` without `since`."""

    name: str
    since: int = 0


def question_of(posted: bytes, *, limit: int) -> Question | None:
    """What was posted to the server's route of ceremonies; None: anything else, or malformed."""
    try:
        whole = parse_object(posted, limit=limit, what="question")
        fields = whole.fields("request")
        request = parse_ceremony_request(fields.text("op", limit=40), fields)
        fields.done()
        whole.done()
    except MalformedError:
        return None
    match request:
        case AskCeremonies():
            return Question(request.op)
        case AskCeremony(ceremony, since):
            return Question(f"{request.op} {ceremony}", since)
        case AskCeremonyFile(ceremony, name) if name == TRANSCRIPT:
            return Question(f"{request.op} {ceremony}")
    return None
