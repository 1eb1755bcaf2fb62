"""A disk with a volatile write cache, for qemu, by the protocol of network block devices (NBD).

What is flushed is durable, and so is what is written with FUA. Of everything else a power cut leaves, for each block of
4 KiB by itself, what any of the writes since the last flush made of it, or what was there before.
"""

import mmap
import pathlib
import socket
import struct
import threading

BLOCK = 4096

# Source: https://github.com/NetworkBlockDevice/nbd/blob/master/doc/proto.md
MAGIC, OPTION_MAGIC, OPTION_REPLY_MAGIC = 0x4E42444D41474943, 0x49484156454F5054, 0x3E889045565A9
REQUEST_MAGIC, REPLY_MAGIC = 0x25609513, 0x67446698
FIXED_NEWSTYLE, NO_ZEROES = 1, 2
OPT_ABORT, OPT_GO = 2, 7
REP_ACK, REP_INFO, REP_UNSUPPORTED = 1, 3, 2**31 + 1
READ, WRITE, DISCONNECT, FLUSH = range(4)
COMMAND_FUA = 1
# Flags are told, and flush and FUA are understood.
DISK_FLAGS = 1 | 4 | 8
INVALID = 22


class Cache:
    """The content: a file for what is durable, and what was written to each block since."""

    def __init__(self, path, size):
        with open(path, "ab") as file:
            file.truncate(size)
        with open(path, "r+b") as file:
            self._durable = mmap.mmap(file.fileno(), size)
        self.size = size
        self._volatile = {}
        self.flushes = 0
        self.forgotten = 0

    def read(self, start, length):
        """Bytes as they were written last."""
        found = bytearray(self._durable[start : start + length])
        for block in range(start // BLOCK, -(-(start + length) // BLOCK)):
            if (versions := self._volatile.get(block)) is not None:
                begin, end = max(start, block * BLOCK), min(start + length, (block + 1) * BLOCK)
                found[begin - start : end - start] = versions[-1][begin - block * BLOCK : end - block * BLOCK]
        return bytes(found)

    def write(self, start, content, durable=False):
        """Writes to the cache; or, `durable`, past it."""
        end = start + len(content)
        for block in range(start // BLOCK, -(-end // BLOCK)):
            at = block * BLOCK
            begin, stop = max(start, at), min(end, at + BLOCK)
            new = bytearray(self.read(at, BLOCK))
            new[begin - at : stop - at] = content[begin - start : stop - start]
            if durable:
                self._durable[at : at + BLOCK] = new
                self._volatile.pop(block, None)
            else:
                self._volatile.setdefault(block, []).append(bytes(new))

    def flush(self):
        """What was written is durable."""
        for block, versions in self._volatile.items():
            self._durable[block * BLOCK : (block + 1) * BLOCK] = versions[-1]
        self._volatile.clear()
        self.flushes += 1

    def cut(self, rng, share):
        """Forgets this share of the blocks that are not durable; of the others, an older version may be what is left."""
        for block, versions in self._volatile.items():
            if rng.random() < share:
                self.forgotten += 1
            else:
                self._durable[block * BLOCK : (block + 1) * BLOCK] = rng.choice(versions)
        self._volatile.clear()


class Server:
    """Serves a cache at a UNIX socket, to one machine after the other."""

    def __init__(self, directory, size):
        self.path = pathlib.Path(directory, "disk.img")
        self.socket = pathlib.Path(directory, "disk.socket")
        self.cache = Cache(self.path, size)
        self.fault = None
        # Set when it has failed by itself.
        self.failed = threading.Event()
        self._until_it_fails = self._then = None
        self._served = threading.Event()
        self._door = socket.socket(socket.AF_UNIX)
        self._door.bind(str(self.socket))
        self._door.listen(1)
        threading.Thread(target=self._serve, daemon=True).start()

    def options(self):
        """Those of qemu that attach it."""
        return ["-drive", f"file=nbd:unix:{self.socket},format=raw,if=none,id=disk,cache=none",
                "-device", "virtio-blk-pci,drive=disk,romfile="]

    def fail_after(self, count, then):
        """It does so many writes and flushes more, and nothing of the next: the power fails in between, and `then` is called."""
        self._until_it_fails, self._then = count, then

    def cut(self, rng, share):
        """After the machine was killed: what it had handed over is taken, and forgotten as far as it is not durable."""
        self._served.wait()
        self._until_it_fails = None
        self.failed.clear()
        if self.fault:
            raise self.fault
        self.cache.cut(rng, share)

    def _serve(self):
        while True:
            stream, _ = self._door.accept()
            self._served.clear()
            try:
                with stream, stream.makefile("rb") as incoming:
                    if _negotiate(stream, incoming, self.cache.size):
                        self._answer(stream, incoming)
            except (EOFError, BrokenPipeError, ConnectionResetError):
                # So it is when the power fails.
                pass
            except Exception as fault:  # noqa: BLE001 - for whoever waits
                self.fault = fault
            self._served.set()

    def _answer(self, stream, incoming):
        while True:
            magic, flags, kind, handle, start, length = struct.unpack(">IHHQQI", _take(incoming, 28))
            if magic != REQUEST_MAGIC:
                raise ValueError(f"no request: {magic:x}")
            if self._has_failed(kind):
                # Its end is that of the machine, which must not hear of a fault of its disk before.
                incoming.read()
                return
            content, error = b"", 0
            if kind == READ:
                content = self.cache.read(start, length)
            elif kind == WRITE:
                self.cache.write(start, _take(incoming, length), durable=bool(flags & COMMAND_FUA))
            elif kind == FLUSH:
                self.cache.flush()
            elif kind == DISCONNECT:
                return
            else:
                error = INVALID
            stream.sendall(struct.pack(">IIQ", REPLY_MAGIC, error, handle) + content)

    def _has_failed(self, kind):
        if self._until_it_fails is not None and kind in (WRITE, FLUSH):
            self._until_it_fails -= 1
            if self._until_it_fails < 0:
                self._then()
                self.failed.set()
        return self.failed.is_set()


def _negotiate(stream, incoming, size):
    """True if requests follow."""
    stream.sendall(struct.pack(">QQH", MAGIC, OPTION_MAGIC, FIXED_NEWSTYLE | NO_ZEROES))
    _take(incoming, 4)
    while True:
        _, option, length = struct.unpack(">QII", _take(incoming, 16))
        _take(incoming, length)

        def reply(kind, content=b"", option=option):
            stream.sendall(struct.pack(">QIII", OPTION_REPLY_MAGIC, option, kind, len(content)) + content)

        if option == OPT_GO:
            reply(REP_INFO, struct.pack(">HQH", 0, size, DISK_FLAGS))
            reply(REP_ACK)
            return True
        if option == OPT_ABORT:
            reply(REP_ACK)
            return False
        reply(REP_UNSUPPORTED)


def _take(incoming, length):
    content = incoming.read(length)
    if len(content) < length:
        raise EOFError
    return content


def share(rng):
    """How much a cut forgets: often all of it."""
    return 1.0 if rng.random() < 0.5 else rng.random()
