"""Texts of figures: as they are written, in fonts that have their letters, and never too wide."""

import logging

import pytest

from tunegrid.reporting import figure_style as style
from tunegrid.reporting import figure_text
from tunegrid.reporting.figure_text import measure_text, show_labels, wrap_text

CJK = ["中文标签", "日本語ラベル", "한국어"]


def draw(texts):
    figure, axes = style.plt.subplots()
    axes.set_xticks(range(len(texts)), texts, rotation=90)
    return figure


@pytest.mark.parametrize(
    "label", ["$5", "$x_1^2$", r"\$", r"\alpha %", "a_b", "{c}^~#&", "العربية", "ελληνικά", "Ω → ≥"]
)
def test_a_label_stands_as_it_is_written(label, tmp_path):
    assert show_labels([label]) == [label]
    figure = draw([label])
    assert not figure.axes[0].get_xticklabels()[0].get_parse_math()
    style.save(figure, [tmp_path / f"a.{kind}" for kind in ("png", "svg", "pdf")], 60)


def test_chinese_japanese_and_korean_labels_are_drawn_in_a_font_that_has_them(tmp_path):
    assert show_labels(CJK) == CJK
    # A missing glyph is a warning, and every warning fails a test.
    style.save(draw(CJK), [tmp_path / f"a.{kind}" for kind in ("png", "svg", "pdf")], 60)
    # A reader of PDF files draws PostScript outlines as Type 3, and nothing where they are Type 42.
    assert b"/Type3" in (tmp_path / "a.pdf").read_bytes()
    style.save(draw(["plain"]), [tmp_path / "b.pdf"], 60)
    assert b"/Type3" not in (tmp_path / "b.pdf").read_bytes()


def test_what_no_font_has_is_escaped_behind_the_label_s_number_and_logged(monkeypatch, caplog):
    monkeypatch.setattr(figure_text, "_further_fonts", list)
    with caplog.at_level(logging.WARNING):
        assert show_labels(["plain", "中文"]) == ["plain", r"1: \u4e2d\u6587"]
    assert "中 (U+4E2D), 文 (U+6587)" in caplog.text


def test_labels_that_are_changed_stay_different():
    long = ["x" * 60 + end + "y" * 60 for end in "ab"]
    shown = show_labels(["tab\tnew\nline", *long])
    assert shown[0] == r"0: tab\tnew\nline"
    assert len(set(shown)) == 3
    assert all(len(label) < 60 for label in shown)


def test_numbered_labels_all_have_their_number():
    assert show_labels(["a", "b"], numbered=True) == ["0: a", "1: b"]


def test_wrapped_text_is_as_narrow_as_asked_and_keeps_its_words_and_lines():
    figure = draw(["a"])
    text = "means over seeds; bars: ± standard deviation\n" * 3
    wrapped = wrap_text(figure, text, size=8, width=1.5)
    assert wrapped.split() == text.split()
    assert wrapped.count("\n") > text.count("\n")
    assert measure_text(figure, wrapped, 8) <= 1.5


@pytest.mark.parametrize("dpi", [60, 100, 300])
def test_texts_are_as_wide_at_every_resolution(dpi):
    figure = draw(["a"])
    figure.set_dpi(dpi)
    width = measure_text(figure, "means over seeds, ± standard deviation", 7.5)
    assert width == pytest.approx(2.117, abs=0.005)
