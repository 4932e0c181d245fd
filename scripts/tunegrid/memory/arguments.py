"""The options by which the programs of the memory analysis are told a model, a step and GPUs.

One function for each topic, so that every program that asks for a step asks for it alike. Nothing
here imports torch: `--help` answers at once.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING

from tunegrid.config.catalogue import MethodEntry
from tunegrid.errors import UserError
from tunegrid.memory.records import TrainingStep

if TYPE_CHECKING:
    from transformers import PretrainedConfig

#: The options that count something, of which there is at least one.
COUNTS = ("batch", "tokens", "accumulated", "labels", "gpus")
#: Labels of a classifier by default.
LABELS = 2


def add_model_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options that say which model is meant and what it is to do."""
    parser.add_argument(
        "--model",
        required=True,
        action="append",
        help="a model's name, or a folder or file with its config.json; may be given several times",
    )
    parser.add_argument(
        "--task",
        default="auto",
        choices=["auto", "classify", "lm"],
        help="what the model is trained as: a classifier of texts, or a language model; auto is"
        " what it was pretrained as, by the architectures of its config.json (default)",
    )
    parser.add_argument(
        "--labels",
        type=int,
        help=f"labels of a classifier (default: {LABELS}); a language model has none",
    )


def add_step_arguments(parser: argparse.ArgumentParser, *, methods: Sequence[str]) -> None:
    """Add the options that say how the model takes a training step.

    Args:
        parser: gets the options.
        methods: what the program takes where no method is named.
    """
    parser.add_argument(
        "--method",
        action="append",
        help=f"a method; may be given several times (default: {', '.join(methods)})",
    )
    parser.add_argument(
        "--batch", type=int, default=16, help="examples of a micro-batch (default: 16)"
    )
    parser.add_argument(
        "--tokens", type=int, default=128, help="tokens of an example (default: 128)"
    )
    parser.add_argument(
        "--dtype",
        default="fp32",
        choices=["fp32", "tf32", "bf16", "fp16", "pure-bf16", "bf16-base"],
        help="precision; bf16 and fp16 are autocast; bf16-base: pretrained weights in bf16 and what"
        " a method of the peft library adds in fp32 (default: fp32)",
    )
    parser.add_argument(
        "--attention",
        default="auto",
        choices=["auto", "sdpa", "eager"],
        help="attention kernel; auto is the first of sdpa and eager that the model has",
    )
    parser.add_argument(
        "--checkpointing",
        action="store_true",
        help="gradient checkpointing: compute every layer again in the backward pass",
    )
    parser.add_argument(
        "--optimizer",
        default="adamw",
        choices=["adamw", "adafactor", "adamw_8bit", "adamw-foreach", "sgd"],
        help="optimizer; the first three as training uses them (default: adamw)",
    )
    parser.add_argument(
        "--frozen-layers",
        type=int,
        default=0,
        help="first layers that do not train, nor do the embeddings; 0: none (default)",
    )
    parser.add_argument(
        "--quantised",
        default="",
        choices=["int8", "nf4", "nf4-double"],
        help="how the frozen weights of linear maps are stored, as by bitsandbytes (default: as"
        " --dtype says)",
    )
    parser.add_argument(
        "--gpus",
        type=int,
        default=1,
        help="GPUs that take the step together, each with --batch examples (default: 1)",
    )
    parser.add_argument(
        "--sharding",
        default="none",
        choices=["none", "zero1", "zero2", "zero3", "fsdp"],
        help="what they share: the optimizer's state (zero1), gradients, too (zero2), weights, too"
        " (zero3, fsdp); by formula (default: none)",
    )
    parser.add_argument(
        "--accumulated", type=int, default=1, help="micro-batches of a step (default: 1)"
    )
    parser.add_argument(
        "--loop",
        default="ours",
        choices=["ours", "trainer", "trainer-torch1"],
        help="what the loop keeps: ours frees outputs and gradients as soon as it can; trainer, a"
        " script around the model's own loss, keeps outputs until the next ones and gradients until"
        " the next step; trainer-torch1 keeps gradients for good, as before torch 2.0"
        " (default: ours)",
    )
    parser.add_argument(
        "--no-padding",
        action="store_true",
        help="all examples are of one length, so that attention needs no mask",
    )


def add_gpu_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options that say which GPUs a step is held against."""
    parser.add_argument(
        "--gpu",
        action="append",
        default=[],
        help="a GPU of config/gpus.yaml (T4, A100-80GB), or a size (12GB); may be given several"
        " times (default: all of the file)",
    )


def check_counts(parser: argparse.ArgumentParser, arguments: argparse.Namespace) -> None:
    """End the program with one line where a count is less than one, or one GPU shares with none."""
    given = [getattr(arguments, name) for name in COUNTS]
    if min(count for count in given if count is not None) < 1:
        parser.error(f"{', '.join(f'--{name}' for name in COUNTS)} are at least 1")
    if arguments.sharding != "none" and arguments.gpus == 1:
        parser.error(f"--sharding {arguments.sharding} needs --gpus 2 or more")


def requested_labels(
    arguments: argparse.Namespace, model: str, config: PretrainedConfig
) -> int | None:
    """Labels of the classifier that the options of `add_model_arguments` ask for.

    A grid trains a language model, too, as a classifier; a person asks for what it is.

    Args:
        arguments: what was parsed.
        model: the model's name in messages.
        config: the model's configuration.

    Returns:
        None for a language model.

    Raises:
        UserError: the library has no such model of this type, or labels of a language model are
            asked for.
    """
    from tunegrid.memory.model_shapes import task_of

    if task_of(config, arguments.task) == "classify":
        return LABELS if arguments.labels is None else int(arguments.labels)
    if arguments.labels is not None:
        raise UserError(
            f"--labels: {model} is asked for as a language model, which has none; leave it out, or"
            " add --task classify"
        )
    return None


def requested_step(
    arguments: argparse.Namespace, *, method: str, entry: MethodEntry, labels: int | None
) -> TrainingStep:
    """The step that the options of `add_step_arguments` ask for, under one method.

    Args:
        arguments: what was parsed.
        method: the method's name.
        entry: its catalogue entry.
        labels: labels of a classifier; None for a language model.
    """
    return TrainingStep(
        method=method,
        method_source=entry,
        labels=labels,
        batch=arguments.batch,
        tokens=arguments.tokens,
        precision=arguments.dtype,
        attention=arguments.attention,
        checkpointing=arguments.checkpointing,
        optimizer=arguments.optimizer,
        accumulated=arguments.accumulated,
        frozen_layers=arguments.frozen_layers,
        quantised=arguments.quantised,
        gpus=arguments.gpus,
        sharding=arguments.sharding,
        loop=arguments.loop,
        padded=not arguments.no_padding,
    )
