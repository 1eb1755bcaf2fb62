"""Waiting for a condition, never for a time."""

import time


def until(what, condition, within=30.0, every=0.1):
    """Asks `condition` until it is true, and returns what it said; fails after `within` seconds.

    `what` completes the sentence "waited 30 s until …".
    """
    end = time.monotonic() + within
    while True:
        said = condition()
        if said:
            return said
        if time.monotonic() >= end:
            raise AssertionError(f"waited {within:g} s in vain until {what}")
        time.sleep(every)
