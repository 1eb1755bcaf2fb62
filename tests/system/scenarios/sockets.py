"""The files of the sockets: their second names, and what others put in their place."""

import json
import os
import time

from harness.classic import CONF, DAEMONS, SOCKETS, as_www, own_by_www, put_drop_ins
from harness.registry import alone, scenario
from harness.site import HOSTS_TAB, PATIENT, WORKER, await_followed, table, wait_until_up
from harness.wait import until

DISPLACED = "c3ecaa8a438a45d5bf57742ff72c1e60"
NAME = "msul1.example.edu"
HOSTS = 350

# As the Perl lonc does it: what stands there is removed. Its title names the peer.
PERL_LONC = """
use IO::Socket::UNIX; use Socket;
$0 = "lonc: msul1 Connection open"; $| = 1;
unlink($ARGV[0]);
my $socket = IO::Socket::UNIX->new(Local => $ARGV[0], Type => SOCK_STREAM, Listen => 10) or die $!;
print "$$\\n";
while (my $client = $socket->accept) { close $client }
"""
# What a worker meets, and after how many microseconds.
CONNECT = """
import errno, socket, sys, time
began = time.monotonic()
try:
    socket.socket(socket.AF_UNIX).connect(sys.argv[1])
    said = "connected"
except OSError as error:
    said = errno.errorcode[error.errno]
print(said, int((time.monotonic() - began) * 1e6))
"""


@scenario
def second_names(site):
    """A worker finds a peer by its host's name too, whatever becomes of table, units and package."""
    site.lond()
    host = site.configured()
    host.systemctl("start", "lonc.target")
    until("there is a name", lambda: _names(host) == {NAME: "msul1"}, within=90)
    assert _ask(host, f"/run/lonc/{NAME}", "ping") == ["msul1"]

    await_followed(host)
    host.write(HOSTS_TAB, table().replace(NAME, "zaphod.example.edu"))
    until("the name is another", lambda: _names(host) == {"zaphod.example.edu": "msul1"}, within=90)
    await_followed(host)
    assert _ask(host, "/run/lonc/zaphod.example.edu", "ping") == ["msul1"]
    host.write(HOSTS_TAB, f"msul0:msu:library:{NAME}:192.0.2.199\n{table()}")
    until("it is that of the first id", lambda: _names(host) == {NAME: "msul0"}, within=90)
    await_followed(host)
    host.write(HOSTS_TAB, table())
    until("the first id has gone", lambda: _in(host, "/run/lonc") == ["msul1", NAME], within=90)
    assert _names(host) == {NAME: "msul1"}

    host.systemctl("stop", "lonc.target")
    until("nothing is left", lambda: _in(host, "/run/lonc") == [])
    host.systemctl("start", "lonc.target")
    assert _in(host, "/run/lonc") == ["msul1", NAME]
    host.systemctl("start", "lonc@msul1.service")
    host.systemctl("restart", "lonc-sockets.target")
    until("it is there again", lambda: _in(host, "/run/lonc") == ["msul1", NAME])
    host.systemctl("start", "lonc@msul1.service")
    wait_until_up(host)
    site.install(host, site.newer_deb)
    assert _ask(host, f"/run/lonc/{NAME}", "ping") == ["msul1"]
    host.shut_down()
    host.boot()
    assert _ask(host, f"/run/lonc/{NAME}", "ping") == ["msul1"]

    await_followed(host)
    host.set_key("hostname_sockets", "false")
    until("there are no names", lambda: _in(host, "/run/lonc") == ["msul1"], within=90)
    await_followed(host)
    host.set_key("hostname_sockets", "true")
    until("there are again", lambda: _names(host) == {NAME: "msul1"}, within=90)
    host.run("dpkg", "--purge", "lonc", timeout=120)
    left = host.run("sh", "-c", "ls -d /run/lonc*", check=False).stdout
    assert left == "", f"purge left {left}"


@scenario
@alone
def many_sockets(site):
    """What it costs to look after the sockets of a large network."""
    host = site.configured()
    rows = [f"host{n}:dom:access:host{n}.example.edu:10.0.{n // 250}.{n % 250 + 1}" for n in range(HOSTS)]
    host.systemctl("stop", "lonc.target")
    host.write(HOSTS_TAB, "\n".join(["msul2:msu:library:msul2.example.edu:192.0.2.2", *rows]) + "\n")
    host.systemctl("daemon-reload")
    for verb, wanted in (("start", 2 * HOSTS), ("stop", 0)):
        began = time.monotonic()
        host.systemctl(verb, "lonc.target", timeout=300)
        until(f"{wanted} files", lambda wanted=wanted: len(_in(host, "/run/lonc")) == wanted, within=120)
        site.figure(f"{HOSTS} sockets and their names, {verb}: {time.monotonic() - began:.1f} s")


