"""libgcrypt's IDEA in ECB mode. Ends the program with status 77 if the library is not installed."""

import ctypes
import sys

IDEA = 1
ECB = 1

try:
    library = ctypes.CDLL("libgcrypt.so.20")
except OSError as error:
    print(error, file=sys.stderr)
    sys.exit(77)

library.gcry_check_version.restype = ctypes.c_char_p
library.gcry_check_version(None)
library.gcry_cipher_close.argtypes = [ctypes.c_void_p]
crypting = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_size_t, ctypes.c_char_p, ctypes.c_size_t]
for name, arguments in {
    "gcry_cipher_open": [ctypes.POINTER(ctypes.c_void_p), ctypes.c_int, ctypes.c_int, ctypes.c_uint],
    "gcry_cipher_setkey": [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_size_t],
    "gcry_cipher_encrypt": crypting,
    "gcry_cipher_decrypt": crypting,
}.items():
    getattr(library, name).argtypes = arguments


def done(error):
    if error:
        raise RuntimeError(f"libgcrypt error {error & 0xffff}")


class Idea:
    """A cipher with this key, of 16 bytes."""

    def __init__(self, key):
        self.handle = ctypes.c_void_p()
        done(library.gcry_cipher_open(ctypes.byref(self.handle), IDEA, ECB, 0))
        done(library.gcry_cipher_setkey(self.handle, key, len(key)))

    def __del__(self):
        library.gcry_cipher_close(self.handle)

    def encrypt(self, blocks):
        return self.run(library.gcry_cipher_encrypt, blocks)

    def decrypt(self, blocks):
        return self.run(library.gcry_cipher_decrypt, blocks)

    def run(self, crypt, blocks):
        out = ctypes.create_string_buffer(len(blocks))
        done(crypt(self.handle, out, len(blocks), blocks, len(blocks)))
        return out.raw
