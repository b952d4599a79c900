import os
from pathlib import Path

import pytest

from keyturn.hsm.errors import HsmUnreachable
from keyturn.hsm.softhsm import keep_or_restore, login_turn, token_folder


def _token(tmp_path: Path, content: bytes, kept: bytes | None = None) -> Path:
    token = tmp_path / "tokens" / "one"
    token.mkdir(parents=True)
    (token / "token.object").write_bytes(content)
    if kept is not None:
        (token / "token.keyturn-copy").write_bytes(kept)
    return token


def _files(token: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in token.iterdir()}


def test_a_first_copy_is_made(tmp_path: Path) -> None:
    token = _token(tmp_path, b"whole")
    keep_or_restore(token)
    assert _files(token) == {"token.object": b"whole", "token.keyturn-copy": b"whole"}


def test_a_changed_token_renews_its_copy(tmp_path: Path) -> None:
    token = _token(tmp_path, b"after", kept=b"befor")
    keep_or_restore(token)
    assert _files(token) == {"token.object": b"after", "token.keyturn-copy": b"after"}


@pytest.mark.parametrize("torn", [b"", b"who"])
def test_a_torn_token_is_put_back(tmp_path: Path, torn: bytes) -> None:
    token = _token(tmp_path, torn, kept=b"whole")
    keep_or_restore(token)
    assert _files(token) == {"token.object": b"whole", "token.keyturn-copy": b"whole"}


def test_the_folder_is_read_from_the_configuration() -> None:
    text = "log.level = ERROR\ndirectories.tokendir = /some/where \n"
    assert token_folder(text) == Path("/some/where")
    with pytest.raises(HsmUnreachable, match=r"directories\.tokendir"):
        token_folder("log.level = ERROR\n")


def test_a_turn_keeps_before_and_after(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    token = _token(tmp_path, b"before")
    configuration = tmp_path / "softhsm2.conf"
    configuration.write_text(f"directories.tokendir = {tmp_path / 'tokens'}\n")
    monkeypatch.setenv("SOFTHSM2_CONF", str(configuration))
    with login_turn():
        assert _files(token)["token.keyturn-copy"] == b"before"
        (token / "token.object").write_bytes(b"during")
    assert _files(token)["token.keyturn-copy"] == b"during"


def test_other_modules_need_no_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SOFTHSM2_CONF", raising=False)
    with login_turn():
        assert "SOFTHSM2_CONF" not in os.environ


def test_a_missing_configuration_is_unreachable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOFTHSM2_CONF", str(tmp_path / "none"))
    with pytest.raises(HsmUnreachable, match="cannot be read"), login_turn():
        pass
