"""From the Perl lonc and back, peer by peer: under load, with a boot and an upgrade in between, and with failures."""

import contextlib
import re

from harness import network
from harness.classic import CONF, DAEMONS, LOG, PERL_LONC, SOCKETS, as_www, classic_host
from harness.registry import scenario
from harness.site import HOSTS_TAB, WORKER, await_followed, numbers, table
from harness.wait import until

CLIENTS = 10
PROBER = "/usr/local/lib/prober.py"
TAKEN_OVER = "/etc/lonc/taken-over"
# As loncontrol does at boot.
LONCAPA = """\
[Unit]
Description=LON-CAPA's own lonc
Wants=network-online.target
After=network-online.target

[Service]
Type=oneshot
RemainAfterExit=yes
User=www
ExecStart=/home/httpd/perl/lonc

[Install]
WantedBy=multi-user.target
"""
# Fails an order to systemd, the one whose number is in FAIL, or kills whoever gives it.
SYSTEMCTL = """\
#!/bin/sh
case ${FAIL:+$1} in
start | stop | enable | disable | daemon-reload)
	echo "$*" >>/root/orders
	if [ "$(wc -l </root/orders)" = "$FAIL" ]; then
		[ -z "$DEADLY" ] || kill -9 $PPID
		echo "this one fails" >&2
		exit 1
	fi
	;;
esac
exec /usr/bin/systemctl "$@"
"""


@scenario
def takeover_of_a_peer(site):
    """One peer over and back under load: every request answered; figures of how long nobody listens."""
    host = _classic(site)
    _assert_untouched(host)
    with _load(host, "msul1") as moved, _load(host, "msul3") as other, _probe(host, "msul1") as gap:
        said = host.run("loncctl", "takeover", "msul1", timeout=120).stdout
        _assert_served_by(host, msul1="ours", msul3="perl")
    _assert_none_unanswered(site, "takeover of a peer", moved, other, gap)
    assert not host.is_active("lonc@msul3.socket"), said
    assert "msul1 (Stream)" in host.show("lonc@msul1.socket", "Listen")
    assert host.run("stat", "-c", "%U:%G %a", f"{SOCKETS}/msul1").stdout.strip() == "www:www 660"
    with _load(host, "msul1") as moved, _load(host, "msul3") as other, _probe(host, "msul1") as gap:
        host.run("loncctl", "giveback", "msul1", timeout=120)
        _await_perl(host, "msul1")
    _assert_served_by(host, msul1="perl", msul3="perl")
    _assert_none_unanswered(site, "giveback of a peer", moved, other, gap)
    assert not host.is_active("lonc@msul1.socket") and not host.is_active("lonc@msul1.service")
    _purged_in_the_middle(host)


@scenario
def takeover_over_weeks(site):
    """With one peer taken over: edits of the table, an upgrade, boots and a restart of the Perl lonc move no other."""
    host = _classic(site)
    host.run("loncctl", "takeover", "msul1", timeout=120)
    host.write(HOSTS_TAB, table(msul3=network.LOND_ADDRESS, msul4=network.NOBODY, msul5=network.NOBODY))
    host.systemctl("start", "lonc-hosts.service")
    _assert_only_msul1(host)
    site.install(host, site.newer_deb)
    _assert_only_msul1(host)
    host.shut_down()
    host.boot()
    _await_perl(host, "msul3")
    _assert_only_msul1(host)
    # Its parent starts anew, as on any day.
    host.run("sh", "-c", f"kill -HUP $(cat {DAEMONS}/logs/lonc.pid)")
    until("it has started again", lambda: _log(host).count("started for msul3 msul4 msul5\n") >= 2)
    _await_perl(host, "msul3")
    _assert_only_msul1(host)

    with _load(host, "msul1") as counts, _probe(host, "msul1") as gap:
        host.run("loncctl", "giveback", "msul1", timeout=120)
        _await_perl(host, "msul1")
    _assert_none_unanswered(site, "giveback after a boot", counts, None, gap)
    _assert_served_by(host, msul1="perl", msul3="perl")
    site.install(host, site.newer_deb)
    host.shut_down()
    host.boot()
    for peer in ("msul1", "msul3"):
        _await_perl(host, peer)
    _assert_served_by(host, msul1="perl", msul3="perl")
    assert _listing(host) == set()


