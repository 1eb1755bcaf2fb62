"""A lond that shares no code with lonc: Perl's tr and pack in Python's words, and libgcrypt's IDEA.

Arguments: its ids, the first of them the one that is called, separated by commas; the id of the caller; its version; a
file for the bytes that it gets, each as it was on the wire. Prints its port. It goes by the id of the last `sethost:`,
which a version of 1.321 and before takes only in a line of its own, and answers a command with that id, `|` and the
command. Ends with status 77 if libgcrypt is not installed.
"""

import pathlib
import re
import socketserver
import sys
import threading

# Nothing is to be left beside the sources.
sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "vectors"))

from gcrypt import Idea

ids, caller, version, wire = sys.argv[1:]
ids = ids.split(",")
revision = re.fullmatch(r"\D*1\.(\d+)\D*", version)
is_old = revision is not None and int(revision[1]) <= 321
lock = threading.Lock()
wire = open(wire, "ab", buffering=0)


class Cipher:
    def __init__(self, build_key):
        letters = (ids[0] + caller).upper().translate(
            {ord(letter): str((ord(letter) - ord("G")) % 10) for letter in "GHIJKLMNOPQRSTUVWXYZ"}
        )
        nibbles = [
            (ord(char) + 9 if char.isalpha() else ord(char)) & 15
            for char in ((letters + build_key) * 3)[:32].ljust(32, "0")
        ]
        key = bytes(high << 4 | low for high, low in zip(nibbles[::2], nibbles[1::2]))
        self.idea = Idea(key)

    def decrypt(self, line):
        _, length, blocks = line.split(b":")
        plain = self.idea.decrypt(bytes.fromhex(blocks.decode()))
        return plain[: int(length)]

    def encrypt(self, words):
        padded = words + b" " * (8 - len(words) % 8)
        blocks = self.idea.encrypt(padded)
        return b"enc:%d:" % len(words) + blocks.hex().encode()


class Link(socketserver.StreamRequestHandler):
    # Else each reply may wait for lonc's kernel to acknowledge the one before, some 40 ms.
    disable_nagle_algorithm = True

    def say(self, words):
        self.wfile.write(words + b"\n")

    def handle(self):
        host, cipher, build_key = ids[0], None, f"B{id(self) % 10**9}"
        for line in self.rfile:
            with lock:
                wire.write(line)
            line = line[:-1]
            inline = None if is_old else re.fullmatch(rb"sethost:([^:]+):(.*)", line, re.DOTALL)
            if inline:
                host, line = self.by(inline[1].decode(), host), inline[2]
            if line == b"init":
                self.say(b"challenge")
            elif line == b"challenge":
                self.say(b"ok")
            elif line.startswith(b"sethost:"):
                host = self.by(line[8:].decode(), host)
                self.say(b"ok")
            elif line.startswith(b"version:"):
                self.say(b"version:" + version.encode())
            elif line == b"ekey":
                cipher = Cipher(build_key)
                self.say(build_key.encode())
            elif line == b"ping":
                self.say(host.encode())
            elif line.startswith(b"enc:"):
                self.say(cipher.encrypt(f"{host}|".encode() + cipher.decrypt(line)))
            else:
                self.say(f"{host}|".encode() + line)

    @staticmethod
    def by(host, before):
        return host if host in ids else before


class Lond(socketserver.ThreadingTCPServer):
    daemon_threads = True
    request_queue_size = 100


with Lond(("127.0.0.1", 0), Link) as lond:
    print(lond.server_address[1], flush=True)
    lond.serve_forever()
