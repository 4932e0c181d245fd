"""What a data card shows of the texts that were read, and what it warns of."""

import json
import logging

import pytest
from datasets import ClassLabel, Dataset, DatasetDict, Features, Sequence, Value
from synthetic import make_card

from tunegrid.config.schema import SplitSettings
from tunegrid.reporting.data_tables import card_tables, data_warnings
from tunegrid.reporting.html_page import to_html
from tunegrid.reporting.table_files import to_markdown
from tunegrid.tasks.cards import leaks, small_dev_warnings, unseen_label_warnings
from tunegrid.tasks.checking import check_task
from tunegrid.tasks.text_contents import constant_texts
from tunegrid.tasks.text_signs import SIGNS, shortened, visible

ONE_LABEL = ClassLabel(names=["neg", "pos", "odd"])


def split(texts, labels, feature=ONE_LABEL, pairs=None):
    features = Features(
        {
            "id": Value("string"),
            "text": Value("string"),
            "text_pair": Value("string"),
            "label": feature,
        }
    )
    columns = {
        "id": [str(at) for at in range(len(texts))],
        "text": texts,
        "text_pair": pairs or [None] * len(texts),
        "label": labels,
    }
    return Dataset.from_dict(columns, features=features)


def card_of(folder, dropped=None, settings=None, tuned=False, **splits):
    """The card of a task that no grid trains."""
    DatasetDict(splits).save_to_disk(folder / "mine")
    told = {"dropped": dropped} if dropped else {}
    (folder / "mine" / "task.json").write_text(json.dumps(told))
    return check_task(
        name="mine",
        title="A & B",
        fetched=[folder / "mine"],
        settings=SplitSettings(**(settings or {})),
        encoded=[],
        seeds=[0],
        tuned=tuned,
    )


def test_a_dev_split_too_small_to_choose_by_is_a_warning():
    (warning,) = small_dev_warnings(120, 0.8)
    assert "120 examples" in warning
    assert "up to 10 points" in warning
    assert not small_dev_warnings(1000, 0.8)


@pytest.mark.parametrize("tuned", [True, False])
def test_the_card_warns_of_it_where_settings_are_chosen_on_dev(tmp_path, tuned):
    texts = [f"text {number}" for number in range(8)]
    made = split(texts, [0, 1] * 4)
    card = card_of(tmp_path, tuned=tuned, train=made, dev=made, test=made)
    assert any(warning.startswith("dev: with 8 examples") for warning in card["warnings"]) == tuned


@pytest.mark.parametrize(
    ("sign", "text"),
    [
        ("line ends", "one\nneg\ntwo"),
        ("line ends", "one\r"),
        ("tabs", "one\tneg"),
        ("control characters", "one\x85two"),
        ("mark-up (tags, entities)", "good<br />bad"),
        ("mark-up (tags, entities)", "<a href='x'>y</a>"),
        ("mark-up (tags, entities)", "AT&amp;T"),
        ("mark-up (tags, entities)", "it #39;s"),
        ("quotation marks around the whole text", '"Wonderful"'),
        ("quotation marks around the whole text", "'Wonderful'"),
        ("quotation marks around the whole text", '"He said ""no"" twice"'),
        ("a quotation mark at an end, without its other", '"We were late.'),
        ('doubled quotation marks ("")', 'He said ""no"" twice'),
        ("backslash escapes", r"He said \"no\" twice"),
        ("replacement characters (U+FFFD)", "caf\ufffd"),
        ("wrong encoding (Ã©)", "cafÃ©"),
        ("wrong encoding (Ã©)", "it\u00e2\u0080\u0099s"),
        ("wrong encoding (Ã©)", "itâ€™s"),
        ("a word for nothing (nan, null)", "NaN"),
        ("blanks at an end", "one "),
    ],
)
def test_a_sign_of_a_wrong_dialect_is_found(sign, text):
    begin, end = SIGNS[sign](text)
    assert 0 <= begin < end <= len(text)


@pytest.mark.parametrize(
    "text",
    [
        'A plain sentence, with a "quotation" and 5 < 6 > 4, a <user> and R&D; Ârea, Ünal & Co.',
        "« Où ? », «здравствуй», 你好，世界，'tis o'clock",
        '"Yes," he said, "and no."',
        "#1 of 100, C#; nan bread",
    ],
)
def test_a_text_as_people_write_it_has_none(text):
    assert [sign for sign, find in SIGNS.items() if find(text)] == []


def test_what_would_not_be_seen_is_shown():
    assert visible(" a\nb\tc\x85\u202e d\u200d ") == "␣a↵b→c‹U+0085›‹U+202E› d\u200d␣"
    long = "begin " + "x" * 900 + " end"
    assert shortened(long).startswith("begin x")
    assert shortened(long).endswith("x end")
    assert len(shortened(long)) <= 230
    assert shortened("short") == "short"


