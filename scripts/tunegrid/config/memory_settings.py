"""What the memory analysis of a grid shows."""

from pydantic import Field

from tunegrid.config.value_types import Closed


class MemorySettings(Closed):
    """What the tables and figures of memory show. They decide nothing of any run."""

    gpus: list[str] = Field(
        default_factory=list,
        description="The GPUs that steps are held against: names of `config/gpus.yaml` (T4,"
        " A100-80GB) and sizes (12GB). Default: all of the file.",
    )
    batch: int | None = Field(
        None,
        ge=1,
        description="Examples of a micro-batch; null: the most that a cell of the method has.",
    )
    tokens: int | None = Field(
        None,
        ge=1,
        description="Tokens of an example, as far as a model takes them; null: the most that a cell"
        " of the method has.",
    )
