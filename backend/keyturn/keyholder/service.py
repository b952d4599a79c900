"""One keyholder process: journal, HSM, releases and submissions behind the questions of §7.1."""

import secrets
from collections.abc import Callable, Mapping
from datetime import timedelta

from keyturn import __version__
from keyturn.base.collateral import CollateralDocument
from keyturn.base.encoding import Digest, b64
from keyturn.base.errors import KeyturnError, MalformedError, NotFoundError
from keyturn.ceremony.tokeninventory import inventory_document
from keyturn.hsm.protocol import Hsm
from keyturn.keyholder import collateral as kept_collateral
from keyturn.keyholder.collateral import KeptCollateral
from keyturn.keyholder.cosignatures import DIRECTORY, Cosignatures
from keyturn.keyholder.decisions import Decisions
from keyturn.keyholder.errors import NoWitness, WrongToken
from keyturn.keyholder.hsmtold import HsmTeller
from keyturn.keyholder.journal import Clock, Journal, Seconds
from keyturn.keyholder.logdisk import LogDisk
from keyturn.keyholder.logdisk_errors import LogRolledBack
from keyturn.keyholder.logquestions import LogQuestions, receipt_document
from keyturn.keyholder.releases import Releases
from keyturn.keyholder.replaying import Replay
from keyturn.keyholder.reports import SETTINGS, KeptSettings, Reports, enter_settings
from keyturn.keyholder.submissions import Submissions
from keyturn.keyholder.token import check_keys
from keyturn.keyrelease.continuation import signed_by_any
from keyturn.policy.trust import anchors_in_force
from keyturn.quorum.entries import start_entry
from keyturn.quorum.policy_body import Caveat
from keyturn.quorum.reports import Setting
from keyturn.quorum.roster import Roster
from keyturn.tlog.checkpoints import parse_checkpoint
from keyturn.tlog.notes import parse_note
from keyturn.wire import keyholder as asked
from keyturn.wire.keyholder import AnyRequest, ok_answer

SOFTWARE = f"keyturn {__version__}"


