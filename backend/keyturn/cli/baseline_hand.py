"""`keyturn baseline by-hand`: reference values that a person writes, with the reason."""

from typing import Annotated

import typer

from keyturn.cli.baseline_files import AsJson, Into, Output, Target, Until, hand_over, term_of
from keyturn.cli.output import errors_explained
from keyturn.policy.baseline_document import merged
from keyturn.policy.by_hand import (
    gpu_by_hand,
    origin_by_hand,
    snp_by_hand,
    switch_by_hand,
    tdx_by_hand,
)
from keyturn.quorum.origin import Origin
from keyturn.quorum.reference_bodies import ReferenceValues
from keyturn.quorum.tee_rules import TdRegister


def by_hand(
    reason: Annotated[str, typer.Option(help="Why these are right, and who checked it.")],
    snp: Annotated[
        list[str] | None, typer.Option(help="An SNP launch measurement, 96 hex digits.")
    ] = None,
    td: Annotated[
        list[str] | None, typer.Option(help="A TD's register, mrtd=HEX; again for more.")
    ] = None,
    gpu: Annotated[
        str | None, typer.Option(help="A GPU: ARCHITECTURE,DRIVER,VBIOS, with --measurement.")
    ] = None,
    switch: Annotated[
        str | None, typer.Option(help="A switch: ARCHITECTURE,BIOS, with --measurement.")
    ] = None,
    measurement: Annotated[
        list[str] | None, typer.Option(help="Of the GPU or switch, INDEX=HEX; again for more.")
    ] = None,
    until: Until = None,
    output: Output = None,
    into: Into = None,
    as_json: AsJson = False,
) -> None:
    """Values that you write yourself; a reason is asked for."""
    if gpu is not None and switch is not None:
        raise typer.BadParameter("one device at a time", param_hint="--gpu or --switch")
    with errors_explained(as_json=as_json):
        term = term_of(until)
        origin = origin_by_hand(reason, term.obtained, term.until)
        values = ReferenceValues({}, ())
        if snp:
            values = merged(values, snp_by_hand(snp, origin))
        if td:
            values = merged(values, tdx_by_hand(_registers(td), origin))
        if gpu is not None or switch is not None:
            values = merged(values, _device(gpu, switch, measurement or [], origin))
        hand_over(values, Target(output, into, as_json))


def _device(
    gpu: str | None, switch: str | None, listed: list[str], origin: Origin
) -> ReferenceValues:
    values = {_index(name): value for name, value in map(_pair, listed)}
    if len(values) != len(listed):
        raise typer.BadParameter("an index stands twice", param_hint="--measurement")
    names = (gpu or switch or "").split(",")
    if not all(names) or len(names) != (3 if gpu is not None else 2):
        raise typer.BadParameter("as the help says", param_hint="--gpu" if gpu else "--switch")
    if gpu is not None:
        return gpu_by_hand(names[0], names[1], names[2], values, origin)
    return switch_by_hand(names[0], names[1], values, origin)


def _registers(listed: list[str]) -> dict[TdRegister, str]:
    known = {each.value: each for each in TdRegister}
    found = {}
    for name, value in map(_pair, listed):
        if name not in known or known[name] in found:
            raise typer.BadParameter(f"each once of {', '.join(known)}", param_hint="--td")
        found[known[name]] = value
    return found


def _pair(text: str) -> tuple[str, str]:
    name, found, value = text.partition("=")
    if not found:
        raise typer.BadParameter(f"NAME=HEX, not {text[:40]!r}")
    return name, value


def _index(text: str) -> int:
    if not text.isdecimal() or len(text) > 3:
        raise typer.BadParameter("an index is a number", param_hint="--measurement")
    return int(text)
