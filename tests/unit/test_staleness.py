"""What makes a result stale: each edit makes again what it decides, and nothing else."""

import shutil
from contextlib import contextmanager

import pytest
import tiny

from tunegrid import source_files, staleness
from tunegrid.paths import SCRIPTS

CACHES = (
    staleness._digest_of, staleness._program_digest, staleness._imports_of, staleness._files_of,
    source_files.parse_meaning, source_files._facts,
)  # fmt: skip


def forget():
    for cached in CACHES:
        cached.cache_clear()


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    """The library in a copy of the programs and it, of which all digests are from now on."""
    copy = shutil.copytree(SCRIPTS, tmp_path_factory.mktemp("copy") / "scripts")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(staleness, "SCRIPTS", copy)
        forget()
        yield copy / "tunegrid"
    forget()


@contextmanager
def edited(path, text):
    """Meanwhile a file of the copy has another text, and digests are computed anew."""
    before = path.read_text()
    assert text != before
    path.write_text(text)
    forget()
    yield
    path.write_text(before)
    forget()


def digests():
    """Of every expensive program, and of a cell whose epoch accuracy selects."""
    found = {program: staleness.code_digest(program) for program in staleness.DECIDES}
    found["reader citations"] = staleness.reader_code("citations")
    by_accuracy = tiny.cell(select="best_dev", select_metric="accuracy")
    found["train, selected by accuracy"] = staleness.training_code(by_accuracy)
    return found


@pytest.fixture(scope="module")
def unedited(library):
    """The digests of the copy as it is."""
    return digests()


@pytest.fixture
def stale(library, unedited):
    """Edit a module of the copy: the programs whose results it makes stale."""

    def edit(module, old, new):
        path = library / module
        text = path.read_text()
        assert old in text, f"{module} has no longer: {old}"
        with edited(path, text.replace(old, new, 1)):
            after = digests()
        return {program for program in unedited if unedited[program] != after[program]}

    return edit


@pytest.mark.parametrize(
    ("module", "old", "new"),
    [
        pytest.param("metrics.py", 'title="Macro-F1"', 'title="F1, macro"', id="a label"),
        pytest.param(
            "metrics.py", 'title="Accuracy"', 'title="Exactness"', id="the selecting metric's label"
        ),
        pytest.param(
            "cluster/slurm.py", '"--noheader", "--Node"', '"--all", "--Node"', id="a Slurm flag"
        ),
        pytest.param(
            "cluster/attempts.py", '"attempt %d, %s: %s"', '"try %d, %s: %s"', id="a log text"
        ),
        pytest.param(
            "training/finetune.py", '"epoch %d of %d, ', '"epoch %d/%d, ', id="training's log text"
        ),
        pytest.param(
            "training/finetune.py", '"train.gpus_per_run: {', '"gpus_per_run: {', id="an error text"
        ),
        pytest.param(
            "training/batching.py",
            '"""The batches of one epoch',
            '"""The batches',
            id="a docstring",
        ),
        pytest.param("training/batching.py", "#: Batches that", "#: So many that", id="a comment"),
        pytest.param("reporting/bars_figure.py", "NARROWEST = ", "NARROWEST = 2 * ", id="a plot"),
        pytest.param("__init__.py", "__version__ = ", "__version__ = '9' + ", id="the version"),
        pytest.param("training/checkpoints.py", "INTERVAL = 600.0", "INTERVAL = 60.0", id="pauses"),
        pytest.param("config/update_settings.py", "5.0e-5, gt=0", "6.0e-5, gt=0", id="a default"),
        pytest.param("statistics/score.py", "abs_tol=1e-12", "abs_tol=1e-9", id="the scoring"),
    ],
)
def test_what_decides_no_result_makes_nothing_stale(stale, module, old, new):
    assert stale(module, old, new) == set()


TRAINING = {"train", "train_pack", "train, selected by accuracy"}
TRIAL = {"try_cell"}
MEMORY = {"predict_memory", "measure_memory"}


