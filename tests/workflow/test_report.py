"""The report as its readers see it: in a browser, from the file."""

import json
from base64 import b64encode
from html import escape

import pandas as pd
import pytest
from browser import browse
from synthetic import MEMORY, PREDICTED, SUMMARY, make_comparison

from tunegrid.reporting.first_page import first_page
from tunegrid.reporting.html_page import to_html
from tunegrid.reporting.memory_tables import fits_table
from tunegrid.reporting.report_table import ReportTable
from tunegrid.reporting.table_names import (
    CATEGORY,
    FINDING_TABLES,
    MEMORY_TABLES,
    PUBLISHED_TABLES,
)

CHAPTERS = ["Answer", "Cost", "Data", "Memory", "Published", "Quality", "Runs"]
#: Every chapter is opened, and every entry in it shown; what is seen is returned.
LOOK_AROUND = """
  await wait(1000);
  const found = {front: document.querySelector("#app").innerText, chapters: {}};
  for (const chapter of Object.keys(categories)) {
    app.setView({navbarMode: "menu"});
    await wait(100);
    app.showCategory(chapter);
    await wait(100);
    const seen = {listed: document.querySelector("#app").innerText, shown: {}};
    for (const path of Object.values(categories[chapter]).flat()) {
      const entry = results[path];
      const kind = path.split(".").pop();
      if (kind === "png" || kind === "html")
        app.setView({content: kind === "png" ? "img" : "html", contentPath: entry.data_uri});
      await wait(200);
      const image = document.querySelector("#app img[src^='data:image/png']");
      const frame = document.querySelector("#app iframe");
      seen.shown[path] = kind === "png" ? image.naturalWidth
        : kind === "html" ? frame.src.length : entry.data_uri.length;
    }
    found.chapters[chapter] = seen;
  }
  return found;
"""


#: Screens on which the answer is to be seen at once.
SCREENS = [(1366, 768), (1440, 900), (1920, 1080), (1280, 720)]
#: Another first page (%s) is put in place of the report's own; where its parts stand is returned.
MEASURE_POSITIONS = """
  await wait(1000);
  const place = (element) => {
    const {left, top, right, bottom} = element.getBoundingClientRect();
    return {left, top, right, bottom};
  };
  const find = (selector) => [...document.querySelectorAll(`#tunegrid ${selector}`)].map(place);
  const measure = () => ({
    window: {left: 0, top: 0, right: innerWidth, bottom: innerHeight},
    headline: find("h1"),
    picture: find("img"),
    sentences: find(".sentence"),
    fits: find(".fit"),
    caveats: find(".caveat"),
    graph: [place(document.querySelector("#rulegraph"))],
  });
  const own = measure();
  document.querySelector("#tunegrid").outerHTML = %s;
  await wait(500);
  const other = measure();
  const large = '<svg xmlns="http://www.w3.org/2000/svg" width="3000" height="5000"></svg>';
  app.setView({content: "img", contentPath: `data:image/svg+xml,${encodeURIComponent(large)}`});
  await wait(500);
  return {own, other, large: place(document.querySelector("#app .justify-center img"))};
"""


@pytest.fixture(scope="module")
def page(finished):
    """The finished grid's report, made by its target."""
    workflow, config = finished
    workflow.configure(config)
    workflow.run("report")
    return workflow.directory / "results/report.html"


@pytest.fixture(scope="module")
def report(page, tmp_path_factory):
    """What is seen in the finished grid's report, and what the browser complained of."""
    return browse(page, LOOK_AROUND, tmp_path_factory.mktemp("browser"))


def demo_page():
    """The first page of a grid of the demo's size: two methods against full on three tasks."""
    rows = [
        make_comparison("minilm-l6", difference=-0.032, low=-0.09, high=0.026, verdict=verdict)
        | {"method": method, "task": task, "seeds_needed": 8, "examples_needed": 1200}
        for method, verdict in (("adapter-64", "cannot be told"), ("adapter-8", "worse"))
        for task in ("reviews", "questions", "paper_sentences")
    ]
    comparisons = pd.DataFrame(rows)
    means = comparisons.drop_duplicates("method").drop(columns="task")
    counts = {"wins": 0, "ties": 0, "untold": 2, "losses": 1}
    overall = means.assign(tasks=3, speaks_of="these tasks", **counts)
    return first_page(comparisons, overall, SUMMARY, MEMORY, fits_table(PREDICTED).data)


def test_it_opens_without_an_error(report):
    found, complaints = report
    assert "failed" not in found, found
    assert complaints == []


