"""The configuration's typed models: every key, its type, its bounds, its default, its meaning.

They are closed (an unknown key is an error) and strict (text is never taken for a number). The
table in `config/README.md` and the schema in `config/schema.json` are generated from them by
`scripts/document_config.py`.
"""

from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import Field, create_model, model_validator

from tunegrid.config.catalogue import MethodEntry, ModelEntry
from tunegrid.config.compare_settings import CompareSettings
from tunegrid.config.entries import Name
from tunegrid.config.inference_settings import InferenceSettings
from tunegrid.config.memory_settings import MemorySettings
from tunegrid.config.task_entry import TaskEntry
from tunegrid.config.tuning import TuneSettings
from tunegrid.config.update_settings import UpdateSettings
from tunegrid.config.value_types import (
    MAIN,
    AutoSize,
    AutoTime,
    ClassWeights,
    Closed,
    MetricOrMain,
    MicroBatch,
    NonEmpty,
    Seed,
    SeedRanges,
    Seeds,
    Size,
    StudyName,
    Threshold,
    Time,
)


class GridBlock(Closed):
    """One block of the grid: every combination of its four lists is a cell."""

    models: Annotated[list[Name], NonEmpty] = Field(description="Models, by their catalogue names.")
    tasks: Annotated[list[Name], NonEmpty] = Field(description="Tasks, by their catalogue names.")
    methods: Annotated[list[Name], NonEmpty] = Field(
        description="Methods, by their catalogue names."
    )
    seeds: Seeds = Field(
        description="Seeds, as a list, a range (`1..5`), or how many (5: the seeds 1 to 5); each"
        " draws its own head, adapter, dropout and data order."
    )


class TrainSettings(UpdateSettings, InferenceSettings):
    """How one cell is trained: every setting decides its result."""

    epochs: int = Field(3, ge=1, description="Passes over the training split.")
    batch_size: int = Field(32, ge=1, description="Examples in one optimizer step.")
    protocol: Literal["standard", "report"] = Field(
        "standard",
        description="standard: dev is evaluated after each epoch (or `eval_every` steps), the test"
        " split is read once, at the end. report: as the published report did it, the test split is"
        " evaluated as often, for the curve, and the last weights count.",
    )
    select: Literal["last", "best_dev"] = Field(
        "last",
        description="Which weights are the result: the last, or those of the evaluation that is"
        " best on dev.",
    )
    select_metric: MetricOrMain = Field(
        MAIN,
        description="The metric that is best on dev, by its name in the registry of metrics; main:"
        " the task's main one. Of equal evaluations the first is taken.",
    )
    early_stopping: int | None = Field(
        None,
        ge=1,
        description="With best_dev: stop when so many evaluations have brought nothing better;"
        " null: train to the end.",
    )
    label_smoothing: float = Field(
        0.0,
        ge=0,
        lt=1,
        description="Share of each example's weight in the loss that all labels get alike; of"
        " single labels alone.",
    )
    class_weights: ClassWeights = Field(
        None,
        description="Weights of the labels in the loss: balanced, by which all labels of train"
        " weigh the same, or `{label: weight}` (1 of labels that are not named); null: every"
        " example weighs the same. Of several labels they weigh the examples that have the label.",
    )
    threshold: Threshold = Field(
        0.5,
        description="Of several labels, the probability from which on a label is predicted; dev:"
        " the one with the best micro-F1 on dev, one for all labels, which the run writes down.",
    )
    micro_batch: MicroBatch = Field(
        "auto",
        description="Examples computed at once, at most; auto: the whole batch, or on a GPU the"
        " largest power of two whose predicted memory fits. The batch is kept by accumulation."
        " Sorted by length it is cut where that saves most padding; when memory runs out the limit"
        " is halved and the step repeated. The cut changes which dropout masks are drawn, nothing"
        " else.",
    )
    memory_limit: Size | None = Field(
        None,
        description="Take the GPU to have no more memory than this (16GB), in training and in"
        " evaluations; on a CPU, tensors.",
    )
    group_by_length: bool = Field(
        False,
        description="Draw batches of examples of like length. Faster on long, uneven texts, but it"
        " changes which examples share a batch.",
    )
    precision: Literal["auto", "fp32", "tf32", "bf16", "fp16"] = Field(
        "auto",
        description="auto: bf16 where the run's GPUs multiply it natively, else tf32, on CPUs fp32;"
        " several in one grid are refused. tf32: fp32 with TF32 products where the GPU has them."
        " bf16: autocast, weights stay fp32. fp16: with a scaled loss; overflowing steps are told.",
    )
    attention: Literal["auto", "sdpa", "eager", "unpadded"] = Field(
        "auto", description="Kernels; auto: sdpa, if there is; unpadded: ModernBERT, flash-attn."
    )
    trim_last_layer: bool = Field(
        True,
        description="Compute the last layer's feed-forward block for the first token alone, where"
        " that is tried to change no logit (BERT and its like): a tenth faster. Off: every token."
        " It changes the last bits, and which dropout masks are drawn.",
    )
    gpus_per_run: int = Field(
        1, ge=1, description="Processes that share each batch, a GPU each; on a CPU, processes."
    )
    threads: int = Field(
        1, ge=1, description="Torch threads (and cores) of a run; they change the last bits."
    )
    deterministic: bool = Field(
        True,
        description="Use deterministic kernels only; a run whose model has an operation without"
        " one fails and says so. Slower on some GPUs, the same on CPUs.",
    )