def test_the_card_shows_texts_of_each_label_the_ends_signs_and_what_was_dropped(tmp_path):
    texts = ["a fine day", "b <b>|*dull*|</b>", "c", "d\nswallowed\tneg", "e of pos again"]
    train = split(texts, [1, 0, 0, 0, 1])
    test = split(["f is the longest of all these texts", "g odd"], [1, 2])
    card = card_of(tmp_path, dropped={"train": {"empty text": 3}}, train=train, test=test)
    shown = [(one["split"], one["id"], one["label"]) for one in card["shown"]]
    assert shown == [
        ("train", "1", "neg"), ("train", "2", "neg"), ("train", "0", "pos"), ("train", "4", "pos"),
        ("test", "1", "odd"),
    ]  # fmt: skip
    assert [one["text"] for one in card["ends"]] == ["c", "f is the longest of all these texts"]
    found = {one["sign"]: one["examples"] for one in card["signs"]}
    assert found == {
        "line ends": {"train": 1, "test": 0},
        "tabs": {"train": 1, "test": 0},
        "mark-up (tags, entities)": {"train": 1, "test": 0},
    }
    assert card["warnings"] == [
        "test: 1 example has a label that train lacks (odd); no method can learn it"
    ]
    tables = card_tables(card)
    page = to_html("mine", tables)
    assert "d↵swallowed→neg" in page
    assert "b &lt;b&gt;|*dull*|&lt;/b&gt;" in page
    assert "empty text" in page
    written = "\n".join(map(to_markdown, tables))
    assert r"b &lt;b>\|\*dull\*\|&lt;/b>" in written
    assert "Lengths in tokens" not in written


def test_a_text_in_asterisks_is_not_shown_bold(tmp_path):
    card = card_of(tmp_path, train=split(["**a** b", "c"], [0, 1]), test=split(["d"], [0]))
    assert "<b>a</b>" not in to_html("mine", card_tables(card))
    assert "**a** b" in to_html("mine", card_tables(card))


def test_labels_that_train_lacks_are_a_warning_beside_the_tables():
    card = make_card("t1", "")
    card["splits"] = {
        "train": {"examples": 5, "labels": {"x": 5, "y": 0, "z": 0}},
        "test": {"examples": 9, "labels": {"x": 2, "y": 3, "z": 4}},
    }
    assert data_warnings(leaks([card])) == (
        "Warning, labels: examples of test have labels that train lacks, and no method can learn"
        " them: t1 7 of 9 (y, z)."
    )
    card["splits"]["train"]["labels"] = {"x": 5, "y": 1, "z": 1}
    assert data_warnings(leaks([card])) == ""


def test_labels_that_test_lacks_are_a_note(tmp_path):
    card = card_of(tmp_path, train=split(["a", "b"], [0, 1]), test=split(["c"], [1]))
    assert card["warnings"] == []
    assert "No example of test has a label of these: neg." in card_tables(card)[0].note


def test_what_a_cut_loses_stands_in_the_card(tmp_path):
    train = split([f"word {at} here" for at in range(9)], [0] * 4 + [1] * 4 + [2])
    test = split(["c", "d"], [0, 1])
    card = card_of(tmp_path, settings={"max_train": 2}, train=train, test=test)
    assert "mine: train: data.max_train: 2 leaves no example of label odd" in card["warnings"]


@pytest.mark.parametrize(
    ("texts", "warning"),
    [
        ([f"Item {at} of 7" for at in range(20)], "20 of 20 texts are the same but for their"),
        ([f"a{at} b c" if at % 4 else "same old text" for at in range(40)], "30 of 40 texts are"),
        ([f"user-{at:04}" for at in range(20)], "20 of 20 texts are one token, such as"),
        (["fine", "dull", "good"] * 12, "12 of 36 texts are the same"),
        ([f"{chr(97 + at)} good {'day ' * at}" for at in range(20)], None),
        (["same"] * 5, None),
    ],
)  # fmt: skip
def test_texts_that_look_like_no_texts_are_warned_of(texts, warning):
    found = list(constant_texts(DatasetDict(train=split(texts, [0] * len(texts)))))
    if warning is None:
        assert found == []
    else:
        assert [warning in one for one in found] == [True]


def test_a_task_of_several_labels_is_described(tmp_path):
    several = Sequence(ClassLabel(names=["a", "b", "c"]))
    train = split(["x one", "y two", "z three"], [[0, 1], [], [1]], several)
    test = split(["x one", "w four"], [[0], [2]], several)
    card = card_of(tmp_path, train=train, test=test)
    assert card["splits"]["train"]["labels"] == {"a": 1, "b": 2, "c": 0}
    assert card["splits"]["train"]["labels_of_examples"] == {"0": 1, "1": 1, "2": 1}
    assert list(card["word_baseline"]) == ["micro_f1", "macro_f1", "example_f1", "exact_match"]
    assert card["conflicts"]["listed"][0][0]["label"] == "a, b"
    assert unseen_label_warnings({s: held["labels"] for s, held in card["splits"].items()})
    page = to_html("mine", card_tables(card))
    assert "How many labels an example has" in page
    assert "2 (66.7 %)" in page


def test_a_task_of_a_number_is_described(tmp_path):
    numbers = Value("float64")
    train = split([f"text {'x' * at}" for at in range(5)], [0.0, 1.0, 2.0, 3.0, 5.0], numbers)
    card = card_of(tmp_path, train=train, test=split(["y"], [2.5], numbers))
    assert card["splits"]["train"]["numbers"] == {
        "least": 0, "quarter": 1, "median": 2, "three_quarters": 3, "greatest": 5,
        "mean": pytest.approx(2.2),
    }  # fmt: skip
    assert [one["label"] for one in card["shown"]] == ["0", "1", "3", "5"]
    assert list(card["word_baseline"]) == ["pearson", "spearman", "mae", "rmse"]
    page = to_html("mine", card_tables(card))
    assert "75 %" in page


def test_a_task_without_test_has_a_card(tmp_path, caplog):
    with caplog.at_level(logging.WARNING):
        card = card_of(tmp_path, train=split(["a", "b"], [0, 1]))
    assert card["word_baseline"] == {}
    assert leaks([card]).empty
    assert to_html("mine", card_tables(card))
