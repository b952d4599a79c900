"""A process that opens no socket: an officer station's (our protocol §8.5).

An audit hook (PEP 578) refuses whatever Python code would open, a dependency's too, before the
system is asked. It stays for the life of the process. Sockets of the machine itself (AF_UNIX) are
left alone: the OS keyring is asked over one. What native code opens past Python no hook sees.
"""

import socket
import sys
from typing import Final

from keyturn.base.errors import KeyturnError
from keyturn_app.i18n import _

_OPENS: Final = frozenset(
    {
        "socket.bind",
        "socket.connect",
        "socket.getaddrinfo",
        "socket.gethostbyaddr",
        "socket.gethostbyname",
        "socket.getnameinfo",
        "socket.sendmsg",
        "socket.sendto",
    }
)
_LOCAL: Final = getattr(socket, "AF_UNIX", None)
_sealed: list[bool] = []


class Sealed(KeyturnError):
    """Something in this process reached for the network."""


def seal() -> None:
    """From now on; there is no way back. Harmless when repeated."""
    if not _sealed:
        _sealed.append(True)
        sys.addaudithook(_refuse)


def sealed() -> bool:
    return bool(_sealed)


def _refuse(event: str, arguments: tuple[object, ...]) -> None:
    """Raises Sealed. Called for everything that Python audits: quick for what is not ours."""
    if not event.startswith("socket."):
        return
    if event == "socket.__new__":
        if arguments[1] != _LOCAL:
            raise _reached(event)
    elif event in _OPENS and not _is_local(arguments):
        raise _reached(event)


def _is_local(arguments: tuple[object, ...]) -> bool:
    opened = arguments[0] if arguments else None
    return isinstance(opened, socket.socket) and opened.family == _LOCAL


def _reached(event: str) -> Sealed:
    return Sealed(
        _("an officer station opens no connection"),
        found=event,
        expected=_("nothing that reaches the network"),
        hint=_("Nothing left this machine. Tell whoever looks after Keyturn what you did."),
    )
