"""Which scenario is whose: lanes take them one after the other from one queue, and write down what became of them."""

import json
import os

WIDTH = 8


def queue(numbers):
    """The end of a pipe that lanes read from, with these numbers in it; it is at its end when all are taken."""
    taking, giving = os.pipe()
    os.write(giving, "".join(f"{number:{WIDTH}}" for number in numbers).encode())
    os.close(giving)
    return taking


def taken(queue_end):
    """The numbers that fall to this lane, each when it asks for one."""
    # The kernel gives each reader a whole one: what is to be read is all there already.
    while number := os.read(queue_end, WIDTH):
        yield int(number)


def forget(logs):
    """Nothing has been run yet."""
    _file(logs).write_text("")


def write_down(logs, **outcome):
    """What became of one scenario."""
    with _file(logs).open("a") as file:
        file.write(json.dumps(outcome) + "\n")


def outcomes(logs):
    """What became of all that were run to their ends, by name."""
    return {outcome["name"]: outcome for outcome in map(json.loads, _file(logs).read_text().splitlines())}


def _file(logs):
    return logs / "outcomes"
