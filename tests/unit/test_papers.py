"""A paper's folder: read whole, or refused in lines that say file, key and what would be right."""

import copy
import json
import re

import pytest
import yaml
from paths import ROOT

from tunegrid.errors import UserError
from tunegrid.planning.loading import load_project
from tunegrid.published.finding_kinds import KINDS
from tunegrid.published.formulas import evaluate, fill, formula_problem, text_problem
from tunegrid.published.memory_case import QuantityValues
from tunegrid.published.number_file import COLUMNS, last_digit
from tunegrid.published.paper import read_paper, sourced_notes
from tunegrid.reporting.memory_example_tables import memory_example_tables

HEADER = ",".join(COLUMNS)
NUMBERS = f"{HEADER},mean_of\nsmith2025,m,t,full,accuracy,.90,5\n"
FINDING = {"finding": "t is hard", "hardest_task": {"task": "t", "method": "full"}}
SHAPE = {"model_type": "bert", "hidden_size": 8, "vocab_size": 100}
FIGURES = "method,component,gigabytes,formula\nfull,weights,2.5,5 / 2\nfull,total,4,\n"
MEMORY = {
    "batch": 4,
    "tokens": 32,
    "networks": ["net"],
    "methods": ["full", "lora"],
    "reference": "full",
    "ways": {"fp32": {}, "eager": {"attention": "eager"}},
    "beside": {"network": "net", "columns": [{"name": "traced", "title": "t", "way": "fp32"}]},
    "quantities": {
        "hidden": {"shape": {"network": "net", "key": "hidden_size"}},
        "peak": {"traced": {"network": "net", "method": "lora", "way": "eager", "what": "peak"}},
        "double": {"formula": "2 * peak / GB"},
    },
    "errata": [{"what": "peak", "written": "1 GB", "right": "{double:.1f} GB", "why": "twice"}],
    "tables": {
        "published": {"title": "{batch:.0f} of {hidden:.0f}"},
        "corrected": {"title": "Again", "note": "No note."},
        "errata": {"title": "Errors"},
    },
}  # fmt: skip


@pytest.fixture
def folder(tmp_path):
    """A paper with one number, one finding and a memory example, which a test may break."""
    (tmp_path / "numbers.csv").write_text(NUMBERS)
    (tmp_path / "memory.csv").write_text(FIGURES)
    (tmp_path / "net.json").write_text(json.dumps(SHAPE))
    write_paper(tmp_path)
    return tmp_path


def write_paper(folder, **changes):
    content = {"source": "smith2025", "findings": [FINDING], "memory": MEMORY} | changes
    (folder / "paper.yaml").write_text(yaml.safe_dump(content, sort_keys=False))


def lines_of(folder):
    """The lines that a paper is refused with, its folder called PAPER."""
    with pytest.raises(UserError) as error:
        read_paper(str(folder))
    assert not any("\n" in line for line in error.value.problems)
    return [line.replace(str(folder), "PAPER") for line in error.value.problems]


def test_a_whole_paper_is_read(folder):
    paper = read_paper(str(folder))
    assert [number.value for number in paper.numbers] == [".90"]
    assert [finding.kind for finding in paper.findings] == ["hardest_task"]
    assert [figure.gigabytes for figure in paper.memory.figures] == [2.5, 4.0]
    assert paper.memory.shapes["net"] == SHAPE


