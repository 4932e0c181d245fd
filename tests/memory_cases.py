"""Models and methods whose memory is predicted, computed by formula and measured in tests."""

import yaml

from tunegrid.config.catalogue import MethodEntry
from tunegrid.paths import ROOT

NAMES = ("full", "adapter-64", "adapter-8", "lora", "head", "bitfit")
SHAPES = ("roberta-base", "minilm-l6")

_CATALOGUE = yaml.safe_load((ROOT / "config/methods.yaml").read_text(encoding="utf-8"))
METHODS = {name: MethodEntry(**_CATALOGUE[name]).settings() for name in NAMES}


def config_of(name):
    """The configuration of a catalogue's model or of a shape that ships."""
    from tunegrid.memory.shapes import load_shape

    models = yaml.safe_load((ROOT / "config/models.yaml").read_text(encoding="utf-8"))
    return load_shape(name, models.get(name))