@pytest.mark.parametrize(
    ("module", "old", "new", "expected"),
    [
        pytest.param(
            "training/finetune.py", "/ divisor", "/ (1 + divisor)", TRAINING, id="the loss"
        ),
        pytest.param(
            "training/schedule.py",
            "math.ceil(settings.warmup_ratio",
            "int(settings.warmup_ratio",
            TRAINING,
            id="the schedule",
        ),
        pytest.param(
            "training/batching.py",
            "GROUPED = 50",
            "GROUPED = 40",
            TRAINING | TRIAL,
            id="the batching",
        ),
        pytest.param(
            "methods.py",
            "bottleneck_size + 0.5",
            "bottleneck_size + 0.4",
            TRAINING | TRIAL | MEMORY,
            id="a method",
        ),
        pytest.param(
            "tasks/readers/citations.py",
            "id=str(",
            "id=repr(",
            {"reader citations"},
            id="a reader",
        ),
        pytest.param(
            "tasks/readers/news.py", "known = ", "known = False or ", set(), id="another reader"
        ),
        pytest.param(
            "metrics.py",
            "np.divide(counts.hits.sum(axis=-1), counts.support.sum(axis=-1))",
            "np.divide(counts.hits.sum(axis=-1), 1 + counts.support.sum(axis=-1))",
            {"train, selected by accuracy"},
            id="the metric that selects an epoch",
        ),
        pytest.param(
            "predictions.py",
            "minlength=kinds)",
            "minlength=1 + kinds)",
            {"train, selected by accuracy"},
            id="what that metric is computed from",
        ),
        pytest.param(
            "correlations.py",
            "np.median(numbers)",
            "np.mean(numbers)",
            set(),
            id="what another metric is computed from",
        ),
        pytest.param(
            "tasks/few_shot.py",
            "kept[order[draw",
            "kept[order[1 + draw",
            TRAINING,
            id="the draw of few-shot examples",
        ),
    ],
)
def test_what_decides_a_result_makes_exactly_that_stale(stale, module, old, new, expected):
    assert stale(module, old, new) == expected


@pytest.mark.parametrize("program", sorted(staleness.DECIDES))
def test_every_module_that_an_expensive_program_imports_is_accounted_for(program):
    """Whoever adds a module says whether it decides a result: a silent one would leave it stale."""
    assert staleness.unaccounted_modules(program) == []


def test_no_module_is_declared_that_is_not_there():
    for entries in staleness.DECIDES.values():
        for entry in entries:
            assert staleness.module_file(entry.partition(":")[0]).is_file()
    single = {name for own in staleness.OF_ONE_PROGRAM.values() for name in own}
    for name in staleness.DECIDES_NOTHING.keys() | single:
        assert staleness.module_file(name.removesuffix(".*")).is_file()
    assert not set(staleness.DECIDES_NOTHING) & {*staleness.DECIDES["train"]}


def test_a_definition_that_is_not_there_is_an_error(monkeypatch):
    monkeypatch.setitem(staleness.DECIDES, "train", ["metrics:no_such_metric"])
    with pytest.raises(FileNotFoundError, match=r"tunegrid\.metrics defines no no_such_metric"):
        staleness.code_digest("train")


def test_a_cheap_program_s_digest_covers_all_that_it_imports(library):
    def of_plots():
        return staleness.code_digest("plot_bars"), staleness.code_digest("plot_pareto")

    before = of_plots()
    path = library / "reporting/bars_figure.py"
    with edited(path, path.read_text().replace("NARROWEST = 0.09", "NARROWEST = 1.0")):
        after = of_plots()
    assert after[0] != before[0]
    assert after[1] == before[1]


def test_every_program_has_a_digest():
    programs = [path.stem for path in SCRIPTS.glob("*.py")]
    assert len(programs) > 10
    for program in programs:
        assert len(staleness.code_digest(program)) == 12


def test_every_module_of_the_tables_is_behind_their_reader_alone(library):
    def of_readers():
        return [staleness.reader_code(name) for name in ("table", "citations")]

    before = of_readers()
    for path in (library / "tasks/tables").glob("[!_]*.py"):
        with edited(path, path.read_text() + "\nMORE = 1\n"):
            after = of_readers()
        assert [old == new for old, new in zip(before, after, strict=True)] == [False, True], path
