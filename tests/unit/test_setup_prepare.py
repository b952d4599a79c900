"""`make setup`: each step once, again when what it depends on changed, and never half."""

import json
from pathlib import Path

import pytest

import prepare
from prepare import MODEL, TORCH, Checkout, SetupError, Stamps, Step, perform


class Steps:
    """Steps that record that they were done."""

    def __init__(self) -> None:
        self.done: list[str] = []

    def step(self, name: str, *inputs: bytes) -> Step:
        return Step(name, f"doing {name}", inputs, lambda: self.done.append(name))


@pytest.fixture
def stamps(tmp_path: Path) -> Stamps:
    return Stamps(tmp_path / "venv" / "stamps.json")


def quiet(text: str) -> None:
    """Says nothing."""


def test_a_second_run_does_nothing(stamps: Stamps) -> None:
    steps = Steps()
    every = [steps.step("a", b"1"), steps.step("b", b"2")]
    assert perform(every, stamps, quiet) == ["a", "b"]
    assert perform(every, stamps, quiet) == []
    assert steps.done == ["a", "b"]


def test_a_changed_input_does_its_step_and_all_that_follow(stamps: Stamps) -> None:
    steps = Steps()
    perform([steps.step("a", b"1"), steps.step("b", b"2"), steps.step("c")], stamps, quiet)
    again = [steps.step("a", b"1"), steps.step("b", b"new"), steps.step("c")]
    assert perform(again, stamps, quiet) == ["b", "c"]
    assert perform(again, stamps, quiet) == []


def test_a_failed_step_is_done_again_and_what_came_before_is_not(stamps: Stamps) -> None:
    steps = Steps()

    def fail() -> None:
        raise SetupError("no network")

    with pytest.raises(SetupError, match="no network"):
        perform([steps.step("a"), Step("b", "doing b", (), fail)], stamps, quiet)
    assert perform([steps.step("a"), steps.step("b")], stamps, quiet) == ["b"]


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff"])
def test_unreadable_stamps_mean_that_nothing_was_done(stamps: Stamps, content: bytes) -> None:
    steps = Steps()
    perform([steps.step("a")], stamps, quiet)
    stamps._path.write_bytes(content)
    assert perform([steps.step("a")], stamps, quiet) == ["a"]


def test_no_two_lists_of_inputs_have_one_digest() -> None:
    steps = Steps()
    digests = {
        steps.step("a", *inputs).digest
        for inputs in ((), (b"",), (b"ab",), (b"a", b"b"), (b"", b"ab"), (b"ab", b""))
    }
    assert len(digests) == 6


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    for name in ("build.txt", "dev.txt", "bench.txt"):
        path = tmp_path / "requirements" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(name)
    (tmp_path / "pyproject.toml").write_text("[project]")
    return Checkout(tmp_path)


@pytest.fixture
def commands(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """Commands as they would be run; none is."""
    found: list[list[str]] = []

    def run(command: list[str]) -> int:
        found.append(list(command))
        return 0

    monkeypatch.setattr(prepare, "run", run)
    return found


def test_the_order_is_hashed_packages_then_torch_by_name_then_keyturn(checkout: Checkout) -> None:
    names = [step.name for step in checkout.venv_steps()]
    assert names == ["venv", "build.txt", "dev.txt", "torch", "editable ."]


def test_the_simulator_is_installed_only_where_it_is(checkout: Checkout) -> None:
    project = checkout.root / "backend" / "keyturn_sim" / "pyproject.toml"
    project.parent.mkdir(parents=True)
    project.write_text("[project]")
    assert [s.name for s in checkout.venv_steps()][-1] == "editable backend/keyturn_sim"


def test_what_is_compared_with_comes_after_torch(checkout: Checkout) -> None:
    names = [step.name for step in Checkout(checkout.root, bench=True).venv_steps()]
    assert names.index("bench.txt") > names.index("torch")


def test_pinned_packages_need_hashes_and_wheels(
    checkout: Checkout, commands: list[list[str]]
) -> None:
    for step in checkout.venv_steps():
        if step.name.endswith(".txt"):
            step.act()
    assert len(commands) == 2
    for command in commands:
        assert {"--require-hashes", "--only-binary=:all:"} <= set(command)
        assert command[0] == str(checkout.python)


def test_the_model_is_not_installed_into_the_environment(
    checkout: Checkout, commands: list[list[str]]
) -> None:
    checkout.model_step().act()
    (command,) = commands
    target = Path(command[command.index("--target") + 1])
    assert target == checkout.root / ".cache" / "models"
    assert (command[-1], "--no-deps" in command) == (MODEL, True)


def test_torch_is_installed_by_its_name_alone(
    checkout: Checkout, commands: list[list[str]]
) -> None:
    (step,) = (each for each in checkout.venv_steps() if each.name == "torch")
    step.act()
    assert commands[0][-2:] == ["install", TORCH]


def test_a_failing_command_names_itself_and_its_status(
    checkout: Checkout, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prepare, "run", lambda command: 7)
    with pytest.raises(SetupError, match="exit status 7"):
        checkout.model_step().act()


def test_a_debian_python_without_ensurepip_gets_pip_from_its_wheel(
    checkout: Checkout, commands: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    wheel = Path("/usr/share/python-wheels/pip-0-py3-none-any.whl")
    monkeypatch.setattr(prepare.importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr(prepare, "ensure", lambda *args, **kwargs: (wheel,))
    checkout.venv_steps()[0].act()
    made, bootstrapped = commands
    assert "--without-pip" in made
    assert bootstrapped == [
        str(checkout.python),
        f"{wheel}/pip",
        "install",
        "--no-index",
        str(wheel),
    ]


def test_another_python_is_refused_in_one_clear_message(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(prepare.sys, "version_info", (3, 9, 2))
    assert prepare.main([]) == 1
    assert "Python 3.11 is needed, found 3.9.2" in capsys.readouterr().err


def test_the_stamps_are_one_readable_file(stamps: Stamps) -> None:
    stamps.write("a", "1")
    stamps.write("b", "2")
    assert json.loads(stamps._path.read_text()) == {"a": "1", "b": "2"}
    assert [each.name for each in stamps._path.parent.iterdir()] == ["stamps.json"]
