"""Encrypts with libgcrypt's IDEA in ECB mode.

Reads lines `<key> <whole blocks>` in hex and answers each with a line, the encrypted blocks in hex. Ends with status 77
if the library is not installed.
"""

import ctypes
import sys

IDEA = 1
ECB = 1

try:
    gcrypt = ctypes.CDLL("libgcrypt.so.20")
except OSError as error:
    print(error, file=sys.stderr)
    sys.exit(77)

gcrypt.gcry_check_version.restype = ctypes.c_char_p
gcrypt.gcry_check_version(None)
gcrypt.gcry_cipher_close.argtypes = [ctypes.c_void_p]
for name, arguments in {
    "gcry_cipher_open": [ctypes.POINTER(ctypes.c_void_p), ctypes.c_int, ctypes.c_int, ctypes.c_uint],
    "gcry_cipher_setkey": [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_size_t],
    "gcry_cipher_encrypt": [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_size_t, ctypes.c_char_p, ctypes.c_size_t],
}.items():
    getattr(gcrypt, name).argtypes = arguments


def done(error):
    if error:
        sys.exit(f"libgcrypt error {error & 0xffff}")


for line in sys.stdin:
    key, blocks = (bytes.fromhex(word) for word in line.rstrip("\n").split(" "))
    handle = ctypes.c_void_p()
    done(gcrypt.gcry_cipher_open(ctypes.byref(handle), IDEA, ECB, 0))
    done(gcrypt.gcry_cipher_setkey(handle, key, len(key)))
    out = ctypes.create_string_buffer(len(blocks))
    done(gcrypt.gcry_cipher_encrypt(handle, out, len(blocks), blocks, len(blocks)))
    gcrypt.gcry_cipher_close(handle)
    print(out.raw.hex())
