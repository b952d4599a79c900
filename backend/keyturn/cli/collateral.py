"""`keyturn collateral`: what vendors sign about their hardware, fetched, kept and carried."""

import os
import ssl
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import httpx
import typer
from rich.markup import escape
from rich.table import Table

from keyturn.attest.anchors import HARDWARE_ANCHORS
from keyturn.base.collateral import CollateralDocument, CollateralKind
from keyturn.base.encoding import parse_digest
from keyturn.base.times import format_time
from keyturn.cli.collateralbundles import need_bundles
from keyturn.cli.collateralshow import (
    age_text,
    carried_document,
    event_document,
    kept_document,
    outcome_document,
    show_contents,
    show_events,
)
from keyturn.cli.collateralwants import read_needs, read_wanted
from keyturn.cli.output import errors_explained, explain, print_json, stderr, stdout
from keyturn.client.collateralrims import rim_verifier
from keyturn.client.errors import FileUnusable
from keyturn.client.offline import read_file, write_new_file
from keyturn.collateral.cache import Cache
from keyturn.collateral.ends import ends_of, recoveries_of
from keyturn.collateral.errors import NoSuchCollateral
from keyturn.collateral.fetching import Fetcher, Surroundings, Trust
from keyturn.collateral.keeping import Collateral, Outcome, any_failed
from keyturn.collateral.scopes import Wanted
from keyturn.collateral.staleness import State
from keyturn.collateral.vendors import Services, Update
from keyturn.policy.forecast import forecast as foresee

app = typer.Typer(help="Collateral of hardware vendors.", no_args_is_help=True)

CacheDir = Annotated[
    Path | None,
    typer.Option("--cache", help="Directory. [default: $XDG_CACHE_HOME/keyturn/collateral]"),
]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")]
_MIRRORS = ("amd", "intel", "nvidia-rim", "nvidia-ocsp")


def register(parent: typer.Typer) -> None:
    parent.add_typer(app, name="collateral")


@app.command()
def fetch(
    wanted: Annotated[
        list[str] | None, typer.Argument(help="KIND:SCOPE …, as amd-chain:vcek/Milan.")
    ] = None,
    ocsp: Annotated[
        list[Path] | None,
        typer.Option("--ocsp", help="PEM chain, leaf first: ask about each but the root."),
    ] = None,
    due: Annotated[bool, typer.Option("--due", help="Renew what is kept and not fresh.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Ask even for what is fresh.")] = False,
    mirror: Annotated[
        list[str] | None,
        typer.Option("--mirror", help="VENDOR=URL; vendors: " + ", ".join(_MIRRORS) + "."),
    ] = None,
    ca: Annotated[
        Path | None,
        typer.Option("--ca", help="PEM: believe these for TLS, as for a mirror of one's own."),
    ] = None,
    update: Annotated[Update, typer.Option(help="Which of Intel's answers.")] = Update.STANDARD,
    evaluation: Annotated[
        int | None, typer.Option(min=1, help="Intel's evaluation number, instead of --update.")
    ] = None,
    cache: CacheDir = None,
    as_json: AsJson = False,
) -> None:
    """Fetch from the vendors, or from mirrors, what is not fresh; keep what is proved."""
    services = _services(mirror or [], update, evaluation)
    with errors_explained(as_json=as_json):
        place = _cache(cache)
        asked = read_wanted(wanted or [], ocsp or [])
        if due:
            asked += tuple(
                Wanted(each.document.kind, each.document.scope, _path(each.document))
                for each in place.contents().kept
                if each.state(_now()) is not State.FRESH
            )
        if not asked and not due:
            raise typer.BadParameter("name KIND:SCOPE, --ocsp or --due", param_hint="WANTED")
        with httpx.Client(verify=_tls(ca)) as client:
            fetcher = Fetcher(client, _trust(), services=services, around=_around())
            outcomes = _fetch_all(Collateral(place, fetcher), asked, force, as_json)
        if as_json:
            print_json({"documents": [outcome_document(each, _now()) for each in outcomes]})
    raise typer.Exit(1 if any_failed(outcomes) else 0)


