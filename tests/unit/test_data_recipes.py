"""Every recipe of docs/data-recipes.md, on a small file in the layout that it is for."""

import io
import json
import re
import tarfile
import zipfile

import openpyxl
import pytest
import yaml
from datasets import ClassLabel, Dataset, Features, Value, load_from_disk
from paths import ROOT

from tunegrid.config.task_entry import TaskEntry
from tunegrid.tasks.fetching import fetch_task

PAGE = (ROOT / "docs" / "data-recipes.md").read_text()
RECIPES = {
    name: entry
    for block in re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    for name, entry in yaml.safe_load(block)["tasks"].items()
}


def tabs(*rows):
    return "".join("\t".join(row) + "\n" for row in rows)


def json_lines(*records):
    return "".join(json.dumps(record) + "\n" for record in records)


def zipped(**members):
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name, text in members.items():
            archive.writestr(name, text)
    return content.getvalue()


def tarred(members):
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w:gz") as archive:
        for name, text in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(text)
            archive.addfile(member, io.BytesIO(text.encode()))
    return content.getvalue()


def spreadsheet(**sheets):
    book = openpyxl.Workbook()
    book.remove(book.active)
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(row)
    content = io.BytesIO()
    book.save(content)
    return content.getvalue()


def parquet(rows, names):
    features = Features(
        {"idx": Value("int32"), "sentence": Value("string"), "label": ClassLabel(names=names)}
    )
    content = io.BytesIO()
    Dataset.from_list(rows, features=features).to_parquet(content)
    return content.getvalue()


GLUE = ["index", "sentence1", "sentence2", "label"]
SEMEVAL = """<?xml version="1.0" encoding="UTF-8"?>
<sentences>
  <sentence id="1"><text>Good soup &amp; slow staff.</text><aspectTerms>
    <aspectTerm term="soup" polarity="positive" from="5" to="9"/>
    <aspectTerm term="staff" polarity="negative" from="17" to="22"/></aspectTerms></sentence>
  <sentence id="2"><text>The wine.</text><aspectTerms>
    <aspectTerm term="wine" polarity="conflict" from="4" to="8"/></aspectTerms></sentence>
  <sentence id="3"><text>No aspects.</text></sentence>
</sentences>
"""
IMDB = "aclImdb/{}/{}/{}.txt"

