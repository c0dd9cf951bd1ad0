"""Nothing else is learnt: dictionaries of whole token spaces, worlds with one result, and transcripts made up from it.

Bounds of the statistical tests are those at which an honest run is said to be bad once in 10^8 tests of a column; with
all columns of all tests that is less than once in a million. Seeds are fixed, so that a result is always the same.
"""

import hashlib
import math
from dataclasses import replace

import msgspec
import numpy as np
import pytest
from cells import grid_cell
from match_parties import RUN, TERMS, circle, flight, late_run, play, side_of, world

from detente.accord.matching_terms import FineGrid
from detente.matching import lists, ristretto
from detente.matching.grid import BAND_ORIGIN, GEOMETRIC, PRESSURE, grid_rows, pack, token_bytes, unpack
from detente.matching.hash_to_group import hash_to_group
from detente.matching.masking import ANSWER_BYTES, domain_of, token_messages
from detente.matching.messages import HEADER_BYTES
from detente.matching.spot_check import PROOF_HEAD_BYTES
from detente.matching.spot_proof import row_proof_bytes
from detente.record.keys import SIGNATURE_BYTES
from length import at_length

HERE = (36.5, -121.5)
NORMAL_AT_1E8 = 5.61
KOLMOGOROV_AT_1E8 = math.sqrt(-math.log(1e-8 / 2) / 2)


def body_of(raw):
    return raw[HEADER_BYTES:-SIGNATURE_BYTES]


def windows(data):
    """Every run of 8 bytes in `data`, as numbers, ascending."""
    found = np.lib.stride_tricks.sliding_window_view(np.frombuffer(data, dtype=np.uint8), 8)
    return np.unique(np.ascontiguousarray(found).view(np.uint64).ravel())


def heads(rows):
    return np.ascontiguousarray(np.asarray(rows)[:, :8]).view(np.uint64).ravel()


def hashes_of(tokens, *functions):
    return [
        np.frombuffer(b"".join(function(token).digest()[:8] for token in tokens), dtype=np.uint64)
        for function in functions
    ]


def check_dictionary(space, sides, sent, insider):
    """Nothing that anybody can make of every token of the space is anywhere in what was recorded before the openings.

    With `insider`, the peer itself looks, with its own key, for tokens that it has not shown.
    """
    first, second = sides
    recorded = b"".join(raw for messages in sent for raw in messages[:-1])
    seen = windows(recorded)
    encoded = token_bytes(space)
    hashed = hash_to_group(token_messages(space, 0), domain_of(first.session))
    tries = [heads(hashed), np.frombuffer(b"".join(encoded), dtype=np.uint64)]
    tries += hashes_of(encoded, hashlib.sha256, hashlib.sha512)
    for made in tries:
        assert not np.isin(made, seen).any()
    ours = first.rounds[0].own[0].tokens
    assert np.isin(ours, space).all()
    if insider:
        strange = ~np.isin(space, second.rounds[0].own[0].tokens)
        with_its_key = ristretto.multiply(second.secret, hashed[strange])
        assert not np.isin(heads(with_its_key), seen).any()
        # Nor in what it works out itself: the other's list under both keys.
        assert not np.isin(heads(with_its_key), heads(second.rounds[0].peers[0].answers.rows)).any()
    # With our key it finds every token of ours, and no other: the dictionary is the right one.
    masked = ristretto.elements(body_of(sent[0][1]))
    known = np.isin(space, ours)
    with_key = ristretto.multiply(first.secret, hashed[known])
    assert np.isin(heads(with_key), heads(masked)).all()


def whole_space(terms):
    """Every token there is on a grid of one band and one bin."""
    columns = grid_rows(terms.cell_dm).columns
    return np.sort(
        np.concatenate([
            pack(GEOMETRIC, row, 0, 0, 0) + (np.arange(count) << 26) for row, count in enumerate(columns.tolist())
        ])
    )  # fmt: skip


