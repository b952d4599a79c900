"""What a recording asks for, so that pages drawn from it can prove what they show."""

from datetime import UTC, datetime
from types import SimpleNamespace

from keyturn.base.encoding import Digest, digest_of
from keyturn.client.errors import NotFound
from keyturn.quorum.entries import CeremonyEntry, ceremony_entry, start_entry
from keyturn_app.recording import sweep

TIME = datetime(2026, 11, 30, tzinfo=UTC)
RECORDS = tuple(digest_of(f"record {seq}".encode()) for seq in range(3))


class Server:
    """A client of a server with this log and nothing else; remembers which objects were asked."""

    def __init__(self, leaves: list[bytes]) -> None:
        self._leaves = leaves
        self.objects: list[Digest] = []
        self.receipts: list[int] = []

    def leaves(self) -> tuple[object, list[bytes]]:
        size = len(self._leaves)
        return SimpleNamespace(checkpoint=SimpleNamespace(size=size)), self._leaves

    def entries(self, first: int, end: int) -> list[bytes]:
        return self._leaves[first:end]

    def receipt(self, index: int) -> None:
        self.receipts.append(index)

    def read_object(self, digest: Digest) -> bytes:
        self.objects.append(digest)
        return b"{}"

    def __getattr__(self, name: str) -> object:
        def nothing(*_given: object) -> tuple[()]:
            if name in {"hsm", "enrolments", "ask_get"}:
                raise NotFound(f"no {name} here")
            return ()

        return nothing


def test_every_record_of_a_ceremony_is_kept_however_old() -> None:
    """By whom it was held is proved from all of them."""
    old = [
        ceremony_entry(TIME, CeremonyEntry("genesis-2026", "genesis", seq, "done", record, None))
        for seq, record in enumerate(RECORDS)
    ]
    later = [start_entry(TIME, f"{at:032x}", "keyturn") for at in range(100)]
    server = Server([*old, *later])
    assert sweep(server) == 103  # type: ignore[arg-type]
    assert server.objects == list(RECORDS)
    assert server.receipts == list(range(43, 103))
