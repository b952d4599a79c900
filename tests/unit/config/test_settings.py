"""One way to read settings: typed, bounded, and nothing unknown goes unseen (I6)."""

from collections.abc import Callable
from pathlib import Path

import pytest

from keyturn.base.errors import MalformedError
from keyturn.config.errors import MalformedConfig
from keyturn.config.settings import MAX_CONFIG, MAX_TEXT, Settings, load_settings

PREFIX = "KEYTURN_TEST_"
BASE = Path("/etc/keyturn")
DIGEST = "sha256:" + "ab" * 32

Ask = Callable[[Settings], object]


def settings(values: dict[str, object] | None = None, **environment: str) -> Settings:
    variables = {PREFIX + name: value for name, value in environment.items()}
    return Settings(values or {}, variables, PREFIX, BASE)


@pytest.mark.parametrize(
    ("value", "ask", "expected"),
    [
        ("x", lambda s: s.text("a"), "x"),
        ("x", lambda s: s.optional_text("a"), "x"),
        ("", lambda s: s.optional_text("a"), None),
        (3, lambda s: s.integer("a", low=3, high=3), 3),
        (3, lambda s: s.seconds("a", low=0, high=9), 3.0),
        (0.5, lambda s: s.seconds("a", low=0.5, high=9), 0.5),
        (["x", "y"], lambda s: s.texts("a"), ("x", "y")),
        ("log", lambda s: s.path("a"), BASE / "log"),
        ("/log", lambda s: s.path("a"), Path("/log")),
        ("log", lambda s: s.optional_path("a"), BASE / "log"),
        ("", lambda s: s.optional_path("a"), None),
        (DIGEST, lambda s: s.digest("a"), DIGEST),
        (DIGEST, lambda s: s.optional_digest("a"), DIGEST),
        ("", lambda s: s.optional_digest("a"), None),
    ],
)
def test_each_kind_is_read(value: object, ask: Ask, expected: object) -> None:
    found = settings({"a": value})
    assert ask(found) == expected
    found.done()


@pytest.mark.parametrize(
    ("variable", "ask", "expected"),
    [
        ("y", lambda s: s.text("a"), "y"),
        ("4", lambda s: s.integer("a", low=0, high=9), 4),
        ("0.25", lambda s: s.seconds("a", low=0, high=9), 0.25),
        ("x, y,", lambda s: s.texts("a"), ("x", "y")),
        ("other", lambda s: s.path("a"), BASE / "other"),
    ],
)
def test_a_variable_wins_over_the_file(variable: str, ask: Ask, expected: object) -> None:
    found = settings({"a": object()}, A=variable)
    assert ask(found) == expected
    found.done()


@pytest.mark.parametrize(
    ("ask", "expected"),
    [
        (lambda s: s.text("a", "b"), "b"),
        (lambda s: s.integer("a", 2, low=0, high=9), 2),
        (lambda s: s.seconds("a", 2.5, low=0, high=9), 2.5),
        (lambda s: s.texts("a"), ()),
        (lambda s: s.optional_text("a"), None),
        (lambda s: s.optional_path("a"), None),
        (lambda s: s.optional_digest("a"), None),
    ],
)
def test_what_is_not_set_has_its_default(ask: Ask, expected: object) -> None:
    assert ask(settings()) == expected


@pytest.mark.parametrize(
    "ask",
    [
        lambda s: s.text("a"),
        lambda s: s.integer("a", low=0, high=9),
        lambda s: s.seconds("a", low=0, high=9),
        lambda s: s.path("a"),
        lambda s: s.digest("a"),
    ],
)
@pytest.mark.parametrize("values", [{}, {"a": ""}])
def test_what_has_no_default_must_be_set(ask: Ask, values: dict[str, object]) -> None:
    with pytest.raises(MalformedConfig, match="setting 'a' is missing") as caught:
        ask(settings(values))
    assert caught.value.hint == "or set KEYTURN_TEST_A"


