"""Shapes that ship: of every model of the catalogue, with the weights that it is known for."""

import json

import pytest
import torch
import yaml
from paths import ROOT
from transformers import AutoConfig, AutoModel

from tunegrid.memory.model_shapes import SHAPES, load_shape, shipped_model

#: Weights of each pretrained model without a head, as its publisher states it or counts it.
KNOWN_PARAMETERS = {
    "albert-base-v2": 11_683_584,
    "bert-base-uncased": 109_482_240,
    "deberta-v3-base": 183_831_552,
    "deberta-v3-small": 141_304_320,
    "distilroberta-base": 82_118_400,
    "bert-large-uncased": 335_141_888,
    "electra-small": 13_483_008,  # 13,549,057 with the discriminator of its checkpoint
    "gpt2": 124_439_808,
    "llama-3.2-1b": 1_235_814_400,
    "llama-3.2-3b": 3_212_749_824,
    "minilm-l6": 22_713_216,
    "modernbert-base": 149_014_272,
    "mpnet-base": 109_486_464,
    "qwen2.5-0.5b": 494_032_768,
    "qwen2.5-1.5b-instruct": 1_543_714_304,
    "roberta-base": 124_645_632,
    "scibert_scivocab_uncased": 109_918_464,
    "smollm2-1.7b": 1_711_376_384,
    "smollm2-135m": 134_515_008,
}


def shipped_shape(name):
    values = json.loads((SHAPES / f"{name}.json").read_text(encoding="utf-8"))
    return AutoConfig.for_model(**values)


@pytest.mark.parametrize("name", KNOWN_PARAMETERS)
def test_a_shape_has_the_weights_that_its_model_is_known_for(name):
    with torch.device("meta"):
        model = AutoModel.from_config(shipped_shape(name))
    assert sum(weight.numel() for weight in model.parameters()) == KNOWN_PARAMETERS[name]


def test_every_model_of_the_catalogue_has_a_shape_and_every_shape_is_held_to_a_number():
    catalogue = yaml.safe_load((ROOT / "config/models.yaml").read_text(encoding="utf-8"))
    shapes = {file.stem for file in SHAPES.glob("*.json")}
    assert set(catalogue) <= shapes
    assert shapes == set(KNOWN_PARAMETERS)


def test_a_model_that_was_not_fetched_is_known_by_its_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in KNOWN_PARAMETERS:
        config = load_shape(name, shipped_model(name))
        shipped = shipped_shape(name)
        assert config.model_type == shipped.model_type
        assert config.hidden_size == shipped.hidden_size
