"""What is scheduled of papers: all of the report by its own grid, nothing by any other."""

from paths import ROOT
from workflow import Workflow

OF_PAPERS = {"compare_published", "recount_memory", "write_memory_example"}


def plan(tmp_path, name):
    """The jobs of a shipped configuration, with nothing made yet."""
    workflow = Workflow(ROOT, tmp_path / "out", ROOT / "config" / name)
    return workflow.plan("all", "memory")


def test_the_report_s_grid_schedules_its_paper_once(tmp_path):
    jobs = plan(tmp_path, "config.yaml")
    assert {rule: jobs.get(rule) for rule in OF_PAPERS} == dict.fromkeys(OF_PAPERS, 1)


def test_another_grid_schedules_nothing_of_it(tmp_path):
    jobs = plan(tmp_path, "demo.yaml")
    assert jobs["write_workbook"] == jobs["write_memory"] == 1
    assert not OF_PAPERS & jobs.keys()