@scenario
def stolen_socket(site):
    """Another binds its socket over ours: told within a minute, by name, and nothing of ours removes it."""
    site.lond()
    host = _classic(site)
    path = f"{SOCKETS}/msul1"
    host.systemctl("start", "lonc@msul1.service")
    wait_until_up(host)
    assert _ask(host, f"{SOCKETS}/{NAME}", "ping") == ["msul1"]
    owners = host.run("stat", "-c", "%U", path, f"{SOCKETS}/{NAME}").stdout.split()
    assert owners == ["www", "www"], owners

    pid = _steal(host, path)
    began = time.monotonic()
    until("the journal says so", lambda: host.journal(f"MESSAGE_ID={DISPLACED}"), within=70)
    site.figure(f"a stolen socket was told after {time.monotonic() - began:.0f} s")
    assert f"process {pid} " in host.journal(f"MESSAGE_ID={DISPLACED}")[0]["MESSAGE"]
    until("its Status line says so", lambda: host.show("lonc@msul1.service", "StatusText").startswith("displaced: "))
    for command in ("status", "why msul1", "check"):
        _await_told(host, command, f"process {pid}")
    _await_told(host, "why msul1", "lonc: msul1 Connection open")
    _await_told(host, "metrics", 'lonc_displaced{peer="msul1"} 1', status=0)

    host.systemctl("stop", "lonc.target")
    until("only theirs is left", lambda: _in(host, SOCKETS) == ["delayed", "msul1"])
    until("ours has stopped", lambda: host.show("lonc@msul1.socket", "ActiveState") == "inactive")
    _assert_theirs(host, path)
    assert host.run("systemctl", "start", "lonc@msul1.socket", check=False).returncode != 0
    _assert_theirs(host, path)
    assert f"process {pid}" in host.run("loncctl", "check", check=False).stdout
    host.systemctl("start", "lonc.target")
    host.systemctl("disable", "lonc.target")
    host.systemctl("enable", "lonc.target")
    host.systemctl("stop", "lonc.target")
    _assert_theirs(host, path)

    host.run("sh", "-c", f"kill {pid}")
    until("a stale file is met", lambda: _connect(host, path)[0] == "ECONNREFUSED")
    site.figure(f"connect to a stale file: {_connect(host, path)[1]} us, to none: {_connect(host, SOCKETS + '/no')[1]} us")
    host.systemctl("start", "lonc.target", "lonc@msul1.service")
    assert _ask(host, f"{SOCKETS}/{NAME}", "ping") == ["msul1"]


@scenario
def stolen_name(site):
    """The Perl lonc of today has a socket by the name of the host: told as well, left alone, and made anew on order."""
    site.lond()
    host = _classic(site)
    name = f"{SOCKETS}/{NAME}"
    host.systemctl("start", "lonc@msul1.service")
    wait_until_up(host)
    pid = _steal(host, name)
    _await_told(host, "why msul1", f"process {pid}")
    host.systemctl("start", "lonc-aliases.service")
    _assert_theirs(host, name)
    host.run("sh", "-c", f"kill {pid}")
    until("nobody listens there", lambda: _connect(host, name)[0] == "ECONNREFUSED")
    host.systemctl("start", "lonc-aliases.service")
    assert _ask(host, name, "ping") == ["msul1"]
    _await_told(host, "status", status=0)

    await_followed(host)
    # A changed table is no loss, though the daemon has not read it anew.
    host.write(HOSTS_TAB, table().replace(NAME, "zaphod.example.edu"))
    until("the name is another", lambda: "zaphod.example.edu" in _in(host, SOCKETS), within=90)
    _await_told(host, "status", status=0)
    name = f"{SOCKETS}/zaphod.example.edu"
    _steal(host, name)
    host.systemctl("stop", "lonc.target")
    until("only theirs is left", lambda: _in(host, SOCKETS) == ["delayed", "zaphod.example.edu"])
    _assert_theirs(host, name)


