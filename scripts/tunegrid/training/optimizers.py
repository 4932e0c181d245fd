"""The optimizer of a run: what updates the weights, in groups of one rate and one decay."""

from collections.abc import Iterator
from importlib.util import find_spec
from typing import Any

import torch
from transformers import PreTrainedModel
from transformers.optimization import Adafactor

from tunegrid.config.schema import TrainSettings
from tunegrid.errors import UserError
from tunegrid.methods import in_head
from tunegrid.model_layers import parameter_depths

NO_8BIT = (
    "train.optimizer: adamw_8bit needs the package bitsandbytes, which is not installed here;"
    " install it (pip install bitsandbytes), or take adamw or adafactor"
)


def build_optimizer(model: PreTrainedModel, settings: TrainSettings) -> torch.optim.Optimizer:
    """The optimizer over what trains: `adamw`, `adafactor` or `adamw_8bit`.

    | name | source | from |
    | --- | --- | --- |
    | adamw | Loshchilov & Hutter 2019, https://arxiv.org/abs/1711.05101 | torch, fused |
    | adafactor | Shazeer & Stern 2018, https://arxiv.org/abs/1804.04235 | transformers |
    | adamw_8bit | Dettmers et al. 2022, https://arxiv.org/abs/2110.02861 | bitsandbytes |

    Adafactor takes the rate as it is given, without its own schedule and without scaling it by the
    size of the weights, as the Transformers Trainer has it (`optim="adafactor"`,
    https://huggingface.co/docs/transformers/main_classes/optimizer_schedules).

    Biases and normalisation weights do not decay, as in BERT's and the Transformers library's own
    training.

    Args:
        model: a classifier; its parameters that require a gradient are trained.
        settings: how the cell is trained. Peak rates: `peak_rates`.

    Raises:
        UserError: the optimizer's package is not installed, or the layers' rates are to differ and
            the model's layers cannot be told apart.
    """
    groups = parameter_groups(model, settings)
    rate = settings.learning_rate
    betas = (settings.adam_beta1, settings.adam_beta2)
    if settings.optimizer == "adafactor":
        return Adafactor(  # type: ignore[no-untyped-call]
            groups, lr=rate, scale_parameter=False, relative_step=False
        )
    if settings.optimizer == "adamw_8bit":
        if find_spec("bitsandbytes") is None:
            raise UserError(NO_8BIT)
        from bitsandbytes.optim import AdamW8bit  # only some machines have it

        eight_bit: torch.optim.Optimizer = AdamW8bit(
            groups, lr=rate, betas=betas, eps=settings.adam_epsilon
        )
        return eight_bit
    return torch.optim.AdamW(groups, lr=rate, betas=betas, eps=settings.adam_epsilon, fused=True)


def parameter_groups(model: PreTrainedModel, settings: TrainSettings) -> list[dict[str, Any]]:
    """What trains, in groups that share a peak rate and a weight decay.

    First the matrices, a group for each rate from the highest on, then in the same way biases and
    normalisation weights. Where all rates are the same there are two groups; one may be empty.

    Raises:
        UserError: as of `build_optimizer`.
    """
    rates = peak_rates(model, settings)
    trained = [(rates[name], value) for name, value in model.named_parameters() if name in rates]
    groups = []
    for decay, of_group in ((settings.weight_decay, _is_matrix), (0.0, _is_vector)):
        for rate in sorted(set(rates.values()), reverse=True):
            members = [value for own, value in trained if own == rate and of_group(value)]
            groups.append({"params": members, "lr": rate, "weight_decay": decay})
    return groups


def peak_rates(model: PreTrainedModel, settings: TrainSettings) -> dict[str, float]:
    """The peak learning rate of each parameter that trains, by its name.

    With `layer_decay` d the rate of depth k of L layers is `learning_rate` times d^(L + 1 - k)
    (`tunegrid.model_layers.parameter_depths`): a step for each layer, as in discriminative
    fine-tuning (Howard & Ruder 2018, https://arxiv.org/abs/1801.06146) and as ELECTRA is
    fine-tuned (Clark et al. 2020, https://arxiv.org/abs/2003.10555, whose code has one step more
    between the last layer and the head).

    Raises:
        UserError: as of `build_optimizer`.
    """
    names = [name for name, value in model.named_parameters() if value.requires_grad]
    rates = dict.fromkeys(names, settings.learning_rate)
    if settings.layer_decay < 1:
        depths = parameter_depths(model)
        top = max(depths.values())
        rates = {
            name: settings.learning_rate * settings.layer_decay ** (top - depths[name])
            for name in names
        }
    if settings.head_learning_rate is not None:
        rates |= {name: settings.head_learning_rate for name in names if in_head(model, name)}
    return rates


def state_tensors(optimizer: torch.optim.Optimizer) -> Iterator[torch.Tensor]:
    """The tensors that an optimizer holds beside the weights, such as AdamW's two moments."""
    for state in optimizer.state.values():
        yield from (value for value in state.values() if isinstance(value, torch.Tensor))


def optimizer_facts(optimizer: torch.optim.Optimizer) -> dict[str, Any]:
    """What a run's provenance says of its optimizer: its class, and each group that is not empty.

    Args:
        optimizer: of `build_optimizer`, with its schedule (`tunegrid.training.schedule`).
    """
    return {
        "class": f"{type(optimizer).__module__}.{type(optimizer).__qualname__}",
        "groups": [
            {
                "peak_rate": group["initial_lr"],
                "weight_decay": group["weight_decay"],
                "parameters": sum(value.numel() for value in group["params"]),
            }
            for group in optimizer.param_groups
            if group["params"]
        ],
    }


def _is_matrix(value: torch.Tensor) -> bool:
    return value.ndim > 1


def _is_vector(value: torch.Tensor) -> bool:
    return value.ndim <= 1
