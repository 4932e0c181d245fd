"""Trained weights that are kept beside a run's results, as their own libraries load them."""

import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModelForSequenceClassification, PreTrainedModel

from tunegrid.config.catalogue import MethodEntry
from tunegrid.files import read_json, sha256
from tunegrid.methods import ADAPTER, in_head
from tunegrid.training.loading_weights import load_classifier
from tunegrid.training.model_building import BuiltModel, set_padding_token

#: Folders below a run's own.
ADAPTER_FOLDER, MODEL_FOLDER = "adapter", "model"
#: In `adapter/`: what stands in the encoder beside the adapter and is not as in its checkpoint.
BESIDE = "beside_the_adapter.safetensors"


def keep_weights(built: BuiltModel, method: MethodEntry, output: Path) -> dict[str, str]:
    """Write what was trained: what was added and the head into `adapter/`, else a whole `model/`.

    Args:
        built: the model, after training.
        method: the catalogue entry.
        output: the run's folder. `adapter/` in it is what the adapters library's `save_adapter`
            writes, or `save_pretrained` of the peft library; `model/` what that of a model does;
            all as safetensors. Where the encoder has weights that its checkpoint lacks, or lacks
            some that the adapters library draws at random, `adapter/` of the adapters library holds
            `BESIDE`, too: their values, and zeros.

    Returns:
        The SHA-256 of each file, by its path below `output`.
    """
    remove_kept_weights(output)
    folder = output / (ADAPTER_FOLDER if method.is_added else MODEL_FOLDER)
    folder.mkdir(parents=True)
    if method.kind == "peft":
        # The peft library takes seconds to import, which other methods need not pay.
        from tunegrid.peft_methods import save_peft

        save_peft(built.model, folder)
    elif method.kind == "adapter":
        _save_adapter(built.model, folder)
        if beside := _beside_the_adapter(built):
            save_file(beside, folder / BESIDE, metadata={"format": "pt"})
    else:
        built.model.save_pretrained(folder)
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(output)): sha256(path) for path in paths}


def remove_kept_weights(output: Path) -> None:
    """Remove the folders of kept weights, whole or half-written, from a run's folder."""
    for name in (ADAPTER_FOLDER, MODEL_FOLDER):
        shutil.rmtree(output / name, ignore_errors=True)


def _save_adapter(model: PreTrainedModel, folder: Path) -> None:
    """Let the adapters library write the adapter and the head.

    Of T5 and mT5 the library takes all but `encoder`, `decoder` and `shared` for the head
    (`PredictionHeadLoader.filter_func`); their classifiers have these under `transformer`, so that
    it would write the whole model as a head, which safetensors refuses. The head's parameters are
    named to it.
    """
    from adapters.loading import PredictionHeadLoader

    head = PredictionHeadLoader(model, error_on_missing=False, use_safetensors=True)
    head.filter_func = lambda _: partial(in_head, model)
    # `adapters.init` gave the model this method.
    save_adapter: Callable[..., None] = model.save_adapter  # type: ignore[assignment]
    save_adapter(
        str(folder), ADAPTER, with_head=False, custom_weights_loaders=[head], use_safetensors=True
    )


def _beside_the_adapter(built: BuiltModel) -> dict[str, torch.Tensor]:
    """The new weights of the encoder, and zeros for what was taken out of it."""
    new = {
        name: value.detach().cpu().contiguous()
        for name, value in built.model.named_parameters()
        if name in built.loaded.new and not in_head(built.model, name)
    }
    return new | {name: torch.zeros(shape) for name, shape in built.removed.items()}


def load_kept(
    model: Path, kept: Path, *, labels: list[str], pad_token: int, layers: int | None = None
) -> PreTrainedModel:
    """A trained classifier from what a run kept.

    Args:
        model: folder of the pretrained model.
        kept: the run's folder, which holds `adapter/` or `model/`.
        labels: label names in the order of their ids.
        pad_token: the token id that batches are padded with.
        layers: so many blocks were built (`build_model`); None: all.

    Returns:
        The model in evaluation mode.
    """
    if (kept / MODEL_FOLDER).is_dir():
        whole: PreTrainedModel = AutoModelForSequenceClassification.from_pretrained(
            kept / MODEL_FOLDER, dtype=torch.float32
        )
        return whole
    classifier, _ = load_classifier(model, labels=labels, layers=layers)
    set_padding_token(classifier, pad_token)
    if "peft_type" in read_json(kept / ADAPTER_FOLDER / "adapter_config.json"):
        # Each of the libraries takes seconds to import, which the others need not pay.
        from tunegrid.peft_methods import load_peft

        return load_peft(classifier, kept / ADAPTER_FOLDER)
    from tunegrid.adapter_interface import init_adapters

    init_adapters(classifier)
    load_adapter: Callable[..., str] = classifier.load_adapter  # type: ignore[assignment]
    load_adapter(str(kept / ADAPTER_FOLDER), set_active=True, use_safetensors=True)
    if (kept / ADAPTER_FOLDER / BESIDE).is_file():
        classifier.load_state_dict(load_file(kept / ADAPTER_FOLDER / BESIDE), strict=False)
    classifier.train(mode=False)
    return classifier
