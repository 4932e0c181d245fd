"""The first page of the report: both answers in a picture and in sentences, caveats behind them.

The page is a file of its own, and Snakemake's report shows it as its description. There it stands
in Snakemake's own page, which would centre it in the window, so that the beginning of a long text
would lie above the window and could not be scrolled to. The style of the page therefore says of
the elements around it, too, that they begin at the top. It is in force while the page is shown.
"""

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import matplotlib.pyplot as plt
import pandas as pd
from jinja2 import Environment, Template

from tunegrid.reporting.answer_caveats import Evidence, list_caveats
from tunegrid.reporting.answer_costs import Costs
from tunegrid.reporting.answer_table import (
    Answer,
    choose_answers,
    margin_of,
    select_rows,
    state_answer,
)
from tunegrid.reporting.comparisons_table import NOTHING_NOTE
from tunegrid.reporting.figure_style import UNDATED
from tunegrid.reporting.forest_figure import plot_forest
from tunegrid.reporting.forest_panels import ForestPanel, forest_panels, shorten_panels
from tunegrid.reporting.gpu_fit import NOTE as FIT_NOTE
from tunegrid.reporting.gpu_fit import fit_lines, fit_summaries
from tunegrid.results import GROUP

QUESTION = "What do I lose with an adapter instead of full fine-tuning, and will it fit my GPU?"
#: A space at which a line is not broken.
NO_BREAK = "\u00a0"
#: So many rows of the picture, and so many sentences, are on the page; the chapters have the rest.
MOST_ROWS = 24
MOST_SENTENCES = 8
#: Width of the picture, in inches of 96 pixels: its letters are then as large as those around it.
PICTURE_WIDTH = 6.2

PAGE = """\
<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<title>{{ question }}</title>
<style>
  #app .h-screen.overflow-auto.justify-center { align-items: flex-start }
  #app .h-screen.overflow-auto.justify-center > div { flex-direction: column; min-width: 0 }
  #app .prose:has(#tunegrid) { max-width: 80rem }
  #app #rulegraph { max-height: none }
  #tunegrid { font: 14px/1.4 system-ui, sans-serif; color: #1e293b; max-width: 80rem }
  #tunegrid h1 { font-size: 20px; line-height: 1.25; font-weight: 700; margin: 0 0 .4em }
  #tunegrid h2 { font-size: 15px; font-weight: 700; margin: .9em 0 .2em }
  #tunegrid p, #tunegrid li { margin: 0 0 .45em; overflow-wrap: anywhere }
  #tunegrid ul, #tunegrid ol { margin: 0; padding-left: 1.3em }
  #tunegrid .answer { display: flex; flex-wrap: wrap; gap: 0 1.5em; align-items: flex-start }
  #tunegrid .answer > img { flex: 0 1 {{ picture_pixels }}px; min-width: 0; max-width: 100%;
    height: auto; margin: 0 }
  #tunegrid .answer > div { flex: 1 1 20em; min-width: 0 }
  #tunegrid .answer ul { list-style: none; padding: 0 }
  #tunegrid .answer li { padding: 0 }
  #tunegrid .costs, #tunegrid .note { color: #64748b; font-size: 12.5px }
  #tunegrid summary { cursor: pointer }
</style>
<div id="tunegrid">
<h1>{{ question }}</h1>
{% if state %}<p class="state">{{ state }}</p>{% endif %}
<div class="answer">
{% if picture %}
<img alt="The differences with their intervals, as a picture" src="{{ picture }}">
{% endif %}
<div>
{% if sentences %}
<ul>
{% for sentence in sentences %}
<li class="sentence">{% if several %}<b>{{ sentence.asked }}</b>: {% endif %}{{ sentence.text }}. \
<span class="costs">{{ sentence.costs }}</span></li>
{% endfor %}
</ul>
{% if left_out %}<p class="note">{{ left_out }} more: chapter Answer, table answer.</p>{% endif %}
{% if is_shortened %}
<p class="note">The picture shows a part of the figure forest, which is in chapter Answer.</p>
{% endif %}
{% else %}
<p>{{ nothing }}</p>
{% endif %}
</div>
</div>
{% if fits %}
<h2>Will it fit</h2>
{% for model, line in fits.items() %}
<p class="fit"><b>{{ model }}</b>: {{ line }}.</p>
{% endfor %}
{% endif %}
{% if caveats %}
<h2>Before you rely on it</h2>
<ol>
{% for caveat in caveats %}
<li class="caveat">{{ caveat }}</li>
{% endfor %}
</ol>
{% endif %}
<details>
<summary>How to read this</summary>
{% for note in notes %}
<p class="note">{{ note }}</p>
{% endfor %}
{% for model, lines in fit_details.items() %}
<p class="note"><b>{{ model }}</b></p>
<ul>
{% for line in lines %}
<li class="note">{{ line }}</li>
{% endfor %}
</ul>
{% endfor %}
</details>
</div>
</html>
"""

