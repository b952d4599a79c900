"""Where and who: the options that commands of `keyturn ceremony` share, declared once."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from inspect import Parameter, Signature, signature
from pathlib import Path
from typing import Annotated, Any, Concatenate, ParamSpec

import typer

from keyturn.cli.profile import AsJson, PassphraseFd, ProfileDir

P = ParamSpec("P")
Socket = Annotated[
    Path | None,
    typer.Option("--socket", help="The host's socket at this desk (default: the server)."),
]
Bundle = Annotated[
    Path | None, typer.Option("--authority", help="At a desk: the authority's bundle.")
]
Fingerprint = Annotated[
    str | None, typer.Option("--fingerprint", help="At a desk: the authority's fingerprint.")
]
KeyFile = Annotated[
    Path | None, typer.Option("--key-file", help="Your key file (default: the profile's key).")
]


@dataclass(frozen=True, slots=True)
class Given:
    """The options that say where and who."""

    socket: Path | None = None
    profile: Path | None = None
    authority: Path | None = None
    """A bundle, for a desk without a profile."""
    fingerprint: str | None = None
    key_file: Path | None = None
    passphrase_fd: int | None = None
    as_json: bool = False
    host_words: str | None = None
    """The words that the host process shows, as the person at its machine read them."""


_OPTIONS: dict[str, tuple[Any, bool | None]] = {
    "socket": (Socket, None),
    "profile": (ProfileDir, None),
    "authority": (Bundle, None),
    "fingerprint": (Fingerprint, None),
    "key_file": (KeyFile, None),
    "passphrase_fd": (PassphraseFd, None),
    "as_json": (AsJson, False),
}
"""Fields of `Given`, in the order of the help: (annotation, default)."""
OFFICER = tuple(_OPTIONS)
READER = tuple(each for each in OFFICER if each != "key_file")
HOST = tuple(each for each in READER if each not in {"authority", "fingerprint"})
KEYHOLDER = tuple(each for each in OFFICER if each != "authority")


def asks(
    options: tuple[str, ...],
) -> Callable[[Callable[Concatenate[Given, P], None]], Callable[..., None]]:
    """Makes a command of a function whose first argument is a `Given`: after its own options it
    has these, and they come to it as that one argument.
    """

    def made(function: Callable[Concatenate[Given, P], None]) -> Callable[..., None]:
        own = list(signature(function, eval_str=True).parameters.values())[1:]
        further = [
            Parameter(name, Parameter.KEYWORD_ONLY, default=default, annotation=annotation)
            for name, (annotation, default) in _OPTIONS.items()
            if name in options
        ]

        @wraps(function)
        def command(*_: P.args, **arguments: P.kwargs) -> None:
            given = Given(**{name: arguments.pop(name) for name in options})  # type: ignore[arg-type]
            function(given, **arguments)  # type: ignore[call-arg]

        # What typer reads: both, in this order.
        command.__dict__["__signature__"] = Signature([*own, *further])
        command.__annotations__ = {each.name: each.annotation for each in (*own, *further)}
        return command

    return made