def test_a_mere_csv_of_several_papers_is_a_paper_without_findings(tmp_path):
    (tmp_path / "some.csv").write_text(f"{HEADER}\na,m,t,x,loss,1.0\n\nb,m,t,x,accuracy,.5\n")
    paper = read_paper(str(tmp_path / "some.csv"))
    assert [(number.source, number.mean_of) for number in paper.numbers] == [
        ("a", None), ("b", None),
    ]  # fmt: skip
    assert (paper.findings, paper.memory) == ((), None)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("model,value\nm,1\n", "has the columns model, value; they must be source, model"),
        (f"{HEADER}\np,m,t,x,acuracy,0.5\n", ":2: metric 'acuracy' is none of loss"),
        (f"{HEADER}\np,m,t,x,accuracy,high\n", ":2: value 'high' is not a number"),
        (f"{HEADER}\np,m,t,x,accuracy,nan\n", ":2: value 'nan' is not a number"),
        (f"{HEADER}\np,m,t,x,accuracy\n", ":2: has 5 cells, but the first line names 6 columns"),
        (
            f"{HEADER},mean_of\np,m,t,x,accuracy,.5,five\n",
            ":2: mean_of 'five' is no number of runs: 1, 5, or nothing",
        ),
        (f"{HEADER},mean_of,mean_of\np,m,t,x,accuracy,.5,5,5\n", "may be followed by mean_of, sd,"),
        (f"{HEADER},deviation\np,m,t,x,accuracy,.5,5\n", "and may be followed by mean_of, sd,"),
        ("", "is no CSV that can be read"),
    ],
)
def test_a_table_that_is_none_is_one_line(tmp_path, text, message):
    (tmp_path / "p.csv").write_text(text)
    (line,) = lines_of(tmp_path / "p.csv")
    assert line.startswith("PAPER")
    assert message in line


def test_every_wrong_number_has_its_line(tmp_path):
    (tmp_path / "p.csv").write_text(f"{HEADER}\np,m,t,x,a,1\np,m,t,x,loss,1\np,m,t,x,loss,x\n")
    first, second = lines_of(tmp_path / "p.csv")
    assert first.startswith("PAPER:2: metric 'a'")
    assert second.startswith("PAPER:4: value 'x'")


@pytest.mark.parametrize(
    ("metric", "value", "remedy"),
    [
        ("accuracy", "88.25", "write 0.8825"), ("macro_f1", "90.0", "write 0.900"),
        ("accuracy", "88.25%", "write 0.8825"), ("accuracy", "2.5", "write 0.025"),
    ],
)  # fmt: skip
def test_percent_beside_shares_is_refused(tmp_path, metric, value, remedy):
    text = f"{HEADER}\np,m,t,y,accuracy,.8825\np,m,t,x,{metric},{value}\n"
    (tmp_path / "p.csv").write_text(text)
    assert lines_of(tmp_path / "p.csv") == [
        f"PAPER:3: value {value!r} looks like percent: {remedy}"
    ]


def test_what_a_paper_may_really_print_is_kept(tmp_path):
    """Out of range, but no percent: the audit tells of it."""
    rows = "p,m,t,x,accuracy,1.2\np,m,t,x,loss,-0.3\np,m,t,x,macro_f1,250\np,m,t,y,loss,88.25\n"
    (tmp_path / "p.csv").write_text(f"{HEADER}\n{rows}")
    assert len(read_paper(str(tmp_path / "p.csv")).numbers) == 4


def test_a_share_of_parameters_is_percent_without_a_sign(tmp_path):
    (tmp_path / "p.csv").write_text(f"{HEADER}\np,m,,x,trainable_percent,2.818%\n")
    assert lines_of(tmp_path / "p.csv") == ["PAPER:2: value '2.818%' is not a number; write 2.818"]


def test_a_number_that_stands_twice_is_refused(tmp_path):
    """Equal or not: one of the rows is a slip, or names no place in the paper."""
    for second in (".5", ".6"):
        text = f"{HEADER}\np,m,t,x,accuracy,.5\np,m,t,x,loss,1\np,m,t,x,accuracy,{second}\n"
        (tmp_path / "p.csv").write_text(text)
        (line,) = lines_of(tmp_path / "p.csv")
        assert line.startswith("PAPER:4: repeats source, model, task, method, metric of line 2;")
        assert line.endswith("name the place of each in a column 'where'")


