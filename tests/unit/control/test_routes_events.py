"""The one route of events: a page or a stream, by what the reader asks for."""

import pytest

from support.control import World


def test_a_page_by_number(standing: World) -> None:
    with standing.sign_in() as client:
        page = client.get("/v1/events", params={"after": 1}).json()
    assert [each["seq"] for each in page["events"]] == [2]
    assert page["last"] == 2


@pytest.mark.parametrize(
    ("headers", "params", "first"),
    [
        ({"last-event-id": "1"}, {}, 2),
        ({}, {"after": "0"}, 1),
        ({"last-event-id": "1"}, {"after": "0"}, 2),
    ],
)
def test_a_stream_begins_behind_the_last_id_or_else_the_number(
    standing: World, headers: dict[str, str], params: dict[str, str], first: int
) -> None:
    wanted = {"accept": "text/event-stream", **headers}
    with (
        standing.sign_in() as client,
        client.stream("GET", "/v1/events", headers=wanted, params=params) as answer,
    ):
        assert answer.headers["content-type"].startswith("text/event-stream")
        found = next(line for line in answer.iter_lines() if line.startswith("id:"))
    assert found == f"id: {first}"


@pytest.mark.parametrize(
    "query", ["after=-1", "after=x", "after=0&limit=0", "after=0&limit=1001", f"after={2**53}"]
)
def test_a_page_that_makes_no_sense_is_refused(standing: World, query: str) -> None:
    with standing.sign_in() as client:
        assert client.get(f"/v1/events?{query}").status_code == 400
