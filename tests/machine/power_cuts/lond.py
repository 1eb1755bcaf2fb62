"""The lond outside, which outlives the cuts: it comes and goes, and its book has all that it carried out."""

import contextlib
import random
import socket
import threading

from .book import Link

HOST = "msul1"


class Connection:
    """One of lonc's."""

    def __init__(self, stream, link):
        self.stream = stream
        self.link = link
        self.has_left = False

    def reset(self):
        """Ends it at once: answers on their way are lost."""
        self.link.is_read = False
        with contextlib.suppress(OSError):
            self.stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            self.stream.shutdown(socket.SHUT_RDWR)

    def leave(self):
        """Says and does no more; lonc reads what was said, and the end."""
        self.has_left = True
        with contextlib.suppress(OSError):
            self.stream.shutdown(socket.SHUT_WR)


class Lond:
    """Listens on a port of the host's loopback, when it is there."""

    def __init__(self, book, seed):
        self.book = book
        self._rng = random.Random(seed)
        self._address = ("127.0.0.1", 0)
        self._door = None
        self._connections = {}
        self._awake = threading.Event()
        # What the next request is its last on a link for: nothing, or when it dies.
        self._dies = None
        self._calm, self._restless = threading.Event(), threading.Event()
        self._health = threading.RLock()
        self._lock = threading.Lock()
        self.revive()
        threading.Thread(target=self._come_and_go, daemon=True).start()

    @property
    def port(self):
        """Where it listens."""
        return self._address[1]

    # Its health

    def revive(self):
        """It listens, answers, and does not hang."""
        with self._health:
            self._dies = None
            self._awake.set()
            if self._door is None:
                self._door = socket.create_server(self._address, backlog=20)
                self._address = self._door.getsockname()
                threading.Thread(target=self._accept, args=(self._door,), daemon=True).start()

    def kill(self):
        """It refuses, and its links are reset."""
        with self._health:
            if self._door is not None:
                # Wakes who waits there.
                self._door.shutdown(socket.SHUT_RDWR)
                self._door.close()
                self._door = None
            self._awake.set()
            self._each(Connection.reset)

    def begin(self):
        """It comes and goes from now on."""
        self._calm.clear()
        self._restless.set()

    def calm(self):
        """It stays well, until it is to begin again."""
        self._restless.clear()
        self._calm.set()
        self.revive()

    def _come_and_go(self):
        while self._restless.wait():
            self._calm.wait(self._rng.uniform(0.05, 1.5))
            with self._health:
                if not self._calm.is_set():
                    self._fall_ill(self._rng.choice(("kill", "kill", "hang", "before", "after", "leave")))
            self._calm.wait(self._rng.uniform(0.1, 2.5))
            self.revive()

    def _fall_ill(self, trouble):
        if trouble == "kill":
            self.kill()
        elif trouble == "hang":
            self._awake.clear()
        elif trouble == "leave":
            self._each(Connection.leave)
        else:
            self._dies = trouble

    def _each(self, end):
        with self._lock:
            for connection in self._connections:
                end(connection)

    # Its links

    def wait_for_links(self, count=0):
        """Until no more than so many threads serve links: after a cut all end by themselves."""
        while True:
            with self._lock:
                threads = list(self._connections.values())
            if len(threads) <= count:
                return
            self._awake.set()
            threads[0].join()

    def _accept(self, door):
        while True:
            try:
                stream, _ = door.accept()
            except OSError:
                return
            connection = Connection(stream, Link(self.book.boot))
            serving = threading.Thread(target=self._serve, args=(connection,), daemon=True)
            with self._lock:
                # lonc has left those: what still comes on them would come late.
                for other in self._connections:
                    other.reset()
                self._connections[connection] = serving
            serving.start()

    def _serve(self, connection):
        try:
            with connection.stream, connection.stream.makefile("rb") as lines:
                connection.stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                for line in lines:
                    self._awake.wait()
                    if connection.has_left:
                        continue
                    if not line.endswith(b"\n") or not self._handle(connection, line[:-1].decode(errors="replace")):
                        connection.reset()
                        return
        except OSError:
            connection.link.is_read = False
        finally:
            with self._lock:
                del self._connections[connection]

    def _handle(self, connection, line):
        """Answers; false if it has died."""
        word, _, rest = line.partition(":")
        if word == "echo":
            return self._carry_out(connection, rest)
        answers = {"init": "challenge", "challenge": "ok", "sethost": "ok", "version": "version:1.400",
                   "ekey": "4711", "ping": HOST}
        connection.stream.sendall(answers.get(word, "unknown_cmd").encode() + b"\n")
        return True

    def _carry_out(self, connection, text):
        # What is reset or left meanwhile is dead, whatever was read of it before.
        with self._lock:
            if self._dies == "before" or not connection.link.is_read or connection.has_left:
                return connection.has_left
            self.book.carry_out(connection.link, text)
        if self._dies == "after":
            return False
        connection.stream.sendall(text.encode() + b"\n")
        self.book.answer(connection.link, text)
        return True
