"""The keyholder's settings: read back as written, and nothing else accepted."""

from dataclasses import replace
from pathlib import Path

import pytest

from keyturn.base.encoding import Digest
from keyturn.base.errors import MalformedError
from keyturn.config.errors import MalformedConfig
from keyturn.keyholder.config import CpuFrom, KeyholderConfig, config_text, load_config, told
from keyturn.keyholder.logdisk import DEFAULT_RESERVE

FINGERPRINT = Digest("sha256:" + "ab" * 32)


@pytest.fixture
def config(tmp_path: Path) -> KeyholderConfig:
    return KeyholderConfig(
        log=tmp_path / "log",
        socket=tmp_path / "keyholder.sock",
        origin="example.com/log",
        fingerprint=FINGERPRINT,
        token_label="keyturn",
        module=Path("/usr/lib/softhsm.so"),
        softhsm_configuration=tmp_path / "token" / "softhsm2.conf",
        workers=2,
        reserve=1 << 20,
    )


def written(config: KeyholderConfig, directory: Path) -> Path:
    path = directory / "keyholder.toml"
    path.write_text(config_text(config, directory))
    return path


def test_what_is_written_is_read_back(config: KeyholderConfig, tmp_path: Path) -> None:
    assert load_config(written(config, tmp_path), {}) == config
    none = replace(config, module=None, softhsm_configuration=None)
    assert load_config(written(none, tmp_path), {}) == none


def test_every_setting_is_told_as_what_the_log_can_name(config: KeyholderConfig) -> None:
    values = told(config)
    assert set(values) == set(KeyholderConfig.__slots__)
    assert values["workers"] == 2
    assert Path(str(values["log"])).is_absolute()
    assert told(replace(config, module=None))["module"] is None


def test_the_directory_can_be_moved(config: KeyholderConfig, tmp_path: Path) -> None:
    text = config_text(config, tmp_path)

    assert str(tmp_path) not in text
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "keyholder.toml").write_text(text)
    assert load_config(elsewhere / "keyholder.toml", {}).log == elsewhere / "log"


def test_workers_and_reserve_have_defaults(config: KeyholderConfig, tmp_path: Path) -> None:
    path = written(config, tmp_path)
    lines = path.read_text().splitlines()
    path.write_text("\n".join(x for x in lines if x.split()[0] not in ("workers", "reserve")))

    found = load_config(path, {})

    assert (found.workers, found.reserve) == (1, DEFAULT_RESERVE)


@pytest.mark.parametrize("name", ["log", "socket", "origin", "fingerprint", "token_label"])
def test_a_missing_setting_is_named(config: KeyholderConfig, tmp_path: Path, name: str) -> None:
    path = written(config, tmp_path)
    lines = path.read_text().splitlines()
    path.write_text("\n".join(each for each in lines if not each.startswith(f"{name} ")))

    with pytest.raises(MalformedConfig, match=f"'{name}' is missing"):
        load_config(path, {})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("workers", "0"),
        ("workers", "65"),
        ("workers", "true"),
        ("reserve", "-1"),
        ("fingerprint", '"sha256:00"'),
        ("origin", "7"),
        ("pin", '"1234"'),
    ],
)
def test_a_wrong_or_unknown_setting_is_refused(
    config: KeyholderConfig, tmp_path: Path, name: str, value: str
) -> None:
    path = written(config, tmp_path)
    lines = [each for each in path.read_text().splitlines() if not each.startswith(f"{name} ")]
    path.write_text("\n".join([*lines, f"{name} = {value}"]))

    with pytest.raises(MalformedError, match=name):
        load_config(path, {})


def test_a_variable_wins_over_the_file(config: KeyholderConfig, tmp_path: Path) -> None:
    found = load_config(written(config, tmp_path), {"KEYTURN_KEYHOLDER_WORKERS": "7"})

    assert found.workers == 7


def test_an_unknown_variable_is_refused(config: KeyholderConfig, tmp_path: Path) -> None:
    with pytest.raises(MalformedConfig, match="KEYTURN_KEYHOLDER_PIN"):
        load_config(written(config, tmp_path), {"KEYTURN_KEYHOLDER_PIN": "1234"})


@pytest.mark.parametrize("text", ['a"b', "a\\b", "a\nb", "a\x7fb"])
def test_a_text_that_needs_escapes_is_refused(
    config: KeyholderConfig, tmp_path: Path, text: str
) -> None:
    with pytest.raises(MalformedConfig, match="control character"):
        config_text(replace(config, token_label=text), tmp_path)


def test_who_quotes_this_machines_cpu_is_one_of_two(
    config: KeyholderConfig, tmp_path: Path
) -> None:
    device = replace(config, evidence=tmp_path / "devices.sock")
    kernel = replace(config, cpu=CpuFrom.KERNEL)
    folder, chain = tmp_path / "tsm", tmp_path / "cpu.pem"
    for each in (
        device,
        replace(device, cpu=CpuFrom.DEVICE),
        kernel,
        replace(kernel, tsm_reports=folder, cpu_certificates=chain),
    ):
        assert load_config(written(each, tmp_path), {}) == each
        assert told(each)["cpu"] == (each.cpu.value if each.cpu else None)


@pytest.mark.parametrize(
    ("lines", "named"),
    [
        ('cpu = "kernel"\nevidence = "devices.sock"', "evidence"),
        ('cpu = "device"', "evidence"),
        ('cpu = "paravisor"', "cpu"),
        ('cpu = "Kernel"', "cpu"),
        ("cpu = true", "cpu"),
        ('tsm_reports = "tsm"', "tsm_reports"),
        ('cpu_certificates = "cpu.pem"', "cpu_certificates"),
        ('evidence = "d.sock"\ncpu_certificates = "cpu.pem"', "cpu_certificates"),
    ],
)
def test_settings_that_leave_open_whom_to_ask_are_refused(
    config: KeyholderConfig, tmp_path: Path, lines: str, named: str
) -> None:
    path = written(config, tmp_path)
    path.write_text(f"{path.read_text()}{lines}\n")
    with pytest.raises(MalformedError, match=named):
        load_config(path, {})
