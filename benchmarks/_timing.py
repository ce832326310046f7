"""Times of rival functions, measured in turns: what a neighbour or the clock takes, it takes from all of them alike."""

import statistics
import time
from collections.abc import Callable

import torch

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"


def in_turns(functions: dict[str, Callable[[], object]], rounds: int = 7) -> dict[str, float]:
    """Median seconds of a call of each function, over rounds that call each once, after one round to warm up."""
    seconds = {name: [] for name in functions}
    for _ in range(rounds + 1):
        for name, function in functions.items():
            start = time.perf_counter()
            function()
            if DEVICE == "cuda":  # calls return before the GPU is done
                torch.cuda.synchronize()
            seconds[name].append(time.perf_counter() - start)
    return {name: statistics.median(values[1:]) for name, values in seconds.items()}


def rates(functions: dict[str, Callable[[], object]], amount: float, unit: str) -> dict:
    """The entry of a benchmark whose functions, `ours` and `theirs` among them, each get through an ``amount`` of ``unit``."""
    per_second = {name: amount / value for name, value in in_turns(functions).items()}
    return {"ratio": per_second["ours"] / per_second["theirs"], **per_second, "unit": f"{unit}/s"}
