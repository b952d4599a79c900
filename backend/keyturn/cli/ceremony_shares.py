"""`keyturn ceremony share`: a custodian reads their share, and enters it again."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import typer

from keyturn.ceremony.script import Part, ShareUse
from keyturn.ceremony.sharesets import needed_text
from keyturn.cli.ceremony_desk import (
    CeremonyDesk,
    CeremonyId,
    HostWords,
    Yes,
    at_ceremony,
    compared_host,
    confirm,
)
from keyturn.cli.ceremony_given import OFFICER, Given, asks
from keyturn.cli.ceremony_screen import read_words, show_words, type_words, write_words
from keyturn.cli.ceremony_showing import REHEARSAL, print_host, warn_rehearsal
from keyturn.cli.output import print_json, stdout
from keyturn.cli.profile import now
from keyturn.client.ceremonies import Followed
from keyturn.client.ceremonyshares import (
    OwnShare,
    boxes_of,
    check_typed,
    open_box,
    seal_share,
    set_of,
    uses_to_enter,
    uses_to_open,
)
from keyturn.client.ceremonysigning import entries, sign_request, step_of, unlock_request
from keyturn.client.errors import NotFound
from keyturn.client.sharesheet import (
    QR_RISK,
    checked_bag,
    filled,
    share_sheet_pdf,
    sheet_of,
    write_sheet,
)
from keyturn.seal.keys import wipe
from keyturn.wire.ceremonies import StepTaken

app = typer.Typer(help="Your own share of a secret.", no_args_is_help=True)

Use = Annotated[
    list[ShareUse] | None, typer.Option("--use", help="Which share; may repeat (default: all).")
]
Fd = Annotated[
    int | None, typer.Option("--fd", help="Write the words to this descriptor, and show nothing.")
]
SheetFile = Annotated[
    Path | None,
    typer.Option("--sheet", help="Write a sheet to print (PDF), a new file; show nothing."),
]
Bag = Annotated[str, typer.Option("--bag", help="On the sheet: its bag's number.")]
Qr = Annotated[bool, typer.Option("--qr", help=f"On the sheet: a QR code. {QR_RISK}")]
ShareFd = Annotated[
    list[int] | None,
    typer.Option("--share-fd", help="Read a share's words from this descriptor, in --use's order."),
]
Enter = Annotated[
    list[str] | None, typer.Option("--enter", help="NAME=VALUE of what the step asks; may repeat.")
]


_WHAT_TO_DO = (
    "This file is the share. Print it, compare every word with what `share show` shows, put the"
    " sheet into its bag, then delete the file. Printers and their queues keep copies too."
)


@dataclass(frozen=True, slots=True)
class _Ways:
    """Where shares go: a terminal, a descriptor or a file."""

    fd: int | None
    sheet: Path | None
    bag: str
    qr: bool

    @property
    def question(self) -> str:
        """What is asked before; empty: nothing."""
        if self.fd is not None:
            return ""
        if self.sheet is not None:
            return f"Whoever can read {self.sheet} will have your share. Write it?"
        return "Are you alone, and does nobody else see this screen?"

    def check(self, shares: list[OwnShare], *, as_json: bool) -> None:
        """Raises typer.BadParameter, MalformedStatement on a bag's number."""
        if self.sheet is None and (self.bag or self.qr):
            raise typer.BadParameter("--bag and --qr belong to a sheet: name --sheet")
        if self.sheet is not None and self.fd is not None:
            raise typer.BadParameter("--fd or --sheet, not both")
        if self.sheet is None and self.fd is None and as_json:
            raise typer.BadParameter("words are never printed as JSON: name --fd or --sheet")
        if self.sheet is not None and len(shares) != 1:
            held = ", ".join(each.use.value for each in shares)
            raise typer.BadParameter(
                f"a sheet holds one share, and you have {held}", param_hint="--use"
            )
        checked_bag(self.bag)


@app.command("show")
@asks(OFFICER)
def show(
    given: Given,
    ceremony: CeremonyId,
    use: Use = None,
    fd: Fd = None,
    sheet: SheetFile = None,
    bag: Bag = "",
    qr: Qr = False,
    yes: Yes = False,
) -> None:
    """Open your share and show it, to you alone: on a terminal, until you press Enter.

    With --fd the words go to that descriptor, a line for each share, and nowhere else. With --sheet
    one share goes into a PDF file, with room for the bag's number: whoever can read that file has
    the share.
    """
    ways = _Ways(fd, sheet, bag, qr)
    with at_ceremony(given) as desk:
        followed = desk.read(ceremony)
        warn_rehearsal(followed.plan.rehearsal)
        shares = _open(desk, followed, tuple(use or ()))
        try:
            ways.check(shares, as_json=given.as_json)
            if ways.question:
                confirm(ways.question, yes)
            for each in shares:
                _hand_out(followed, each, ways)
        finally:
            for each in shares:
                each.wipe()
        if given.as_json:
            written = {} if sheet is None else {"sheet": str(sheet)}
            print_json({"shares": [_described(each) for each in shares], **written})
            return
        for each in shares:
            stdout.print(f"{_name(each)}: check value {each.member.check}", markup=False)
        if sheet is not None:
            stdout.print(f"Sheet: {sheet}", markup=False)
            stdout.print(_WHAT_TO_DO, markup=False)


