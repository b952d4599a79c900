"""Collateral that the server has, and handing some in: the keyholder judges it (our protocol §7.5).

What the server shows is proof of nothing: whoever uses a document verifies it.
"""

from collections.abc import Callable, Iterator, Sequence
from urllib.parse import quote

from keyturn.base.collateral import CollateralDocument, read_collateral
from keyturn.base.strictjson import Fields
from keyturn.client.errors import ServerLied
from keyturn.wire.collateral import MAX_COLLATERAL, CollateralAnswer, read_collateral_answer

PATH = "/v1/collateral"
MAX_PAGES = 20_000
Get = Callable[[str], Fields]


def read_pages(get: Get) -> Iterator[CollateralDocument]:
    """Page after page. Raises ServerLied on a server that comes to no end, MalformedError."""
    after = ""
    for _ in range(MAX_PAGES):
        answer = get(f"{PATH}?after={quote(after)}" if after else PATH)
        found = answer.objects("documents", limit=MAX_COLLATERAL)
        yield from (read_collateral(each) for each in found)
        last = answer.raw("next") is None
        following = "" if last else answer.hex("next", size=32).hex()
        answer.done()
        if last:
            return
        if following <= after:
            raise ServerLied("the server's collateral goes in a circle", found=following)
        after = following
    raise ServerLied("the server's collateral has no end", expected=f"at most {MAX_PAGES} pages")


def check_taken(answer: Fields, documents: Sequence[CollateralDocument]) -> CollateralAnswer:
    """The keyholder's word on what was handed in. Raises ServerLied where it is on other things."""
    taken = read_collateral_answer(answer)
    answer.done()
    strange = set(taken.kept) - {each.digest for each in documents}
    if strange or len(taken.refused) > len(documents):
        raise ServerLied(
            "the server answers about other collateral than was handed in",
            found=min(strange, default=f"{len(taken.refused)} refusals"),
        )
    return taken
