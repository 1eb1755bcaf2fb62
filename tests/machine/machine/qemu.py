"""The machine from outside: it boots, talks by lines, and its power is cut."""

import contextlib
import json
import pathlib
import select
import socket
import subprocess
import time

# How long it may take to do what it is to do, on a machine that has much else to do.
PATIENCE = 180
CONSOLE_LINES = 40
# How often it is tried to boot it.
BOOTS = 3
# Seconds until it is tried again.
BOOT = 90


class Machine:
    """One machine, emulated: without KVM, which a test machine that is virtual itself has not. Its files are in `work`."""

    def __init__(self, kernel, work, memory="256M", processors=1, devices=()):
        self.kernel = kernel
        self.work = pathlib.Path(work)
        self.console = self.work / "console.log"
        self._frozen = self.work / "memory"
        self._options = ["-m", memory, "-smp", str(processors), *devices]
        self._qemu = None
        self._line = self._manager = None
        self._heard = b""

    def boot(self, archive):
        """Boots it with this archive, anew at each call, up to where `main` begins; its console's log goes on."""
        initrd = self.work / "initrd"
        archive.write(initrd, self.kernel)
        # On a busy machine the kernel waits in vain for a timer that it tries, and gives up; or it takes its clocks for
        # other than they are, and stands still.
        options = ["-kernel", self.kernel.image, "-initrd", initrd, "-append", "console=ttyS0 quiet panic=-1 no_timer_check"]
        for left in reversed(range(BOOTS)):
            self._start(options)
            try:
                self.expect("booted", BOOT if left else PATIENCE)
                break
            except AssertionError:
                self.destroy()
                if not left:
                    raise
        return self

    def freeze(self):
        """Ends it, and keeps its memory as it is: from there `thaw` goes on, in a moment and as often as wanted.

        What it has read of a disk would be in that memory; so it has none yet, or has not loaded its driver.
        """
        self._manage("migrate", uri=f"exec:cat >{self._frozen}")
        while (state := self._manage("query-migrate")["status"]) != "completed":
            assert state in ("setup", "active", "device"), f"its memory cannot be kept: {state}"
            time.sleep(0.02)
        self.cut_power()

    def thaw(self):
        """Goes on where it was frozen, with the same devices."""
        self._start(["-incoming", f"exec:cat {self._frozen}"])
        # What is said before is lost.
        while self._manage("query-status")["status"] != "running":
            time.sleep(0.01)
        return self

    def _manage(self, command, **arguments):
        """A command of qemu's own protocol, QMP; what it returns."""
        self._manager.write(json.dumps({"execute": command, "arguments": arguments}) + "\n")
        self._manager.flush()
        # Its greeting and events come in between.
        while not {"return", "error"} & (said := json.loads(self._manager.readline())).keys():
            pass
        assert "return" in said, f"{command}: {said}"
        return said["return"]

    def _start(self, options):
        with contextlib.ExitStack() as stack:
            console = stack.enter_context(self.console.open("ab"))
            line, manager = (stack.enter_context(self._door(name)) for name in ("line", "manager"))
            self._qemu = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", "qemu-system-x86_64", "-accel", "tcg", "-cpu", "max",
                 "-nodefaults", "-display", "none", "-no-reboot", *self._options, "-serial", "stdio",
                 "-chardev", f"socket,id=line,path={self.work}/line", "-serial", "chardev:line",
                 "-chardev", f"socket,id=manager,path={self.work}/manager", "-mon", "chardev=manager,mode=control",
                 *map(str, options)],
                stdin=subprocess.DEVNULL, stdout=console, stderr=console,
            )
            self._line, _ = line.accept()
            with manager.accept()[0] as stream:
                self._manager = stream.makefile("rw")
        self._heard = b""
        self._manage("qmp_capabilities")

    def _door(self, name):
        """Where qemu connects to."""
        place = self.work / name
        place.unlink(missing_ok=True)
        door = socket.socket(socket.AF_UNIX)
        door.settimeout(PATIENCE)
        door.bind(str(place))
        door.listen(1)
        return door

    def cut_power(self):
        """It ends at once, wherever it was; nothing that it says afterwards is heard."""
        self.kill()
        self.wait()

    def kill(self):
        """The same, without waiting for its end; for any thread."""
        self._qemu.kill()

    def wait(self, within=PATIENCE):
        """Waits until it has ended by itself."""
        self._qemu.wait(within)
        self._line.close()
        self._manager.close()

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

    def run(self, command, within=PATIENCE):
        """Has the shell of `Archive.shell` do this line; what it printed, or an AssertionError if it failed."""
        self.say(command)
        printed = []
        while not (heard := self.hear(within)).startswith("# "):
            printed.append(heard)
        assert heard == "# 0", f"{command} ended with {heard[2:]}: {printed}; its console:\n{self.tail()}"
        return "\n".join(printed)

    def tail(self):
        """The last that its console says."""
        return "\n".join(self.console.read_text(errors="replace").splitlines()[-CONSOLE_LINES:])