class TrainDefaults(TrainSettings):
    """The training settings that overrides may change, and what a run keeps."""

    keep: Literal["none", "adapters", "all"] = Field(
        "none",
        description="Trained weights to keep in the run's folder: none, the adapters (some MB"
        " each), or of every method, whole models too.",
    )


class TrainSection(TrainDefaults):
    """The defaults of all cells, and how they are computed together."""

    pack: int = Field(
        1,
        ge=1,
        description="Train up to so many cells of a model and task in one process, one after the"
        " other: saves their start-up. Asking for one result then trains its pack.",
    )


class SplitSettings(Closed):
    """What is made of a task's splits before training, the same for every cell."""

    max_length: int = Field(
        256, ge=4, description="Tokens an example is cut to; the log counts those that were cut."
    )
    max_train: int | None = Field(
        None,
        ge=1,
        description="Train on so many examples, drawn by label, of each one at least where the"
        " limit allows; null: on all.",
    )
    max_dev: int | None = Field(
        None, ge=1, description="Keep so many examples of dev, drawn by label; null: all."
    )
    max_test: int | None = Field(
        None, ge=1, description="Test on so many examples, drawn by label; null: on all."
    )
    dev_fraction: float = Field(
        0.0,
        ge=0,
        lt=1,
        description="Cut this share of train, stratified by label, as dev for tasks that ship"
        " none; train keeps one example at least of each label. 0: leave train whole.",
    )
    split_seed: Seed = Field(0, description="Seed of these cuts; not a run's seed.")
    few_shot: int | None = Field(
        None,
        ge=1,
        description="Train on so many examples of each label, and keep as many of dev; null: on"
        " all. Tasks named `…_fs`: 16.",
    )
    few_shot_seed: Seed | None = Field(
        None, description="Seed that draws them; null: the run's own, so each seed sees others."
    )


def _partial(model: type[Closed], name: str, doc: str) -> type[Closed]:
    """`model` with every key optional and without a default: what an override may set."""
    fields: dict[str, Any] = {
        key: (field.rebuild_annotation(), Field(None, description=field.description))
        for key, field in model.model_fields.items()
    }
    return create_model(name, __base__=Closed, __doc__=doc, **fields)


if TYPE_CHECKING:  # a type checker takes no class that is made while the program runs

    class TrainOverride(TrainDefaults):
        """Training settings to change."""

    class SplitOverride(SplitSettings):
        """One task's own split settings."""

else:
    TrainOverride = _partial(TrainDefaults, "TrainOverride", "Training settings to change.")
    SplitOverride = _partial(SplitSettings, "SplitOverride", "One task's own split settings.")


class Where(Closed):
    """Which cells an override touches: those that match every key given."""

    model: Annotated[list[Name], NonEmpty] | None = Field(None, description="Any of these models.")
    task: Annotated[list[Name], NonEmpty] | None = Field(None, description="Any of these tasks.")
    method: Annotated[list[Name], NonEmpty] | None = Field(
        None, description="Any of these methods."
    )
    seed: SeedRanges | None = Field(
        None, description="Any of these seeds; a list or a range, `1..3`."
    )

    @model_validator(mode="after")
    def _names_something(self) -> Self:
        if not self.model_fields_set or any(
            getattr(self, key) is None for key in self.model_fields_set
        ):
            raise ValueError("names nothing; name a model, task, method or seed")
        return self


class Override(Closed):
    """Training settings of some cells; of two overrides that set one key, the later wins."""

    where: Where = Field(description="Which cells.")
    set: TrainOverride = Field(description="What to set there.")

    @model_validator(mode="after")
    def _sets_something(self) -> Self:
        if not self.set.model_fields_set:
            raise ValueError("sets nothing; give `set` a key of `train`, or delete the override")
        return self


