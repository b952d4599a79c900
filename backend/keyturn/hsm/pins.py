"""PINs: random, in a bytearray, handed over by file descriptor, wiped after use (I8)."""

import os

from keyturn.hsm.errors import HsmRequestError
from keyturn.hsm.pkcs11 import wipe

_MAX_PIN = 256  # bytes


def new_pin(random16: bytes | bytearray) -> bytearray:
    """A PIN of 128 bits as 32 hex digits: SoftHSM hashes PINs weakly and locks nothing."""
    if len(random16) != 16:
        raise ValueError("16 random bytes")
    pin = bytearray(32)
    for place, byte in enumerate(random16):
        pin[2 * place : 2 * place + 2] = b"%02x" % byte
    return pin


def pin_file(pin: bytearray, name: str = "pin") -> int:
    """A descriptor of a memory file (memfd_create(2)) with the PIN; any number may read it.

    Whoever holds the PIN calls this (a supervisor, a share combiner). It is not inherited
    unless passed on, and is gone when its last holder closes it.
    """
    descriptor = os.memfd_create(name, os.MFD_CLOEXEC)
    os.writev(descriptor, [pin])
    return descriptor


def read_pin(descriptor: int) -> bytearray:
    """The PIN from a memory file, from its start, or a pipe or terminal, to the line's end.

    The caller wipes it. One newline at the end is not part of it. Raises HsmRequestError when
    empty or too long.
    """
    buffer = bytearray(_MAX_PIN + 1)
    try:
        size = _fill(descriptor, buffer)
        if size and buffer[size - 1] == 0x0A:
            size -= 1
        if not 0 < size <= _MAX_PIN:
            raise HsmRequestError("the PIN has a wrong size", expected=f"1 to {_MAX_PIN} bytes")
        return buffer[:size]
    except OSError as error:
        raise HsmRequestError("the PIN's file descriptor cannot be read") from error
    finally:
        wipe(buffer)


def _fill(descriptor: int, buffer: bytearray) -> int:
    seekable = _is_seekable(descriptor)
    size = 0
    while size < len(buffer):
        with memoryview(buffer) as view, view[size:] as rest:
            got = os.preadv(descriptor, [rest], size) if seekable else os.readv(descriptor, [rest])
        size += got
        if got == 0 or (not seekable and buffer[size - 1] == 0x0A):  # end of file or of the line
            break
    return size


def _is_seekable(descriptor: int) -> bool:
    try:
        os.lseek(descriptor, 0, os.SEEK_CUR)
    except OSError:
        return False
    return True
