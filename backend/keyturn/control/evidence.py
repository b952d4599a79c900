"""The newest requests that the log names, for officers' clients that judge them again.

The log has only their digests. What is kept here is in the database, so that every replica has it
after a restart too; it proves itself by its digest, and nothing here believes it.
"""

from collections.abc import Mapping, Sequence

from sqlalchemy import Connection

from keyturn.base.encoding import Digest, b64, digest_of
from keyturn.base.errors import MalformedError
from keyturn.control.context import Context
from keyturn.control.errors import NotFound
from keyturn.keyrelease.entries import GrantEntry, RefusalEntry, read_grant, read_refusal
from keyturn.keyrelease.request import MAX_REQUEST
from keyturn.quorum.entries import EntryKind, parse_entry
from keyturn.store import evidence, logcopy
from keyturn.store.evidence import EvidenceRow
from keyturn.wire import api

MAX_BYTES = 8 << 20
"""Of requests in one answer."""


def keep(connection: Connection, index: int, granted: bool, model: Digest, request: bytes) -> bool:
    """Keep the request that entry `index` of the copy names; False where it names another one,
    or a newer one is kept.
    """
    if len(request) > MAX_REQUEST:
        return False
    leaves = logcopy.read_leaves(connection, index, index + 1)
    entry = parse_entry(leaves[0]) if leaves else None
    if entry is None or entry.kind is not (EntryKind.GRANT if granted else EntryKind.REFUSAL):
        return False
    named: GrantEntry | RefusalEntry = read_grant(entry) if granted else read_refusal(entry)
    digest = digest_of(request)
    if (named.evidence, named.model) != (digest, model):
        return False
    row = EvidenceRow(named.node, granted, digest, model, index, entry.time, request)
    return evidence.keep(connection, row)


async def one(context: Context, digest: Digest) -> bytes:
    """Raises NotFound."""
    found = await context.read(lambda c: evidence.find(c, digest))
    if found is None:
        raise NotFound("this evidence is not kept", found=digest)
    return found


async def several(
    context: Context, digests: Sequence[Digest], most: int = MAX_BYTES
) -> api.EvidenceList:
    """In the order asked for, while there is room. Raises MalformedError when one stands twice."""
    if len(set(digests)) != len(digests):
        raise MalformedError("evidence: a digest stands twice", expected="each once")

    def work(connection: Connection) -> tuple[list[Digest], list[Digest], Mapping[str, bytes]]:
        chosen, left = fitting(digests, evidence.sizes(connection, digests), most)
        return chosen, left, evidence.several(connection, chosen)

    chosen, left, found = await context.read(work)
    return api.EvidenceList(
        found=[
            api.EvidenceView(digest=each, data=b64(found[each])) for each in chosen if each in found
        ],
        left=list(left),
    )


def fitting(
    digests: Sequence[Digest], sizes: Mapping[str, int], most: int
) -> tuple[list[Digest], list[Digest]]:
    """Those of one answer, the first always, and those kept for which there is no room."""
    chosen: list[Digest] = []
    left: list[Digest] = []
    room = most
    for each in digests:
        if each not in sizes:
            continue
        if chosen and sizes[each] > room:
            left.append(each)
            continue
        room -= sizes[each]
        chosen.append(each)
    return chosen, left
