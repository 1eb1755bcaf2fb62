"""The judges' judges: a plain loop of write, fsync, rename, fsync of the directory, with and without each fsync.

What the whole loop tells is there after any cut. Without one of the two the disk is seen to forget.
"""

import hashlib

from machine import Archive

from .rig import Rig

LOOP = """\
#!/bin/sh
# Makes files, and tells each when it is safe; without the fsync of what is named.
number=0
while number=$((number + 1)); do
    name=$1.$number
    yes "$name" | head -n LINES >"/srv/.$name"
    [ "$2" = file ] || fsync "/srv/.$name"
    mv "/srv/.$name" "/srv/$name"
    [ "$2" = directory ] || fsync /srv
    echo "$name"
done
"""
LINES = 700
# Told between two cuts, at most.
MOST = 12


def archive():
    """Has the loop."""
    # busybox has none of its own; that of coreutils syncs what it is given.
    return Archive().program("/bin/fsync", "/bin/sync").file("/loop", LOOP.replace("LINES", str(LINES)), 0o755)


def survived(kernel, work, seed, cuts, without=""):
    """How many cuts the loop survives, of so many."""
    rig = Rig(kernel, work, "ext4", seed, archive())
    told = set()
    try:
        for cut in range(cuts + 1):
            machine = rig.start()
            sums = dict(line.split()[::-1] for line in machine.run("cd /srv && md5sum -- *.* 2>/dev/null; cd /").splitlines())
            if any(sums.get(name) != _sum(name) for name in told):
                return cut - 1
            if cut < cuts:
                machine.run(f"/loop {cut} '{without}' &")
                told.update(machine.hear() for _ in range(rig.rng.randint(1, MOST)))
                rig.cut()
        return cuts
    finally:
        rig.end()


def _sum(name):
    return hashlib.md5(f"{name}\n".encode() * LINES).hexdigest()
