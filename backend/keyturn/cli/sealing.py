"""`keyturn seal` and `keyturn sealed`: make sealed models, and look at them without any key.

Sealing needs no secret (DESIGN §5.3): the key it seals to comes from an authority bundle
that must chain to the pinned fingerprint. The data key lives in this process while it seals.
"""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn
from rich.progress import TransferSpeedColumn as SpeedColumn

from keyturn.base.encoding import Digest, parse_digest
from keyturn.cli.output import errors_explained, print_json, stderr, stdout
from keyturn.quorum.bundle import MAX_BUNDLE, load_bundle
from keyturn.seal.identity import ModelIdentity, model_id_from, parse_model_id
from keyturn.seal.sealedkey import OaepHash
from keyturn.vault.copies import SealedInfo, read_info, verify_copies
from keyturn.vault.files import read_small
from keyturn.vault.hygiene import Hygiene, harden_process
from keyturn.vault.parallel import Progress as Report
from keyturn.vault.sealer import SealedModel
from keyturn.vault.sealing import IngestKey, seal_to_key, unfinished

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
Threads = Annotated[int | None, typer.Option(min=1, help="Threads; by default one per CPU.")]

sealed_app = typer.Typer(
    no_args_is_help=True, help="Look at sealed models. Needs no key.", add_completion=False
)


def register(app: typer.Typer) -> None:
    """Add `seal` and `sealed` to the command."""
    app.command("seal")(seal)
    app.add_typer(sealed_app, name="sealed")


def seal(
    model: Annotated[Path, typer.Argument(metavar="MODEL_DIR", help="Directory to seal.")],
    to: Annotated[Path, typer.Option("--to", help="Authority bundle to seal to.")],
    out: Annotated[Path, typer.Option("-o", "--out", help="New directory for the result.")],
    fingerprint: Annotated[
        str,
        typer.Option(
            envvar="KEYTURN_FINGERPRINT", help="Authority fingerprint to pin, sha256:<hex>."
        ),
    ],
    name: Annotated[str, typer.Option(help="Name for people; by default MODEL_DIR's.")] = "",
    version: Annotated[str, typer.Option(help="Version for people.")] = "1",
    model_id: Annotated[
        str, typer.Option("--id", help="Model id, the same for all versions; by default of --name.")
    ] = "",
    threads: Threads = None,
    as_json: Json = False,
) -> None:
    """Encrypt a model so that only an attested machine can open it."""
    with errors_explained(as_json=as_json):
        hygiene = harden_process()
        key, oaep_hash = ingest_key(to, fingerprint, datetime.now(UTC))
        label = name or model.resolve().name
        identity = ModelIdentity(
            parse_model_id(model_id) if model_id else model_id_from(label), label, version
        )
        started = time.monotonic()
        try:
            with _progress("Sealing", quiet=as_json) as report:
                result = seal_to_key(
                    model,
                    out,
                    to=IngestKey(key, oaep_hash),
                    identity=identity,
                    created=datetime.now(UTC),
                    threads=threads,
                    progress=report,
                )
        except KeyboardInterrupt as error:
            stderr.print("keyturn: sealing was stopped; nothing is left of it")
            raise typer.Exit(1) from error
        _show_sealed(result, hygiene, time.monotonic() - started, as_json=as_json)
        for draft in unfinished(out):
            stderr.print(
                f"left by a sealing that was killed, may be deleted: {draft}", markup=False
            )


@sealed_app.command("info")
def info(
    directory: Annotated[Path, typer.Argument(metavar="OUT", help="Sealed model.")],
    as_json: Json = False,
) -> None:
    """Show what a sealed model says of itself. Read, not proved."""
    with errors_explained(as_json=as_json):
        found = read_info(directory)
        if as_json:
            print_json(_info_document(found))
            return
        _show_info(found)


