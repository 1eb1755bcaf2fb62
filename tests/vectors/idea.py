"""Encrypts with libgcrypt's IDEA in ECB mode.

Reads lines `<key> <whole blocks>` in hex and answers each with a line, the encrypted blocks in hex. Ends with status 77
if the library is not installed.
"""

import sys

# Nothing is to be left beside the sources.
sys.dont_write_bytecode = True

from gcrypt import Idea

for line in sys.stdin:
    key, blocks = (bytes.fromhex(word) for word in line.rstrip("\n").split(" "))
    print(Idea(key).encrypt(blocks).hex())
