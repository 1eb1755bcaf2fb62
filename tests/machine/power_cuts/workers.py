"""The workers outside: each is one connection to lonc's socket, passed on by the machine."""

import random
import socket
import threading

# Bytes beside the name; the last are several blocks of a disk.
SIZES = (0, 30, 400, 3000, 9000)


class Workers:
    """Listens for the connections that the machine passes on; on each a worker asks and hears."""

    def __init__(self, book, seed):
        self.book = book
        self._rng = random.Random(seed)
        self._asking = threading.Event()
        self._threads = {}
        self._count = 0
        self._lock = threading.Lock()
        self._door = socket.create_server(("127.0.0.1", 0), backlog=50)
        self.port = self._door.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def begin(self):
        """They ask."""
        self._asking.set()

    def stop(self):
        """They ask no more, and hear what is due."""
        self._asking.clear()

    def wait_for_ends(self):
        """After a cut: until each has heard all that was said to it before, and the end."""
        # Who is not to ask finds out by asking.
        self._asking.set()
        while True:
            with self._lock:
                threads = list(self._threads)
            if not threads:
                return
            threads[0].join()

    def _accept(self):
        while True:
            stream, _ = self._door.accept()
            self._count += 1
            work = threading.Thread(target=self._work, args=(stream, f"b{self.book.boot}w{self._count}", self._rng.random()), daemon=True)
            with self._lock:
                self._threads[work] = stream
            work.start()

    def _work(self, stream, name, seed):
        rng = random.Random(seed)
        number = 0
        # Some wait for each answer, some do not.
        most = rng.choice((1, 1, 4, 16))
        try:
            with stream, stream.makefile("rb") as answers:
                while True:
                    self._asking.wait()
                    batch = [self._text(rng, name, number + index) for index in range(rng.randint(1, most))]
                    for index, text in enumerate(batch):
                        self.book.ask(name, number + index, text)
                    number += len(batch)
                    stream.sendall("".join(f"critical:echo:{text}\n" for text in batch).encode())
                    for text in batch:
                        line = answers.readline()
                        if not line.endswith(b"\n"):
                            return
                        self.book.told(text, line[:-1].decode(errors="replace"))
        except OSError:
            pass
        finally:
            with self._lock:
                del self._threads[threading.current_thread()]

    @staticmethod
    def _text(rng, name, number):
        padding = rng.randbytes(rng.choice(SIZES) // 2).hex()
        return f"{name}n{number}.{padding}"