@app.command()
def status(cache: CacheDir = None, as_json: AsJson = False) -> None:
    """What is kept and how old it is; status 1 where anything is stale, expired or damaged."""
    with errors_explained(as_json=as_json):
        contents, now = _cache(cache).contents(), _now()
        states = [each.state(now) for each in contents.kept]
        if as_json:
            counts = {each.value: states.count(each) for each in State}
            print_json(
                {
                    "documents": [kept_document(each, now) for each in contents.kept],
                    "states": counts,
                    "damaged": [str(each) for each in contents.damaged],
                }
            )
        else:
            show_contents(contents, now)
    bad = State.STALE in states or State.EXPIRED in states or contents.damaged
    raise typer.Exit(1 if bad else 0)


@app.command("list")
def list_(
    kind: Annotated[CollateralKind | None, typer.Option(help="Only this kind.")] = None,
    cache: CacheDir = None,
    as_json: AsJson = False,
) -> None:
    """Every kept document with its digest and where it came from."""
    with errors_explained(as_json=as_json):
        found = [e for e in _cache(cache).contents().kept if kind in (None, e.document.kind)]
        if as_json:
            print_json({"documents": [kept_document(each, _now()) for each in found]})
            return
        table = Table("kind", "scope", "digest", "fetched", "from")
        for each in found:
            table.add_row(
                each.document.kind.value,
                escape(each.document.scope),
                each.document.digest,
                format_time(each.fetched),
                escape(each.source),
            )
        stdout.print(table)


@app.command()
def key(
    path: Annotated[Path, typer.Argument(help="The key file; made if it is not there.")],
    as_json: AsJson = False,
) -> None:
    """The key that signs bundles: make it once, and tell the importing side its digest."""
    with errors_explained(as_json=as_json):
        need_bundles()
        from keyturn.collateral.bundlekeys import key_digest, new_bundle_key, open_bundle_key

        found = open_bundle_key(path) if path.exists() else new_bundle_key(path)
        if as_json:
            print_json({"file": str(path), "root_key": key_digest(found)})
        else:
            stdout.print(key_digest(found), markup=False)


@app.command()
def export(
    output: Annotated[Path, typer.Option("--output", "-o", help="A new file.")],
    key_file: Annotated[Path, typer.Option("--key", help="From `keyturn collateral key`.")],
    old_key: Annotated[
        Path | None, typer.Option("--old-key", help="The key until now, when --key is new.")
    ] = None,
    days: Annotated[int, typer.Option(min=1, max=90, help="How long it may be imported.")] = 14,
    cache: CacheDir = None,
    as_json: AsJson = False,
) -> None:
    """Write a signed bundle of all that is kept and has not expired."""
    with errors_explained(as_json=as_json):
        need_bundles()
        from keyturn.collateral.bundlefile import write_bundle
        from keyturn.collateral.bundlekeys import key_digest, open_bundle_key, roots_for
        from keyturn.collateral.carrying import ROOTS_FOLDER, exportable

        place, now = _cache(cache), _now()
        signing = open_bundle_key(key_file)
        old = None if old_key is None else open_bundle_key(old_key)
        kept = exportable(place, now)
        if not kept:
            raise NoSuchCollateral("there is nothing to export", hint="fetch something first")
        roots = roots_for(place.directory / ROOTS_FOLDER, signing, now, old)
        write_new_file(output, write_bundle(kept, roots, signing, now, timedelta(days=days)))
        until = format_time(now + timedelta(days=days))
        if as_json:
            print_json(
                {
                    "file": str(output),
                    "documents": len(kept),
                    "root_key": key_digest(signing),
                    "expires": until,
                }
            )
            return
        stdout.print(f"{len(kept)} documents written to {output}, until {until}.", markup=False)
        stdout.print(f"Key of the bundle: {key_digest(signing)}", markup=False)


@app.command("import")
def import_(
    path: Annotated[Path, typer.Argument(help="What `collateral export` wrote.", dir_okay=False)],
    root_key: Annotated[
        str | None, typer.Option("--root-key", help="sha256:… of the bundles' key; once.")
    ] = None,
    cache: CacheDir = None,
    as_json: AsJson = False,
) -> None:
    """Prove a bundle and every document in it, and keep what is not older than what is here."""
    with errors_explained(as_json=as_json):
        need_bundles()
        from keyturn.collateral.bundlefile import MAX_BUNDLE
        from keyturn.collateral.carrying import import_bundle

        pinned = None if root_key is None else parse_digest(root_key, what="--root-key")
        raw = read_file(path, MAX_BUNDLE)
        found = import_bundle(_cache(cache), raw, _trust(), _now(), pinned)
        if as_json:
            print_json(
                {
                    "version": found.version,
                    "expires": format_time(found.expires),
                    "documents": [carried_document(each) for each in found.documents],
                }
            )
        else:
            good = sum(each.error is None for each in found.documents)
            text = f"{good} of {len(found.documents)} documents are kept"
            stdout.print(f"{text}; the bundle ends {format_time(found.expires)}.", markup=False)
            for each in found.documents:
                if each.error is not None:
                    explain(each.error)
    raise typer.Exit(0 if found.all_kept else 1)


