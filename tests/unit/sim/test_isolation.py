"""I9: nothing that ships imports the simulator, and it borrows no verifying code."""

import ast
from pathlib import Path

BACKEND = Path(__file__).resolve().parents[3] / "backend"


def imports(folder: Path) -> dict[Path, set[str]]:
    found: dict[Path, set[str]] = {}
    for path in sorted(folder.rglob("*.py")):
        names: set[str] = set()
        for each in ast.walk(ast.parse(path.read_text())):
            if isinstance(each, ast.Import):
                names |= {alias.name for alias in each.names}
            elif isinstance(each, ast.ImportFrom) and each.module:
                names.add(each.module)
        found[path] = names
    return found


def test_nothing_that_ships_imports_the_simulator() -> None:
    shipped = imports(BACKEND / "keyturn")
    assert len(shipped) > 30
    for path, names in shipped.items():
        assert not {name for name in names if name.split(".")[0] == "keyturn_sim"}, path


def test_the_simulator_uses_base_alone() -> None:
    for path, names in imports(BACKEND / "keyturn_sim").items():
        ours = {name for name in names if name.split(".")[0] == "keyturn"}
        assert all(name.startswith("keyturn.base.") for name in ours), path


def test_no_verifier_of_evidence_can_sign() -> None:
    signing = {"load_der_private_key", "load_pem_private_key", "generate_private_key", "sign"}
    for path in sorted((BACKEND / "keyturn" / "attest").rglob("*.py")):
        for each in ast.walk(ast.parse(path.read_text())):
            name = each.attr if isinstance(each, ast.Attribute) else getattr(each, "id", "")
            assert name not in signing, path
