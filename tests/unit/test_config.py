import textwrap

import pytest
import tiny
import yaml
from paths import ROOT

from tunegrid.config.catalogue import ModelEntry
from tunegrid.config.documentation import insert_tables, schema_json
from tunegrid.errors import UserError
from tunegrid.planning.grid import expand_grid
from tunegrid.planning.loading import load_project, typed_command_line


def lines_of(error):
    return error.value.problems


def broken(tmp_path, text, command_line=None):
    """The one line that a configuration is refused with."""
    path = tmp_path / "my.yaml"
    path.write_text(textwrap.dedent(text))
    with pytest.raises(UserError) as error:
        load_project([path], command_line)
    lines = lines_of(error)
    assert len(lines) == 1, lines
    assert "\n" not in lines[0]
    return lines[0].replace(str(path), "my.yaml")


#: A task of two files, of which config/ holds one, and an address.
MINE = {
    "files": {"train": "config.yaml", "dev": "config.yaml", "test": "no.csv"},
    "labels": "auto",
}
AT = {"address": "https://host/file", "sha256": "0" * 64}
GRID = "grid: [{models: [minilm-l6], tasks: [reviews], methods: [full], seeds: [1]}]\n"


def test_the_reports_grid_has_75_cells_with_its_hyper_parameters():
    cells = {cell.path: cell for cell in expand_grid(load_project([ROOT / "config/config.yaml"]))}
    assert len(cells) == 75
    epochs = {
        ("roberta-base", "restaurant_sup"): 15,
        ("roberta-base", "acl_sup"): 12,
        ("roberta-base", "agnews_sup"): 4,
        ("bert-base-uncased", "acl_sup"): 15,
        ("bert-base-uncased", "agnews_sup"): 3,
        ("scibert_scivocab_uncased", "agnews_sup"): 4,
    }
    for (model, task), expected in epochs.items():
        train = cells[f"{model}/{task}/full/seed3"].settings.train
        assert (train.epochs, train.batch_size, train.learning_rate) == (expected, 128, 5e-5)
    for method in ("adapter-64", "adapter-8"):
        train = cells[f"roberta-base/agnews_sup/{method}/seed5"].settings.train
        assert (train.epochs, train.batch_size) == (15, 256)
        assert (train.learning_rate, train.warmup_ratio) == (1.4e-4, 0.15)


