"""Connects to a socket again and again as fast as it can, until standard input ends; prints how often nobody could be
reached, and for how long at the most; and how often the queue of the one who listens was full.

prober.py SOCKET
"""

import select
import socket
import sys
import time

path = sys.argv[1]
tries = failures = full = 0
longest = 0.0
since = None
print("started", flush=True)
while not select.select([sys.stdin], [], [], 0)[0]:
    client = socket.socket(socket.AF_UNIX)
    client.setblocking(False)
    began = time.monotonic()
    reached = True
    try:
        client.connect(path)
    except BlockingIOError:
        # Somebody listens; the Perl lonc's queue is of ten.
        full += 1
    except OSError:
        reached = False
        failures += 1
        since = since if since is not None else began
    if reached and since is not None:
        longest = max(longest, time.monotonic() - since)
        since = None
    client.close()
    tries += 1
    time.sleep(0.0005)
if since is not None:
    longest = max(longest, time.monotonic() - since)
print(f"tries={tries} full={full} failures={failures} longest_us={longest * 1e6:.0f}")
