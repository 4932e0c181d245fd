"""The memory analysis, as its readers see it."""

from dataclasses import replace

from matplotlib.text import Text
from synthetic import MEASURED, PREDICTED

from tunegrid.reporting.memory_figure import plot_memory
from tunegrid.reporting.memory_tables import fits_table, prediction_table, saving_table


def test_what_was_predicted_stands_beside_what_was_measured():
    full, adapter = prediction_table(PREDICTED, MEASURED).readable.to_dict("records")
    assert full["measured"] == "6.000"
    assert full["error"] == "+1.000 %"
    assert adapter["by formula"] == "2.000"
    assert adapter["measured"] == adapter["error"] == "—"


def test_a_model_that_cannot_be_traced_is_only_measured():
    (row,) = prediction_table([], MEASURED).readable.to_dict("records")
    assert (row["traced"], row["measured"]) == ("—", "6.000")
    assert fits_table([]).readable.empty
    assert saving_table([]).readable.empty
    assert "can be traced" in plot_memory([]).axes[0].get_title()


def test_what_fits_and_what_is_saved():
    assert fits_table(PREDICTED).readable["H200"].tolist() == ["none", "none"]
    saving = saving_table(PREDICTED)
    assert saving.readable["share"].tolist() == ["14 %"]
    assert saving.data["saved"].tolist() == [1_000_000_000]


def test_the_memory_figure_has_a_bar_for_each_method_and_lines_of_gpus():
    parts, batches, _ = plot_memory(PREDICTED).axes
    assert [label.get_text() for label in parts.get_yticklabels()] == ["full", "a8"]
    lines = {text.get_text() for text in batches.texts}
    assert lines >= {"T4 (15.6 GB): 12.7 GB", "A100 (80 GB), H100: 74.0 GB"}


def test_the_memory_figure_names_its_model_and_says_what_gpus_leave():
    title = plot_memory(PREDICTED).legends[0].get_title().get_text().replace("\n", " ")
    assert title.startswith("m1: ")
    assert "its memory less 1.3 GB for CUDA's context, and that divided by 1.13" in title


def test_tables_and_the_figure_show_the_gpus_that_steps_were_held_against():
    chosen = [
        replace(record, fits={"12 GB": 8, "T4": 16}, attention="sdpa") for record in PREDICTED
    ]
    assert list(fits_table(chosen).data.columns[4:]) == ["12 GB", "T4"]
    figure = plot_memory(chosen)
    lines = {text.get_text() for text in figure.axes[1].texts}
    assert {line.split(":")[0] for line in lines} == {"12 GB", "T4 (15.6 GB)"}
    texts = [" ".join(text.get_text().split()) for text in figure.findobj(Text)]
    assert any("attention by the memory-efficient kernel (sdpa)" in text for text in texts)