class DataSettings(SplitSettings):
    """The splits' settings, and where tasks differ."""

    tasks: dict[Name, SplitOverride] = Field(
        default_factory=dict, description="Settings of one task, by its name."
    )


class FigureSettings(Closed):
    """How the figures look."""

    error_bar: Literal["sd", "variance"] = Field(
        "sd",
        description="What error bars show: the standard deviation over seeds (n-1), or the"
        " variance, as in the report.",
    )
    dpi: int = Field(200, ge=50, le=1200, description="Resolution of the PNG files.")


class ClusterSettings(Closed):
    """What jobs of `train` ask a cluster for, and how the cluster is used."""

    mem: AutoSize = Field(
        "auto",
        description="Host memory of a training job's first attempt; auto: from the model and the"
        " method. An attempt after one that ran out of memory gets half as much again.",
    )
    runtime: AutoTime = Field(
        "auto",
        description="Time limit of its first attempt; auto: from the model, the tokens and the"
        " epochs. An attempt after one that ran out of time gets twice as much, and goes on from"
        " its checkpoint.",
    )
    max_mem: Size = Field(
        "128GB",
        description="The most memory that a further attempt gets; that of the partition's nodes, at"
        " most.",
    )
    max_runtime: Time = Field(
        "24h",
        description="The longest time limit that a further attempt gets; the partition's, at most.",
    )
    gpu_memory: Size | None = Field(
        None,
        description="Memory of one of the GPUs that `train` gets: a model that cannot fit it is"
        " refused before anything runs; null: only the run itself finds out.",
    )
    left_over_jobs: Literal["wait", "cancel"] = Field(
        "wait",
        description="What a start of the workflow does about jobs that a killed one has left in"
        " the queue: those that pend are cancelled, those that run are waited for or cancelled.",
    )
    scratch: str | None = Field(
        None,
        pattern=r"^[\w/$.~-]+$",
        description="Fast disk of a node, e.g. $TMPDIR: a run copies its model and data there and"
        " reads them from there.",
    )


class Config(Closed):
    """The whole configuration."""

    name: StudyName | None = Field(
        None,
        description="A name, so that several configurations share a working directory: its results"
        " are written to `results/<name>/`. Models and tasks are fetched once for all, and a cell"
        " that another configuration has finished with the same settings is taken from there. null:"
        " `results/` itself.",
    )
    grid: Annotated[list[GridBlock], NonEmpty] = Field(
        description="What to train: the union of these blocks."
    )
    data_root: str | None = Field(
        None,
        min_length=1,
        description="Folder of the task files that come from nowhere else, and of those that need"
        " not be downloaded; relative to the workflow's folder.",
    )
    train: TrainSection = Field(default_factory=TrainSection, description="Every cell's default.")
    overrides: list[Override] = Field(
        default_factory=list, description="What differs, in order; the later wins."
    )
    tune: TuneSettings | None = Field(
        None,
        description="Each method's settings by its score on dev; null: those of `train` and"
        " `overrides`.",
    )
    data: DataSettings = Field(default_factory=DataSettings, description="The tasks' splits.")
    compare: CompareSettings = Field(
        default_factory=CompareSettings, description="How methods and models are compared."
    )
    figures: FigureSettings = Field(default_factory=FigureSettings, description="The figures.")
    memory: MemorySettings = Field(
        default_factory=MemorySettings, description="The predicted memory of training steps."
    )
    cluster: ClusterSettings = Field(
        default_factory=ClusterSettings, description="Jobs on a Slurm cluster."
    )
    published: list[str] = Field(
        default_factory=list,
        description="Papers whose numbers stand beside the grid's, relative to the workflow's"
        " folder. Each is a folder with paper.yaml and numbers.csv, or a CSV of numbers with the"
        " columns source, model, task, method, metric, value and, where the paper tells them,"
        " mean_of (runs), sd or standard_error, where, and note. Default: none.",
    )
    partial: bool = Field(
        False,
        description="Train nothing; make tables, figures and workbook of the runs that are"
        " finished. The others are shown as missing or failed.",
    )
    models: dict[Name, ModelEntry] = Field(
        default_factory=dict, description="Models beside those of `config/models.yaml`."
    )
    tasks: dict[Name, TaskEntry] = Field(
        default_factory=dict, description="Tasks beside those of `config/tasks.yaml`."
    )
    methods: dict[Name, MethodEntry] = Field(
        default_factory=dict, description="Methods beside those of `config/methods.yaml`."
    )
