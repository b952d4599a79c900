"""Newcomers' requests at a server: sent without a session, read by officers who verify each."""

from dataclasses import dataclass
from datetime import datetime

from keyturn.base.encoding import Digest, b64
from keyturn.base.errors import MalformedError, UntrustedError
from keyturn.base.strictjson import Fields
from keyturn.client.errors import MalformedAnswer, NotFound, ServerLied
from keyturn.client.transport import Transport
from keyturn.quorum.enrolment import MAX_ENROLMENT, Enrolment, check_enrolment, parse_enrolment
from keyturn.quorum.errors import EnrolmentRefused
from keyturn.quorum.state import AuthorityState

PATH = "/v1/enrolments"
MOST = 100
SHORTEST = 8


@dataclass(frozen=True, slots=True)
class Waiting:
    """A request whose keys signed it. `received` is the server's word.

    `refused`: why the roster cannot take it in; empty where it can.
    """

    enrolment: Enrolment
    received: datetime
    refused: str = ""

    @property
    def digest(self) -> Digest:
        return self.enrolment.digest


@dataclass(frozen=True, slots=True)
class PendingEnrolments:
    """`unproved`: how many the server lists that prove nothing, and are not shown."""

    waiting: tuple[Waiting, ...]
    unproved: int = 0

    def alike(self, each: Waiting) -> tuple[Waiting, ...]:
        """Others under the same id: one of them is not whom they say."""
        return tuple(
            other
            for other in self.waiting
            if other.digest != each.digest
            and other.enrolment.officer.id == each.enrolment.officer.id
        )


def send_enrolment(http: Transport, raw: bytes) -> datetime:
    """Hand a request to the server of its authority; until when it is kept, by the server's word.

    Raises MalformedError, EnrolmentRefused, and what asking raises.
    """
    request = parse_enrolment(raw)
    served = http.get("/v1/hello", "hello").text("fingerprint", limit=100)
    if served != request.authority:
        raise ServerLied(
            "this server serves another authority than the request is for",
            found=served,
            expected=request.authority,
            hint="Check the server's address, and the fingerprint with a colleague.",
        )
    answer = http.post(PATH, "enrolment", {"envelope": b64(raw)})
    if answer.digest("digest") != request.digest:
        raise MalformedAnswer("the server answers about another request")
    return answer.time("until")


def read_pending(answer: Fields, state: AuthorityState, now: datetime) -> PendingEnrolments:
    """What a server lists, each verified here. Raises MalformedError."""
    listed = answer.objects("enrolments", limit=MOST)
    found = [_read(each, state, now) for each in listed]
    proved = tuple(each for each in found if each is not None)
    if len({each.digest for each in proved}) != len(proved):
        raise MalformedAnswer("the server lists one request twice")
    return PendingEnrolments(proved, len(found) - len(proved))


def _read(view: Fields, state: AuthorityState, now: datetime) -> Waiting | None:
    raw, received = view.b64("envelope", limit=2 * MAX_ENROLMENT), view.time("received")
    try:
        enrolment = parse_enrolment(raw)
    except (MalformedError, UntrustedError):
        return None
    try:
        check_enrolment(enrolment, state, now)
    except EnrolmentRefused as error:
        return Waiting(enrolment, received, str(error))
    return Waiting(enrolment, received)


def named(pending: PendingEnrolments, name: str) -> Waiting:
    """The one whose digest begins so, or whose officer has that id. Raises NotFound."""
    digits = name.removeprefix("sha256:")
    found = [
        each
        for each in pending.waiting
        if each.enrolment.officer.id == name
        or (len(digits) >= SHORTEST and each.digest.removeprefix("sha256:").startswith(digits))
    ]
    if len(found) != 1:
        raise NotFound(
            "no enrolment request is called so" if not found else "more than one is called so",
            found=name,
            expected=f"an officer's id, or the first {SHORTEST} digits or more of a digest",
            hint="See who waits with `keyturn officer requests`.",
        )
    return found[0]