@app.command("enter")
@asks(OFFICER)
def enter(
    given: Given,
    ceremony: CeremonyId,
    use: Use = None,
    share_fd: ShareFd = None,
    given_entries: Enter = None,
    host_words: HostWords = None,
) -> None:
    """Type your share again, and sign: it is checked here, then sealed to the host alone."""
    with at_ceremony(replace(given, host_words=host_words)) as desk:
        followed = desk.read(ceremony)
        warn_rehearsal(followed.plan.rehearsal)
        taken = _enter(desk, followed, tuple(use or ()), share_fd or [], given_entries or [])
        if given.as_json:
            print_json({"ceremony": ceremony, "seq": taken.seq, "event": taken.event})
            return
        stdout.print(f"Your share is with the host; record {taken.seq}.", markup=False)


def pairs_of(texts: list[str]) -> dict[str, str]:
    """`NAME=VALUE` of each. Raises typer.BadParameter."""
    found = {}
    for each in texts:
        name, separator, value = each.partition("=")
        if not separator or not name or name in found:
            raise typer.BadParameter("say each once, as NAME=VALUE", param_hint="--enter")
        found[name] = value
    return found


def _open(desk: CeremonyDesk, followed: Followed, uses: tuple[ShareUse, ...]) -> list[OwnShare]:
    unsealer = desk.unsealer()
    waiting = followed.waiting
    boxes = boxes_of(waiting.boxes if waiting is not None else (), unsealer.officer)
    wanted = [each for each in boxes if not uses or each.use in {use.value for use in uses}]
    if not wanted:
        raise NotFound(
            "the host has no share for you",
            found=f"{len(boxes)} boxes for {unsealer.officer}",
            expected=", ".join(each.value for each in uses) or "a box",
            hint="Shares are handed out when the keys are made, and deleted at the end.",
        )
    opened: list[OwnShare] = []
    try:
        for each in wanted:
            opened.append(open_box(followed.course, followed.boxed_sets, each, unsealer))
    except BaseException:
        for share in opened:
            share.wipe()
        raise
    return opened


def _hand_out(followed: Followed, share: OwnShare, ways: _Ways) -> None:
    if ways.fd is not None:
        write_words(share.words, ways.fd)
        return
    if ways.sheet is not None:
        sheet = sheet_of(followed.course, share, followed.verified.authority)
        pdf = share_sheet_pdf(filled(sheet, now(), ways.bag), share.words, picture=ways.qr)
        write_sheet(ways.sheet, pdf)
        return
    head = [REHEARSAL] if followed.plan.rehearsal else []
    head += [
        f"Ceremony {followed.ceremony}",
        _name(share) + f", of {share.member.officer}",
        f"{needed_text(share.share_set)} needed; check value {share.member.check}",
    ]
    show_words(share.words, head, input)


def _enter(
    desk: CeremonyDesk,
    followed: Followed,
    chosen: tuple[ShareUse, ...],
    descriptors: list[int],
    given: list[str],
) -> StepTaken:
    course, signer = followed.course, desk.signer()
    step, waiting = step_of(course), followed.waiting
    unmet = waiting.unmet if waiting is not None else ()
    if waiting is not None and unmet:
        asked = uses_to_open(course, unmet, waiting.entered, signer.officer)
    else:
        asked = uses_to_enter(course, step, signer.officer)
    uses = chosen or asked
    if not asked:
        raise NotFound(
            "no share of yours is asked for now",
            found=step.title,
            expected=", ".join(each.value for each in unmet),
        )
    if descriptors and len(descriptors) != len(uses):
        raise typer.BadParameter(
            f"{len(uses)} shares are asked for: {', '.join(each.value for each in uses)}",
            param_hint="--share-fd",
        )
    host = compared_host(desk, followed)
    print_host(host)
    sealed = []
    for place, use in enumerate(uses):
        words = _words(followed, use, descriptors[place] if descriptors else None)
        try:
            check_typed(
                followed.asked_sets, use, signer.officer, words, rehearsal=followed.plan.rehearsal
            )
            sealed.append(seal_share(course, host.document, use, signer.officer, words))
        finally:
            wipe(words)
    beside = host.entered(followed.plan)
    if unmet:
        return desk.door.ask(unlock_request(course, signer, now(), sealed, beside))
    entered = beside | entries(course, Part.CUSTODIAN, pairs_of(given))
    return desk.door.ask(
        sign_request(course, Part.CUSTODIAN, signer, now(), entered=entered, attached=sealed)
    )


def _words(followed: Followed, use: ShareUse, descriptor: int | None) -> bytearray:
    if descriptor is not None:
        return read_words(descriptor)
    count = set_of(followed.share_sets, use).words
    return type_words(f"Your share of the {use.value} secret, {count} words", count, input)


def _name(share: OwnShare) -> str:
    share_set = share.share_set
    number, of = share_set.number_of(share.member), len(share_set.members)
    return f"{share.use.value} share {number} of {of}"


def _described(share: OwnShare) -> dict[str, object]:
    share_set = share.share_set
    return {
        "use": share.use.value,
        "officer": share.member.officer,
        "number": share_set.number_of(share.member),
        "of": len(share_set.members),
        "needed": needed_text(share_set),
        "check": share.member.check,
    }