def test_its_first_page_states_the_answer(report):
    front = report[0]["front"]
    assert "What do I lose with an adapter instead of full fine-tuning" in front
    words = ("cannot be told from", "loses", "gains", "is the same as", "predicts exactly")
    assert any(f"adapter-4 {word}" in front for word in words)
    assert "It trains" in front
    assert "Will it fit" in front
    assert "Each job" not in front


@pytest.mark.parametrize("screen", SCREENS, ids=lambda screen: f"{screen[0]}x{screen[1]}")
def test_the_answer_is_seen_without_scrolling_and_the_rest_can_be_scrolled_to(
    screen, page, tmp_path
):
    script = MEASURE_POSITIONS % json.dumps(demo_page())
    found, complaints = browse(page, script, tmp_path, screen)
    assert "failed" not in found, found
    assert complaints == []
    for seen, count in ((found["own"], 1), (found["other"], 2)):
        window = seen["window"]
        assert len(seen["headline"]) == len(seen["picture"]) == 1
        assert len(seen["sentences"]) == count
        for place in (*seen["headline"], *seen["picture"], *seen["sentences"]):
            assert 0 <= place["left"] < place["right"] <= window["right"]
            assert 0 <= place["top"] < place["bottom"] <= window["bottom"]
        (picture,) = seen["picture"]
        assert picture["right"] - picture["left"] > 400
        lowest = max(place["bottom"] for place in seen["sentences"])
        for place in (*seen["fits"], *seen["caveats"]):
            assert place["top"] >= max(lowest, picture["bottom"])
        assert seen["graph"][0]["top"] > seen["caveats"][-1]["bottom"]
    # Of a figure that is larger than the window, too, the beginning is seen.
    large = found["large"]
    assert large["bottom"] > window["bottom"]
    assert large["top"] >= 0
    assert large["left"] >= 0


def test_the_report_is_a_target_that_is_up_to_date_until_something_changes(page, finished):
    workflow, _ = finished
    assert workflow.plan("report") == {}
    # What the page shows of the configuration has changed, and nothing else.
    given = "cluster={mem: 8GB}"
    assert workflow.plan("report", "--config", given) == {"report": 1}
    made = page.stat().st_mtime_ns
    run = workflow.run("report", "--printshellcmds", "--config", given)
    assert "--configfile results/.plans/" in run.stdout + run.stderr
    assert page.stat().st_mtime_ns > made
    assert "Report created" in (workflow.directory / "results/logs/report.log").read_text()


def test_each_chapter_has_its_entries_and_each_entry_is_seen(report):
    chapters = report[0]["chapters"]
    assert sorted(chapters) == CHAPTERS
    for chapter, seen in chapters.items():
        assert seen["shown"], chapter
        for path, size in seen["shown"].items():
            assert size > 100, path
    tables = CATEGORY | dict.fromkeys(MEMORY_TABLES, "Memory")
    tables |= dict.fromkeys([*PUBLISHED_TABLES, *FINDING_TABLES], "Published")
    for table, chapter in tables.items():
        assert f"results/tables/{table}.html" in chapters[chapter]["shown"]
        assert table in chapters[chapter]["listed"]
    pictures = {path for seen in chapters.values() for path in seen["shown"]}
    for name in ("forest", "bars_accuracy", "confusion_tiny", "curves_tiny", "methods", "pareto"):
        assert f"results/figures/{name}.png" in pictures
    assert "results/results.xlsx" in chapters["Runs"]["shown"]
    assert "results/first_page.html" in chapters["Answer"]["shown"]
    assert "results/figures/forest.png" in chapters["Answer"]["shown"]


def test_tables_sort_by_a_click_numbers_as_numbers(tmp_path):
    rows = pd.DataFrame(
        {"name": ["b", "c", "a", "d"], "score": ["0.9 ± 0.1", "10.5", "—", "-1,000 (3)"]}
    )
    page = tmp_path / "table.html"
    page.write_text(to_html("A table", [ReportTable("A table", rows, rows)]))
    found, complaints = browse(
        page,
        """
        const names = () => [...document.querySelectorAll("tbody tr")].map(
          (row) => row.cells[0].textContent).join("");
        const seen = [];
        for (const at of [0, 0, 1, 1]) {
          document.querySelectorAll("thead th")[at].click();
          seen.push(names());
        }
        return seen;
        """,
        tmp_path,
    )
    assert complaints == []
    assert found == ["abcd", "dcba", "dbca", "cbda"]