@pytest.mark.parametrize("insider", [False, pytest.param(True, marks=pytest.mark.long)])
def test_a_dictionary_of_the_whole_token_space_finds_nothing(insider):
    terms = msgspec.structs.replace(
        TERMS,
        cell_dm=1_000_000,
        band_ft=0,
        bin_seconds=86_400,
        first_log2=8,
        second_log2=8,
        domain=None,
        fine=(FineGrid(cell_dm=250_000, bin_seconds=86_400, first_log2=8, second_log2=8),),
    )
    run = replace(RUN, terms=terms)
    ours = [circle(f"o{k}", *place) for k, place in enumerate([HERE, (-70.0, 10.0), (0.0, 180.0), (89.9, 0.0)])]
    theirs = [circle("t", 36.6, -121.4), circle("far", 51.0, 0.0)]
    first, second = side_of(0, ours, run=run), side_of(1, theirs, run=run)
    sent = play(first, second)
    assert first.revealed.matched_tokens > 0
    space = whole_space(terms)
    row, column = grid_cell(*HERE, terms.cell_dm)
    assert pack(GEOMETRIC, row, column, 0, 0) in space
    assert len(space) == grid_rows(terms.cell_dm).columns.sum() > 50_000
    check_dictionary(space, (first, second), sent, insider)


@pytest.mark.long
def test_a_dictionary_of_a_region_of_the_grid_for_crewed_aircraft_finds_nothing():
    """Some 200 km, a dozen levels, two hours around: every token that traffic there could have."""
    first, second = side_of(0, world(4, 0, 4)), side_of(1, world(4, 1, 4))
    sent = play(first, second)
    used = np.concatenate([side.rounds[0].own[0].tokens for side in (first, second)])
    fields = unpack(used)
    ranges = [
        np.arange(values.min() - around, values.max() + around + 1)
        for values, around in ((fields.row, 10), (fields.column, 10), (fields.band, 5), (fields.time_bin, 5))
    ]
    row, column, band, time_bin = (grid.ravel() for grid in np.meshgrid(*ranges, indexing="ij"))
    space = np.sort(((row << 18 | column) << 11 | (band + BAND_ORIGIN)) << 15 | time_bin)
    assert space[0] == pack(PRESSURE, *(int(values[0]) for values in ranges))
    assert len(space) > 100_000
    check_dictionary(space, (first, second), sent, insider=False)


def shapes(sent):
    return [(raw[8], len(raw)) for raw in sent]


SMALL = replace(RUN, terms=msgspec.structs.replace(TERMS, first_log2=9, second_log2=9, late_log2=7, spot_one_in=128))


def one_result(seed):
    """Worlds of ours that meet the peer's in one plan only, and differ in everything else."""
    random = np.random.default_rng(seed)
    meets = circle("meets", *HERE, radius_m=300.0)
    yield [meets]
    for kind in range(3):
        plans = [meets]
        for k in range(int(random.integers(1, 9))):
            place = (float(random.uniform(-60, 30)), float(random.uniform(-100, 170)))
            end = (place[0] + 0.1, place[1] + 0.1)
            plans.append(circle(f"c{k}", *place, radius_m=float(random.uniform(0, 3000))) if kind != 1 else
                         flight(f"f{k}", [place, end], feet=int(random.integers(10, 400)) * 100))  # fmt: skip
        yield [plans[number] for number in random.permutation(len(plans))]


def check_one_result(seed):
    theirs = [circle("theirs", *HERE, radius_m=500.0)]
    seen, shown = [], []
    for number, plans in enumerate(one_result(seed)):
        secret = hashlib.sha256(b"%d %d" % (seed, number)).digest()
        first, second = side_of(0, plans, secret, SMALL), side_of(1, theirs, run=SMALL)
        sent = play(first, second)
        late = late_run(first, second, [circle("late", -80.0, 0.0, radius_m=100.0 * number)] * (number % 2))
        shown.append([shapes(messages) for messages in (*sent, *late)])
        revealed = second.revealed
        pieces = [msgspec.structs.replace(piece, plan_id="x") for piece in revealed.theirs]
        seen.append(
            (
                second.rounds[0].common.tolist(),
                second.rounds[1].common.tolist(),
                revealed.flagged,
                revealed.cleared,
                revealed.opened,
                pieces,
            )
        )
        # What we opened is the peer's to read, but nothing of it says where in our plans it stood.
        opening = msgspec.json.decode(body_of(sent[0][-1]))["openings"][0]["opening"]
        shown[-1][0][-1] = (6, shown[-1][0][-1][1] - len(str(opening["leaf"])))
    assert all(one == seen[0] for one in seen)
    assert all(one == shown[0] for one in shown)


