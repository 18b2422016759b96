"""One method for use: a run folder from a task, and figures from a run folder."""

from __future__ import annotations

from pathlib import Path

from skelzero import journal
from skelzero.errors import UserError
from skelzero.journal import Listener, Note
from skelzero.methods.described import likeness
from skelzero.protocol.bench import Bench
from skelzero.protocol.calibration import fit_calibration
from skelzero.protocol.experiment import Trained, train
from skelzero.protocol.figures import TRANSDUCTIVE_SETTINGS, Figures, figures
from skelzero.protocol.gates import GATES
from skelzero.protocol.grid import bench_for
from skelzero.protocol.metrics import side_margin
from skelzero.protocol.phases import judge
from skelzero.protocol.rejection import FEWEST, Rejection, fit_rejection
from skelzero.protocol.result import Task, hardware, now, versions
from skelzero.protocol.run import Run, RunCard
from skelzero.protocol.sources import GivenEncoder, StoreSource
from skelzero.text import TextBank, load_text_encoder
from skelzero.text.vocabulary import vocabulary_bank


def train_run(task: Task, tell: Listener = lambda note: None) -> Run:
    """Train a task's method and gather everything that its use needs.

    Parameters
    ----------
    task : Task
    tell : callable (note)
        Hears the notes of the run's encoder as they come, and then those of the method. Of the many fits by which
        settings are chosen it hears nothing.

    Raises
    ------
    UserError
        The data are features: a run needs the encoder that makes them.
    """
    bench = bench_for(task)
    source = bench.source
    if not isinstance(source, StoreSource):
        raise UserError("a run needs clips, so that its encoder can be kept with it", where=task.data, got="features",
                        expected="a clip store", next_step="name the store; `compare` reads features")  # fmt: skip
    unseen = bool(task.split.unseen)
    notes: list[Note] = []
    encoder = None
    if source.has_network:

        def hear(note: Note) -> None:
            notes.append(note)
            tell(note)

        with journal.listening(hear):
            encoder = source.encoder(bench.split.seen, bench.partition.train, bench.seed)
    fits: list[Note] = []
    with journal.listening(fits.append):
        trained = train(bench, task.method, task.overrides, gates=GATES if unseen else (),
                        transductive=TRANSDUCTIVE_SETTINGS if unseen else ())  # fmt: skip
    # The last fit is the one on all seen classes, after those on pseudo-unseen ones.
    final = journal.trainings(fits, "method")[-1:]
    for note in (note for training in final for note in training):
        tell(note)
    parts = {"encoder": journal.trainings(notes, "encoder"), "method": final}
    log = {part: told[-1] for part, told in parts.items() if told}
    rejection, vocabulary = _rejection(task, trained)
    card = _card(task, bench, source, trained, rejection)
    return Run(card, encoder, trained.method, bench.final().bank, vocabulary, log)


def _rejection(task: Task, trained: Trained) -> tuple[Rejection | None, TextBank | None]:
    """When to name nothing, learned on the pseudo-unseen classes; against a vocabulary for methods of movement."""
    judged = trained.pseudo[0]
    if judged.phase.others < FEWEST:
        return None, None
    vocabulary = None
    if type(judged.method).described:
        vocabulary = vocabulary_bank(load_text_encoder(task.text_encoder), task.kinds)
    clips = judged.phase.held.features[~judged.seen[judged.truth]]
    if vocabulary is None:
        return fit_rejection(judged.unseen_scores, judged.unseen_truth, seed=task.seed), None
    return fit_rejection(
        judged.unseen_scores, judged.unseen_truth, vocabulary=judged.method.scores(clips, vocabulary),
        likeness=likeness(judged.phase.unseen_bank, vocabulary), seed=task.seed,
    ), vocabulary  # fmt: skip


def _card(
    task: Task, bench: Bench, source: StoreSource, trained: Trained, rejection: Rejection | None
) -> RunCard:  # fmt: skip
    phase, pseudo = bench.final(), trained.pseudo[0]
    assert trained.stacking is not None, "a run is calibrated"
    gamma = None
    if bench.split.unseen:
        gamma = trained.stacking.constant(
            side_margin(trained.method.scores(phase.fit.features, phase.bank), phase.seen)
        )
    clips = source.clips
    return RunCard(
        method=task.method, settings=trained.method.settings.model_dump(mode="json"), seed=task.seed,
        dataset=source.dataset, split=task.split, network=source.has_network, kinematic=source.kinematic,
        pipeline=clips.pipeline, history=list(clips.history), layout=clips.layout.name, persons=source.persons,
        class_set=task.class_set, text_encoder=task.text_encoder, kinds=list(task.kinds),
        text_sha256=task.text_sha256, selection=trained.selection, stacking=trained.stacking, gamma=gamma,
        gates=trained.gates, transductions=trained.transductions,
        calibration=fit_calibration(pseudo.unseen_scores, pseudo.unseen_truth), rejection=rejection,
        data=str(Path(task.data).resolve()), checksum=task.checksum, partition=task.partition,
        test_subjects=list(task.test_subjects), partition_rule=bench.partition.rule,
        diagnostics={**trained.method.diagnostics_, "encoder_seen_top1": bench.encoder_accuracy()}, leaky=bench.leaky,
        versions=versions(), hardware=hardware(), seconds=trained.seconds, made=now(),
    )  # fmt: skip


def evaluate_run(run: Run, settings: tuple[str, ...], *, data: Path | None = None) -> Figures:
    """Judge a run on the test clips of its split.

    Parameters
    ----------
    run : Run
    settings : tuple of str
        Of `SETTINGS`.
    data : Path, optional
        The store, where it lies elsewhere now.

    Raises
    ------
    UserError
        No class is unseen, or the store is not the one that the run was trained on.
    """
    card = run.card
    if card.gamma is None:
        raise UserError("nothing to evaluate: this run has no unseen classes", where=f"split {card.split.name}",
                        next_step="train with a split such as 22/5")  # fmt: skip
    path = data or Path(card.data)
    source = GivenEncoder(path, run.encoder, kinematic=card.kinematic, pipeline=card.pipeline, dataset=card.dataset)
    if source.checksum != card.checksum:
        raise UserError("this is not the store that the run was trained on", where=path, got=source.checksum[:12],
                        expected=card.checksum[:12], next_step="name the right one with --data")  # fmt: skip
    rows = {code: i for i, code in enumerate((*card.split.seen, *card.split.unseen))}
    bench = Bench(
        source, card.split.split(), lambda codes: run.bank.take([rows[code] for code in codes]), seed=card.seed,
        partition=card.partition, test_subjects=card.test_subjects, allow_leaky=card.leaky,
    )  # fmt: skip
    return figures(judge(bench.final(), run.method), card.gamma, settings, gates=card.gates,
                   transductions=card.transductions, seed=card.seed)  # fmt: skip