def test_a_number_that_a_paper_prints_in_two_places_is_read_twice(tmp_path):
    rows = "p,m,t,x,accuracy,.5,table 2\np,m,t,x,accuracy,.6,table 5\n"
    (tmp_path / "p.csv").write_text(f"{HEADER},where\n{rows}")
    numbers = read_paper(str(tmp_path / "p.csv")).numbers
    assert [(number.value, number.where) for number in numbers] == [
        (".5", "table 2"), (".6", "table 5"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        ("accuracy,.9,5,-.01,", "sd '-.01' is not a number of 0 or more"),
        ("accuracy,.9,5,wide,", "sd 'wide' is not a number of 0 or more"),
        ("accuracy,.9,,.01,", "sd '.01' needs mean_of, of how many runs it is, 2 or more;"),
        ("accuracy,.9,1,.01,", "sd '.01' needs mean_of, of how many runs it is, 2 or more;"),
        ("accuracy,.9,1,,.01", "standard_error '.01' needs mean_of, of how many runs it is,"),
        ("accuracy,.9,5,.01,.01", "has both sd and standard_error; give the one that the paper"),
        (
            "accuracy,.8825,5,1.2,",
            "mean accuracy of .8825 can have (0.360); if it is percent, write 0.012",
        ),
        ("accuracy,.8825,5,,0.54", "standard_error '0.54' is more than 5 runs with a mean"),
        ("trainable_percent,2.8,5,.1,", "a share of parameters does not vary over runs; leave"),
    ],
)
def test_a_spread_that_cannot_be_used_is_refused(tmp_path, cells, message):
    header = f"{HEADER},mean_of,sd,standard_error"
    (tmp_path / "p.csv").write_text(f"{header}\np,m,t,x,{cells}\n")
    (line,) = lines_of(tmp_path / "p.csv")
    assert line.startswith("PAPER:2: ")
    assert message in line


def test_a_paper_s_own_spread_is_read_in_any_order_of_columns(tmp_path):
    rows = "p,m,t,x,accuracy,.9,.012,,5\np,m,t,x,loss,.4,,.2,3\np,m,t,y,accuracy,1.00,0,,5\n"
    (tmp_path / "p.csv").write_text(f"{HEADER},sd,standard_error,mean_of\n{rows}")
    numbers = read_paper(str(tmp_path / "p.csv")).numbers
    assert [(number.mean_of, number.sd, number.standard_error) for number in numbers] == [
        (5, 0.012, None), (3, None, 0.2), (5, 0.0, None),
    ]  # fmt: skip


def test_a_number_and_a_paper_may_have_notes(folder):
    write_paper(folder, notes=["The best epoch, on dev.", "Copied."])
    (folder / "numbers.csv").write_text(
        f"{HEADER},note\nsmith2025,m,t,full,accuracy,.90,from another checkpoint\n"
    )
    paper = read_paper(str(folder))
    assert paper.numbers[0].note == "from another checkpoint"
    assert sourced_notes([paper, paper])[:2] == [
        "smith2025: The best epoch, on dev.",
        "smith2025: Copied.",
    ]


#: The shipped papers on GLUE: so many numbers, and of which metrics.
ON_GLUE = {
    "hu-2022": (96, {"accuracy", "matthews_correlation", "pearson"}),
    "houlsby-2019": (29, {"accuracy", "matthews_correlation", "spearman", "f1"}),
}


@pytest.mark.parametrize("name", ON_GLUE)
def test_the_papers_on_glue_say_what_must_be_known_of_their_numbers(name):
    paper = read_paper(f"config/published/{name}")
    number, metrics = ON_GLUE[name]
    assert len(paper.numbers) == number
    assert {one.metric for one in paper.numbers} - {"trainable_percent"} == metrics
    assert paper.notes
    notes = {(one.model, one.method, one.task): one.note for one in paper.numbers}
    if name == "hu-2022":
        for task in ("mrpc", "rte", "stsb"):
            for model in ("roberta-base", "roberta-large"):
                assert "MNLI checkpoint" in notes[model, "lora", task]
            assert "MNLI" not in notes["roberta-large", "lora_restricted", task]
        assert {task for (_, method, task), note in notes.items() if "F1" in note} == {
            "mrpc",
            "qqp",
        }
        assert all(one.mean_of in (None, 5) and one.sd is None for one in paper.numbers)