def test_a_wide_and_long_table_scrolls_in_its_frame_and_keeps_names_and_head(tmp_path):
    rows = pd.DataFrame(
        {"model": ["m"] * 60, "task": ["t"] * 60}
        | {f"a number of the name {at}": ["0.1234"] * 60 for at in range(20)}
    )
    page = tmp_path / "table.html"
    page.write_text(to_html("A table", [ReportTable("A table", rows, rows)]))
    found, complaints = browse(
        page,
        """
        const frame = document.querySelector(".frame"), table = frame.querySelector("table");
        const places = () => [table.rows[0].cells[0], table.rows[59].cells[1]].map(
          (cell) => [cell.getBoundingClientRect().left, cell.getBoundingClientRect().top]);
        const before = places();
        frame.scrollLeft = 500;
        frame.scrollTop = 300;
        await wait(100);
        const after = places();
        const page = document.documentElement;
        return {before, after, left: frame.getBoundingClientRect().left,
                scrolls: page.scrollWidth > page.clientWidth,
                moved: [frame.scrollLeft, frame.scrollTop]};
        """,
        tmp_path,
    )
    assert complaints == []
    assert found["moved"] == [500, 300]
    assert not found["scrolls"]
    (head, name), (head_after, name_after) = found["before"], found["after"]
    assert head[0] == found["left"]
    assert head_after == head
    assert name_after == [name[0], name[1] - 300]


@pytest.mark.parametrize(("folder", "linked"), [("results/tables", True), ("report", False)])
def test_numbers_lead_to_their_runs_only_where_the_page_lies_beside_them(tmp_path, folder, linked):
    rows = pd.DataFrame({"model": ["m"], "mean": ["**0.5** †1"]})
    table = ReportTable("A table", rows, rows, links={"mean": ["runs/m/t/full/"]})
    opened = tmp_path / folder
    opened.mkdir(parents=True)
    page = tmp_path / "table.html"
    page.write_text(to_html("A table", [table]))
    found, complaints = browse(
        page,
        """
        const links = [...document.querySelectorAll("a")];
        return {links: links.map((link) => [link.href, link.textContent]),
                said: !document.querySelector("p.links").hidden};
        """,
        opened,
    )
    assert complaints == []
    target = (tmp_path / "results/runs/m/t/full").as_uri() + "/"
    assert found["links"] == ([[target, "0.5 †1"]] if linked else [])
    assert found["said"] is linked


@pytest.mark.parametrize("way", ["data", "srcdoc", "file"])
def test_an_embedded_page_has_no_links(tmp_path, way):
    rows = pd.DataFrame({"model": ["m"], "mean": ["0.5"]})
    table = ReportTable("A table", rows, rows, links={"mean": ["runs/m/t/full/"]})
    count = "<script>parent.postMessage(document.querySelectorAll('a').length, '*')</script>"
    inner = to_html("A table", [table]) + count
    folder = tmp_path / "results/tables"
    folder.mkdir(parents=True)
    (folder / "inner.html").write_text(inner)
    source = {
        "data": f'src="data:text/html;base64,{b64encode(inner.encode()).decode()}"',
        "srcdoc": f'srcdoc="{escape(inner)}"',
        "file": 'src="inner.html"',
    }[way]
    page = tmp_path / "table.html"
    page.write_text(f"""<!DOCTYPE html><script>
        const counted = new Promise((done) =>
          window.addEventListener("message", (event) => done(event.data)));
        </script><iframe {source}></iframe>""")
    found, complaints = browse(page, "return await counted;", folder)
    assert complaints == []
    assert found == 0


def test_long_texts_break_into_lines_and_numbers_stay_on_one(tmp_path):
    sentence = "adapter-64 loses 1.2 points (0.4 … 2.0) of accuracy against full, at 1 % " * 4
    rows = pd.DataFrame(
        {
            "model": ["roberta-base"],
            "answer": [sentence],
            "interval": ["-0.0200 … -0.0040"],
            "runs": ["0.8123 ± 0.0123 (5) †1 ‡2"],
        }
    )
    page = tmp_path / "table.html"
    page.write_text(to_html("A table", [ReportTable("A table", rows, rows, note=sentence)]))
    found, complaints = browse(
        page,
        """
        const lines = [...document.querySelectorAll("tbody td")].map((cell) => {
          const range = document.createRange();
          range.selectNodeContents(cell);
          return new Set([...range.getClientRects()].map((box) => box.top)).size;
        });
        const page = document.documentElement;
        return {lines, scrolls: page.scrollWidth > page.clientWidth};
        """,
        tmp_path,
    )
    assert complaints == []
    name, answer, interval, runs = found["lines"]
    assert (name, interval, runs) == (1, 1, 1)
    assert answer > 1
    assert not found["scrolls"]
