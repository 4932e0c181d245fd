"""What an entry of kind `peft` may say: a configuration of the peft library, checked without it.

The library takes seconds to import, and planning must not wait for it: its types and their keys
stand in `config/peft_options.json`, which `make docs` writes from the installed library.
"""

import json
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from tunegrid.config.messages import nearest, number_hint
from tunegrid.paths import ROOT

#: The types of the peft library and the keys of each.
OPTIONS_FILE = ROOT / "config/peft_options.json"

_NEW_TOKENS = (
    "it gives the model tokens, or their keys and values, before every input, by a class of its"
    " own; the adapters library's prefix_tuning (kind: adapter) is the method of this kind that can"
    " be trained here"
)
#: Types that cannot be trained here, and why.
UNSUPPORTED: dict[str, str] = {
    "ADALORA": "it takes ranks away by calls between the steps of a training of its own; LORA has"
    " the same parts with a fixed rank",
    "ADAPTION_PROMPT": "it puts prompts into the attention of models that generate text",
    "CARTRIDGE": _NEW_TOKENS,
    "CPT": _NEW_TOKENS,
    "MULTITASK_PROMPT_TUNING": _NEW_TOKENS,
    "POLY": "each input must say of which of several tasks it is",
    "PREFIX_TUNING": _NEW_TOKENS,
    "PROMPT_TUNING": _NEW_TOKENS,
    "P_TUNING": _NEW_TOKENS,
    "SHADOW": "it computes a second, smaller network beside the model",
    "TRAINABLE_TOKENS": "the library does not keep a classification head with it; LORA takes the"
    " same tokens as trainable_token_indices",
    "XLORA": "it mixes adapters that were trained before",
}
#: Keys that every type has and that are not the user's, and why.
RESERVED: dict[str, str] = {
    "auto_mapping": "the library writes it itself",
    "base_model_name_or_path": "the grid names the model",
    "inference_mode": "a method is there to be trained",
    "peft_version": "the library writes it itself",
    "revision": "the grid names the model",
    "task_type": "it is always SEQ_CLS",
}
#: Keys of LORA that ask for more than a method that is added to one model, and why.
REFUSED_KEYS: dict[str, str] = {
    "alora_invocation_tokens": "each input would have to say where its update begins",
    "arrow_config": "it chooses among adapters that were trained before",
    "layer_replication": "it changes how many layers the model has",
    "megatron_config": "models are not built by Megatron here",
    "megatron_core": "models are not built by Megatron here",
    "monteclora_config": "it needs a term of its own in the loss",
    "runtime_config": "it says how weights are moved between devices, not what is trained",
}
#: Ways to begin LoRA that need data, or a quantised model, beside the configuration.
NEED_MORE = {"corda", "eva", "loftq", "lora_ga"}


@cache
def peft_options(path: Path = OPTIONS_FILE) -> dict[str, list[str]]:
    """The types that can be trained here, and the keys of each, sorted."""
    options: dict[str, list[str]] = json.loads(path.read_text(encoding="utf-8"))
    return options


def first_problem(configuration: Mapping[str, Any]) -> str | None:
    """What is wrong with the key `peft` of an entry, in one line; None: nothing that is known.

    Whether values fit together and fit a model is found out where the model is built.

    Args:
        configuration: the key's value.
    """
    return next(_problems(configuration), None)


def _problems(configuration: Mapping[str, Any]) -> Iterator[str]:
    options = peft_options()
    kind = configuration.get("peft_type")
    if not isinstance(kind, str):
        yield "peft: names no peft_type; give one, as LORA"
        return
    if kind in UNSUPPORTED:
        yield f"peft: peft_type {kind} cannot be trained here: {UNSUPPORTED[kind]}"
        return
    if kind not in options:
        yield f"peft: unknown peft_type {kind!r}; {_nearest_type(kind)}"
        return
    for key, value in configuration.items():
        if reason := (RESERVED | REFUSED_KEYS).get(key):
            yield f"peft: names {key}, which is not set here: {reason}; leave it out"
        elif key not in options[kind] and key != "peft_type":
            yield f"peft: unknown key {key!r} of {kind}; {nearest(key, options[kind])}"
        elif isinstance(value, str) and (hint := number_hint(value)):
            yield f"peft: {key} is {value!r}, a number{hint}"
    if kind == "BOFT" and configuration.get("boft_n_butterfly_factor", 1) != 1:
        yield (
            "peft: boft_n_butterfly_factor can be 1 alone: the library takes 1, whatever is asked"
            " for, where it has not compiled a kernel of its own; leave it out"
        )
    start = configuration.get("init_lora_weights")
    if isinstance(start, str) and start.split("_niter_")[0] in NEED_MORE:
        yield (
            f"peft: init_lora_weights {start!r} needs more than a configuration (data, or a"
            " quantised model), which is not given to it here; leave it out, or name another"
        )


def _nearest_type(kind: str) -> str:
    """The hint that follows an unknown type; the library's are in capitals."""
    if kind.upper() in peft_options():
        return f"did you mean {kind.upper()!r}?"
    return nearest(kind.upper(), peft_options())
