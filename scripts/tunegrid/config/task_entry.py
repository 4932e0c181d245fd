"""What an entry of the catalogue of tasks may say: its files, how they are read, what they hold."""

from collections.abc import Mapping
from typing import Any, ClassVar, Literal, Self

from pydantic import Field, model_validator

from tunegrid.config.dialects import Dialect
from tunegrid.config.entries import (
    Entry,
    Hub,
    Name,
    Package,
    RelativePath,
    UrlFile,
)
from tunegrid.config.messages import nearest
from tunegrid.config.task_columns import (
    Columns,
    Drop,
    check_label_columns,
    check_texts,
)
from tunegrid.config.task_files import (
    TEST_SPLIT_NAME,
    FilePattern,
    Files,
    has_inner_mapping,
    patterns_of,
    patterns_of_test_splits,
)
from tunegrid.config.task_metrics import resolve_metrics
from tunegrid.config.task_splits import Counts, InOneSplit, Split, SplitName
from tunegrid.config.task_values import Labels, Target, Values
from tunegrid.metrics import TargetKind, TaskMetrics
from tunegrid.path_patterns import LABEL_IN_PATH, PathPattern, split_archive


class TaskEntry(Entry):
    """A text classification task: where its files lie and what must be in them."""

    descriptive: ClassVar[set[str]] = {
        "title",
        "licence",
        "homepage",
        "test_score",
        "metrics",
        "main_metric",
    }

    title: str | None = Field(None, description="What is classified, for the table of tasks.")
    licence: str | None = Field(None, description="Licence of the data.")
    reader: Name = Field("table", description="Reader of its files (`tunegrid.tasks.readers`).")
    homepage: str | None = Field(None, description="Where people find the data; not read.")
    hub: Hub | None = Field(None, description="Data set repository that holds the files.")
    package: Package | None = Field(
        None, description="Package that carries the files; without any source, under `data_root`."
    )
    url: dict[RelativePath, UrlFile] | None = Field(
        None,
        min_length=1,
        description="Files and archives of the web, by the paths that `files` gives them. Where"
        " `data_root` holds these paths, they are taken from there.",
    )
    files: dict[Literal["train", "dev", "test", "all"], Files] = Field(
        min_length=1,
        description="Files of each split, or `all` of them to be split: a path, a folder, a pattern"
        " (`train-*.parquet`), in an archive (`corpus.zip/train.csv`); a list of those; or those"
        " of each label. `{label}` in a path stands for the label (`train/{label}/*.txt`). Of"
        " `test`, a mapping whose keys are no labels names several test splits, each measured by"
        " itself, too: `test: {matched: …, mismatched: …}`.",
    )
    test_score: Literal["pooled", "first"] = Field(
        "pooled",
        description="Of a task with several test splits, what its own scores are of: pooled, the"
        " examples of all of them; first, those of the one that `files` names first.",
    )
    label_files: dict[Literal["train", "dev", "test", "all"], RelativePath] | None = Field(
        None,
        min_length=1,
        description="Files whose lines are the labels of the examples of `files`, in their order.",
    )
    dialect: Dialect | None = Field(
        None, description="How the files are parsed, of reader `table`."
    )
    columns: Columns | None = Field(
        None, description="Columns of reader `table`; null: `{text: text, label: label}`."
    )
    values: Values | None = Field(
        None, description="Label name of each value in the files, of reader `table`; null: itself."
    )
    drop: Drop | None = Field(None, description="Rows that are no examples, of reader `table`.")
    per_split: dict[SplitName, InOneSplit] | None = Field(
        None, min_length=1, description="What differs in the files of one split."
    )
    options: dict[str, Any] | None = Field(
        None, description="Options of a reader of your own, as it documents them."
    )
    also: dict[Name, RelativePath] | None = Field(
        None, description="Further files that a reader of your own needs, by names of its choice."
    )
    split: Split | None = Field(
        None, description="How the file `all` is split, or test cut from train where none ships."
    )
    target: Target | None = Field(None, description="Null: one label out of `labels`.")
    labels: Labels | None = Field(
        None,
        description="Label names, in the order of their ids; auto: those of the files, in their own"
        " order where they have one (ClassLabel), else sorted.",
    )
    metrics: list[str] | None = Field(
        None,
        min_length=1,
        description="What is measured, by the names of the registry of metrics, and the loss; null:"
        " what is usual for its target. An edit trains nothing again.",
    )
    main_metric: str | None = Field(
        None,
        description="The one of them that stands for quality where one number must: in the answer,"
        " beside costs, and where an epoch or settings are chosen on dev. Null: accuracy; of"
        " several labels micro_f1, of numbers pearson.",
    )
    positive: str | None = Field(None, description="The label that the metric f1 is of.")
    counts: Counts | None = Field(
        None, description="Examples of each split; another count is an error. Null: any."
    )

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        sources = [key for key in ("hub", "package", "url") if getattr(self, key)]
        if len(sources) > 1:
            raise ValueError(f"names several sources, {' and '.join(sources)}; keep one of them")
        return self

    @model_validator(mode="after")
    def _addresses_for_all(self) -> Self:
        if self.url is None:
            return self
        missing = [
            path
            for path in self.source_paths()
            if not any(PathPattern(path).matches(one) for one in self.url)
        ]
        if missing:
            raise ValueError(f"names no address of {', '.join(missing)}; add it to `url`")
        return self

    @model_validator(mode="after")
    def _splits(self) -> Self:
        if "all" in self.files and len(self.files) > 1:
            raise ValueError("names `files: {all: …}` beside other files; name one or the other")
        if "all" in self.files and self.split is None:
            raise ValueError("names `files: {all: …}`, but no `split` of it; name it")
        if not {"all", "train"} & set(self.files):
            raise ValueError("names no train file; name it, or `all`")
        if self.split and "all" not in self.files:
            if "test" in self.files:
                raise ValueError("names `split` beside a test file; name one or the other")
            if self.split.by == "column":
                raise ValueError("names `split: {by: column}`; name the file as `files: {all: …}`")
            if self.split.dev and "dev" in self.files:
                raise ValueError("names `split: {dev: …}` beside a dev file; name one or the other")
        return self

    @model_validator(mode="after")
    def _test_splits(self) -> Self:
        for split, files in self.files.items():
            if split != "test" and has_inner_mapping(files):
                raise ValueError(
                    f"names several splits in `files: {{{split}: …}}`; only test may have several"
                )
        counts = self.counts.test if self.counts else None
        if not self.test_splits:
            if self.test_score != "pooled":
                raise ValueError("names `test_score`, but one test split; leave it out")
            if isinstance(counts, dict):
                raise ValueError("counts test splits, but `files` names one; write a number")
            return self
        for name in self.test_splits:
            if not TEST_SPLIT_NAME.fullmatch(name):
                raise ValueError(
                    f"names the test split {name!r}; write letters, digits, - and _ alone"
                )
        if self.label_files:
            raise ValueError(
                "names `label_files` and several test splits; name the test splits as tasks of"
                " their own"
            )
        if isinstance(counts, dict) and list(counts) != list(self.test_splits):
            raise ValueError(
                f"counts the test splits {', '.join(counts)}, but `files` names"
                f" {', '.join(self.test_splits)}"
            )
        return self

    @model_validator(mode="after")
    def _labels(self) -> Self:
        if self.target and self.target.kind == "regression":
            if self.labels is not None or self.values is not None:
                raise ValueError(
                    "names labels or values, but its target is a number; take them out"
                )
            return self
        if self.labels is None:
            raise ValueError("names no `labels`; name them, or write `labels: auto`")
        if self.labels == "auto":
            return self
        if len(self.labels) < 2:
            raise ValueError("names fewer than two labels; name all, or write `labels: auto`")
        if len(set(self.labels)) < len(self.labels):
            raise ValueError("names a label twice")
        mapped = [self.values, *(one.values for one in (self.per_split or {}).values())]
        known = {label for values in mapped for label in (values or {}).values()}
        if unknown := sorted(known - set(self.labels)):
            raise ValueError(f"maps values to {', '.join(unknown)}, which `labels` does not name")
        return self

    @model_validator(mode="after")
    def _metrics(self) -> Self:
        names = self.label_names
        if self.positive is not None and names is not None and self.positive not in names:
            raise ValueError(f"names `positive: {self.positive}`; {nearest(self.positive, names)}")
        self.task_metrics()
        return self

    @model_validator(mode="after")
    def _labels_of_files(self) -> Self:
        for split, patterns in self.file_patterns().items():
            own = self.of_split(split)
            for label in (one.label for one in patterns if one.label is not None):
                if not own.knows(label):
                    raise ValueError(f"names files of {label!r}, which `labels` does not name")
        return self

    @model_validator(mode="after")
    def _of_its_reader(self) -> Self:
        of_tables = ("columns", "dialect", "values", "drop", "per_split", "label_files", "target")
        of_others = ("options", "also")
        wrong = of_others if self.reader == "table" else of_tables
        for key in wrong:
            if getattr(self, key) is not None:
                owner = "a reader of your own" if self.reader == "table" else "reader table"
                raise ValueError(f"names `{key}`, which only {owner} knows")
        return self

    @model_validator(mode="after")
    def _labels_come_from_one_place(self) -> Self:
        if self.reader != "table":
            return self
        by_path = self.label_of_path
        if by_path and self.label_files:
            raise ValueError("takes labels from `files` and from `label_files`; keep one of them")
        if self.label_files and (other := set(self.label_files) ^ set(self.files)):
            raise ValueError(
                f"names `files` or `label_files` of {', '.join(sorted(other))} without the other;"
                " name both of each split"
            )
        has_column = self.columns is not None and self.columns.label is not None
        if has_column and (by_path or self.label_files):
            where = "files" if by_path else "label_files"
            raise ValueError(f"takes labels from `columns` and from `{where}`; keep one of them")
        has_split_column = self.columns is not None and self.columns.split is not None
        if self.split and self.split.by == "column" and not has_split_column:
            raise ValueError("is split by a column; name it: `columns: {split: …}`")
        return self

    @model_validator(mode="after")
    def _columns_fit(self) -> Self:
        if self.split and self.split.by == "label" and self.target:
            raise ValueError(
                "is split by label, but its target is not one label; write `by: example`"
            )
        for split in self.files:
            entry = self.of_split(split)
            columns = entry.columns or Columns()
            check_texts(columns, entry.dialect.join if entry.dialect else None)
            if isinstance(columns.label, list):
                if not self.target or self.target.kind != "multi_label" or self.target.separator:
                    raise ValueError(
                        "names a list of columns of `label`, for which the target must be `{kind:"
                        " multi_label}`, without a separator; else name one column"
                    )
                check_label_columns(columns.label, self.labels)
        return self

    @property
    def label_of_path(self) -> bool:
        """Whether the label of a file's examples stands in `files`."""
        patterns = [pattern for patterns in self.file_patterns().values() for pattern in patterns]
        return any(one.label is not None or LABEL_IN_PATH in one.path for one in patterns)

    def file_patterns(self) -> Mapping[str, list[FilePattern]]:
        """The paths of each split, or of `all`, each with the label that it stands for."""
        patterns: dict[str, list[FilePattern]] = {
            split: patterns_of(files) for split, files in self.files.items()
        }
        if self.test_splits:
            patterns["test"] = patterns_of_test_splits(self.test_splits)
        return patterns

    def source_paths(self) -> list[str]:
        """The paths that its source must hold; of a path into an archive, the archive's.

        They are those of `files`, `label_files` and `also`, each once.
        """
        paths = [one.path for patterns in self.file_patterns().values() for one in patterns]
        paths += [*(self.label_files or {}).values(), *(self.also or {}).values()]
        return list(dict.fromkeys(split_archive(path)[0] for path in paths))

    def knows(self, label: str) -> bool:
        """Whether a label, as a file or its path spells it, is one of the task, or is dropped."""
        if self.label_names is None:
            return True
        dropped = (self.drop and self.drop.labels) or []
        return label in (*self.label_names, *(self.values or {}), *dropped)

    def of_split(self, split: str) -> Self:
        """The entry as it holds for the files of one split (`per_split` put in)."""
        own = (self.per_split or {}).get(split)  # type: ignore[call-overload]
        if own is None:
            return self
        update: dict[str, Any] = {}
        if own.columns is not None:
            update["columns"] = _merged(self.columns or Columns(), own.columns)
        if own.dialect is not None:
            update["dialect"] = _merged(self.dialect or Dialect(), own.dialect)
        if own.values is not None:
            update["values"] = own.values
        return self.model_copy(update=update)

    def task_metrics(self) -> TaskMetrics:
        """By what it is measured."""
        return resolve_metrics(
            self.target_kind,
            names=None if self.metrics is None else tuple(self.metrics),
            main=self.main_metric,
            positive=self.positive,
        )

    @property
    def label_names(self) -> list[str] | None:
        """Label names in the order of their ids; None where only the files tell."""
        return self.labels if isinstance(self.labels, list) else None

    @property
    def target_kind(self) -> TargetKind:
        """What the task asks for."""
        return self.target.kind if self.target else "single_label"

    @property
    def test_splits(self) -> Mapping[str, Any]:
        """The files of each test split by its name, in their order; empty of a task with one.

        A mapping of `test` names labels where one of its keys is a label, or train's files are of
        labels, too; else it names test splits.
        """
        files = self.files.get("test")
        if not isinstance(files, dict):
            return {}
        if has_inner_mapping(files):
            return files
        of_labels = isinstance(self.files.get("train"), dict) or (
            self.label_names is not None and any(self.knows(name) for name in files)
        )
        return {} if of_labels else files

    @property
    def under_data_root(self) -> bool:
        """Whether its files lie under the configuration's data root alone."""
        return not self.package and not self.hub and not self.url

    @property
    def has_dev(self) -> bool:
        """Whether the task itself provides a dev split."""
        return "dev" in self.files or bool(self.split and self._split_gives("dev"))

    @property
    def has_test(self) -> bool:
        """Whether the task itself provides a test split."""
        return "test" in self.files or bool(self.split and self._split_gives("test"))

    def _split_gives(self, split: str) -> bool:
        if self.split is None:
            return False
        if self.split.by == "column":
            return self.split.values is None or split in self.split.values.values()
        return split == "test" or bool(self.split.dev)


def _merged(common: Any, own: Any) -> Any:
    """An entry with the keys that another of its kind sets put in."""
    return common.model_copy(update={key: getattr(own, key) for key in own.model_fields_set})
