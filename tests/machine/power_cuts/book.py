"""What was asked, what was promised, and what became of it, seen from outside; and what must not become of it.

Promised is what its worker has heard `con_delayed` for. Then it is carried out, whole, and not overtaken by what is asked
afterwards. It may be carried out again where its link was lost, but no more than are on one link, and where the power
failed before its file was gone for good, as far as that can be told from outside.
"""

import collections
import threading


class Fault(Exception):
    """A promise is broken."""


class Link:
    """One of lond's connections, as far as the book needs it."""

    def __init__(self, boot):
        self.boot = boot
        # lonc has read all answers: it is open, or was closed so that nothing was lost.
        self.is_read = True
        # What was on it and came again in the same boot.
        self.num_again = 0


class Ask:
    """A critical request."""

    def __init__(self, client, number, asked):
        self.client = client
        self.number = number
        self.asked = asked
        self.promised = None
        # The links on which it was carried out.
        self.links = []
        self.is_answered = False
        # Its worker knows of no promise.
        self.has_failed = False
        # It cannot come back.
        self.is_gone = False


class Book:
    """All of them; used by the threads of lond and of the workers."""

    def __init__(self, pipeline):
        self.lock = threading.RLock()
        self._pipeline = pipeline
        self.fault = None
        # Something is wrong, or what was waited for has happened.
        self.news = threading.Condition(self.lock)
        self.boot = 0
        self.promises = self.replies = self.num_told = self.num_carried = 0
        self.again_after_cut = self.again_after_link = self.num_gone = self.num_failed = 0
        self._asks = {}
        self._time = 0
        # Promised and not carried out yet, in the order of their promises.
        self._owed = collections.OrderedDict()
        self._last_of_client = {}
        # Answered, with the time of that; answered and known to lonc, with the time when that was known.
        self._answered, self._known = collections.deque(), collections.deque()

    # What workers do

    def ask(self, client, number, text):
        """A worker is about to ask this."""
        with self.lock:
            self._asks[text] = Ask(client, number, self._tick())

    def told(self, text, line):
        """The worker is told this line."""
        with self.lock:
            ask = self._asks[text]
            self.num_told += 1
            if line == "con_delayed":
                ask.promised = self._tick()
                self.promises += 1
                if not ask.links:
                    self._owed[text] = ask
                self._make_safe(ask)
            elif line == "con_failed":
                # The disk took too long: no promise, but what it stores after all is sent.
                ask.has_failed = True
                self.num_failed += 1
            elif line == text:
                self.replies += 1
                if not ask.links:
                    self._fail(f"{text[:40]} is answered and was not carried out")
            else:
                self._fail(f"{text[:40]} is told {line[:80]!r}")
            self.news.notify_all()

    # What lond does

    def carry_out(self, link, text):
        """lond carries this out."""
        with self.lock:
            ask = self._asks.get(text)
            if ask is None:
                self._fail(f"nobody asked {text[:80]!r} of {len(text)} bytes")
            elif ask.links:
                self._check_again(link, ask, text)
            else:
                self._check_order(ask, text)
            if ask is not None:
                ask.links.append(link)
                self.num_carried += 1
            self.news.notify_all()

    def answer(self, link, text):
        """lond has sent the answer to this."""
        with self.lock:
            ask = self._asks[text]
            ask.is_answered = True
            self._answered.append((self._tick(), link, ask))

    # What becomes of it

    def check(self):
        """Raises the first fault there was."""
        with self.lock:
            if self.fault:
                raise Fault(self.fault)

    def check_rest(self):
        """When all is at rest: nothing promised is owed."""
        with self.lock:
            if self._owed:
                self._fail(f"{len(self._owed)} promised are lost: {', '.join(text[:40] for text in list(self._owed)[:5])}")
        self.check()

    def _tick(self):
        self._time += 1
        return self._time

    def _fail(self, fault):
        self.fault = self.fault or fault
        self.news.notify_all()

    def _check_order(self, ask, text):
        self._owed.pop(text, None)
        first = next(iter(self._owed.items()), None)
        if first and first[1].promised < ask.asked:
            self._fail(f"{text[:40]} overtakes {first[0][:40]}, which was promised before it was asked")
        last = self._last_of_client.get(ask.client, -1)
        if ask.has_failed:
            return
        if ask.number < last:
            self._fail(f"{text[:40]} is behind number {last} of its client")
        self._last_of_client[ask.client] = ask.number

    def _check_again(self, link, ask, text):
        last = ask.links[-1]
        if last is link:
            self._fail(f"{text[:40]} is carried out twice on one link")
        if ask.is_gone:
            self._fail(f"{text[:40]} is carried out again, though its file was gone for good")
        if last.boot == link.boot:
            self.again_after_link += 1
            last.num_again += 1
            if last.num_again > self._pipeline:
                self._fail(f"more than {self._pipeline} are carried out again after one link was lost, {text[:40]} the last")
        else:
            self.again_after_cut += 1

    def _make_safe(self, promised):
        """With a promise the directory is synced, so that what was removed before does not come back.

        An answer that was sent before a request was asked has been read when that is promised, if its link lasts so
        long; so its file is removed before the next is stored, and gone for good when that is promised.
        """
        while self._known and self._known[0][0] < promised.asked:
            self._known.popleft()[1].is_gone = True
            self.num_gone += 1
        while self._answered and self._answered[0][0] < promised.asked:
            _, link, ask = self._answered.popleft()
            if link.is_read and link.boot == self.boot:
                self._known.append((self._time, ask))

    def cut(self):
        """The power has failed; who was being told of is not known to be safe any more."""
        with self.lock:
            self.boot += 1
            self._answered.clear()
            self._known.clear()