def test_worlds_with_one_result_look_the_same_on_the_wire():
    check_one_result(1)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(2, 2 + at_length(10)))
def test_worlds_with_one_result_look_the_same_on_the_wire_at_length(seed):
    check_one_result(seed)


def test_a_world_without_common_tokens_shows_nothing_but_sizes():
    views = []
    for plans in ([], [circle("far", 50.0, 50.0)], world(9, 0)):
        first, second = side_of(0, plans), side_of(1, [circle("theirs", -50.0, 50.0)])
        sent = play(first, second)
        assert (second.revealed.matched_tokens, second.revealed.theirs) == (0, ())
        views.append((shapes(sent[0]), shapes(sent[1])))
    assert views[0] == views[1] == views[2]


def chi_square_bound(freedom):
    """The quantile at 1 - 10^-8 (Wilson and Hilferty)."""
    part = 2.0 / (9.0 * freedom)
    return freedom * (1.0 - part + NORMAL_AT_1E8 * math.sqrt(part)) ** 3


def bytes_differ(one, other):
    """The first column of bytes whose values are distributed otherwise in two samples [n, w] and [m, w], or None."""
    for column in range(one.shape[1]):
        counts = np.array([np.bincount(rows[:, column], minlength=256) for rows in (one, other)], dtype=float)
        counts = counts[:, counts.sum(axis=0) > 0]
        expected = counts.sum(axis=1, keepdims=True) * counts.sum(axis=0) / counts.sum()
        if ((counts - expected) ** 2 / expected).sum() > chi_square_bound(counts.shape[1] - 1):
            return column
    return None


def places_differ(one, other):
    """Whether two samples of numbers have different distributions (Kolmogorov and Smirnov)."""
    both = np.sort(np.concatenate([one, other]))
    shares = [np.searchsorted(np.sort(each), both, side="right") / len(each) for each in (one, other)]
    bound = KOLMOGOROV_AT_1E8 * math.sqrt((len(one) + len(other)) / (len(one) * len(other)))
    return np.abs(shares[0] - shares[1]).max() > bound


def made_up(run, result_tokens, seed):
    """The lists and answers of a run, made up from nothing but what its result says: whoever sees it can do so."""
    random = np.random.default_rng(seed)
    sizes = 1 << run.terms.first_log2, 1 << run.terms.second_log2
    masked, answers = [], []
    common = random.integers(0, 256, (result_tokens, 64), dtype=np.uint8)
    for size in sizes:
        uniform = random.integers(0, 256, (size, 64), dtype=np.uint8)
        points = ristretto.from_uniform(uniform)
        masked.append(points[np.lexsort(points.T[::-1])])
        other = np.concatenate([common, random.integers(0, 256, (size - len(common), 64), dtype=np.uint8)])
        answers.append(ristretto.from_uniform(random.permutation(other))[:, :ANSWER_BYTES])
    return masked, answers


def samples(plans, theirs, seeds):
    """Lists and answers of real runs, and made-up ones with their result."""
    real, simulated = ([], []), ([], [])
    for seed in seeds:
        first, second = side_of(0, plans, bytes([100 + seed]) * 32), side_of(1, theirs, bytes([200 + seed]) * 32)
        sent = play(first, second)
        real[0].extend(ristretto.elements(body_of(messages[1])) for messages in sent)
        # Behind the answers are those that are proven, and the proof.
        for messages, side in zip(sent, (second, first), strict=True):
            answers = body_of(messages[4])[: len(side.rounds[0].own[0].masked.points) * ANSWER_BYTES]
            real[1].append(np.frombuffer(answers, dtype=np.uint8).reshape(-1, ANSWER_BYTES))
        masked, answers = made_up(RUN, first.revealed.matched_tokens, seed)
        simulated[0].extend(masked)
        simulated[1].extend(answers)
    return [np.concatenate(each) for each in real], [np.concatenate(each) for each in simulated]


def check_made_up(plans, theirs, seeds):
    real, simulated = samples(plans, theirs, seeds)
    for one, other in zip(real, simulated, strict=True):
        assert bytes_differ(one, other) is None
        assert not places_differ(heads(one).byteswap(), heads(other).byteswap())
        # Neighbours say nothing of each other.
        assert bytes_differ(one[1:] ^ one[:-1], other[1:] ^ other[:-1]) is None
    # No element of one run is in another, though plans are the same.
    assert len({row.tobytes() for row in real[0]}) == len(real[0])


