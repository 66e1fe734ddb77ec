"""Medians of pairwise ratios with their bootstrap interval, and the verdict against a target."""

import random
import statistics

RESAMPLES = 10_000


def median_interval(values, seed=1):
    """(median, low, high): the 95 % percentile-bootstrap interval of the median."""
    if not values:
        raise ValueError("no values")
    middle = statistics.median(values)
    if len(values) == 1:
        return middle, middle, middle
    rng = random.Random(seed)
    medians = sorted(
        statistics.median(rng.choices(values, k=len(values))) for _ in range(RESAMPLES)
    )
    low = medians[int(0.025 * RESAMPLES)]
    high = medians[int(0.975 * RESAMPLES) - 1]
    return middle, low, high


def pairwise_ratios(a_values, b_values):
    """a/b pair by pair. A pair whose b is 0 says nothing and is an error."""
    if len(a_values) != len(b_values):
        raise ValueError("pairs are incomplete")
    return [a / b for a, b in zip(a_values, b_values)]


def bad_end(interval, direction):
    """The end of the interval that speaks against us. `direction`: 'lower' or 'higher' is better."""
    _, low, high = interval
    return high if direction == "lower" else low


def meets(value, bound, direction):
    return value <= bound if direction == "lower" else value >= bound


def verdict(interval, target):
    """'goal' or 'must' when the bad end of the interval meets it, 'unclear' when only the median
    meets the must, 'missed' otherwise."""
    end = bad_end(interval, target.direction)
    if target.goal is not None and meets(end, target.goal, target.direction):
        return "goal"
    if meets(end, target.must, target.direction):
        return "must"
    if meets(interval[0], target.must, target.direction):
        return "unclear"
    return "missed"