@scenario
def takeover_of_all(site):
    """All peers over under load, a boot, loncron's call, and all back: every request answered."""
    host = _classic(site)
    with _load(host, "msul1") as moved, _load(host, "msul3") as other, _probe(host, "msul1") as gap:
        host.run("loncctl", "takeover", "--all", "--even-if-down", timeout=120)
        _assert_served_by(host, msul1="ours", msul3="ours")
    _assert_none_unanswered(site, "takeover of all", moved, other, gap)
    assert not host.path(TAKEN_OVER).exists()
    host.shut_down()
    host.boot()
    assert _listing(host) == {"msul1", "msul3", "msul4"}
    _assert_served_by(host, msul1="ours", msul3="ours")
    assert host.is_active("lonc-usr1.service")
    host.run(*as_www(PERL_LONC), check=False)
    _assert_served_by(host, msul1="ours", msul3="ours")

    with _load(host, "msul1") as counts, _probe(host, "msul1") as gap:
        host.run("loncctl", "giveback", "--all", timeout=120)
        for peer in ("msul1", "msul3"):
            _await_perl(host, peer)
    _assert_none_unanswered(site, "giveback of all", counts, None, gap)
    _assert_served_by(host, msul1="perl", msul3="perl")
    assert not host.path(f"{DAEMONS}/lonc.perl").exists()
    assert _listing(host) == set()


@scenario
def takeover_that_fails(site):
    """Each order to systemd fails once, and once whoever gives it is killed there: the host is as it was, or goes on."""
    host = _classic(site)
    host.write("/usr/local/bin/systemctl", SYSTEMCTL)
    host.path("/usr/local/bin/systemctl").chmod(0o755)
    for way in ("takeover", "giveback"):
        before, number = _state(host, way), 1
        while _with_order_that_fails(host, number, way) != 0:
            until(f"{way} is undone after order {number}", lambda way=way, before=before: _state(host, way) == before)
            number += 1
        assert number > 2
        site.figure(f"{way}: {number - 1} orders failed, one after the other, and all was undone")
    for number in range(1, 20):
        if _with_order_that_fails(host, number, "takeover", "DEADLY=yes") == 0:
            break
        host.run("loncctl", "takeover", "msul1", timeout=120)
        _assert_served_by(host, msul1="ours", msul3="perl")
        host.run("loncctl", "giveback", "msul1", timeout=120)
        _await_perl(host, "msul1")
        _assert_served_by(host, msul1="perl", msul3="perl")
    site.figure(f"takeover: killed at {number - 1} orders, one after the other, and finished by another")


def _purged_in_the_middle(host):
    """What was taken over goes back, and the console says so; no message is removed, and nothing else stays."""
    host.run("loncctl", "takeover", "msul1", timeout=120)
    message = f"{SOCKETS}/failed/1700000000.000001.9.put.msul1"
    host.run(*as_www("mkdir", "-p", f"{SOCKETS}/failed", f"{SOCKETS}/held"))
    host.run(*as_www("sh", "-c", f"echo put >{message}"))
    removed = host.run("dpkg", "--remove", "lonc", timeout=120).stdout
    assert "go back to the Perl lonc" in removed and "msul1" in removed, removed
    _await_perl(host, "msul1")
    purged = host.run("dpkg", "--purge", "lonc", timeout=120)
    assert f"{SOCKETS}/failed holds messages" in purged.stderr, purged.stderr
    assert host.path(message).exists() and not host.path(f"{SOCKETS}/held").exists()
    left = host.run("find", "/etc/systemd", "/etc/lonc", SOCKETS, "(", "-name", "lonc[@.-]*", "-o", "-name", ".lock-*", ")", check=False).stdout
    assert left.split() == [], f"purge left {left}"


def _assert_untouched(host):
    """Nothing is taken over: all that is told says so, what to do, and once; and nothing else is amiss."""
    status = host.run("loncctl", "status").stdout
    states = [line.split()[1] for line in status.splitlines()[1:]]
    assert states == ["foreign"] * 3 and "loncctl takeover msul1" in status, status
    for peer, there in (("msul1", "of user"), ("msul4", "does not listen for it now")):
        why = host.run("loncctl", "why", peer).stdout
        told = " ".join(why.split())
        assert there in told and f"loncctl takeover {peer}" in told and "start it" not in told, why
    check = host.run("loncctl", "check", check=False)
    assert check.returncode == 1 and "WRONG" not in check.stdout, check.stdout
    assert check.stdout.startswith("this host: 2 doubts; 3 peers: 3 foreign\n"), check.stdout
    assert "msul4: not taken over, and nobody listens" in check.stdout, check.stdout
    assert check.stdout.count("loncctl takeover") == 1 and "nothing is taken over yet" in check.stdout, check.stdout
    ping = host.run("loncctl", "ping", "msul1", "msul4", check=False).stdout
    assert "by way of another: not taken over" in ping and "loncctl takeover msul4" in ping, ping
    for order in (("reconnect", "msul1"), ("clients", "msul1"), ("disable", "msul1"), ("enable", "msul1")):
        said = host.run("loncctl", *order, check=False)
        assert said.returncode == 1 and "loncctl takeover msul1" in said.stderr, said


def _with_order_that_fails(host, number, way, *more):
    """The exit status."""
    host.run("rm", "-f", "/root/orders")
    done = host.run("env", f"FAIL={number}", *more, "loncctl", way, "msul1", check=False, timeout=120)
    assert "NOT as it was" not in done.stdout, done.stdout
    return done.returncode