CROWDED = [circle(f"c{k}", 36.0 + 0.1 * k, -121.5, after_s=600.0 * k) for k in range(7)]


def test_transcripts_cannot_be_told_from_made_up_ones():
    check_made_up(CROWDED, [circle("t", *HERE)], range(3))


@pytest.mark.long
@pytest.mark.parametrize("plans", [[], CROWDED, world(7, 0, 6)], ids=["none", "crowded", "mixed"])
def test_transcripts_cannot_be_told_from_made_up_ones_at_length(plans):
    check_made_up(plans, world(7, 1, 6), range(10, 11 + at_length(7)))


def scalars_of_proofs(plans, seeds):
    """The scalars of proofs in real runs, of rows [n, 2 m, 32], and the place of each row's true branch."""
    rows, places = [], []
    for seed in seeds:
        first, second = side_of(0, plans, bytes([100 + seed]) * 32), side_of(1, [], bytes([200 + seed]) * 32)
        proven = []
        honest = lists.prove_rows

        def noted(*arguments, honest=honest, proven=proven):
            proven.append(arguments[-2])
            return honest(*arguments)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(lists, "prove_rows", noted)
            sent = play(first, second)
        width = row_proof_bytes(TERMS.spot_points)
        bodies = [body_of(messages[number])[PROOF_HEAD_BYTES:] for number in (3, 7) for messages in sent]
        for body, true in zip(bodies, proven, strict=True):
            table = np.frombuffer(body, dtype=np.uint8).reshape(-1, width)[:, 8:]
            rows.append(table.reshape(len(table), -1, 32))
            places.append(true)
    return np.concatenate(rows), np.concatenate(places)


def check_branches(plans, seeds):
    """Nothing in a proof tells the true branch from the others, nor its scalars from random ones."""
    rows, places = scalars_of_proofs(plans, seeds)
    members = rows.shape[1] // 2
    random = np.random.default_rng(5).integers(0, 256, (4_096, 32), dtype=np.uint8)
    random[:, -1] &= 15
    for half in (rows[:, :members], rows[:, members:]):
        true = half[np.arange(len(half)), places]
        others = np.concatenate([half[places != k, k] for k in range(members)])
        assert bytes_differ(true, others) is None
        assert bytes_differ(half.reshape(-1, 32), random) is None
    # Nor is the true branch more often at one place than at another.
    counts = np.bincount(places, minlength=members)
    assert ((counts - counts.mean()) ** 2 / counts.mean()).sum() < chi_square_bound(members - 1)


def test_a_proof_does_not_tell_which_branch_is_true():
    check_branches(CROWDED, range(2))


@pytest.mark.long
def test_a_proof_does_not_tell_which_branch_is_true_at_length():
    check_branches(CROWDED, range(2, 2 + at_length(24)))


def test_the_statistical_tests_find_what_a_careless_run_would_show():
    """Dummies that are no elements, tokens before dummies, and one key for two runs."""
    random = np.random.default_rng(3)
    uniform = random.integers(0, 256, (4_096, 64), dtype=np.uint8)
    points = ristretto.from_uniform(uniform)
    assert bytes_differ(points[:2_048], points[2_048:]) is None
    careless = np.concatenate([points[:2_048], random.integers(0, 256, (2_048, 32), dtype=np.uint8)])
    assert bytes_differ(careless, points) is not None
    assert places_differ(np.arange(400.0), random.uniform(0, 2_048, 4_096))
    assert not places_differ(random.uniform(0, 1, 400), random.uniform(0, 1, 4_096))


def test_tokens_and_dummies_are_spread_alike_over_a_list():
    places, all_places = [], []
    for k in range(4):
        first, second = side_of(0, CROWDED, bytes([100 + k]) * 32), side_of(1, [])
        second.receive(first.next_message())
        first.receive(second.next_message())
        first.next_message()
        places.append(np.flatnonzero(first.rounds[0].own[0].masked.behind >= 0))
        all_places.append(np.arange(1 << TERMS.first_log2))
    assert not places_differ(np.concatenate(places), np.concatenate(all_places))