def test_the_last_digit_of_a_printed_number_is_found_in_every_notation():
    for text, step in (("0.88", 0.01), (".630", 0.001), ("90", 1), ("1.2e2", 10), ("5e-3", 0.001)):
        assert last_digit(text) == pytest.approx(step)


@pytest.mark.parametrize(
    ("finding", "message"),
    [
        ({"finding": "x"}, "names no kind of finding; give exactly one of hardest_task, easiest"),
        (
            FINDING | {"easiest_task": {"task": "t", "method": "full"}},
            "names hardest_task and easiest_task; give exactly one",
        ),
        (FINDING | {"hardest_tusk": {}}, "hardest_tusk: unknown key; did you mean 'hardest_task'?"),
        (
            {"finding": "x", "hardest_task": {"task": "t", "methud": "full"}},
            "[0].hardest_task.methud: unknown key; did you mean 'method'?",
        ),
        ({"finding": "x", "hardest_task": {"task": "t"}}, "hardest_task.method: is missing"),
        ({"finding": "", "hardest_task": {"task": "t", "method": "m"}}, "finding: is empty"),
        (
            {"finding": "x", "hardest_task": {"task": "t", "method": "m", "metric": "acuracy"}},
            "'acuracy' is no metric by which methods are compared; did you mean 'accuracy'?",
        ),
        (
            {"finding": "x", "better_models": {"models": "m", "than": "n", "method": "full"}},
            "better_models.models: 'm' is not a list; write [m]",
        ),
        (
            {"finding": "x", "equal_metrics": {"metrics": ["accuracy"], "why": "y"}},
            "[0].equal_metrics: names 1 metrics; name the two that are equal",
        ),
        (
            {"finding": "x", "equal_metrics": {"metrics": ["accuracy", "mikro_f1"], "why": "y"}},
            "'mikro_f1' is no metric; did you mean 'micro_f1'?",
        ),
    ],
)
def test_a_wrong_finding_is_one_line(folder, finding, message):
    write_paper(folder, findings=[finding])
    lines = [line for line in lines_of(folder) if message in line]
    assert len(lines) == 1, lines_of(folder)
    assert lines[0].startswith("PAPER/paper.yaml: findings[0]")


def changed(path, value):
    """`MEMORY` with another value at a path of keys."""
    content = copy.deepcopy(MEMORY)
    at = content
    for key in path[:-1]:
        at = at[key]
    at[path[-1]] = value
    return content


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (["batch"], "4", "memory.batch: '4' is not a whole number but text; write 4"),
        (["bach"], 4, "memory.bach: unknown key; did you mean 'batch'?"),
        (["reference"], "ful", "memory.reference: unknown name 'ful'; did you mean 'full'?"),
        (["networks"], ["net", "nut"], "no shape of 'nut'; put its config.json into the folder as"),
        (["ways", "eager", "attention"], "flash", "'flash' is not one of 'eager' or 'sdpa'"),
        (["beside", "network"], "nut", "memory.beside.network: unknown name 'nut'"),
        (["beside", "columns", 0, "way"], "fp16", "memory.beside.columns[0].way: unknown name"),
        (
            ["quantities", "hidden", "shape", "key"], "width",
            "memory.quantities.hidden.shape.key: the shape of 'net' has no number 'width'",
        ),
        (["quantities", "peak", "traced", "way"], "fp16", "quantities.peak.traced.way: unknown"),
        (["quantities", "peak", "traced", "what"], "top", "'top' is not one of 'peak', 'activ"),
        (["quantities", "peak", "formula"], "1", "none or several of shape, traced and formula"),
        (["quantities", "GB"], {"formula": "1"}, "quantities.GB: 'GB' is no name of a quantity"),
        (
            ["quantities", "double", "formula"], "2 * peek",
            "memory.quantities.double.formula: '2 * peek' uses 'peek', which is not known here;",
        ),
        (
            ["quantities", "double", "formula"], "open('x')",
            "\"open('x')\" is no formula; write numbers, names and + - * / **",
        ),
        (
            ["errata", 0, "right"], "{duble:.1f} GB",
            "memory.errata[0].right: '{duble:.1f} GB' uses {duble}, which is not known here; known",
        ),
        (["errata", 0, "why"], "{double:.1g2}", "by '.1g2', which is no format; double:.2f is one"),
        (["errata", 0, "why"], "{double", "has a brace that is not closed; write {{ and }}"),
        (["tables", "errata", "title"], "{x}", "memory.tables.errata.title: '{x}' uses {x}"),
    ],
)  # fmt: skip
def test_a_wrong_memory_example_is_one_line(folder, path, value, message):
    write_paper(folder, memory=changed(path, value))
    lines = lines_of(folder)
    assert [message in line for line in lines] == [True], lines
    assert lines[0].startswith("PAPER/paper.yaml: memory.")


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("ful,weights,1,", ":2: unknown method 'ful'; did you mean 'full'?"),
        ("full,wights,1,", ":2: unknown component 'wights'; did you mean 'weights'?"),
        ("full,weights,much,", ":2: gigabytes 'much' is not a number"),
        ("full,weights,1,1 +", ":2: '1 +' is no formula"),
        ("full,weights,1,1 / 0", ":2: formula '1 / 0' has no value: float division by zero"),
        ("full,weights,1.5,2 * 3", ":2: gigabytes '1.5' is not what its formula '2 * 3' gives, 6;"),
    ],
)
def test_a_wrong_figure_is_one_line(folder, row, message):
    (folder / "memory.csv").write_text(f"method,component,gigabytes,formula\n{row}\n")
    (line,) = lines_of(folder)
    assert line.startswith("PAPER/memory.csv")
    assert message in line