def _state(host, way):
    """What a takeover may change. Of what is ours another socket may listen."""
    inodes = "" if way == "giveback" else " %i"
    places = ("/etc/systemd/system", "/etc/lonc", DAEMONS, SOCKETS)
    files = host.run("find", *places, "-not", "-path", "*/logs/*", "-not", "-name", ".lock-*", "-printf", "%p %y %l %m %U\\n").stdout.splitlines()
    sockets = host.run("find", SOCKETS, "-type", "s", "-printf", f"%p{inodes}\\n").stdout.splitlines()
    units = host.systemctl("list-units", "--plain", "--no-legend", "--state=active", "lonc*.socket", "lonc*.target", "lonc*.path")
    return {*files, *sockets, *(line.split()[0] for line in units.splitlines())}


def _classic(site):
    """LON-CAPA's directories and a Perl lonc that serves two peers of three; lonc installed, and nothing taken over."""
    guests = {"perl-lonc": PERL_LONC, "prober.py": PROBER}
    host = classic_host(site, guests, msul3=network.LOND_ADDRESS, msul4=network.NOBODY)
    host.write("/etc/systemd/system/loncapa.service", LONCAPA)
    host.systemctl("enable", "--now", "loncapa.service")
    for peer in ("msul1", "msul3"):
        _await_perl(host, peer)
    site.install(host, site.deb)
    host.set_key("loncapa_conf", f'["{CONF}"]')
    # The change is followed, and must not be any more when something is taken over.
    host.systemctl("start", "lonc-hosts.service")
    await_followed(host)
    _assert_served_by(host, msul1="perl", msul3="perl")
    return host


def _log(host):
    """What the Perl lonc wrote."""
    return host.run("cat", LOG, check=False).stdout


def _ask(host, peer):
    done = host.run(*as_www("python3", WORKER, "ask", 30, f"{SOCKETS}/{peer}", "echo:hello"), timeout=60, check=False)
    return done.stdout.strip()


def _await_perl(host, peer):
    """Waits until the Perl lonc answers for this peer."""
    def answers():
        before = _log(host).count(f"[{peer}]: asked")
        return _ask(host, peer) == "hello" and _log(host).count(f"[{peer}]: asked") > before
    until(f"the Perl lonc serves {peer}", answers, within=60)


def _assert_served_by(host, **who):
    """A worker of each peer is answered, and by whom; where others ask as well that cannot be told of ours."""
    for peer, expected in who.items():
        assert _ask(host, peer) == "hello", f"{peer} is not served"
        ours = int(host.run("python3", "-c", f"""
import socket, struct
client = socket.socket(socket.AF_UNIX)
client.connect('{SOCKETS}/{peer}')
print(struct.unpack('3i', client.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))[0])
""").stdout) == 1
        assert ours == (expected == "ours"), f"{peer} is served by {'us' if ours else 'the Perl lonc'}"


def _assert_only_msul1(host):
    assert _listing(host) == {"msul1"}, _listing(host)
    assert [path.name for path in host.path(TAKEN_OVER).iterdir()] == ["msul1"]
    _assert_served_by(host, msul1="ours", msul3="perl")


def _listing(host):
    """The peers whose sockets systemd holds."""
    listed = host.systemctl("list-units", "--plain", "--no-legend", "--state=active", "lonc@*.socket")
    return set(re.findall(r"lonc@(\w+)\.socket", listed))


def _load(host, peer):
    """Clients of user www that ask all the time."""
    return _running(host, "python3", WORKER, "load", CLIENTS, f"{SOCKETS}/{peer}")


def _probe(host, peer):
    """One of user www who does nothing but connect."""
    return _running(host, "python3", PROBER, f"{SOCKETS}/{peer}")


@contextlib.contextmanager
def _running(host, *argv):
    """A program of user www that ends with its standard input; the dictionary it gives is then filled with its figures."""
    counts = {}
    program = host.start(*as_www(*argv))
    assert program.stdout.readline() == "started\n"
    try:
        yield counts
    finally:
        # Not killed: the container could not end before its children.
        said, _ = program.communicate(timeout=90)
    counts.update(numbers(said))
    assert counts, said


def _assert_none_unanswered(site, what, moved, other, gap):
    both = [counts for counts in (moved, other) if counts is not None]
    site.figure(f"{what}: " + "; ".join(
        ", ".join(f"{name} {count}" for name, count in counts.items()) for counts in [*both, *([gap] if gap else [])]))
    for counts in both:
        assert counts["replied"] > 0 and counts["wrong"] == 0, counts
        # Each client has one connection for good, as no worker of old: with the Perl lonc's end they end as well.
        assert counts["unanswered"] == 0, counts
