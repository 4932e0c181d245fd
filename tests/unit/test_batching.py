from itertools import combinations

import numpy as np
import pytest
from datasets import load_from_disk

from tunegrid.training.batching import EncodedSplit, epoch_batches, micro_batches
from tunegrid.training.randomness import stream_seed

LENGTHS = np.full(21, 5)


@pytest.fixture
def split(encoded):
    folder, card = encoded
    return EncodedSplit(load_from_disk(folder)["train"], card["padding"])


def test_an_epoch_holds_every_example_once_and_its_order_is_the_seed_s():
    batches = epoch_batches(LENGTHS, batch_size=8, seed=1, epoch=0)
    assert [len(batch) for batch in batches] == [8, 8, 5]
    assert sorted(np.concatenate(batches)) == list(range(21))
    assert all(map(np.array_equal, batches, epoch_batches(LENGTHS, batch_size=8, seed=1, epoch=0)))
    assert not np.array_equal(batches[0], epoch_batches(LENGTHS, batch_size=8, seed=1, epoch=1)[0])
    assert not np.array_equal(batches[0], epoch_batches(LENGTHS, batch_size=8, seed=2, epoch=0)[0])


def test_micro_batches_share_a_batch_by_length_longest_first():
    lengths = np.array([3, 9, 4, 8, 5, 1])
    parts = micro_batches(np.array([0, 1, 2, 3, 5]), lengths, most=2, overhead=2)
    assert [list(part) for part in parts] == [[1, 3], [2, 0], [5]]


@pytest.mark.parametrize("overhead", [0, 1, 5, 40, 1000])
@pytest.mark.parametrize("most", [1, 3, 9])
def test_no_other_cut_is_cheaper(overhead, most):
    lengths = np.array([9, 3, 14, 3, 2, 8, 5, 7, 2])

    def cost(parts):
        return sum(lengths[part].max() * len(part) + overhead for part in parts)

    ordered = np.argsort(-lengths, kind="stable")
    inner = range(1, len(lengths))
    cuts = [
        np.split(ordered, at) for size in range(len(lengths)) for at in combinations(inner, size)
    ]
    best = min(cost(parts) for parts in cuts if max(map(len, parts)) <= most)
    found = micro_batches(np.arange(9), lengths, most=most, overhead=overhead)
    assert cost(found) == best
    assert list(np.concatenate(found)) == list(ordered)
    assert max(map(len, found)) <= most


def test_grouped_batches_hold_like_lengths_and_every_example_once():
    lengths = np.random.default_rng(0).integers(5, 100, size=403)
    plain, grouped = (
        epoch_batches(lengths, batch_size=8, seed=1, epoch=0, grouped=grouped)
        for grouped in (False, True)
    )
    assert sorted(np.concatenate(grouped)) == list(range(403))
    assert len(grouped) == len(plain)

    def padded(batches):
        return sum(lengths[batch].max() * len(batch) for batch in batches)

    assert padded(grouped) < 1.1 * lengths.sum() < padded(plain)
    first = [lengths[batch].max() for batch in grouped]
    assert first != sorted(first)
    assert first != sorted(first, reverse=True)


def test_collating_pads_to_the_longest_and_masks_what_is_padded(split):
    positions = np.array([3, 0])
    batch = split.collate(positions)
    longest = split.lengths[positions].max()
    assert {key: tuple(value.shape) for key, value in batch.items()} == dict.fromkeys(
        ["input_ids", "token_type_ids", "attention_mask"], (2, longest)
    )
    assert list(batch["attention_mask"].sum(1)) == list(split.lengths[positions])
    padded = batch["input_ids"][batch["attention_mask"] == 0]
    assert (padded == 0).all()


@pytest.mark.parametrize("side", ["left", "right"])
def test_each_column_and_the_mask_are_padded_on_the_same_side(encoded, side):
    folder, _ = encoded
    data = load_from_disk(folder)["train"]
    batch = EncodedSplit(data, {"input_ids": 7, "token_type_ids": 3}, side).collate(np.arange(9))
    longest = batch["input_ids"].shape[1]
    for at in range(9):
        ids, types = data[at]["input_ids"], data[at]["token_type_ids"]
        missing = longest - len(ids)
        expected = [
            ([7] * missing, ids),
            ([3] * missing, types),
            ([0] * missing, [1] * len(ids)),
        ]
        for key, (pads, values) in zip(
            ("input_ids", "token_type_ids", "attention_mask"), expected, strict=True
        ):
            padded = pads + values if side == "left" else values + pads
            assert batch[key][at].tolist() == padded


def test_a_split_is_padded_on_the_right_where_no_side_is_named(encoded):
    folder, card = encoded
    data = load_from_disk(folder)["train"]
    plain = EncodedSplit(data, card["padding"]).collate(np.arange(9))
    right = EncodedSplit(data, card["padding"], "right").collate(np.arange(9))
    assert all(plain[key].equal(right[key]) for key in plain)


def test_a_split_s_tokens_are_those_that_were_encoded(split, encoded):
    folder, _ = encoded
    row = load_from_disk(folder)["train"][5]
    batch = split.collate(np.array([5]))
    assert batch["input_ids"][0].tolist() == row["input_ids"]
    assert (split.ids[5], split.labels[5]) == (row["id"], row["label"])


def test_streams_are_unrelated():
    seeds = {stream_seed(seed, name) for seed in range(50) for name in ("head", "adapter", "order")}
    assert len(seeds) == 150
    assert max(seeds) < 2**63