PICTURE_NOTE = (
    "The picture: to the right of 0 the method is better, where the metric is one of which more is"
    " better. Thick: the 95 % interval of a difference by itself. Thin: the interval that the"
    " verdict is read from, wider where several differences are judged together. Grey: what counts"
    " as the same. An interval that goes on beyond the axis ends in an arrow. The whole picture is"
    " the figure forest in chapter Answer."
)
NUMBERS_NOTE = (
    "Every number is the method − what it is compared with; in brackets is the interval that the"
    " verdict is read from. docs/statistics.md says how it is computed."
)


@dataclass(frozen=True)
class PageSentence:
    """What the page says of one subject.

    Attributes:
        asked: what it is asked of: the model where methods are compared.
        text: what it loses or gains.
        costs: what it costs; empty if that is not known.
    """

    asked: str
    text: str
    costs: str


def first_page(
    comparisons: pd.DataFrame,
    overall: pd.DataFrame,
    summary: pd.DataFrame,
    memory: pd.DataFrame,
    fits: pd.DataFrame,
    tuning: pd.DataFrame | None = None,
) -> str:
    """The page as HTML.

    Args:
        comparisons: as compare_methods returns it.
        overall: as `compare_over_tasks` returns it.
        summary: as summarise returns it.
        memory: the table `memory`, unrounded: bytes.
        fits: the table `memory_fits`, unrounded: the largest micro-batch by GPU.
        tuning: as `tunegrid.tuning.tuning_rows.collect_tuning` returns it; None without tuning.
    """
    question, answers = choose_answers(comparisons, overall)
    margin = margin_of(comparisons)
    whole = forest_panels(answers)
    panels = shorten_panels(whole, MOST_ROWS)
    sentences = page_sentences(answers, margin, Costs.of(summary, memory))
    evidence = Evidence(select_rows(comparisons, question), summary, tuning)
    return _template().render(
        question=QUESTION,
        state=describe_state(summary),
        picture=draw_picture(panels, margin) if answers else "",
        is_shortened=panels != whole,
        picture_pixels=round(96 * PICTURE_WIDTH),
        sentences=sentences[:MOST_SENTENCES],
        several=len({sentence.asked for sentence in sentences}) > 1,
        left_out=max(0, len(sentences) - MOST_SENTENCES),
        nothing=NOTHING_NOTE,
        fits=fit_summaries(memory),
        fit_details=fit_lines(memory, fits),
        caveats=list_caveats(evidence) if answers else [],
        notes=[PICTURE_NOTE, NUMBERS_NOTE, FIT_NOTE],
    )


def page_sentences(answers: Sequence[Answer], margin: float, costs: Costs) -> list[PageSentence]:
    """One sentence for each subject over all tasks; for each task where there is no such mean.

    Args:
        answers: in the order of the page.
        margin: below which a difference counts as none, in the metric's unit.
        costs: of the grid.
    """
    sentences = []
    for answer in answers:
        texts = state_answer(answer, margin)
        # What a method costs is said once, behind its last sentence.
        said = [""] * (len(texts) - 1) + [costs.describe(answer.tasks)]
        sentences += [
            PageSentence(asked=answer.asked, text=_keep_together(text), costs=cost)
            for text, cost in zip(texts, said, strict=True)
        ]
    return sentences


def _keep_together(text: str) -> str:
    """The sentence with intervals that are not broken into two lines."""
    return text.replace(" … ", f"{NO_BREAK}…{NO_BREAK}")


def describe_state(summary: pd.DataFrame) -> str:
    """How much of the grid is behind the page; empty if all of it is.

    Args:
        summary: as summarise returns it.
    """
    groups = summary.drop_duplicates(GROUP)
    runs, failed = groups["n_runs"].sum(), groups["n_failed"].sum()
    missing = groups["n_missing"].sum()
    if not failed + missing:
        return ""
    return (
        f"The grid is not finished: of its {runs} runs, {runs - failed - missing} are finished,"
        f" {failed} have failed and {missing} are missing. What follows is of those that are"
        " finished."
    )


def draw_picture(panels: Sequence[ForestPanel], margin: float) -> str:
    """The forest as the address of an image that holds it all.

    Args:
        panels: that are drawn, at least one.
        margin: below which a difference counts as none, in the metric's unit.
    """
    figure = plot_forest(panels, margin, width=PICTURE_WIDTH)
    file = io.BytesIO()
    figure.savefig(file, format="svg", metadata=UNDATED[".svg"])
    plt.close(figure)
    return f"data:image/svg+xml;base64,{base64.b64encode(file.getvalue()).decode()}"


@cache
def _template() -> Template:
    environment = Environment(autoescape=True, trim_blocks=True, keep_trailing_newline=True)
    return environment.from_string(PAGE)
