"""The machine from outside: it boots, talks by lines, and its power is cut."""

import pathlib
import select
import socket
import subprocess
import time

from harness import programs

TOOLS = {"qemu-system-x86_64": "qemu-system-x86"}
# How long it may take to do what it is to do, on a machine that has much else to do.
PATIENCE = 180
CONSOLE_LINES = 40


class Machine:
    """One machine, emulated: without KVM, which a test machine that is virtual itself has not. Its files are in `work`."""

    def __init__(self, kernel, work, memory="256M", processors=1, devices=()):
        programs.install(TOOLS)
        self.kernel = kernel
        self.work = pathlib.Path(work)
        self.console = self.work / "console.log"
        self._options = ["-m", memory, "-smp", str(processors), *devices]
        self._qemu = None
        self._line = None
        self._heard = b""

    def boot(self, archive):
        """Boots it with this archive, anew at each call, up to where `main` begins; its console's log goes on."""
        initrd = self.work / "initrd"
        archive.write(initrd, self.kernel)
        # On a busy machine the kernel waits in vain for a timer that it tries, and gives up.
        self._start(["-kernel", self.kernel.image, "-initrd", initrd, "-append", "console=ttyS0 quiet panic=-1 no_timer_check"])
        self.expect("booted")
        return self

    def _start(self, options):
        place = self.work / "line"
        place.unlink(missing_ok=True)
        with socket.socket(socket.AF_UNIX) as door, self.console.open("ab") as console:
            door.bind(str(place))
            door.listen(1)
            self._qemu = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", "qemu-system-x86_64", "-accel", "tcg", "-cpu", "max",
                 "-nodefaults", "-display", "none", "-no-reboot", *self._options, "-serial", "stdio",
                 "-chardev", f"socket,id=line,path={place}", "-serial", "chardev:line", *map(str, options)],
                stdin=subprocess.DEVNULL, stdout=console, stderr=console,
            )
            door.settimeout(PATIENCE)
            self._line, _ = door.accept()
        self._heard = b""

    def cut_power(self):
        """It ends at once, wherever it was; nothing that it says afterwards is heard."""
        self._qemu.kill()
        self._qemu.wait()
        self._line.close()

    def wait(self, within=PATIENCE):
        """Waits until it has ended by itself."""
        self._qemu.wait(within)
        self._line.close()

    def destroy(self):
        """If it is still there."""
        if self._qemu is not None and self._qemu.poll() is None:
            self.cut_power()

    # What it and the host say to each other

    def say(self, line):
        """A line on the standard input of `main`."""
        self._line.sendall(line.encode() + b"\n")

    def hear(self, within=PATIENCE):
        """The next line that `main` prints; an AssertionError with the console if there is none in time."""
        end = time.monotonic() + within
        while b"\n" not in self._heard:
            if not select.select([self._line], [], [], max(0, end - time.monotonic()))[0]:
                raise AssertionError(f"the machine said nothing in {within} s; its console:\n{self.tail()}")
            if not (more := self._line.recv(65536)):
                raise AssertionError(f"the machine has ended; its console:\n{self.tail()}")
            self._heard += more
        line, _, self._heard = self._heard.partition(b"\n")
        return line.decode(errors="replace")

    def expect(self, wanted, within=PATIENCE):
        """Hears this line next."""
        heard = self.hear(within)
        assert heard == wanted, f"the machine said {heard!r} in place of {wanted!r}; its console:\n{self.tail()}"

    def tail(self):
        """The last that its console says."""
        return "\n".join(self.console.read_text(errors="replace").splitlines()[-CONSOLE_LINES:])
