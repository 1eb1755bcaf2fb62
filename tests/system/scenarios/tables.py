"""Tables of servers that are not what they should be."""

import time

from harness import network
from harness.registry import alone, scenario
from harness.site import HERE, HOSTS_TAB, assert_served, await_followed, held_after_its_look, table, wait_until_up
from harness.wait import until

PEERS = 40
ATTACK = "/usr/local/lib/attack.py"
SECONDS = 60
# A second is what is wanted, and told as a figure: 0.4 s on a busy machine of two cores. While floods were followed it was
# more than a second on one with nothing else to do. One answer in a hundred may be late by the machine's fault.
MOST_SECONDS, MOST_OF_ALL = 2.5, 10
LINKED = "/srv/tables"
MEANT = "/run/lonc-hosts/accept"
SPOOL = "/var/spool/lonc/delayed"


@scenario
@alone
def table_under_attack(site):
    """Whatever is done to the table for a minute: systemd answers, nobody is lost, and a sound one is followed afterwards."""
    site.lond()
    host = site.configured()
    host.write(ATTACK, (HERE / "guest/attack.py").read_bytes())
    host.write(HOSTS_TAB, many(PEERS))
    until("all are there", lambda: len(sockets(host)) == PEERS + 1, within=60)
    await_followed(host)
    host.systemctl("start", "lonc@msul1.service")
    wait_until_up(host)
    before = host.main_pid("lonc@msul1.service")
    taken = []
    attacker = host.start("python3", ATTACK, SECONDS, 7, HOSTS_TAB.rsplit("/", 1)[0])
    while attacker.poll() is None:
        began = time.monotonic()
        assert host.is_active("lonc@msul1.socket")
        taken.append(time.monotonic() - began)
        time.sleep(0.1)
    tricks, _ = attacker.communicate(timeout=30)
    assert attacker.returncode == 0, tricks
    taken.sort()
    often, worst = taken[len(taken) * 99 // 100], taken[-1]
    site.figure(f"table under attack: {tricks.strip()} tricks, is-active asked {len(taken)} times, "
                f"99 % within {often * 1000:.0f} ms, at worst {worst * 1000:.0f} ms")
    assert often < MOST_SECONDS and worst < MOST_OF_ALL, f"is-active took {often:.2f} s, at worst {worst:.2f} s"
    ours = {f"lonc@p{number}.socket" for number in range(PEERS)} | {"lonc@msul1.socket"}
    assert ours <= sockets(host), f"lost: {ours - sockets(host)}"
    assert host.main_pid("lonc@msul1.service") == before
    said = "".join(str(record) for record in host.journal("-t", "lonc-generator"))
    assert "$y$" not in said and "root:" not in said, "a line of /etc/shadow is in the journal"
    host.write(HOSTS_TAB, many(PEERS + 1))
    until("a sound table is followed", lambda: sockets(host) == ours | {f"lonc@p{PEERS}.socket"}, within=180)
    assert_served(host)


@scenario
def watch_that_failed(site):
    """A table that leads to itself ends systemd's watch for it; it begins again, and what changed meanwhile is followed."""
    host = site.configured()
    path = host.path(HOSTS_TAB)
    # Where it fails while systemd is reloaded, systemd starts nothing on that account.
    for number, reloads in ((2, False), (3, True)):
        await_followed(host)
        path.unlink()
        path.symlink_to("hosts.tab")

        def has_failed(reloads=reloads):
            if reloads:
                host.systemctl("daemon-reload")
            return host.show("lonc-hosts.path", "ActiveState") == "failed"

        until("the watch has failed", has_failed, within=120, every=0.02)
        path.unlink()
        host.write(HOSTS_TAB, many(number))
        until("it is watched again", lambda: host.is_active("lonc-hosts.path"), within=60)
        until("the table is followed", lambda number=number: len(sockets(host)) == number + 1, within=60)
    await_followed(host)
    host.write(HOSTS_TAB, many(4))
    until("the next as well", lambda: len(sockets(host)) == 5, within=60)
    _watch_for_messages_that_failed(host)


def _watch_for_messages_that_failed(host):
    """So does the watch for messages, and one that came meanwhile has its instance started."""
    # Nothing is watched while somebody looks; and a watch that fails while others are begun again waits for the next time.
    units = [f"lonc-{unit}.service" for unit in ("hosts", "hosts-recheck@success", "hosts-recheck@failure", "hosts-again", "delayed")]
    until("nobody looks", lambda: {host.show(unit, "ActiveState") for unit in units} == {"inactive"})
    host.run("mv", SPOOL, f"{SPOOL}.away")
    host.run("ln", "-s", "delayed", SPOOL)
    host.systemctl("restart", "lonc-delayed.path", check=False)
    until("the watch has failed", lambda: host.show("lonc-delayed.path", "ActiveState") == "failed", every=0.02)
    host.run("rm", SPOOL)
    host.run("mv", f"{SPOOL}.away", SPOOL)
    host.write(f"{SPOOL}/1000000000.1.4711.echo.p0", "echo:x\n")
    host.run("chown", "lonc:lonc", f"{SPOOL}/1000000000.1.4711.echo.p0")
    until("it is watched again", lambda: host.is_active("lonc-delayed.path"), within=60)
    until("its instance runs", lambda: host.is_active("lonc@p0.service"), within=60)


def _with_twenty_more(site):
    """A host that follows a table of so many."""
    host = site.configured()
    host.write(HOSTS_TAB, many(20))
    until("all are there", lambda: len(sockets(host)) == 21, within=60)
    await_followed(host)
    return host


def _await_told(host, why, within=90):
    """Waits until `loncctl peers` gives this reason for not following the table."""
    until(f"{why} is told", lambda: why in host.run("loncctl", "peers", check=False).stdout, within=within)


@scenario
def half_a_table(site):
    """Half of the hosts gone at once, or hundreds new: nothing changes until an administrator says so."""
    host = _with_twenty_more(site)
    host.write(HOSTS_TAB, many(5))
    _await_told(host, "peers are gone")
    await_followed(host)
    assert len(sockets(host)) == 21
    assert "peers are gone" in host.run("loncctl", "check", check=False).stdout
    host.write(HOSTS_TAB, many(450))
    _await_told(host, "450 new peers within 10 minutes")
    await_followed(host)
    assert len(sockets(host)) == 21
    host.write(HOSTS_TAB, many(5))
    _await_told(host, "peers are gone")
    await_followed(host)
    host.run("loncctl", "peers", "accept")
    until("they are gone", lambda: len(sockets(host)) == 6, within=90)
    assert host.run("loncctl", "peers").returncode == 0


@scenario
def accepted_in_the_last_moment(site):
    """A table is said to be meant while the run that found it too different goes on, and is past looking for that."""
    host = _with_twenty_more(site)
    with held_after_its_look(host) as has_looked:
        host.write(HOSTS_TAB, many(5))
        until("it was looked at", has_looked, within=90)
        _await_told(host, "peers are gone", within=30)
        accepting = host.start("loncctl", "peers", "accept")
        until("that is said", lambda: host.run("test", "-e", MEANT, check=False).returncode == 0)
    said, _ = accepting.communicate(timeout=90)
    assert accepting.returncode == 0, said
    until("they are gone", lambda: len(sockets(host)) == 6, within=90)
    assert host.run("test", "-e", MEANT, check=False).returncode != 0, "it counts for the next table, too"
    # Nor does it where no run can take it.
    host.write("/etc/systemd/system/lonc-table.service.d/fails.conf", "[Service]\nExecStart=\nExecStart=false\n")
    host.systemctl("daemon-reload")
    said = host.run("loncctl", "peers", "accept", check=False, timeout=90)
    assert said.returncode == 1, said
    assert host.run("test", "-e", MEANT, check=False).returncode != 0, "it counts for the next table"
    site.figure(f"a word that no run takes: {said.stderr.strip()}")


@scenario
def table_behind_a_link(site):
    """A table whose directory is a link: another one put in its place is followed."""
    host = site.configured()
    host.run("mkdir", "-p", f"{LINKED}/one", f"{LINKED}/two", f"{LINKED}/three")
    host.write(f"{LINKED}/one/hosts.tab", table())
    host.write(f"{LINKED}/two/hosts.tab", table(msul3=network.LOND_ADDRESS))
    host.write(f"{LINKED}/three/hosts.tab", table(msul3=network.LOND_ADDRESS, msul4=network.LOND_ADDRESS))
    host.run("ln", "-s", "one", f"{LINKED}/now")
    host.set_key("hosts_tab", f'"{LINKED}/now/hosts.tab"')
    until("links are watched", lambda: f"{LINKED}/one" in host.systemctl("cat", "lonc-hosts.path"))
    await_followed(host)
    host.run("ln", "-sfn", "two", f"{LINKED}/now")
    until("the new peer has a socket", lambda: host.is_active("lonc@msul3.socket"))
    await_followed(host)
    host.run("ln", "-s", "three", f"{LINKED}/new")
    host.run("mv", "-T", f"{LINKED}/new", f"{LINKED}/now")
    until("the next has one, too", lambda: host.is_active("lonc@msul4.socket"))


def many(number):
    """A table of so many peers besides msul1."""
    rows = [f"p{n}:msu:access:p{n}.example.edu:10.0.{n // 250}.{n % 250 + 1}" for n in range(number)]
    return table() + "\n".join(rows) + "\n"


def sockets(host):
    """Those of peers that listen."""
    listed = host.systemctl("list-units", "--plain", "--no-legend", "--state=active", "lonc@*.socket")
    return {line.split()[0] for line in listed.splitlines()}
