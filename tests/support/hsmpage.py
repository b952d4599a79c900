"""An authority whose keyholder tells of its token, and an officer at the HSM page."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from keyturn.base.times import format_time
from keyturn.ceremony.tokeninventory import TokenInventory
from keyturn.ceremony.tokenreport import PreflightReport, encode_report
from keyturn_app.screens.hsm.presenter import HsmPresenter
from support import tokens
from support.desks import InlineDesk, InlineDoor, ScriptedOfficer
from support.logbook import MODEL, MODEL_NAME, Logbook


class Site:
    """One admitted model, held by `nodes`, its DEK under the active KEK."""

    def __init__(self, directory: Path, *nodes: str) -> None:
        self.directory = directory
        self.book = Logbook(directory / "state")
        self.server = self.book.server
        self.book.policy()
        self.book.admit()
        for name in nodes:
            self.book.grant(name)
        self.server.models = [model_view(kek=tokens.ACTIVE.id)]
        self.server.nodes = [
            {
                "name": name,
                "state": "attested",
                "age_seconds": 1.5,
                "simulated": True,
                "reasons": [],
                "caveats": ["simulated"],
            }
            for name in nodes
        ]
        self.tell()

    def inventory(self, **changed: object) -> TokenInventory:
        """As `tokens.INVENTORY`, with the pairs that the keys statement in force names."""
        keys = self.server.state.newest_keys
        named = {} if keys is None else {p.value: e.key_id for p, e in keys.keys.items()}
        pairs = tuple(
            replace(each, id=named.get(each.label.removeprefix("keyturn-"), each.id))
            for each in tokens.INVENTORY.keys
        )
        time = self.book.clock() - timedelta(seconds=12)
        return replace(tokens.INVENTORY, keys=pairs, time=time, **changed)  # type: ignore[arg-type]

    def report(self, base: PreflightReport = tokens.REPORT, days: int = 12) -> PreflightReport:
        return replace(base, time=self.book.clock() - timedelta(days=days))

    def tell(
        self, inventory: TokenInventory | None = None, report: PreflightReport | None = None
    ) -> None:
        """What the keyholder tells from now on."""
        self.server.hsm = tokens.answer(inventory or self.inventory(), report or self.report())

    def file(self, report: PreflightReport) -> Path:
        path = self.directory / "preflight.json"
        path.write_bytes(encode_report(report))
        return path


def model_view(**changed: object) -> dict[str, object]:
    return {
        "digest": MODEL,
        "model_id": "model",
        "name": MODEL_NAME,
        "version": "1",
        "files": 3,
        "bytes": 10,
        "ingest_key": "",
        "tag": "ab" * 32,
        "has_kek_wrapped": True,
        "registered": format_time(tokens.NOW),
        **changed,
    }


class Sitting:
    """An officer at the page's presenter."""

    def __init__(self, site: Site, desk: InlineDesk | None = None) -> None:
        self.site, self.officer = site, ScriptedOfficer()
        self.desk = desk or site.book.desk()
        self.page = HsmPresenter(self.desk, InlineDoor(), self.officer)
        self.page.shown()

    @property
    def view(self):  # type: ignore[no-untyped-def]
        return self.page.view()