#: Of each recipe: the files of its layout, and what must arrive. A task that is split at random has
#: its examples under `all`, in any order.
CASES = {
    "rte": (
        {
            "RTE/train.tsv": tabs(
                GLUE,
                ["0", '"We were late.', "They came late.", "entailment"],
                ["1", "The soup was cold.", "It was hot.", "not_entailment"],
                ["2", 'We left at once."', "They stayed.", "not_entailment"],
            ),
            "RTE/dev.tsv": tabs(GLUE, ["0", 'He said "no".', "He agreed.", "not_entailment"]),
        },
        {
            "train": [
                ('"We were late.', "They came late.", "entailment"),
                ("The soup was cold.", "It was hot.", "not_entailment"),
                ('We left at once."', "They stayed.", "not_entailment"),
            ],
            "test": [('He said "no".', "He agreed.", "not_entailment")],
        },
    ),
    "disasters": (
        {
            "disasters/train.csv": "id,keyword,location,text,target\n"
            '1,,"Rome, Italy","Fire, smoke,\nand more of it",1\n'
            '4,,,"She said ""wow"",\n\nthen left",0\n'
            + "".join(f"{n},,,plain {n},{n % 2}\n" for n in range(5, 13)),
        },
        {
            "all": [
                ("Fire, smoke,\nand more of it", None, "disaster"),
                ('She said "wow",\n\nthen left', None, "other"),
                *((f"plain {n}", None, ("other", "disaster")[n % 2]) for n in range(5, 13)),
            ]
        },
    ),
    "snli": (
        {
            f"snli_1.0/snli_1.0_{split}.jsonl": json_lines(
                {"gold_label": "neutral", "sentence1": f"a {split}", "sentence2": "b", "n": [1]},
                {"gold_label": "-", "sentence1": "c", "sentence2": "d", "n": [2]},
            )
            for split in ("train", "dev", "test")
        },
        {split: [(f"a {split}", "b", "neutral")] for split in ("train", "dev", "test")},
    ),
    "phrasebank": (
        {
            "FinancialPhraseBank/Sentences_AllAgree.txt": "".join(
                f'Sales of Oy "N" rose {n} to € at caf\xe9@{label}\n'.replace("€", "EUR")
                for n in range(4)
                for label in ("positive", "neutral", "negative")
            ).encode("latin-1"),
        },
        {
            "all": [
                (f'Sales of Oy "N" rose {n} to EUR at café', None, label)
                for n in range(4)
                for label in ("positive", "neutral", "negative")
            ]
        },
    ),
    "survey": (
        {
            "survey/answers.csv": (
                "id;answer;rating\n1;'fine; really';good\n2;it''s bad;bad\n"
                "3;'it''s “ok”';good\n4;no;bad\n"
            ).encode("cp1252"),
        },
        {
            "all": [
                ("fine; really", None, "good"),
                ("it''s bad", None, "bad"),
                ("it's “ok”", None, "good"),
                ("no", None, "bad"),
            ]
        },
    ),
    "irony": (
        {
            f"irony/{split}_{kind}.txt": text
            for split in ("train", "val", "test")
            for kind, text in (("text", f'so "nice {split}\nfine\tday\n'), ("labels", "1\n0\n"))
        },
        {
            name: [(f'so "nice {split}', None, "irony"), ("fine\tday", None, "non_irony")]
            for name, split in (("train", "train"), ("dev", "val"), ("test", "test"))
        },
    ),
    "rt-polarity": (
        {
            f"rt-polaritydata/rt-polarity.{label}": "".join(
                f'{label} film {n}, "caf\xe9" \n' for n in range(10)
            ).encode("cp1252")
            for label in ("neg", "pos")
        },
        {
            "all": [
                (f'{label} film {n}, "café" ', None, label)
                for label in ("neg", "pos")
                for n in range(10)
            ]
        },
    ),
    "newsgroups": (
        {
            f"20news-bydate/20news-bydate-{split}/{label}/{number}": text.encode("latin-1")
            for split in ("train", "test")
            for label, number, text in (
                ("sci.space", 59, f"From: a\n\nOrbit, {split}, caf\xe9"),
                ("rec.autos", 60, "Cars\tare fine"),
                ("rec.autos", 61, " \n"),
            )
        },
        {
            split: [
                ("Cars\tare fine", None, "rec.autos"),
                (f"From: a\n\nOrbit, {split}, café", None, "sci.space"),
            ]
            for split in ("train", "test")
        },
    ),
    "imdb": (
        {
            "aclImdb_v1.tar.gz": tarred(
                {
                    IMDB.format(split, label, f"0_{number}"): f"{label} {split}<br />{number}"
                    for split in ("train", "test")
                    for label in ("neg", "pos", "unsup")
                    for number in (1, 2)
                }
            )
        },
        {
            split: [
                (f"{label} {split}<br />{number}", None, label)
                for label in ("neg", "pos")
                for number in (1, 2)
            ]
            for split in ("train", "test")
        },
    ),
    "clinc150": (
        {
            "data_full.json": json.dumps(
                {
                    "oos_test": [["what is love", "oos"]],
                    "val": [["pay it", "pay_bill"]],
                    "train": [["how is the weather", "weather"], ["pay my bill", "pay_bill"]],
                    "test": [["rain?", "weather"]],
                }
            )
        },
        {
            "train": [
                ("how is the weather", None, "weather"),
                ("pay my bill", None, "pay_bill"),
            ],
            "dev": [("pay it", None, "pay_bill")],
            "test": [("rain?", None, "weather")],
        },
    ),
    "tokens": (
        {
            f"tokens/{split}.json": json.dumps(
                {
                    "version": 1,
                    "data": {
                        "examples": [
                            {
                                "sentence": {"tokens": ["It", "is", split, "."]},
                                "annotation": {"sentiment": "positive"},
                            },
                            {
                                "sentence": {"tokens": ["Well"]},
                                "annotation": {"sentiment": None},
                            },
                        ]
                    },
                }
            )
            for split in ("train", "test")
        },
        {split: [(f"It is {split} .", None, "positive")] for split in ("train", "test")},
    ),
    "restaurants": (
        {"Restaurants_Train.xml": SEMEVAL, "Restaurants_Gold.xml": SEMEVAL},
        {
            split: [
                ("soup", "Good soup & slow staff.", "positive"),
                ("staff", "Good soup & slow staff.", "negative"),
            ]
            for split in ("train", "test")
        },
    ),
    "hate": (
        {
            "hate/all.csv": "post,class,split\na,none,train\nb,hateful,train\n"
            "c,offensive,test\nd,none,validation\n"
        },
        {
            "train": [("a", None, "none"), ("b", None, "hateful")],
            "dev": [("d", None, "none")],
            "test": [("c", None, "offensive")],
        },
    ),
    "sms": (
        {
            "sms+spam+collection.zip": zipped(
                SMSSpamCollection="".join(
                    f'ham\tOk "lar {n}\nspam\tFree "entry" {n}\n' for n in range(6)
                ),
                readme="A collection of SMS",
            )
        },
        {
            "all": [
                example
                for n in range(6)
                for example in ((f'Ok "lar {n}', None, "ham"), (f'Free "entry" {n}', None, "spam"))
            ]
        },
    ),
    "tickets": (
        {
            "tickets.xlsx": spreadsheet(
                Notes=[["not these"]],
                Labelled=[
                    ["subject", "body", "team", "customer"],
                    *([f"s{n}", f"b {n}", f"team {n % 2} ", n] for n in range(10)),
                ],
            )
        },
        {"all": [(f"s{n}\nb {n}", None, f"team {n % 2}") for n in range(10)]},
    ),
    "sst2": (
        {
            "data/train-00000-of-00001.parquet": parquet(
                [
                    {"idx": 0, "sentence": "dull ", "label": 0},
                    {"idx": 1, "sentence": "great ", "label": 1},
                ],
                names=["negative", "positive"],
            ),
            "data/validation-00000-of-00001.parquet": parquet(
                [{"idx": 0, "sentence": "fine ", "label": 1}], names=["negative", "positive"]
            ),
        },
        {
            "train": [("dull ", None, "negative"), ("great ", None, "positive")],
            "test": [("fine ", None, "positive")],
        },
    ),
    "germeval": (
        {
            "germeval/train.tsv": tabs(["tweet", "coarse"], ['"So', "OTHER"], ["Mist", "OFFENSE"]),
            "germeval/gold.tsv": tabs(["id", "text", "task_1"], ["7", 'Ach "', "OTHER"]),
        },
        {
            "train": [('"So', None, "OTHER"), ("Mist", None, "OFFENSE")],
            "test": [('Ach "', None, "OTHER")],
        },
    ),
    "goemotions": (
        {
            f"goemotions/{split}.tsv": tabs([f"Wow {split}", "0,2", "ea1"], ['Ha "ha', "1", "ea2"])
            for split in ("train", "dev", "test")
        },
        {
            split: [
                (f"Wow {split}", None, ("admiration", "anger")),
                ('Ha "ha', None, ("amusement",)),
            ]
            for split in ("train", "dev", "test")
        },
    ),
    "stsb": (
        {
            f"STS-B/{split}.tsv": tabs(
                ["index", "sentence1", "sentence2", "score"],
                ["0", f'A "{split}', "b", "5.000"],
                ["1", "c", "d", "3.8"],
            )
            for split in ("train", "dev")
        },
        {
            name: [(f'A "{split}', "b", 5.0), ("c", "d", 3.8)]
            for name, split in (("train", "train"), ("test", "dev"))
        },
    ),
}


def test_every_recipe_has_its_case():
    assert set(CASES) == set(RECIPES)


def named(data):
    """The examples of a split: text, second text, and what they are labelled as, in words."""
    label = data.features["label"]
    for text, pair, value in zip(data["text"], data["text_pair"], data["label"], strict=True):
        if isinstance(label, ClassLabel):
            yield text, pair, label.int2str(value)
        elif isinstance(value, list):
            yield text, pair, tuple(label.feature.int2str(one) for one in value)
        else:
            yield text, pair, value


@pytest.mark.parametrize("name", RECIPES)
def test_what_the_recipe_is_for_arrives(tmp_path, name):
    files, expected = CASES[name]
    for path, content in files.items():
        target = tmp_path / "data" / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content.encode() if isinstance(content, str) else content)
    entry = TaskEntry.model_validate(RECIPES[name]).model_copy(update={"hub": None})
    fetch_task(name, entry, tmp_path / "data", tmp_path / "task")
    task = load_from_disk(str(tmp_path / "task"))
    arrived = {split: list(named(data)) for split, data in task.items()}
    if "all" in expected:
        assert "test" in arrived
        together = [example for examples in arrived.values() for example in examples]
        assert sorted(together) == sorted(expected["all"])
    else:
        assert arrived == expected
