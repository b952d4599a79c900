"""`keyturn ceremony unseal` and `keyturn ceremony seal`: a keyholder's token opened and closed."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Annotated

import typer

from keyturn.base.encoding import Digest, parse_digest
from keyturn.ceremony.script import Part
from keyturn.ceremony.sharesets import needed_text
from keyturn.cli.ceremony_desk import CeremonyDesk, Yes, confirm
from keyturn.cli.ceremony_given import KEYHOLDER, Given, asks
from keyturn.cli.ceremony_screen import read_words, type_words
from keyturn.cli.output import errors_explained, print_json, stderr, stdout
from keyturn.cli.profile import now
from keyturn.client.ceremonytrust import key_fingerprint
from keyturn.client.unsealdoor import LocalUnsealDoor, ServerUnsealDoor, UnsealDoor
from keyturn.client.unsealing import SealedKeyholder, look_at, seal_order, share_for
from keyturn.keyrelease.collateral import NOTHING_KEPT, CollateralSet
from keyturn.seal.keys import wipe
from keyturn.wire.unsealing import UnsealNews

app = typer.Typer(help="Unseal a keyholder: custodians' shares open its token.")

ShareFd = Annotated[
    int | None, typer.Option("--share-fd", help="Read your share's words from this descriptor.")
]


def register_in(parent: typer.Typer) -> None:
    """Into `keyturn ceremony`."""
    parent.add_typer(app, name="unseal")
    parent.command("seal")(seal)


@app.command()
@asks(KEYHOLDER)
def status(given: Given) -> None:
    """Whether the keyholder is sealed, and what can be proved of it before a share goes there."""
    with _at_keyholder(given) as asking:
        news = asking.door.news()
        if not news.sealed:
            print_json(_document(news)) if given.as_json else stdout.print("The keyholder answers.")
            return
        keyholder = asking.look()
        if given.as_json:
            print_json({**_document(news), **_proved(keyholder)})
            return
        _print(keyholder)


@app.command()
@asks(KEYHOLDER)
def share(given: Given, share_fd: ShareFd = None) -> None:
    """Type your share: it is checked here, then sealed to the keyholder alone, and signed.

    Nothing is typed before the keyholder is verified: its key, its log and, where a policy asks
    for it, its machine.
    """
    with _at_keyholder(given) as asking:
        keyholder = asking.look()
        if not given.as_json:
            _print(keyholder)
        words = _words(keyholder, share_fd)
        try:
            handed = share_for(keyholder, asking.desk.signer(), words, now())
        finally:
            wipe(words)
        taken = asking.door.hand(handed)
        if given.as_json:
            print_json(
                {"entered": list(taken.entered), "missing": taken.missing, "sealed": taken.sealed}
            )
        elif taken.sealed:
            stdout.print(f"Your share is there. {_more(taken.missing)}.")
        else:
            stdout.print("The keyholder is unsealed.", style="bold")


@asks(KEYHOLDER)
def seal(
    given: Given,
    why: Annotated[str, typer.Argument(help="Why, in one sentence: it is logged.")],
    part: Annotated[
        Part, typer.Option(help="As what you sign: administrator or custodian.")
    ] = Part.CUSTODIAN,
    yes: Yes = False,
) -> None:
    """Close the keyholder's token at once: no key is released until custodians unseal it again."""
    with _at_keyholder(given) as asking:
        confirm("Stop every release until custodians unseal again?", yes)
        order = seal_order(asking.door.news(), asking.desk.signer(), part, why, now())
        index = asking.door.seal(order)
        if given.as_json:
            print_json({"sealed": True, "index": index})
        else:
            stdout.print(f"The keyholder is sealed; log index {index}.")


class _Asking:
    """One officer before one keyholder."""

    def __init__(self, desk: CeremonyDesk, given: Given) -> None:
        self.desk = desk
        self._given = given
        self.door: UnsealDoor = self._door()

    def look(self) -> SealedKeyholder:
        return look_at(self.door, self.desk.signer().officer, now(), self._collateral())

    def _door(self) -> UnsealDoor:
        given = self._given
        if given.socket is None:
            return ServerUnsealDoor(self.desk.client)
        pinned = self._pinned()
        return LocalUnsealDoor(given.socket, pinned, self.desk.seen(pinned))

    def _pinned(self) -> Digest:
        if self._given.fingerprint is not None:
            return parse_digest(self._given.fingerprint, what="--fingerprint")
        return self.desk.fingerprint

    def _collateral(self) -> CollateralSet:
        if self._given.socket is not None:
            return NOTHING_KEPT
        return self.desk.client.collateral_at_hand().documents


@contextmanager
def _at_keyholder(given: Given) -> Iterator[_Asking]:
    with errors_explained(as_json=given.as_json), ExitStack() as stack:
        yield _Asking(CeremonyDesk(given, stack), given)


def _words(keyholder: SealedKeyholder, descriptor: int | None) -> bytearray:
    if descriptor is not None:
        return read_words(descriptor)
    count = keyholder.share_set.words
    return type_words(f"Your share of the user PIN, {count} words", count, input)


def _document(news: UnsealNews) -> dict[str, object]:
    return {
        "sealed": news.sealed,
        "session": news.session,
        "entered": list(news.entered),
        "missing": news.missing,
    }


def _proved(keyholder: SealedKeyholder) -> dict[str, object]:
    return {
        "host_key": key_fingerprint(keyholder.host),
        "log": {"size": keyholder.seen.size, "root": keyholder.seen.root.hex()},
        "caveats": [each.value for each in keyholder.caveats],
        "evidence": keyholder.verdict.judged,
        "needed": needed_text(keyholder.share_set),
        "holds": keyholder.member is not None,
    }


def _print(keyholder: SealedKeyholder) -> None:
    news = keyholder.news
    stdout.print("The keyholder is sealed.", style="bold")
    stdout.print(f"Host key      {key_fingerprint(keyholder.host)}", markup=False)
    stdout.print(f"Log           {keyholder.seen.size} entries, as you know them", markup=False)
    stdout.print(f"Shares        {needed_text(keyholder.share_set)}", markup=False)
    entered = ", ".join(news.entered) or "nobody's yet"
    stdout.print(f"Entered       {entered}; {_more(news.missing)}", markup=False)
    if keyholder.verdict.judged:
        stdout.print("Its machine meets the policy 'keyholder'.")
    for each in keyholder.caveats:
        stderr.print(f"Caveat: {each.value}", style="yellow", markup=False)


def _more(count: int) -> str:
    return "1 more is needed" if count == 1 else f"{count} more are needed"
