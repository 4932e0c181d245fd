"""How many tokens a pretrained model takes, from its configuration alone: no torch is imported."""

from pathlib import Path
from typing import Any

from transformers import AutoConfig, PretrainedConfig, PreTrainedTokenizerBase
from transformers.tokenization_utils_base import VERY_LARGE_INTEGER

from tunegrid.errors import UserError

#: The families whose first token has the position after the padding token's id, as in fairseq:
#: their modules in transformers make positions by `create_position_ids_from_input_ids`, and their
#: table of positions begins with rows that no token uses.
POSITIONS_AFTER_PADDING = {
    "camembert", "data2vec-text", "esm", "ibert", "layoutlmv3", "lilt", "longformer", "luke",
    "markuplm", "mpnet", "roberta", "roberta-prelayernorm", "xlm-roberta", "xlm-roberta-xl",
    "xmod",
}  # fmt: skip
#: The padding token's id that a family's module takes whatever its configuration says.
PADDING_ID = {"mpnet": 1}
#: Rows that other families' tables begin with and no token uses.
UNUSED_POSITIONS = {"ernie_m": 2}
#: The keys of the number of positions: of most families (under which transformers reads GPT-2's
#: n_positions, too), of LED's encoder, and of MPT.
POSITION_KEYS = ("max_position_embeddings", "max_encoder_position_embeddings", "max_seq_len")


def longest_input(folder: Path, tokenizer: PreTrainedTokenizerBase) -> int:
    """The tokens that the model in `folder` takes: what its tokenizer says, or its positions.

    Returns:
        The smaller of both. A tokenizer may not say, and a model with relative positions (T5,
        XLNet) has no limit of its own: without any, `VERY_LARGE_INTEGER` of transformers.

    Raises:
        UserError: the folder's config.json is of no model that transformers knows.
    """
    try:
        config = AutoConfig.from_pretrained(folder, trust_remote_code=False)
    except (OSError, ValueError, KeyError) as error:
        reason = " ".join(str(error).split())[:200]
        raise UserError(
            f"{folder}/config.json: is of no model that transformers knows: {reason}"
        ) from None
    limits = [tokenizer.model_max_length, position_limit(config), VERY_LARGE_INTEGER]
    return int(min(limit for limit in limits if limit is not None))


def position_limit(config: PretrainedConfig) -> int | None:
    """The tokens that a model has positions for; None if it has no limit."""
    config = config.get_text_config()
    values: list[Any] = [getattr(config, key, None) for key in POSITION_KEYS]
    # XLNet says −1: none.
    rows = next((value for value in values if isinstance(value, int) and value > 0), None)
    return None if rows is None else rows - _unused_positions(config)


def _unused_positions(config: PretrainedConfig) -> int:
    """The rows of the table of positions before that of the first token."""
    if config.model_type not in POSITIONS_AFTER_PADDING:
        return UNUSED_POSITIONS.get(config.model_type, 0)
    padding = PADDING_ID.get(config.model_type, config.pad_token_id)
    return 0 if padding is None else padding + 1
