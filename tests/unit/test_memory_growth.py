"""What fits a GPU is decided by few traces, as all traces would decide it."""

import subprocess
import sys
from dataclasses import replace

import pytest
from memory_cases import config_of, make_step
from paths import ROOT

from tunegrid.memory.fit import largest_fitting, largest_micro_batch
from tunegrid.memory.growth import PeakGrowth
from tunegrid.memory.predict import StepTracer
from tunegrid.memory.timeline import Timeline, peak_by_batch

#: Bytes that stay, and bytes for each example, of the moments of a step: the peak is the most.
MOMENTS = {
    "one moment": [(5_000, 70)],
    "the optimizer, then the backward pass": [(60_000, 1), (20_000, 700)],
    "three moments": [(60_000, 1), (50_000, 90), (1_000, 1_000)],
    "weights alone": [(60_000, 0)],
}


class Traces:
    """Counts how often a peak is asked for."""

    def __init__(self, peak):
        self.peak = peak
        self.asked = []

    def __call__(self, batch):
        self.asked.append(batch)
        return self.peak(batch)


def convex(moments):
    """The peak of these moments; of one example a copy less, as real models have it."""

    def peak(batch):
        most = max(fixed + each * batch for fixed, each in moments)
        return most - 50 if batch == 1 else most

    return peak


def jumping(batch):
    """No convex function: a large micro-batch is computed otherwise."""
    return 1_000 + (100 if batch < 100 else 40) * batch + (6_000 if batch >= 100 else 0)


@pytest.mark.parametrize("first", [1, 3, 16, 1024, 4096])
@pytest.mark.parametrize(
    "peak", [*map(convex, MOMENTS.values()), jumping], ids=[*MOMENTS, "no convex function"]
)
def test_bounds_decide_as_traces_do(peak, first):
    for capacity in [*range(1_000, 120_000, 777), *(peak(2**power) for power in range(11))]:
        growth = PeakGrowth(peak, first)
        decided = largest_fitting(
            lambda batch, growth=growth, capacity=capacity: growth.fits(batch, float, capacity)
        )
        assert decided == largest_micro_batch(peak, capacity)


@pytest.mark.parametrize(("name", "most"), [("one moment", 3), ("weights alone", 3)])
def test_a_straight_line_takes_three_traces_for_all_gpus(name, most):
    traces = Traces(convex(MOMENTS[name]))
    growth = PeakGrowth(traces, first=16)
    for capacity in range(6_000, 80_000, 1_111):
        largest_fitting(lambda batch, capacity=capacity: growth.fits(batch, float, capacity))
    assert len(traces.asked) == len(set(traces.asked))
    assert len([batch for batch in traces.asked if batch > 1]) <= most


@pytest.mark.parametrize("method", ["full", "adapter-8"])
def test_a_real_model_s_peaks_lie_within_the_bounds(method):
    step = make_step(method, batch=16, tokens=32)
    tracer = StepTracer(config_of("minilm-l6", num_hidden_layers=2), step)
    traces = Traces(lambda batch: tracer.predict(replace(step, batch=batch)).peak)
    growth = PeakGrowth(traces, first=16)
    bounds = {2**power: growth.bounds(2**power) for power in range(1, 11)}
    assert len(traces.asked) == 3
    for batch, (low, high) in bounds.items():
        assert low <= traces.peak(batch) <= high


@pytest.mark.parametrize(
    "options",
    [
        {"method": "full"},
        {"method": "adapter-8", "accumulated": 2},
        {"method": "full", "attention": "eager", "checkpointing": True},
        {"method": "full", "loop": "trainer", "precision": "bf16", "padded": False},
    ],
    ids=str,
)
def test_two_traces_tell_the_peaks_of_all_micro_batches(options):
    step = make_step(**options, batch=16, tokens=32)
    tracer = StepTracer(config_of("minilm-l6", num_hidden_layers=2), step)

    def traced(batch):
        return tracer.predict(replace(step, batch=batch))

    assert traced(16).timeline.peak == traced(16).peak
    peak = peak_by_batch(16, traced(16).timeline, 1024, traced(1024).timeline)
    for batch in (2, 3, 64, 500):
        assert peak(batch) == traced(batch).peak


def test_a_model_whose_storages_follow_its_examples_takes_two_traces_for_all_gpus():
    step = make_step("full", batch=16, tokens=32)
    tracer = StepTracer(config_of("minilm-l6", num_hidden_layers=1), step)
    traces = Traces(lambda batch: tracer.predict(replace(step, batch=batch)).peak)
    growth = PeakGrowth(
        traces, 16, timeline=lambda batch: tracer.predict(replace(step, batch=batch)).timeline
    )
    for capacity in range(150_000_000, 10**10, 10**9):
        largest_fitting(lambda batch, capacity=capacity: growth.fits(batch, float, capacity))
    assert sorted(batch for batch in traces.asked if batch > 1) == [16, 1024]


def one_storage(size, *, number=1):
    """A step that makes one storage and frees it."""
    return Timeline(at_start=100, changes=(size, -size), storages=(number, number))


@pytest.mark.parametrize(
    "of_many",
    [
        pytest.param(one_storage(101), id="no whole number of bytes for an example"),
        pytest.param(one_storage(5), id="fewer bytes with more examples"),
        pytest.param(one_storage(900), id="fewer than no bytes of no examples"),
        pytest.param(one_storage(100, number=2), id="another storage"),
        pytest.param(Timeline(100, (100,), (1,)), id="a storage that is not freed"),
        pytest.param(replace(one_storage(100), at_start=99), id="less at the start"),
    ],
)
def test_nothing_follows_from_two_steps_that_differ(of_many):
    of_few = one_storage(20)
    assert peak_by_batch(2, of_few, 10, one_storage(60))(100) == 100 + 10 + 5 * 100
    assert peak_by_batch(2, of_few, 10, of_many) is None


def test_what_a_prediction_or_a_run_needs_none_of_is_not_imported():
    program = """if True:
        import sys
        from tunegrid.light_imports import light_imports
        with light_imports():
            import tunegrid.memory.analysis
        heavy = {"scipy", "sklearn", "pandas", "datasets", "peft", "adapters", "matplotlib"}
        print(sorted(heavy & set(sys.modules)))
        from importlib.util import find_spec
        assert find_spec("scipy") and find_spec("sklearn")
        import transformers.models
        from transformers.utils.import_utils import define_import_structure
        known = define_import_structure(transformers.models.__file__)
        files = {file for of_packages in known.values() for file in of_packages}
        assert files and files <= sys.modules["transformers.models"]._modules
        import tunegrid.training.finetune
        heavy = {"sklearn", "torch._inductor.compile_fx"}
        print(sorted(heavy & set(sys.modules)))
    """
    run = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": str(ROOT / "scripts")},
    )
    assert run.stdout.split() == ["[]", "[]"]
