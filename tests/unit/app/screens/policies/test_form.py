"""The form: every field of the schema is there, with what is seen and what the lint says."""

import pytest

from keyturn.base.errors import MalformedError
from keyturn.base.strictjson import Fields, JsonObject
from keyturn.policy.remarks import LintCode, error, note, warning
from keyturn.quorum.kinds import Kind
from keyturn.quorum.policy_body import Caveat, parse_policy
from keyturn_app.screens.policies import bodies
from keyturn_app.screens.policies.form import (
    Field,
    Known,
    Section,
    Shape,
    fault_place,
    said,
    sections,
)
from keyturn_app.screens.policies.seen import dotted, offers, sites, subjects
from keyturn_app.wording import error_text
from support.authority import policy_body
from unit.policy.test_preview import fleet


def body(**changed: object) -> JsonObject:
    return bodies.copied(policy_body(**changed))  # type: ignore[arg-type]


def form(of: JsonObject, known: Known = Known()) -> dict[str, Field]:  # noqa: B008
    made, _ = sections(of, known, ())
    return {field.place: field for each in made for field in each.fields}


def test_all_of_the_schema_can_be_written() -> None:
    full = body()
    for place, value in (
        ("tees", ("snp", "tdx")),
        ("tpm", True),
        ("platforms", ("eu",)),
        ("gpu.count", 8),
    ):
        full = bodies.changed(full, place, value)
    places = set(form(full))
    assert {
        "tees",
        "snp.products",
        "snp.min_tcb.Genoa",
        "snp.debug",
        "snp.migrate_ma",
        "snp.smt",
        "snp.alias_check",
        "snp.vlek",
        "snp.max_vmpl",
        "tdx.tcb_statuses",
        "tdx.min_evaluation_number",
        "tdx.advisories",
        "tdx.debug",
        "tdx.migratable",
        "tdx.service_tds",
        "tdx.sept_ve_disable",
        "tdx.dynamic_platform",
        "tdx.cached_keys",
        "tdx.smt",
        "tdx.xfam",
        "tdx.registers",
        "gpu.count",
        "gpu.switches",
        "gpu.architectures",
        "gpu.modes",
        "gpu.drivers",
        "gpu.vbioses",
        "gpu.rim",
        "tpm",
        "tpm.bank",
        "tpm.pcrs",
        "tpm.secure_boot",
        "tpm.applications",
        "tpm.authorities",
        "tpm.variables",
        "baselines",
        "workloads",
        "platforms",
        "sites",
        "lease_seconds",
        "evidence_seconds",
        "witnesses",
        "accepted_caveats",
    } <= places
    assert len([each for each in places if each.startswith("collateral.")]) == 6


def test_a_caveat_says_what_it_means() -> None:
    caveats = form(body())["accepted_caveats"]
    assert [each.value for each in caveats.options] == [each.value for each in Caveat]
    assert all(each.note for each in caveats.options)


def test_a_baseline_that_is_gone_stays_to_be_seen() -> None:
    known = Known(baselines=("other",))
    (there, gone) = form(body(), known)["baselines"].options
    assert (there.value, there.note) == ("other", "")
    assert (gone.value, gone.note) == ("firmware", "not in force")


def test_remarks_stand_beside_their_field() -> None:
    remarks = (
        error("baselines.firmware", LintCode.NOT_IN_FORCE, kind="x", subject="firmware", why="y"),
        warning("snp.min_tcb.Genoa", LintCode.NO_FLOOR, product="Genoa"),
        note("gpu", LintCode.NO_GPU_REFERENCE, count=1),
        note("", LintCode.UNUSED, kind="policy", subject="serving"),
    )
    made, general = sections(body(), Known(), remarks)
    by_place = {field.place: field for each in made for field in each.fields}
    assert "not in force" in by_place["baselines"].remarks[0].text
    assert by_place["snp.min_tcb.Genoa"].remarks[0].look.word == "Warning"
    gpu: Section = next(each for each in made if each.id == "gpu")
    assert len(gpu.remarks) == len(gpu.every_remark) == 1
    assert [each.text for each in general] == ["nothing in force names policy 'serving'"]


def test_what_the_fleet_shows_is_offered() -> None:
    nodes = [fleet().node(0), fleet().node(1), fleet().node(2, gpus=2)]
    found = offers(nodes)
    known = Known(offered=found)
    fields = form(body(), known)

    assert fields["snp.products"].offered[0].value == ("Genoa",)
    assert "3 nodes" in fields["snp.products"].offered[0].text
    assert [each.value for each in fields["gpu.count"].offered] == [1, 2]
    (floor,) = fields["snp.min_tcb.Genoa"].offered
    assert isinstance(floor.value, tuple)
    assert len(floor.value) == 5
    assert dotted([1, 2]) == "1.2"
    assert fields["gpu.drivers"].offered
    assert fields["workloads"].offered


def test_what_is_not_proved_is_not_offered() -> None:
    assert offers(None) == {}
    assert offers([]) == {}


def test_names_come_from_the_state() -> None:
    state = fleet().state
    assert "firmware" in subjects(state, Kind.REFERENCE_VALUES)
    assert sites(state) == ()


def test_a_value_is_said() -> None:
    fields = form(body())
    assert said(fields["snp.debug"]) == "no"
    assert said(fields["workloads"]) == "any"
    assert said(fields["snp.products"]) == "Genoa"
    assert fields["workloads"].any_chosen
    assert fields["snp.min_tcb.Genoa"].shape is Shape.FLOOR


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ("tees", ()),
        ("snp.products", ()),
        ("baselines", ()),
        ("workloads", ()),
        ("workloads", ("ab",)),
        ("platforms", ()),
        ("tdx.tcb_statuses", ()),
        ("tdx.registers", ("rtmr0",)),
        ("tdx.service_tds", ("ab",)),
        ("tdx.advisories", ("no such",)),
        ("tdx.xfam", "zz"),
        ("tdx.xfam", "0000000000000000"),
    ],
)
def test_what_cannot_be_read_is_said_where_it_is_written(place: str, value: bodies.Value) -> None:
    both = bodies.changed(body(), "tees", ("snp", "tdx"))
    wrong = bodies.changed(both, place, value)
    with pytest.raises(MalformedError) as caught:
        parse_policy(Fields(wrong, "policy body"))
    assert fault_place(error_text(caught.value)) == place
    made, _ = sections(wrong, Known(), (), error_text(caught.value))
    told = {f.place for each in made for f in each.fields if f.remarks}
    assert told == {place}


def test_a_rule_of_a_tpm_that_asks_for_nothing() -> None:
    asked = bodies.changed(body(), "tpm", True)
    nothing = bodies.changed(bodies.changed(asked, "tpm.pcrs", ()), "tpm.secure_boot", False)
    with pytest.raises(MalformedError) as caught:
        parse_policy(Fields(nothing, "policy body"))
    assert fault_place(error_text(caught.value)) == "tpm"