def test_a_figure_may_be_rounded_or_cut_off_and_need_no_formula(folder):
    rows = "full,total,20,12.54 + 8\nfull,weights,21,12.54 + 8\nlora,weights,3,\n"
    (folder / "memory.csv").write_text(f"method,component,gigabytes,formula\n{rows}")
    figures = read_paper(str(folder)).memory.figures
    assert [figure.gigabytes for figure in figures] == [20, 21, 3]


def test_a_paper_and_its_numbers_have_one_name(folder):
    write_paper(folder, source="smith2024")
    assert lines_of(folder) == [
        "PAPER/numbers.csv: has the source 'smith2025'; paper.yaml calls it 'smith2024'"
    ]


def test_a_missing_part_is_named(folder):
    (folder / "memory.csv").unlink()
    assert "PAPER/memory.csv: is no CSV that can be read" in lines_of(folder)[0]
    write_paper(folder, memory=None)
    (folder / "numbers.csv").unlink()
    assert "PAPER/numbers.csv: is no CSV that can be read" in lines_of(folder)[0]
    (folder / "paper.yaml").unlink()
    assert "is neither a folder with paper.yaml and numbers.csv nor a CSV" in lines_of(folder)[0]


def test_a_shape_that_is_no_json_is_one_line(folder):
    (folder / "net.json").write_text("{hidden_size: 8}")
    (line,) = lines_of(folder)
    assert line.startswith("PAPER/net.json: is no JSON")


def test_texts_quote_what_was_computed(folder):
    case = read_paper(str(folder)).memory
    rows = [
        {
            "model": "net", "method": method, "way": way, "traced": traced, "closed_form": None,
            "parts": dict.fromkeys(
                ["frozen weights", "trainable weights", "gradients", "optimizer state",
                 "activations", "temporaries", "inputs"], 1_000_000_000,
            ),
        }
        for method, way, traced in (
            ("full", "fp32", 9e9), ("full", "eager", 8e9), ("lora", "fp32", 3e9),
            ("lora", "eager", 4e9),
        )
    ]  # fmt: skip
    tables = memory_example_tables(case, rows)
    assert tables["memory_errata"].data["right"].tolist() == ["8.0 GB"]
    published = tables["memory_published"]
    assert published.title == "4 of 8"
    assert published.data.columns.tolist() == ["method", "component", "gigabytes", "traced"]
    assert published.data["traced"].tolist() == [2.0, 9.0]
    assert tables["memory_corrected"].readable["of full"].tolist() == [
        "100 %", "100 %", "33 %", "50 %",
    ]  # fmt: skip
    with pytest.raises(UserError, match="quantity peak: net, lora, eager was not traced"):
        QuantityValues(case, rows[:3])["double"]


