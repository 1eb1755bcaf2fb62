"""Connects to a socket again and again as fast as it can, until standard input ends; prints how often that failed, and
for how long at the most nobody could.

prober.py SOCKET
"""

import os
import select
import socket
import sys
import time

path = sys.argv[1]
tries = failures = 0
longest = 0.0
since = None
print("started", flush=True)
while not select.select([sys.stdin], [], [], 0)[0]:
    client = socket.socket(socket.AF_UNIX)
    client.settimeout(5)
    began = time.monotonic()
    try:
        client.connect(path)
        if since is not None:
            longest = max(longest, time.monotonic() - since)
            since = None
    except OSError:
        failures += 1
        since = since if since is not None else began
    client.close()
    tries += 1
    # A queue of ten, as the Perl lonc's, is not to be kept full.
    time.sleep(0.0005)
if since is not None:
    longest = max(longest, time.monotonic() - since)
print(f"tries={tries} failures={failures} longest_us={longest * 1e6:.0f}")
sys.exit(0 if os.path.exists(path) else 1)
