"""The pool towards the keyholder: never hangs, never mixes answers up, comes back by itself."""

import asyncio
import base64
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from keyturn.base.errors import MalformedError
from keyturn.wire.errors import PeerRefused, PeerUnreachable
from keyturn.wire.frames import encode_frame, read_frame
from keyturn.wire.keyholder import AskChallenge, AskObject, AskRelease
from keyturn.wire.keyholder_client import KeyholderBusy, KeyholderClient, PoolLimits

Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
DIGEST = "sha256:" + "0" * 64


@contextlib.asynccontextmanager
async def peer(path: Path, talk: Talk) -> AsyncIterator[None]:
    talking: set[asyncio.Task[None] | None] = set()

    async def closing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        talking.add(asyncio.current_task())
        with contextlib.suppress(ConnectionError, PeerUnreachable):
            await talk(reader, writer)
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()

    server = await asyncio.start_unix_server(closing, path)
    try:
        yield
    finally:
        server.close()
        await asyncio.gather(*(each for each in talking if each is not None))


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answers `object` with the digest it was asked for, so that a mix-up shows."""
    while (asked := await read_frame(reader)) is not None:
        data = str(asked["digest"])[7:11]
        writer.write(encode_frame({"ok": True, "data": data}))


@contextlib.asynccontextmanager
async def client(path: Path, **limits: float) -> AsyncIterator[KeyholderClient]:
    made = KeyholderClient(path, PoolLimits(**limits))  # type: ignore[arg-type]
    try:
        yield made
    finally:
        await made.aclose()


def digest(number: int) -> str:
    return "sha256:" + f"{number:04d}" + "0" * 60


def test_many_at_once_each_get_their_own_answer(tmp_path: Path) -> None:
    async def work() -> None:
        async with peer(tmp_path / "s", echo), client(tmp_path / "s", connections=3) as asking:
            asked = [asking.ask(AskObject(digest(n))) for n in range(100)]
            answers = await asyncio.gather(*asked)
        assert answers == [base64.b64decode(f"{n:04d}") for n in range(100)]

    asyncio.run(work())


def test_no_socket_is_unreachable(tmp_path: Path) -> None:
    async def work() -> None:
        async with client(tmp_path / "absent") as asking:
            with pytest.raises(PeerUnreachable):
                await asking.ask(AskChallenge())

    asyncio.run(work())


def test_silence_ends_with_the_time_limit(tmp_path: Path) -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()

    async def work() -> None:
        async with peer(tmp_path / "s", silent), client(tmp_path / "s", seconds=0.05) as asking:
            with pytest.raises(PeerUnreachable, match="did not answer"):
                await asking.ask(AskChallenge())

    asyncio.run(work())


def test_too_many_waiting_are_turned_away_at_once(tmp_path: Path) -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()

    async def work() -> None:
        limits = {"connections": 1, "waiting": 2, "seconds": 0.1}
        async with peer(tmp_path / "s", silent), client(tmp_path / "s", **limits) as asking:
            found = await asyncio.gather(
                *(asking.ask(AskChallenge()) for _ in range(5)), return_exceptions=True
            )
        assert [type(each) for each in found].count(KeyholderBusy) == 3

    asyncio.run(work())


@pytest.mark.parametrize(
    "answer",
    [b"", b"\x00", b"\x00\x00\x00\x05{", b"\xff\xff\xff\xff", b"\x00\x00\x00\x02[]"],
)
def test_a_broken_answer_is_unreachable_and_its_connection_is_not_reused(
    tmp_path: Path, answer: bytes
) -> None:
    async def broken(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_frame(reader)
        writer.write(answer)

    async def work() -> None:
        async with peer(tmp_path / "s", broken), client(tmp_path / "s") as asking:
            with pytest.raises(PeerUnreachable):
                await asking.ask(AskChallenge())
            assert not asking._idle

    asyncio.run(work())


def test_an_answer_with_a_field_too_many_is_malformed(tmp_path: Path) -> None:
    async def chatty(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_frame(reader)
        writer.write(encode_frame({"ok": True, "data": "", "more": 1}))

    async def work() -> None:
        async with peer(tmp_path / "s", chatty), client(tmp_path / "s") as asking:
            with pytest.raises(MalformedError, match="more"):
                await asking.ask(AskObject(DIGEST))

    asyncio.run(work())


def test_a_no_is_told_as_the_keyholder_said_it(tmp_path: Path) -> None:
    error = {"kind": "untrusted", "message": "m", "found": "f", "expected": "e", "hint": "h"}

    async def refusing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await read_frame(reader) is not None:
            writer.write(encode_frame({"ok": False, "error": error}))

    async def work() -> None:
        async with peer(tmp_path / "s", refusing), client(tmp_path / "s") as asking:
            with pytest.raises(PeerRefused) as caught:
                await asking.ask(AskChallenge())
        found = caught.value
        assert (found.kind, found.message, found.found) == ("untrusted", "m", "f")
        assert (found.expected, found.hint) == ("e", "h")

    asyncio.run(work())


def test_a_restart_is_survived_by_what_may_be_repeated_and_only_that(tmp_path: Path) -> None:
    async def once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answers one question, then reads another and hangs up without a word."""
        await read_frame(reader)
        writer.write(encode_frame({"ok": True, "data": ""}))
        await read_frame(reader)

    async def work() -> None:
        async with peer(tmp_path / "s", once), client(tmp_path / "s") as asking:
            for _ in range(3):
                assert await asking.ask(AskObject(DIGEST)) == b""
            with pytest.raises(PeerUnreachable):
                await asking.ask(AskRelease(b"{}", None))

    asyncio.run(work())


def test_a_cancelled_question_takes_its_connection_along(tmp_path: Path) -> None:
    async def work() -> None:
        reading = asyncio.Event()

        async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await read_frame(reader)
            reading.set()
            await reader.read()

        async with peer(tmp_path / "s", silent), client(tmp_path / "s") as asking:
            task = asyncio.create_task(asking.ask(AskChallenge()))
            await reading.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert not asking._idle

    asyncio.run(work())