def test_formulas_are_arithmetic_and_nothing_else():
    values = {"a": 2.0, "b_1": 3.0}
    assert evaluate("-(a + 2 * b_1 ** 2) / 4 - 1", values) == -6.0
    assert formula_problem("a * b_1", values) is None
    for wrong in ("a.real", "a[0]", "f(a)", "a if a else a", "'a'", "a % 2", "a < 2", "True", ""):
        assert formula_problem(wrong, values), wrong


def test_texts_name_values_and_nothing_else():
    values = {"a": 2.0}
    assert fill("{{{a:.1f}}} and {a:.0f}", values) == "{2.0} and 2"
    assert text_problem("{a:.1f}", values) is None
    for wrong in ("{a.real}", "{a[0]}", "{}", "{0}", "{a!r}", "{a:{a}}", "}"):
        assert text_problem(wrong, values), wrong


def broken(tmp_path, published):
    """The one line that a configuration with these papers is refused with."""
    grid = "grid: [{models: [minilm-l6], tasks: [reviews], methods: [full], seeds: [1]}]\n"
    path = tmp_path / "my.yaml"
    path.write_text(grid + yaml.safe_dump({"published": published}))
    with pytest.raises(UserError) as error:
        load_project([path])
    (line,) = error.value.problems
    return line


def test_a_configuration_that_names_a_wrong_paper_is_refused(tmp_path, folder):
    assert "my.yaml: published[0]: no such file or folder: " in broken(tmp_path, ["no-such-paper"])
    write_paper(folder, findings=[{"finding": "x"}])
    assert "paper.yaml: findings[0]: names no kind" in broken(tmp_path, [str(folder)])
    write_paper(folder, memory=changed(["methods"], ["full", "lora", "lorra"]))
    assert "memory.methods: unknown method 'lorra'; did you mean" in broken(tmp_path, [str(folder)])
    write_paper(folder)
    both = [str(folder), "config/published/lab-report-2024"]
    assert "my.yaml: published: " in (line := broken(tmp_path, both))
    assert "have a memory example each; the tables hold one" in line


def test_two_papers_that_hold_the_same_number_are_refused(tmp_path, folder):
    other = tmp_path / "other.csv"
    other.write_text(NUMBERS)
    line = broken(tmp_path, [str(folder), str(other)])
    assert "my.yaml: published[1]: " in line
    assert f"repeats 1 of the numbers of {folder} (smith2025, m, t, full, accuracy);" in line


def test_only_the_report_s_own_configurations_name_papers():
    named = {
        name: load_project([ROOT / "config" / name]).config.published
        for name in ("config.yaml", "report-cpu.yaml", "demo.yaml")
    }
    report = ["config/published/lab-report-2024"]
    assert named == {"config.yaml": report, "report-cpu.yaml": report, "demo.yaml": []}


def test_the_paper_that_the_documentation_shows_is_a_whole_one(tmp_path):
    text = (ROOT / "docs/published-papers.md").read_text(encoding="utf-8")
    shown = re.findall(r"^`my-paper/(\S+?)` .*?^```\w+\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    assert sorted(name for name, _ in shown) == ["memory.csv", "numbers.csv", "paper.yaml"]
    for name, content in shown:
        (tmp_path / name).write_text(content)
    paper = read_paper(str(tmp_path))
    assert (len(paper.numbers), len(paper.findings), len(paper.memory.figures)) == (3, 1, 2)


def test_the_documentation_names_every_kind_of_finding():
    text = (ROOT / "docs/published-papers.md").read_text(encoding="utf-8")
    assert [kind for kind in KINDS if f"`{kind}`" not in text] == []