@pytest.mark.parametrize(
    ("value", "ask"),
    [
        (1, lambda s: s.text("a")),
        (True, lambda s: s.text("a")),
        ("x" * (MAX_TEXT + 1), lambda s: s.text("a")),
        ("1", lambda s: s.integer("a", low=0, high=9)),
        (1.0, lambda s: s.integer("a", low=0, high=9)),
        (True, lambda s: s.integer("a", low=0, high=9)),
        (-1, lambda s: s.integer("a", low=0, high=9)),
        (10, lambda s: s.integer("a", low=0, high=9)),
        ("1", lambda s: s.seconds("a", low=0, high=9)),
        (True, lambda s: s.seconds("a", low=0, high=9)),
        (9.1, lambda s: s.seconds("a", low=0, high=9)),
        (float("nan"), lambda s: s.seconds("a", low=0, high=9)),
        (float("inf"), lambda s: s.seconds("a", low=0, high=9)),
        ("x", lambda s: s.texts("a")),
        ([1], lambda s: s.texts("a")),
        ([""], lambda s: s.texts("a")),
        (["x"], lambda s: s.path("a")),
        ("sha256:ab", lambda s: s.digest("a")),
        ("ab" * 32, lambda s: s.optional_digest("a")),
    ],
)
def test_a_wrong_value_is_refused_by_name(value: object, ask: Ask) -> None:
    with pytest.raises(MalformedError, match="setting 'a'"):
        ask(settings({"a": value}))


@pytest.mark.parametrize("variable", ["", "x", "nan"])
def test_a_variable_of_another_kind_is_refused(variable: str) -> None:
    with pytest.raises(MalformedConfig, match="variable KEYTURN_TEST_A"):
        settings(A=variable).integer("a", low=0, high=9)


def test_an_unknown_setting_is_refused() -> None:
    found = settings({"a": "x", "b": "y"})
    found.text("a")
    with pytest.raises(MalformedConfig, match="unknown setting 'b'"):
        found.done()


def test_an_unknown_variable_is_refused() -> None:
    found = settings({"a": "x"}, A_B="y")
    found.text("a")
    with pytest.raises(MalformedConfig, match="unknown variable KEYTURN_TEST_A_B") as caught:
        found.done()
    assert "y" not in str(caught.value).replace("KEYTURN", "")


def test_variables_of_others_are_left_alone() -> None:
    found = Settings({}, {"HOME": "/", "KEYTURN_OTHER_A": "x"}, PREFIX, BASE)
    found.done()


def test_a_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "x.toml"
    path.write_text('a = "log"\n')
    found = load_settings(path, {}, PREFIX)
    assert found.path("a") == tmp_path / "log"
    found.done()


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (b"a = ", "is not TOML"),
        (b"a = 1\na = 2\n", "is not TOML"),
        (b"\xff\xfe", "is not TOML"),
        (b"#" * (MAX_CONFIG + 1), "is larger than 65536 bytes"),
    ],
)
def test_a_file_that_is_no_configuration_is_refused(tmp_path: Path, raw: bytes, words: str) -> None:
    path = tmp_path / "x.toml"
    path.write_bytes(raw)
    with pytest.raises(MalformedConfig, match=words):
        load_settings(path, {}, PREFIX)


def test_a_file_at_the_limit_is_read(tmp_path: Path) -> None:
    path = tmp_path / "x.toml"
    path.write_bytes(b"#" * MAX_CONFIG)
    load_settings(path, {}, PREFIX).done()


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(MalformedConfig, match="No such file"):
        load_settings(tmp_path / "x.toml", {}, PREFIX)


def test_tables_are_settings_of_their_own() -> None:
    found = settings({"a": [{"b": "x"}, {"b": "y", "c": 1}]})
    first, second = found.tables("a")
    found.done()
    assert (first.text("b"), second.text("b")) == ("x", "y")
    first.done()
    with pytest.raises(MalformedConfig, match="unknown setting 'c'"):
        second.done()
    assert settings().tables("a") == ()


@pytest.mark.parametrize("value", ["x", {"b": 1}, [1], [{"b": 1}, "x"]])
def test_what_is_no_list_of_tables_is_refused(value: object) -> None:
    with pytest.raises(MalformedConfig, match="tables"):
        settings({"a": value}).tables("a")


def test_one_table_is_settings_of_its_own() -> None:
    inner = settings({"a": {"b": True}}).table("a")
    assert inner.flag("b", False)
    inner.done()
    assert settings().table("a").flag("b", True)
    with pytest.raises(MalformedConfig, match="a table"):
        settings({"a": [1]}).table("a")


@pytest.mark.parametrize("value", [1, "true", [True]])
def test_a_flag_is_true_or_false(value: object) -> None:
    with pytest.raises(MalformedConfig, match="true or false"):
        settings({"a": value}).flag("a", False)
