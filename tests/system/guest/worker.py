"""A web worker, run inside a container with Debian's python3-minimal.

worker.py ask SECONDS SOCKET LINE...   sends the lines, prints a reply a line; 1 if the connection ends, 2 if time does
worker.py call SECONDS SOCKET MESSAGE  sends one Varlink message, prints the reply; 1 if there is none
worker.py each SECONDS SOCKET...        asks at all sockets at once, again and again for so long; prints what came of it
worker.py load CLIENTS SOCKET          clients that ask one request after the other until standard input ends;
                                       prints what became of the requests
"""

import socket
import sys
import threading
import time


def connect(path, seconds):
    stream = socket.socket(socket.AF_UNIX)
    stream.settimeout(seconds)
    stream.connect(path)
    return stream


def ask(seconds, path, *lines):
    try:
        stream = connect(path, float(seconds))
        stream.sendall("".join(line + "\n" for line in lines).encode())
        with stream.makefile("rb") as replies:
            for _ in lines:
                reply = replies.readline()
                if not reply.endswith(b"\n"):
                    print("the connection ended before the reply", file=sys.stderr)
                    return 1
                print(reply.decode().rstrip("\n"))
    except TimeoutError:
        print("no reply in time", file=sys.stderr)
        return 2
    except OSError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def call(seconds, path, message):
    """An operator, and no worker."""
    reply = b""
    try:
        stream = connect(path, float(seconds))
        stream.sendall(message.encode() + b"\0")
        while not reply.endswith(b"\0"):
            more = stream.recv(65536)
            if not more:
                print("the connection ended before the reply", file=sys.stderr)
                return 1
            reply += more
    except OSError as error:
        print(error, file=sys.stderr)
        return 1
    print(reply[:-1].decode())
    return 0


def each(seconds, *paths):
    """A request and a critical one, of a new client each time."""
    until, lock = time.monotonic() + float(seconds), threading.Lock()
    counts, slowest = {"con_lost": 0, "other": 0, "unanswered": 0}, 0.0

    def ask_again_and_again(path):
        nonlocal slowest
        while time.monotonic() < until:
            began, said = time.monotonic(), []
            try:
                with connect(path, 60) as stream, stream.makefile("rb") as replies:
                    stream.sendall(b"echo:1\ncritical:echo:2\n")
                    said = [replies.readline(), replies.readline()]
            except OSError:
                pass
            kinds = {(b"con_lost\n", b"con_failed\n"): "con_lost"}
            what = kinds.get(tuple(said), "other") if len(said) == 2 and all(said) else "unanswered"
            with lock:
                counts[what] += 1
                slowest = max(slowest, time.monotonic() - began)
            time.sleep(0.2)

    threads = [threading.Thread(target=ask_again_and_again, args=[path]) for path in paths]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(*(f"{what}={count}" for what, count in counts.items()), f"slowest_ms={slowest * 1000:.0f}")
    return 0


class Load:
    """What became of the requests of all clients.

    A request counts from the moment all of it is written; a connection that takes no more is not the request's end,
    and the client comes again.
    """

    def __init__(self, path):
        self.path = path
        self.over = False
        self.lock = threading.Lock()
        self.counts = dict.fromkeys(["replied", "con_lost", "wrong", "unanswered", "not_taken", "no_socket"], 0)
        self.slowest = 0.0

    def count(self, what, began=None):
        with self.lock:
            self.counts[what] += 1
            if began is not None:
                self.slowest = max(self.slowest, time.monotonic() - began)

    def client(self, name):
        while not self.over:
            try:
                stream = connect(self.path, 60)
            except OSError:
                self.count("no_socket")
                time.sleep(0.01)
                continue
            self.converse(stream, name)

    def converse(self, stream, name):
        with stream, stream.makefile("rb") as replies:
            for number in range(1 << 30):
                if self.over:
                    return
                began = time.monotonic()
                text = f"{name}.{number}"
                try:
                    stream.sendall(f"echo:{text}\n".encode())
                except OSError:
                    self.count("not_taken")
                    return
                try:
                    reply = replies.readline()
                except OSError:
                    reply = b""
                if not reply:
                    self.count("unanswered", began)
                    return
                kinds = {text + "\n": "replied", "con_lost\n": "con_lost"}
                self.count(kinds.get(reply.decode(), "wrong"), began)
                # A worker has other things to do as well.
                time.sleep(0.002)


def load(clients, path):
    state = Load(path)
    threads = [threading.Thread(target=state.client, args=(f"c{n}",)) for n in range(int(clients))]
    for thread in threads:
        thread.start()
    print("started", flush=True)
    sys.stdin.read()
    state.over = True
    for thread in threads:
        thread.join()
    print(*(f"{what}={count}" for what, count in state.counts.items()), f"slowest_ms={state.slowest * 1000:.0f}")
    return 0


sys.exit({"ask": ask, "call": call, "each": each, "load": load}[sys.argv[1]](*sys.argv[2:]))
