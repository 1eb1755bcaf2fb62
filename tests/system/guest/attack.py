"""Does to the table of servers what whoever can write it can do, several times a second, for so many seconds.

    attack.py SECONDS SEED DIRECTORY

The directory is that of hosts.tab, and at the end it is as it was.
"""

import os
import random
import sys
import time

seconds, seed, directory = float(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
dice = random.Random(seed)
path = f"{directory}/hosts.tab"
with open(path, "rb") as file:
    sound = file.read()


def clear():
    if os.path.islink(path) or os.path.exists(path):
        os.rmdir(path) if os.path.isdir(path) and not os.path.islink(path) else os.unlink(path)


def write(content):
    clear()
    with open(path, "wb") as file:
        file.write(content)


def lead(target):
    clear()
    os.symlink(target, path)


def swap():
    """The directory itself is another, and comes back."""
    os.rename(directory, f"{directory}.away")
    os.mkdir(directory)
    write(b"<html>\n")
    clear()
    os.rmdir(directory)
    os.rename(f"{directory}.away", directory)


def fifo():
    clear()
    os.mkfifo(path)


def sparse():
    write(b"")
    os.truncate(path, 1 << 40)


TRICKS = [
    lambda: write(dice.randbytes(dice.choice([0, 1, 1000, 500_000]))),
    lambda: write(sound[: dice.randrange(len(sound))]),
    lambda: write(b"".join(b"h%d:d:r:h%d.example.edu:\n" % (n, n) for n in range(100_000))),
    lambda: write(b"".join(b"h%d:d:r:h:\n" % n for n in range(1000)) + sound),
    lambda: write(sound.replace(b"\n", b"\r")),
    lambda: write(b"\xef\xbb\xbf" + sound),
    lambda: write(b"\xff\xfe" + sound),
    lambda: write(b"<!DOCTYPE html>\n<html><body>502</body></html>\n"),
    lambda: lead("/dev/zero"),
    lambda: lead("/dev/tty"),
    lambda: lead("/etc/shadow"),
    lambda: lead("hosts.tab"),
    lambda: lead(f"/nowhere/{dice.random()}"),
    fifo,
    sparse,
    swap,
    lambda: (clear(), os.mkdir(path)),
    clear,
]
end = time.monotonic() + seconds
count = 0
while time.monotonic() < end:
    dice.choice(TRICKS)()
    count += 1
    # Sometimes so long that it has come to rest.
    time.sleep(dice.choice([0.05, 0.1, 0.2, 0.2, 4.5]))
write(sound)
print(count)
