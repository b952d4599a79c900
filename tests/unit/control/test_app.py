"""The whole API against its own description, and the pages around it."""

import json
import warnings

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from support.control import World


def test_the_description_names_every_route(world: World) -> None:
    with world.client() as client:
        paths = client.get("/openapi.json").json()["paths"]
    assert "/v1/proposals/{digest}/approvals" in paths
    assert len(paths) == 32


def test_the_docs_page_loads_nothing_from_elsewhere(world: World) -> None:
    with world.client() as client:
        page = client.get("/docs")
    assert page.status_code == 200
    assert "/v1/releases" in page.text
    assert "http:" not in page.text
    assert "https:" not in page.text
    assert "<script" not in page.text


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # schemathesis's own dependencies
def test_no_generated_request_makes_a_fault(world: World) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # importing schemathesis warns by itself
        import schemathesis
    with world.sign_in() as client:
        schema = schemathesis.openapi.from_dict(client.get("/openapi.json").json())
        operations = [each.ok() for each in schema.get_all_operations()]
        checked = 0
        for operation in operations:
            if operation.path == "/v1/events":
                continue  # a stream has no end

            @given(case=operation.as_strategy())
            @settings(
                max_examples=8,
                deadline=None,
                database=None,
                phases=[Phase.generate],
                suppress_health_check=list(HealthCheck),
            )
            def ask(case: schemathesis.Case) -> None:
                case.headers = {}
                arguments = case.as_transport_kwargs(base_url=world.url)
                headers = {
                    k: v
                    for k, v in dict(arguments.get("headers") or {}).items()
                    if k.lower() == "content-type"
                }
                answer = client.request(
                    arguments["method"],
                    arguments["url"],
                    params=arguments.get("params"),
                    json=arguments.get("json"),
                    headers=headers,
                )
                assert answer.status_code < 500 or answer.status_code == 502, answer.text

            ask()
            checked += 1
    assert checked == len(operations) - 1 > 15


@settings(
    max_examples=40,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    body=st.binary(max_size=300)
    | st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    ).map(lambda value: json.dumps(value).encode())
)
def test_no_junk_on_the_nodes_routes_makes_a_fault(world: World, body: bytes) -> None:
    with world.client() as client:
        for path in ("/v1/tpm-credentials", "/v1/releases", "/v1/heartbeats"):
            assert client.post(path, content=body).status_code == 400
