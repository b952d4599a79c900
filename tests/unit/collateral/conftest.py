"""A server that plays the vendors, a clock, and recorded documents."""

from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from keyturn.attest.anchors import HARDWARE_ANCHORS, TrustAnchors
from keyturn.collateral.cache import Cache
from keyturn.collateral.fetching import Fetcher, Trust
from keyturn.collateral.keeping import Collateral
from support.vendoranswers import Clockwork, Recorded, services
from support.vendorserver import VendorServer


@pytest.fixture
def recorded(vectors_dir: Path) -> Recorded:
    return Recorded(vectors_dir)


@pytest.fixture
def server(recorded: Recorded) -> Iterator[VendorServer]:
    made = VendorServer()
    recorded.speak(made)
    with made.running():
        yield made


@pytest.fixture
def clockwork() -> Clockwork:
    return Clockwork()


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path / "cache")


FetcherOf = Callable[..., Fetcher]


@pytest.fixture
def fetcher_of(server: VendorServer, clockwork: Clockwork) -> Iterator[FetcherOf]:
    with httpx.Client(trust_env=False) as client:

        def make(anchors: TrustAnchors = HARDWARE_ANCHORS, **more: object) -> Fetcher:
            trust = more.pop("trust", None) or Trust(anchors=anchors)
            chosen = {"services": services(server), "around": clockwork.around(), **more}
            return Fetcher(client, trust, **chosen)  # type: ignore[arg-type]

        yield make


@pytest.fixture
def collateral(cache: Cache, fetcher_of: FetcherOf) -> Collateral:
    return Collateral(cache, fetcher_of())
