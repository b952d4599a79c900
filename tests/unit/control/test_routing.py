"""What all routes share: who may ask at all, and that a request finds its server's services."""

import pytest
from starlette.applications import Starlette
from starlette.requests import Request

from keyturn.control.routing import parts_of
from keyturn.wire.api import DIGEST_PATTERN
from support.control import World

OPEN = {
    ("GET", "/v1/hello"),
    ("GET", "/v1/authority"),
    ("POST", "/v1/session/challenges"),
    ("POST", "/v1/sessions"),
    ("POST", "/v1/enrolments"),
}
DIGEST = "sha256:" + "0" * 64
FILLED = {"{digest}": DIGEST, "{index}": "0", "{name}": "node-1"}


def operations(world: World) -> list[tuple[str, str]]:
    with world.client() as client:
        paths = client.get("/openapi.json").json()["paths"]
    return [(method.upper(), path) for path, found in paths.items() for method in found]


def filled(path: str) -> str:
    for name, value in FILLED.items():
        path = path.replace(name, value)
    assert "{" not in path
    return path


def test_every_other_route_needs_a_session(standing: World) -> None:
    asked = operations(standing)
    assert set(asked) >= OPEN
    with standing.client() as client:
        for method, path in asked:
            if (method, path) in OPEN:
                continue
            answer = client.request(method, filled(path), json={} if method == "POST" else None)
            assert answer.status_code == 401, (method, path)
            assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize(
    "header",
    ["", "Bearer", "Bearer x", "Bearer " + "0" * 63, "Bearer " + "0" * 64, "Basic " + "0" * 64],
)
def test_a_wrong_token_is_no_session(standing: World, header: str) -> None:
    with standing.client() as client:
        answer = client.get("/v1/nodes", headers={"authorization": header})
    assert answer.status_code == 401


def test_the_description_names_the_errors_and_their_form(standing: World) -> None:
    with standing.client() as client:
        document = client.get("/openapi.json").json()
    responses = document["paths"]["/v1/models/{digest}"]["get"]["responses"]
    assert {"400", "401", "403", "404", "409", "413", "502", "503"} <= responses.keys()
    schema = responses["404"]["content"]["application/json"]["schema"]
    assert schema == {"$ref": "#/components/schemas/ErrorDocument"}
    parameter = document["paths"]["/v1/models/{digest}"]["get"]["parameters"][0]
    assert parameter["schema"]["pattern"] == DIGEST_PATTERN


def test_a_request_that_no_server_passed_on_is_a_mistake_of_ours() -> None:
    request = Request({"type": "http", "app": Starlette()})
    with pytest.raises(TypeError, match="past the server"):
        parts_of(request)