@sealed_app.command("verify")
def verify(
    directory: Annotated[Path, typer.Argument(metavar="OUT", help="Sealed model.")],
    digest: Annotated[str, typer.Option(help="Model digest that it must have.")] = "",
    threads: Threads = None,
    as_json: Json = False,
) -> None:
    """Check that a copy is whole: every sealed file against the manifest."""
    with errors_explained(as_json=as_json):
        expected = parse_digest(digest, what="--digest") if digest else None
        with _progress("Checking", quiet=as_json) as report:
            found = verify_copies(
                directory, model_digest=expected, threads=threads, progress=report
            )
        if as_json:
            print_json(
                {
                    "whole": True,
                    "model_digest": found.model_digest,
                    "digest_was_given": expected is not None,
                    "files": len(found.manifest.files),
                    "sealed_bytes": found.manifest.sealed_bytes,
                    "extra": list(found.extra),
                }
            )
            return
        stdout.print(f"whole: {len(found.manifest.files)} files, {found.manifest.sealed_bytes} B")
        _line("model digest", found.model_digest)
        if expected is None:
            stderr.print("Compare the digest with the approved one, or give it by --digest.")
        for each in found.extra:
            stderr.print(f"not part of the model: {each}", markup=False)


def ingest_key(bundle: Path, fingerprint: str, now: datetime) -> tuple[bytes, OaepHash]:
    """SPKI and OAEP hash of the key to seal to, out of a bundle that chains to `fingerprint`.

    Raises MalformedError, SubmissionRefused, StorageFailed.
    """
    pinned = Digest(parse_digest(fingerprint, what="--fingerprint"))
    authority = load_bundle(read_small(bundle, MAX_BUNDLE), pinned, now)
    return authority.ingest_key().spki, OaepHash(authority.ingest_oaep_hash().value)


@contextmanager
def _progress(title: str, *, quiet: bool) -> Iterator[Report | None]:
    if quiet or not sys.stderr.isatty():
        yield None
        return
    columns = (TextColumn(title), BarColumn(), DownloadColumn(), SpeedColumn())
    with Progress(*columns, TimeRemainingColumn(), console=stderr, transient=True) as bar:
        task = bar.add_task(title)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def _show_sealed(result: SealedModel, hygiene: Hygiene, seconds: float, *, as_json: bool) -> None:
    own = result.manifest.provenance
    if as_json:
        print_json(
            {
                "directory": str(result.directory),
                **_info_document(SealedInfo(result.manifest, result.model_digest, result.key)),
                "content_id": result.content_id,
                "seconds": round(seconds, 3),
                "caveats": sorted(hygiene.caveats),
                "notes": list(hygiene.notes),
            }
        )
        return
    stdout.print(f"sealed: {own.files} files, {own.size} B in {seconds:.1f} s", markup=False)
    _show_info(SealedInfo(result.manifest, result.model_digest, result.key))
    _line("content id", result.content_id)
    for note in hygiene.notes:
        stderr.print(f"caveat: {note}", markup=False)


def _show_info(found: SealedInfo) -> None:
    identity = found.manifest.identity
    _line("model", f"{identity.name}, version {identity.version} ({identity.model_id})")
    _line("created", f"{found.manifest.created:%Y-%m-%dT%H:%M:%SZ}")
    own = found.manifest.provenance
    _line("files", f"{own.files}, {own.size} B, sealed by {own.tool} {own.tool_version}")
    _line("model digest", found.model_digest)
    if found.key is None:
        _line("key file", "none: it is with the keyholder, or was deleted after admission")
        return
    _line("tag", found.key.tag.hex())
    wrapped = found.key.wrapped
    _line("sealed to", f"ingest key {wrapped.ingest_key_id} (OAEP {wrapped.oaep_hash.value})")


def _info_document(found: SealedInfo) -> dict[str, object]:
    identity, own = found.manifest.identity, found.manifest.provenance
    key = found.key
    return {
        "model_id": identity.model_id,
        "name": identity.name,
        "version": identity.version,
        "created": f"{found.manifest.created:%Y-%m-%dT%H:%M:%SZ}",
        "model_digest": found.model_digest,
        "files": own.files,
        "bytes": own.size,
        "sealed_bytes": found.manifest.sealed_bytes,
        "tool": f"{own.tool} {own.tool_version}",
        "tag": key.tag.hex() if key else None,
        "ingest_key": key.wrapped.ingest_key_id if key else None,
        "oaep_hash": key.wrapped.oaep_hash.value if key else None,
        "entries": [
            {
                "path": each.path,
                "size": each.size,
                "sealed_size": each.sealed_size,
                "sealed_sha256": each.sealed_sha256,
            }
            for each in found.manifest.files
        ],
    }


def _line(name: str, value: str) -> None:
    stdout.print(f"{name:>14}  {value}", markup=False)
