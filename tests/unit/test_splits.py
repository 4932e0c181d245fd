from collections import Counter

import pytest

from tunegrid.tasks.splits import grouped_sample, stratified_sample


@pytest.mark.parametrize("size", [1, 2, 7, 50, 99])
def test_a_stratified_sample_has_its_size_and_the_labels_shares(size):
    labels = [0] * 60 + [1] * 30 + [2] * 10
    chosen = stratified_sample(labels, size, seed=3)
    assert len(chosen) == len(set(chosen)) == size
    assert chosen == sorted(chosen)
    counts = Counter(labels[position] for position in chosen)
    for label, share in ((0, 0.6), (1, 0.3), (2, 0.1)):
        assert abs(counts[label] - share * size) < 1


def test_it_depends_on_the_seed_alone():
    labels = [0, 1] * 50
    assert stratified_sample(labels, 10, 1) == stratified_sample(labels, 10, 1)
    assert stratified_sample(labels, 10, 1) != stratified_sample(labels, 10, 2)


def test_more_than_there_are_is_all_of_them():
    assert stratified_sample([0, 1, 1], 9, 0) == [0, 1, 2]


def test_a_grouped_sample_takes_whole_groups_and_reaches_its_share():
    groups = [str(position // 7) for position in range(100)]
    chosen = set(grouped_sample(groups, 0.3, seed=0))
    assert 30 <= len(chosen) < 37
    inside = {groups[position] for position in chosen}
    assert chosen == {position for position in range(100) if groups[position] in inside}