class Keyholder:
    """Verifier, relying party and log in one. It believes nothing that it is handed."""

    def __init__(
        self,
        log: LogDisk,
        hsm: Hsm,
        fingerprint: Digest,
        clock: Clock,
        randomness: Callable[[int], bytes] = secrets.token_bytes,
        caveats: frozenset[Caveat] = frozenset(),
        *,
        boottime: Seconds | None = None,
        max_gap: timedelta | None = None,
        settings: Mapping[str, Setting] | None = None,
        teller: HsmTeller | None = None,
        replayed: Replay | None = None,
    ) -> None:
        """Replay the log, compare it with the token's mark and keys, and log the start.

        `boottime` and `replayed` as for `Journal`; `max_gap` is how long ago the last entry may
        be, None for however long; `settings` are this process's, logged when they changed, and no
        secrets. Raises ClockRefused, LogInconsistent, LogDamaged, LogRolledBack,
        WrongToken, CollateralMemoryDamaged, and what the HSM raises.
        """
        self._hsm = hsm
        self._teller = teller
        self._fingerprint = fingerprint
        self._boot = randomness(16).hex()
        self._journal = Journal(log, fingerprint, clock, boottime, replayed)
        try:
            if max_gap is not None:
                self._journal.check_gap(max_gap)
            self._check_mark()
            self._check_token()
            self.cosignatures = Cosignatures(log, log.directory / DIRECTORY)
            roster = self._journal.state.roster
            self.cosignatures.load(roster.witnesses.keys if roster is not None else ())
            self.collateral = KeptCollateral(log.directory / kept_collateral.DIRECTORY)
            now = self._journal.now()
            self.collateral.load(anchors_in_force(self._journal.state, now)[0], now)
            self.releases = Releases(
                self._journal,
                hsm,
                SOFTWARE,
                self.cosignatures,
                randomness,
                caveats,
                collateral=self.collateral,
            )
            self.submissions = Submissions(self._journal, hsm)
            self.decisions = Decisions(self._journal, self.submissions.remember)
            self.reports = Reports(self._journal)
            self._questions = LogQuestions(
                log, self.cosignatures, lambda: self._journal.state.roster
            )
            self._log_start(settings)
        except BaseException:
            self._journal.close()
            raise

    def _log_start(self, settings: Mapping[str, Setting] | None) -> None:
        log = self._journal.log
        with self._journal.ordered():
            self._journal.commit(start_entry(self._journal.now(), self._boot, SOFTWARE))
            if settings is not None:
                kept = KeptSettings(log.directory / SETTINGS)
                enter_settings(self._journal, kept, SOFTWARE, settings)
            self._hsm.store_mark(log.checkpoint.to_bytes())

    @property
    def journal(self) -> Journal:
        return self._journal

    @property
    def boot(self) -> str:
        """As the log's `start` entry names it: 16 random bytes in hex."""
        return self._boot

    def answer(self, request: AnyRequest) -> dict[str, object]:
        """The answer to one question. Raises KeyturnError for the caller to turn into a no, and
        KeyholderStopped from the first failed append on."""
        try:
            return self._answer(request)
        except KeyturnError:
            self._journal.check_alive()
            raise

    def _answer(self, request: AnyRequest) -> dict[str, object]:  # noqa: C901 - one flat table
        log = self._journal.log
        match request:
            case asked.AskHello():
                return ok_answer(self._hello())
            case asked.AskChallenge():
                challenge, seconds = self.releases.challenge()
                return ok_answer({"challenge": challenge.hex(), "valid_seconds": seconds})
            case asked.AskTpmCredential(ak=ak, ek=ek, chain=chain):
                made = self.releases.activations.credential(ak, ek, chain)
                return ok_answer({"blob": b64(made.blob), "secret": b64(made.secret)})
            case asked.AskRelease(request=raw, wrapped=wrapped):
                outcome = self.releases.release(raw, wrapped)
                return ok_answer(
                    {"granted": outcome.granted, "answer": outcome.answer, "index": outcome.index}
                )
            case asked.Submit(statement=raw, approvals=approvals, key=key):
                return ok_answer(self._submit(raw, approvals, key))
            case asked.Withdraw(statement=raw, envelope=envelope):
                index, receipt = self.submissions.withdraw(raw, envelope)
                return ok_answer({"index": index, "receipt": receipt_document(receipt)})
            case asked.Record(statement=raw, approval=approval):
                index = self.decisions.record(raw, approval)
                return ok_answer({"index": index, "receipt": receipt_document(log.receipt(index))})
            case asked.Report(said=said):
                return ok_answer({"index": self.reports.enter(said)})
            case asked.HandCosigned(note=note):
                return ok_answer({"witnesses": self._cosigned(note.encode())})
            case asked.HandCollateral(documents=documents):
                return ok_answer(self._handed_in(documents))
            case asked.AskHsm():
                return ok_answer(self._told_of_hsm())
            case _:
                answered = self._questions.answer(request)
                if answered is None:
                    raise MalformedError("no ceremonies are held here", found=request.op)
                return ok_answer(answered)

    def _told_of_hsm(self) -> dict[str, object]:
        if self._teller is None:
            raise NotFoundError("this keyholder tells nothing of its token")
        preflight = self._teller.preflight()
        return {
            "inventory": inventory_document(self._teller.inventory()),
            "preflight": None if preflight is None else b64(preflight),
        }

    def _handed_in(self, documents: tuple[CollateralDocument, ...]) -> dict[str, object]:
        now = self._journal.now()
        anchors, _ = anchors_in_force(self._journal.state, now)
        handed = self.collateral.hand_in(documents, anchors, now)
        refused = [each.to_document() for each in handed.refused]
        return {"kept": list(dict.fromkeys(handed.kept)), "refused": refused}

    def _cosigned(self, raw: bytes) -> int:
        now = self._journal.now()
        roster = self._journal.state.roster_in_force(now)
        if roster is None or not isinstance(roster.statement.body, Roster):
            raise NoWitness("no roster is in force: nobody is a witness")
        return self.cosignatures.hand_in(raw, roster.statement.body.witnesses, now)

    def close(self) -> None:
        """Write what waits and let go of the disk. The HSM is its owner's to close."""
        self._journal.close()

    def _hello(self) -> dict[str, object]:
        state = self._journal.state
        keys = state.newest_keys
        return {
            "fingerprint": self._fingerprint,
            "origin": keys.origin if keys else "",
            "boot": self._boot,
            "size": self._journal.log.size,
            "simulation": state.roster is not None and state.roster.simulation,
            "software": SOFTWARE,
            "sealed": False,
        }

    def _submit(
        self, raw: bytes, approvals: tuple[bytes, ...], key: bytes | None
    ) -> dict[str, object]:
        entered = self.submissions.submit(raw, approvals, key)
        return {
            "in_force": entered.in_force,
            "index": entered.index,
            "receipt": receipt_document(entered.receipt),
            "wrapped": b64(entered.dek.value) if entered.dek is not None else None,
            "kek": entered.dek.kek if entered.dek is not None else None,
        }

    def _check_mark(self) -> None:
        """The log must extend the last checkpoint that the token remembers (DESIGN §4)."""
        mark = self._hsm.load_mark()
        if mark is None:
            raise LogRolledBack(
                "the token remembers no log",
                expected="the mark that genesis stored",
                hint="this token is new, or was put back to before genesis",
            )
        log = self._journal.log
        origin = parse_checkpoint(parse_note(mark).text).origin
        # By any key that the log has had: the mark is older than the log key where the same token
        # was given new keys.
        signed = signed_by_any(mark, origin, self._journal.state)
        log.check_extends(signed.checkpoint, renamed=True)

    def _check_token(self) -> None:
        keys = self._journal.state.newest_keys
        if keys is None:
            raise WrongToken("the log names no keys: genesis was not completed")
        check_keys(keys, self._hsm, self._journal.origin)