@scenario
def lost_socket(site):
    """A socket that was removed, or stolen before anybody asked; what loncctl advises works, and so does a reboot."""
    site.lond()
    host = _classic(site)
    path = f"{SOCKETS}/msul1"
    host.systemctl("start", "lonc@msul1.service")
    wait_until_up(host)
    host.run("rm", path)
    _await_told(host, "why msul1", "was removed", "systemctl stop lonc@msul1.socket; systemctl start")
    host.systemctl("stop", "lonc@msul1.socket")
    host.systemctl("start", "lonc@msul1.socket")
    assert _ask(host, path, "ping") == ["msul1"]

    host.systemctl("stop", "lonc@msul1.socket")
    # As root, whose socket www may not even connect to.
    by_hand = host.start("lonc", "msul1")
    until("one started by hand serves", lambda: _connect(host, path)[0] == "connected")
    assert host.run("systemctl", "start", "lonc@msul1.service", check=False).returncode != 0
    assert _ask(host, path, "ping") == ["msul1"]
    status = json.loads(host.run("loncctl", "status", "--json", "msul1", *PATIENT).stdout)[0]
    assert status["state"] == "up", f"its control socket was taken away: {status}"
    host.run("sh", "-c", f"kill {status['status']['pid']}")
    by_hand.wait(timeout=30)
    assert _in(host, SOCKETS) == ["delayed"], _in(host, SOCKETS)
    host.systemctl("start", "lonc@msul1.socket")

    pid = _steal(host, path)
    said = host.run("loncctl", "check", check=False).stdout
    assert "is not our socket any more" in said and f"process {pid}" in said, said
    assert not host.is_active("lonc@msul1.service"), "to look started the daemon"
    host.run("dpkg", "--purge", "lonc", timeout=120)
    assert _in(host, SOCKETS) == ["delayed", "msul1"], _in(host, SOCKETS)
    _assert_theirs(host, path)


@scenario
def power_cut(site):
    """What a power cut leaves in LON-CAPA's own directory is replaced at the next boot."""
    site.lond()
    host = _classic(site)
    host.systemctl("start", "lonc@msul1.service")
    assert _ask(host, f"{SOCKETS}/{NAME}", "ping") == ["msul1"]
    host.cut_power()
    assert sorted(os.listdir(host.path(SOCKETS))) == ["delayed", "msul1", NAME]
    host.write(HOSTS_TAB, f"msul0:msu:library:{NAME}:192.0.2.199\n{table()}")
    host.boot()
    assert _ask(host, f"{SOCKETS}/msul1", "ping") == ["msul1"]
    assert host.run("readlink", f"{SOCKETS}/{NAME}").stdout.strip() == "msul0"
    host.systemctl("stop", "lonc.target")
    until("nothing is left", lambda: _in(host, SOCKETS) == ["delayed"])


def _classic(site):
    """A host where all of LON-CAPA belongs to www, with the drop-ins of the package."""
    host = site.configured()
    # What follows changes under way must not start sockets of yesterday.
    host.systemctl("stop", "lonc-hosts.path", "lonc-hosts.service", "lonc.target")
    own_by_www(host)
    host.write(CONF, f"PerlSetVar lonSockDir {SOCKETS}\nPerlSetVar lonDaemons {DAEMONS}\n"
               "PerlSetVar lonTabDir /home/httpd/lonTabs\n")
    host.set_key("loncapa_conf", f'["{CONF}"]')
    put_drop_ins(host)
    host.systemctl("stop", "lonc.target", "lonc-sockets.target")
    host.systemctl("daemon-reload")
    host.systemctl("start", "lonc.target")
    return host


def _steal(host, path):
    """Has a Perl lonc listen there; its process."""
    thief = host.start(*as_www("perl", "-e", PERL_LONC, path))
    return thief.stdout.readline().strip()


def _assert_theirs(host, path):
    assert _connect(host, path)[0] == "connected", "another's socket was removed"


def _await_told(host, command, *parts, status=2):
    """Waits until loncctl ends so and says these; after a theft the daemon looks, and tells only what it has seen in time."""

    def is_told():
        said = host.run("loncctl", *command.split(), *PATIENT, check=False)
        told = " ".join(said.stdout.split())
        return said.returncode == status and all(part in told for part in parts)

    until(f"loncctl {command} ends with {status} and says {parts}", is_told)


def _connect(host, path):
    return host.run("python3", "-c", CONNECT, path).stdout.split()


def _ask(host, path, *lines):
    return host.run("python3", WORKER, "ask", 30, path, *lines, timeout=60).stdout.splitlines()


def _in(host, directory):
    return sorted(host.run("sh", "-c", f"ls -A {directory}", check=False).stdout.split())


def _names(host):
    """Each second name, and where it leads."""
    found = host.run("find", "/run/lonc", "-type", "l", "-printf", "%f %l\n").stdout
    return dict(line.split() for line in found.splitlines())
