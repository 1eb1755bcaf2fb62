"""The world of one scenario: fresh hosts, londs, workers; gone when the scenario ends."""

import contextlib
import pathlib
import re
import subprocess

from . import images, lond, network, terminator
from .host import Host
from .wait import until

HERE = pathlib.Path(__file__).resolve().parents[1]
HOSTS_TAB = "/home/httpd/lonTabs/hosts.tab"
WORKER = "/usr/local/lib/worker.py"


class Site:
    """Hosts of one Debian."""

    def __init__(self, suite, prepared, directory, figures):
        self.suite = suite
        self.deb = pathlib.Path(prepared["deb"])
        self.newer_deb = pathlib.Path(prepared["newer_deb"])
        self.lond_binary = pathlib.Path(prepared["lond"])
        self.images = prepared["images"][suite]
        self.directory = pathlib.Path(directory)
        self.hosts = []
        self._figures = figures
        self._ending = contextlib.ExitStack()

    def figure(self, text):
        """Something measured, to be told at the end."""
        self._figures.append(f"{self.suite}: {text}")

    def host(self, name="msul2"):
        """A host that has just been set up: Debian and the table of servers, no lonc."""
        host = Host(name, network.ADDRESSES[name], self.images[images.HOST], self.directory / name)
        self.hosts.append(host)
        self._ending.callback(host.destroy)
        host.write(WORKER, (HERE / "guest/worker.py").read_bytes())
        host.write(HOSTS_TAB, table())
        return host.boot()

    def configured(self, name="msul2", **keys):
        """A host with lonc installed and its own id in the configuration; `keys` are further ones of lonc.toml."""
        host = self.host(name)
        self.install(host, self.deb)
        for key, value in {"host_id": f'"{name}"', **keys}.items():
            host.set_key(key, value)
        # Whether or not the change is being followed already.
        host.systemctl("start", "lonc-hosts.service")
        await_followed(host)
        return host

    def install(self, host, deb, within=120):
        """As `apt install ./lonc.deb` does it; the image has all it depends on. Returns what dpkg said."""
        host.write(f"/root/{deb.name}", deb.read_bytes())
        done = host.run("dpkg", "--install", "--force-confold", f"/root/{deb.name}", timeout=within)
        return done.stdout + done.stderr

    def chroot(self, kind):
        """The directory of an image of this Debian that may be written to; programs are run in it by chroot."""
        root = images.lay_over(self.images[kind], self.directory / kind)
        self._ending.callback(subprocess.run, ["umount", "--lazy", root], check=False)
        return root

    def lond(self, behaviour="normal"):
        """The lond of msul1 on the bridge, for tests that need no second container."""
        started = lond.Lond(self.lond_binary, "msul1", "msul2", behaviour)
        self._ending.callback(started.stop)
        return started

    def terminator(self):
        """What takes TLS in front of the lond on the bridge, for msul2."""
        started = terminator.Terminator(self.directory / "terminator")
        self._ending.callback(started.stop)
        return started

    def own_lond(self, host, caller):
        """The host's own lond, for the lonc of host `caller`, as a service of it."""
        lond.install(host, self.lond_binary, caller)

    def write_logs(self, directory):
        """What the hosts logged, in files of this directory."""
        directory.mkdir(parents=True, exist_ok=True)
        for host in self.hosts:
            (directory / f"{host.name}.journal").write_text(host.written_journal())
            (directory / f"{host.name}.console").write_bytes(host.console.read_bytes())

    def end(self):
        """Ends all of it."""
        self._ending.close()


def table(**addresses):
    """hosts.tab; msul1 is the lond on the bridge unless said otherwise."""
    known = {"msul1": network.LOND_ADDRESS, "msul2": network.ADDRESSES["msul2"], **addresses}
    lines = [f"{name}:msu:library:{name}.example.edu:{address}" for name, address in known.items() if address]
    return "# the test's servers\n" + "\n".join(lines) + "\n"


def ask(host, *lines, peer="msul1", within=30, sockets="/run/lonc"):
    """A worker's replies to these lines, all sent at once."""
    done = host.run("python3", WORKER, "ask", within, f"{sockets}/{peer}", *lines, timeout=within + 30)
    return done.stdout.splitlines()


def start_asking(host, *lines, peer="msul1", within=30):
    """A worker that asks while the test goes on; to be ended by `replies`."""
    return host.start("python3", WORKER, "ask", within, f"/run/lonc/{peer}", *lines)


def replies(worker):
    """What such a worker got."""
    said, _ = worker.communicate(timeout=90)
    assert worker.returncode == 0, f"a worker got no reply: {said}"
    return said.splitlines()


def assert_served(host, peer="msul1"):
    """A request through the peer's socket is answered by the peer."""
    assert ask(host, "echo:hello", "ping", peer=peer) == ["hello", peer]


def wait_until_up(host, peer="msul1", within=30):
    """Waits until the Status line says that the link is up, and returns the line."""
    unit = f"lonc@{peer}.service"

    def line():
        text = host.show(unit, "StatusText")
        return text if text.startswith("up: ") else None

    return until(f"{host.name}'s {unit} is up", line, within=within)


# A busy machine may take longer than the second that loncctl waits for an answer unless said otherwise.
PATIENT = ("--timeout", "30s")


def await_followed(host):
    """Waits until a change that has shown its effect is followed to its end."""
    until("it is followed", lambda: host.show("lonc-hosts.service", "ActiveState") == "inactive", within=90)


@contextlib.contextmanager
def held_after_its_look(host):
    """Each run of lonc-hosts.service stands still when it has looked at the table and followed it, until this is left. What
    it gives tells whether one has come so far."""
    looked, go_on = "/run/lonc-hosts/looked", "/run/lonc-hosts/go-on"
    wait = f"touch {looked}; until test -e {go_on}; do sleep 0.1; done"
    host.write("/etc/systemd/system/lonc-hosts.service.d/slow.conf", f"[Service]\nExecStartPost=sh -c '{wait}'\n")
    host.systemctl("daemon-reload")
    try:
        yield lambda: host.run("test", "-e", looked, check=False).returncode == 0
    finally:
        host.run("touch", go_on)


def numbers(said):
    """What a program tells as name=number, by name."""
    return {name: int(number) for name, number in re.findall(r"(\w+)=(\d+)", said)}


@contextlib.contextmanager
def load(host, clients, peer="msul1"):
    """Clients that ask all the time; the dictionary it gives is filled when they have ended."""
    counts = {}
    worker = host.start("python3", WORKER, "load", clients, f"/run/lonc/{peer}")
    try:
        assert worker.stdout.readline() == "started\n"
        yield counts
        said, _ = worker.communicate(timeout=90)
        counts.update(numbers(said))
        assert counts, said
    except subprocess.TimeoutExpired as fault:
        raise AssertionError("clients are still waiting 90 s after the end") from fault
    finally:
        worker.kill()