def test_the_demo_has_two_tasks_and_three_methods_and_seeds():
    assert len(list(expand_grid(load_project([ROOT / "config/demo.yaml"])))) == 18


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (GRID + "trian: {}", "my.yaml: trian: unknown key; did you mean 'train'?"),
        (GRID + "train: {epochs: many}", "train.epochs: 'many' is not a whole number"),
        (
            GRID + "train: {learning_rate: 2e-5}",
            "'2e-5' is not a number but text, because YAML wants a dot in it; write 2.0e-5",
        ),
        (GRID + "train: {learning_rate: '0.1'}", "write 0.1 without quotes"),
        (GRID + "train: {deterministic: 'true'}", "write true without quotes"),
        (GRID + "train: {epochs: -1}", "train.epochs: -1 is out of range; it must be at least 1"),
        (GRID + "train: {epochs: 1.5}", "train.epochs: 1.5 is not a whole number"),
        (GRID + "train: {weight_decay: .inf}", "train.weight_decay: inf is not a finite number"),
        (GRID + "train: {micro_batch: 0}", "train.micro_batch: 0 is neither a whole number of"),
        (
            GRID + "train: {early_stopping: 2}",
            "train.early_stopping: 2, but select: last looks for no best weights; set select",
        ),
        (
            GRID + "train: {select: best_dev, protocol: report}",
            "train.select: 'best_dev', but protocol: report reads no dev split; set protocol to",
        ),
        (
            GRID.replace("full", "head") + "train: {layer_decay: 0.9}",
            "train.layer_decay: 0.9, but method 'head' (kind: head) trains no layer; set it to 1",
        ),
        (
            GRID.replace("full", "head") + "train: {frozen_layers: 2}",
            "train.frozen_layers: 2, but method 'head' (kind: head) trains no layer; set it to 0",
        ),
        (
            GRID.replace("full", "head") + "train: {gradient_checkpointing: true}",
            "train.gradient_checkpointing: true, but method 'head' (kind: head) needs no gradient",
        ),
        (
            GRID.replace("full", "head") + "train: {head_learning_rate: 1.0e-3}",
            "train.head_learning_rate: 0.001, but method 'head' (kind: head) trains at one rate;",
        ),
        (
            GRID + "train: {optimizer: adafactor, adam_beta2: 0.98}",
            "train.adam_beta2: 0.98, but optimizer: adafactor has no such setting; leave it at",
        ),
        (GRID + "train: {optimizer: adam}", "'adam' is not one of 'adamw', 'adafactor'"),
        (GRID + "train: {max_steps: 0}", "train.max_steps: 0 is out of range; it must be at least"),
        (GRID + "train: {eval_every: 0}", "train.eval_every: 0 is out of range"),
        (GRID + "train: {layer_decay: 1.5}", "train.layer_decay: 1.5 is out of range"),
        (GRID + "train: {precision: half}", "'half' is not one of 'auto', 'fp32', 'tf32',"),
        (
            GRID + "train: {gpus_per_run: 2, pack: 3}",
            "train.pack: 3, but gpus_per_run: 2; set one of them to 1",
        ),
        (GRID + "train: {schedule: cosin}", "'cosin' is not one of 'cosine', 'linear'"),
        (GRID.replace("minilm-l6", "minilm"), "unknown model 'minilm'; did you mean 'minilm-l6'?"),
        (GRID.replace("reviews", "reveiws"), "unknown task 'reveiws'; did you mean 'reviews'?"),
        (
            GRID + "compare: {reference: adapter-8}",
            "compare.reference: the grid trains no method 'adapter-8'; known: full",
        ),
        (GRID + "compare: {margin: 0}", "compare.margin: 0 is out of range"),
        (GRID.replace("full", "ful"), "unknown method 'ful'; did you mean 'full'?"),
        ("grid: []", "my.yaml: grid: is empty; name at least 1"),
        ("{}", "my.yaml: grid: is missing"),
        (GRID.replace("[1]", "[1, 2, 1]"), "grid[0].seeds: 1 stands 2 times; name it once"),
        (GRID.replace("[reviews]", "reviews"), "'reviews' is not a list; write [reviews]"),
        (GRID + "overrides: {set: {epochs: 1}}", "begin each of its parts with a dash, `- `"),
        (GRID + "epochs: 5", "epochs: unknown key; it stands under train: `train: {epochs: …}`"),
        (GRID.replace("minilm-l6", "own/bert"), "write bert here, and its entry, `models: {bert:"),
        (
            GRID.replace("minilm-l6", "google-bert/bert-base-uncased"),
            "'google-bert/bert-base-uncased' is called bert-base-uncased here; write that name",
        ),
        (GRID.replace("reviews", "own/data"), "write data here, and its entry under `tasks`, as"),
        (
            GRID.replace("minilm-l6", "my-bert"),
            "`models: {my-bert: {hub: {repository: OWNER/my-bert, revision: main}}}`",
        ),
        (GRID + "data_root: nowhere", "data_root: no such folder: "),
        (
            GRID.replace("reviews", "mine")
            + "tasks: {mine: {files: {train: a.csv, dev: x.zip/a.csv, test: x.zip/b.csv},"
            + " labels: auto}}\n"
            + "data_root: rules",
            "lacks a.csv, x.zip, the files of task 'mine'",
        ),
        (
            GRID + "overrides: [{where: {}, set: {epochs: 1}}]",
            "overrides[0].where: names nothing",
        ),
        (
            GRID + "overrides: [{where: {task: [revews]}, set: {epochs: 1}}]",
            "overrides[0].where.task[0]: unknown task 'revews'",
        ),
        (GRID + "data: {tasks: {revews: {}}}", "data.tasks.revews: unknown task 'revews'"),
        (GRID.replace("reviews", "reviews+qestions"), "grid[0].tasks[0]: unknown task 'qestions'"),
        (GRID.replace("reviews", "reviews_fs+reviews"), "holds 'reviews' twice; name it once"),
        (
            GRID + "data: {tasks: {reviews+questions: {max_length: 32}}}",
            "an aggregated task has no settings of its own; set those of reviews, questions",
        ),
        (
            GRID.replace("minilm-l6", "modernbert-base").replace("full", "bitfit"),
            "model 'modernbert-base' cannot be trained with bitfit; it takes full, adapter-64",
        ),
        (GRID + "published: [no.csv]", "my.yaml: published[0]: no such file or folder: "),
        (GRID + "published: no.csv", "my.yaml: published: 'no.csv' is not a list; write [no.csv]"),
        (GRID.replace("reviews", "agnews_fs"), "set data.tasks.agnews_fs.dev_fraction to 0.1"),
        (GRID + "methods: {x: {kind: adapter}}", "methods.x: names `adapter` for kind adapter"),
        (GRID + "models: {x: {}}", "models.x: names no source"),
        (
            GRID + "models: {x: {folder: a, tokenizer: minilm-l6, padding_side: left}}",
            "models.x: names `padding_side` beside `tokenizer`; name it in the entry of the model",
        ),
        (GRID + "models: {x: {folder: a, head: kept}}", "models.x.head: "),
        (GRID.replace("reviews", "agnews_sup"), "'agnews_sup' ships no dev split"),
        (
            GRID + "data: {tasks: {reviews: {max_trian: 3}}}",
            "data.tasks.reviews.max_trian: unknown key; did you mean 'max_train'?",
        ),
        (GRID + "models: {x: {foldr: a}}", "models.x.foldr: unknown key; did you mean 'folder'?"),
        (
            GRID + "methods: {x: {kind: full, bottleneck_sise: 3}}",
            "methods.x.bottleneck_sise: unknown key; did you mean 'bottleneck_size'?",
        ),
        (
            GRID + "models: {x: {hub: {repository: a b, revision: c}}}",
            "models.x.hub.repository: 'a b' is no repository; write owner/name",
        ),
        (GRID + "overrides: [{where: {method: }, set: {epochs: 1}}]", "where: names nothing"),
        (GRID + "overrides: [{where: {seed: [1]}, set: {}}]", "overrides[0]: sets nothing"),
        (GRID + "data_root: ''", "data_root: is empty; give a text, or null"),
        (
            GRID.replace("minilm-l6", "mine") + "models: {mine: {folder: nowhere}}",
            "models.mine.folder: no model in ",
        ),
        (GRID + GRID, "my.yaml: line 2: key 'grid' stands twice"),
        (GRID + "train: {epochs: [}", "my.yaml: line 2, column 18: the } here closes"),
        ("- 1", "my.yaml: holds a list; it must map keys to values"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_in_one_line(tmp_path, text, expected):
    assert expected in broken(tmp_path, text)


def test_every_problem_gets_its_own_line_with_the_file_it_is_in(tmp_path):
    (tmp_path / "my.yaml").write_text(GRID + "train: {epochs: 0}")
    with pytest.raises(UserError) as error:
        load_project([tmp_path / "my.yaml"], {"train": {"batch_size": 0}})
    first, second = lines_of(error)
    assert first.startswith(str(tmp_path / "my.yaml"))
    assert second.startswith("--config: train.batch_size: 0")


def test_a_name_becomes_no_path(tmp_path):
    entry = tiny.TASK | {"files": {"train": "../x", "test": "/y"}}
    text = GRID + yaml.safe_dump({"tasks": {"a": entry}})
    (tmp_path / "my.yaml").write_text(text)
    with pytest.raises(UserError) as error:
        load_project([tmp_path / "my.yaml"])
    assert len(lines_of(error)) == 2
    assert all("leaves its folder" in line for line in lines_of(error))
    assert "is no name" in broken(tmp_path, GRID + "models: {a/b: {folder: x}}")


def test_later_files_and_the_command_line_win_key_by_key(tmp_path):
    (tmp_path / "a.yaml").write_text(GRID + "train: {epochs: 7, batch_size: 4}")
    (tmp_path / "b.yaml").write_text("train: {epochs: 8}")
    project = load_project([tmp_path / "a.yaml", tmp_path / "b.yaml"], {"figures": {"dpi": 99}})
    assert project.config.train.epochs == 8
    assert project.config.train.batch_size == 4
    assert project.config.figures.dpi == 99


def test_numbers_in_nested_keys_of_the_command_line_are_numbers(tmp_path):
    """Snakemake hands `--config 'train={epochs: 2}'` on with the number as text."""
    (tmp_path / "a.yaml").write_text(GRID)
    given = {"train": {"epochs": "2", "learning_rate": "1.0e-3", "deterministic": "false"}}
    train = load_project([tmp_path / "a.yaml"], typed_command_line(given)).config.train
    assert (train.epochs, train.learning_rate, train.deterministic) == (2, 1e-3, False)


def test_text_that_is_already_typed_stays_text(tmp_path):
    """The workflow hands its configuration on as JSON; labels may be `1` or `yes`."""
    entry = tiny.TASK | {"labels": ["1", "yes"]}
    (tmp_path / "a.yaml").write_text(GRID)
    project = load_project([tmp_path / "a.yaml"], {"tasks": {"mine": entry}})
    assert project.tasks["mine"].labels == ["1", "yes"]


def test_yaml_s_merge_keys_are_understood(tmp_path):
    text = GRID + "train: &t {epochs: 7}\nfigures: {dpi: 99}\ndata:\n  tasks: {reviews: {}}\n"
    text += "overrides: [{where: {seed: [1]}, set: {<<: *t, batch_size: 4}}]\n"
    (tmp_path / "a.yaml").write_text(text)
    (cell,) = expand_grid(load_project([tmp_path / "a.yaml"]))
    assert (cell.settings.train.epochs, cell.settings.train.batch_size) == (7, 4)


def test_a_model_s_keys_for_padding_and_head_decide_results_only_where_they_are_named():
    assert ModelEntry(folder="a").settings() == {"folder": "a"}
    named = {"padding_side": "left", "padding_dependent": True, "head": "keep"}
    assert ModelEntry(folder="a", **named).settings() == {"folder": "a"} | named


def test_the_documentation_is_generated_from_the_models():
    readme = (ROOT / "config/README.md").read_text()
    assert insert_tables(readme) == readme, "run: make docs"
    assert (ROOT / "config/schema.json").read_text() == schema_json(), "run: make docs"


DEMO = yaml.safe_load((ROOT / "config/demo.yaml").read_text())
GRID_BLOCK = DEMO["grid"][0]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"trian": {}}, "trian: unknown key; did you mean 'train'?"),
        ({"train": {"epochs": "three"}}, "train.epochs: 'three' is not a whole number"),
        ({"train": {"learning_rate": "2e-5"}}, "write 2.0e-5"),
        ({"grid": [GRID_BLOCK | {"models": ["roberta-bsae"]}]}, "did you mean 'roberta-base'?"),
        ({"grid": [GRID_BLOCK | {"tasks": ["questoins"]}]}, "did you mean 'questions'?"),
        ({"grid": [GRID_BLOCK | {"methods": ["adapter64"]}]}, "did you mean 'adapter-64'?"),
        ({"train": {"epochs": -3}}, "train.epochs: -3 is out of range; it must be at least 1"),
        ({"grid": []}, "grid: is empty; name at least 1"),
        (
            {"grid": [GRID_BLOCK | {"seeds": [1, 1]}]},
            "grid[0].seeds: 1 stands 2 times; name it once",
        ),
        (
            {"cluster": {"gpu_memory": "0.8GB"}},
            "0.8GB, but model 'minilm-l6' with method 'full' needs at least 1.0 GB",
        ),
        ({"data_root": "/nowhere"}, "data_root: no such folder: /nowhere"),
        (
            {
                "data_root": str(ROOT / "config"),
                "grid": [GRID_BLOCK | {"tasks": ["mine"]}],
                "tasks": {"mine": MINE | {"url": dict.fromkeys(MINE["files"].values(), AT)}},
            },
            "lacks no.csv, the files of task 'mine'; it holds others: complete them, or take",
        ),
    ],
)
def test_a_broken_configuration_is_one_line(tmp_path, change, expected):
    path = tmp_path / "my.yaml"
    path.write_text(yaml.safe_dump({key: DEMO[key] for key in ("grid", "train")} | change))
    with pytest.raises(UserError) as error:
        load_project([path])
    (line,) = error.value.problems
    assert line.startswith(f"{path}: ")
    assert expected in line
    assert "\n" not in line


@pytest.mark.parametrize(("known", "unknown"), [("full", "adapter-63"), ("minilm-l6", "own/bert")])
def test_the_entry_that_a_message_names_is_one(tmp_path, known, unknown):
    grid = GRID.replace(known, unknown)
    entry = broken(tmp_path, grid).split("`")[1]
    path = tmp_path / "with_entry.yaml"
    path.write_text(f"{GRID.replace(known, unknown.split('/')[-1])}\n{entry}\n")
    assert load_project([path]).config.grid
