"""How the weights of a run are updated: for how many steps, by what, which of them, how fast."""

from typing import Literal

from pydantic import Field

from tunegrid.config.value_types import Closed


class UpdateSettings(Closed):
    """The part of the training settings that says what an optimizer step does, and how many."""

    max_steps: int | None = Field(
        None,
        ge=1,
        description="Optimizer steps of a run, in place of `epochs`: it ends after the last of"
        " them, within an epoch or after many, and the schedule is planned for them. null: those"
        " of `epochs`.",
    )
    eval_every: int | None = Field(
        None,
        ge=1,
        description="Evaluate each time after so many optimizer steps, and after the last; null:"
        " after each epoch.",
    )
    learning_rate: float = Field(
        5.0e-5, gt=0, lt=1, description="Peak learning rate, that of the warm-up's last step."
    )
    warmup_ratio: float = Field(
        0.15,
        ge=0,
        lt=1,
        description="Share of the steps, rounded up to W whole ones, over which the rate rises:"
        " step k of them has k / W of the peak. 0: no warm-up.",
    )
    schedule: Literal["cosine", "linear", "constant"] = Field(
        "cosine", description="How the learning rate falls after the warm-up."
    )
    weight_decay: float = Field(0.0, ge=0, description="The decoupled weight decay of matrices.")
    max_grad_norm: float | None = Field(
        1.0, gt=0, description="Gradients are clipped to this norm; null: never."
    )
    optimizer: Literal["adamw", "adafactor", "adamw_8bit"] = Field(
        "adamw",
        description="adamw: Loshchilov & Hutter 2019. adafactor: Shazeer & Stern 2018, with the"
        " rate as it is given; it keeps sums of rows and columns in place of a value for each"
        " weight. adamw_8bit: AdamW whose state takes a byte a value (Dettmers et al. 2022), on"
        " machines with the package bitsandbytes.",
    )
    adam_beta1: float = Field(
        0.9, ge=0, lt=1, description="AdamW's decay of the mean of the gradients."
    )
    adam_beta2: float = Field(
        0.999, ge=0, lt=1, description="AdamW's decay of the mean of their squares."
    )
    adam_epsilon: float = Field(
        1.0e-8, gt=0, lt=1, description="What AdamW adds to the root by which it divides."
    )
    layer_decay: float = Field(
        1.0,
        gt=0,
        le=1,
        description="Each layer's rate is so many times that of the layer above it; the last"
        " layer's is so many times `learning_rate`, the embeddings have the least. 1: all the"
        " same.",
    )
    head_learning_rate: float | None = Field(
        None,
        gt=0,
        lt=1,
        description="Peak learning rate of the classification head; null: `learning_rate`.",
    )
    frozen_layers: int = Field(
        0,
        ge=0,
        description="So many of the first layers do not train, nor do the embeddings; nor what a"
        " method adds to them. 0: what the method says trains.",
    )
    gradient_checkpointing: bool = Field(
        False,
        description="Compute each layer again in the backward pass in place of keeping what it"
        " computed: less memory, some 30 % more time, the same results.",
    )