@app.command()
def forecast(
    needs: Annotated[
        Path | None, typer.Option("--needs", help="JSON: which node needs which collateral.")
    ] = None,
    early: Annotated[
        Path | None,
        typer.Option("--early", help="A cache of --update early: which levels will fall."),
    ] = None,
    days: Annotated[int, typer.Option(min=1, help="How far ahead.")] = 90,
    cache: CacheDir = None,
    as_json: AsJson = False,
) -> None:
    """What ends when, soonest first, and which nodes and models it stops."""
    with errors_explained(as_json=as_json):
        kept, now = _cache(cache).contents().kept, _now()
        nodes = () if needs is None else read_needs(read_file(needs, 16 << 20))
        keys = [(each.document.kind, each.document.scope) for each in kept]
        newer = () if early is None else Cache(early).contents().kept
        events = foresee(ends_of(kept), recoveries_of(kept, newer), nodes, keys, now)
        soon = [each for each in events if each.when <= now + timedelta(days=days)]
        if as_json:
            print_json({"events": [event_document(each) for each in soon]})
        else:
            show_events(soon, now)


def _fetch_all(
    collateral: Collateral, asked: Sequence[Wanted], force: bool, quiet: bool
) -> tuple[Outcome, ...]:
    outcomes: list[Outcome] = []
    for at, each in enumerate(asked, 1):
        if not quiet:
            stderr.print(f"{at}/{len(asked)} {each.kind.value} {each.scope[:80]} …", markup=False)
        found = collateral.refresh([each], _now(), force=force)
        outcomes.extend(found)
        if not quiet:
            _tell(found[0])
    return tuple(outcomes)


def _tell(outcome: Outcome) -> None:
    text = f"{outcome.kind.value} {outcome.scope}: {outcome.done.value}"
    if outcome.kept is not None:
        text += f", {age_text(outcome.kept, _now())}"
    stdout.print(text, markup=False)
    if outcome.error is not None:
        explain(outcome.error)


def _tls(ca: Path | None) -> ssl.SSLContext:
    """TLS proves nothing about documents; it keeps from others what is asked for."""
    if ca is None:
        return httpx.create_ssl_context()
    try:
        return ssl.create_default_context(cafile=str(ca))
    except OSError as error:  # ssl.SSLError is one
        raise FileUnusable(f"{ca} holds no certificates of authorities") from error


def _services(mirrors: Sequence[str], update: Update, evaluation: int | None) -> Services:
    named: dict[str, str] = {}
    for each in mirrors:
        vendor, _, url = each.partition("=")
        if vendor not in _MIRRORS or not url.startswith(("https://", "http://")):
            raise typer.BadParameter(
                f"{each!r} is not VENDOR=URL; vendors: {', '.join(_MIRRORS)}",
                param_hint="--mirror",
            )
        named[vendor] = url.rstrip("/")
    return _mirrored(named, update, evaluation)


def _mirrored(named: Mapping[str, str], update: Update, evaluation: int | None) -> Services:
    """A PCCS has the root CA's list too, at a place of its own."""
    usual = Services()
    return Services(
        amd=named.get("amd", usual.amd),
        intel=named.get("intel", usual.intel),
        intel_root_list=None if "intel" in named else usual.intel_root_list,
        nvidia_rim=named.get("nvidia-rim", usual.nvidia_rim),
        nvidia_ocsp=named.get("nvidia-ocsp", usual.nvidia_ocsp),
        update=update,
        evaluation_number=evaluation,
    )


def _cache(directory: Path | None) -> Cache:
    if directory is None:
        base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
        directory = Path(base) / "keyturn" / "collateral"
    return Cache(directory)


def _trust() -> Trust:
    return Trust(anchors=HARDWARE_ANCHORS, rim=rim_verifier(HARDWARE_ANCHORS))


def _around() -> Surroundings:
    return Surroundings()


def _path(document: CollateralDocument) -> tuple[bytes, ...]:
    return document.chain if document.kind is CollateralKind.NVIDIA_OCSP else ()


def _now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)
