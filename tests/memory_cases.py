"""Models, methods and steps whose memory tests predict, compute by formula and measure."""

import copy
from functools import cache

from tunegrid.memory.model_shapes import load_shape, method_entry, shipped_model
from tunegrid.memory.records import TrainingStep

#: The methods that the formula knows.
METHODS = ("full", "adapter-64", "adapter-8", "lora", "head", "bitfit")
#: A model of either kind: RoBERTa's head has a dense layer of its own, BERT's encoder has a pooler.
MODELS = ("roberta-base", "minilm-l6")


@cache
def config_of(name, **changes):
    """The configuration of a catalogue's model or of a shape that ships.

    `changes` are attributes, as in `config_of("roberta-base", num_hidden_layers=2)`: layers of the
    same widths keep and hold the same in each layer, and cost less.
    """
    config = copy.deepcopy(load_shape(name, shipped_model(name)))
    for attribute, value in changes.items():
        setattr(config, attribute, value)
    return config


def make_step(method, *, batch, tokens, labels=3, **options):
    """A step under a method of the catalogue, or under a configuration string."""
    return TrainingStep(
        method=method,
        method_source=method_entry(method),
        labels=labels,
        batch=batch,
        tokens=tokens,
        **options,
    )
