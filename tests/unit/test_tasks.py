"""Names of tasks: the catalogue's, few-shot versions, several as one."""

import pytest

from tunegrid.config.schema import DataSettings, SplitOverride
from tunegrid.config.task_entry import TaskEntry
from tunegrid.errors import UserError
from tunegrid.planning.grid_tasks import find_task, parts_of


def entry(*labels):
    return TaskEntry(
        reader="news", files={"train": "a", "test": "b"}, labels=list(labels), title=labels[0]
    )


CATALOGUE = {"acl_sup": entry("Uses", "Future"), "news": entry("World", "Sports", "Business")}


@pytest.mark.parametrize(
    ("name", "sources"),
    [
        ("acl_sup", ["acl_sup"]),
        ("acl_fs", ["acl_sup"]),
        ("acl_sup_fs", ["acl_sup"]),
        ("news_fs", ["news"]),
        ("acl_sup+news_fs", ["acl_sup", "news"]),
    ],
)
def test_a_name_stands_for_tasks_of_the_catalogue(name, sources):
    task = find_task(name, CATALOGUE)
    assert [part.source for part in task.parts] == sources
    assert task.name == name


def test_a_name_in_the_catalogue_is_that_entry_whatever_it_looks_like():
    catalogue = CATALOGUE | {"a+b_fs": entry("x", "y")}
    assert [part.source for part in find_task("a+b_fs", catalogue).parts] == ["a+b_fs"]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("acl_spu", "unknown task 'acl_spu'; did you mean 'acl_sup'?"),
        ("nwes_fs", "unknown task 'nwes_fs'"),
        ("acl_sup+nwes", "unknown task 'nwes'; did you mean 'news'?"),
        ("acl_sup+acl_fs", "task 'acl_sup+acl_fs' holds 'acl_sup' twice"),
    ],
)
def test_a_name_that_stands_for_nothing_is_refused(name, message):
    with pytest.raises(UserError, match="task") as refused:
        find_task(name, CATALOGUE)
    assert message in str(refused.value)


def test_the_labels_of_several_tasks_are_told_apart_by_their_task():
    assert find_task("acl_fs", CATALOGUE).labels == ["Uses", "Future"]
    joined = find_task("acl_fs+news", CATALOGUE)
    assert joined.labels == [
        "acl_fs/Uses",
        "acl_fs/Future",
        "news/World",
        "news/Sports",
        "news/Business",
    ]
    assert joined.source().labels == joined.labels
    assert joined.title == "Uses, few-shot; World"


def test_a_few_shot_version_takes_its_source_s_settings_and_over_them_its_own():
    data = DataSettings(
        max_length=64,
        tasks={
            "acl_sup": SplitOverride(max_length=32, max_test=50),
            "acl_fs": SplitOverride(max_test=20, few_shot_seed=7),
            "news_fs": SplitOverride(few_shot=32),
        },
    )
    (acl,), (news,) = (find_task(name, CATALOGUE).parts for name in ("acl_fs", "news_fs"))
    found = acl.split_settings(data)
    assert (found.max_length, found.max_test) == (32, 20)
    assert (found.few_shot, found.few_shot_seed) == (16, 7)
    assert news.split_settings(data).few_shot == 32
    assert find_task("acl_sup", CATALOGUE).split_settings(data).few_shot is None


def test_several_tasks_keep_each_its_own_settings():
    data = DataSettings(tasks={"news": SplitOverride(max_length=300)})
    settings = find_task("acl_fs+news", CATALOGUE).split_settings(data)
    assert settings.max_length == 300
    assert [own.few_shot for own in settings.parts.values()] == [16, None]


def test_parts_that_several_tasks_share_are_named_once():
    tasks = [find_task(name, CATALOGUE) for name in ("news", "acl_sup+news")]
    assert [part.name for part in parts_of(tasks)] == ["news", "acl_sup"]
