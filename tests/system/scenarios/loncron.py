"""A host with LON-CAPA, set up by the classic drop-ins: what loncron does there, as www."""

from harness import network
from harness.classic import CONF, DAEMONS, LOG, PERL_LONC, SOCKETS, as_www, classic_host, put_drop_ins
from harness.registry import scenario
from harness.site import ask, wait_until_up
from harness.wait import until

PID_FILE = f"{DAEMONS}/logs/lonc.pid"
STAND_IN = "/usr/lib/lonc/lonc-stand-in"
USR1 = "lonc-usr1.service"
PEERS = ("msul1", "msul3")
# Where the Perl lonc was, its name is another.
PUT_ASIDE = f"{DAEMONS}/lonc.perl"


@scenario
def loncron(site):
    """With lonc-usr1 loncron finds its lonc, by night and day, and starts none; it stays over stop, start and upgrade."""
    host = _classic(site)
    before = _processes(host)
    page = _loncron(host)
    for said in (page, _loncron(host, "--justcheckdaemons")):
        assert said.splitlines()[-1] == "lonc running", said
    until("its signal is passed on", lambda: "2 of 2 instances try again" in host.run(
        "journalctl", f"--unit={USR1}", "--no-pager").stdout)
    assert _processes(host) == before
    _assert_files_of_lonc_pid(host)
    _assert_log_is_shown(page)
    until("loncron renamed the log", lambda: _loncron(host) and host.path(f"{LOG}.1").exists())
    _loncron(host)
    until("there is a new one", lambda: "[lonc]: <font" in host.run("cat", LOG, check=False).stdout)
    assert host.run("stat", "-c", "%U", LOG).stdout.strip() == "www"

    host.systemctl("restart", "lonc.target")
    _await_named(host)
    host.systemctl("stop", "lonc.target")
    assert not host.is_active(USR1) and host.run("test", "-e", PID_FILE, check=False).returncode != 0
    host.systemctl("start", "lonc.target")
    _await_named(host)
    # Ended by somebody of its user, it comes back.
    host.run(*as_www("sh", "-c", f"kill {host.main_pid(USR1)}"))
    until(f"another {USR1} runs", lambda: host.is_active(USR1))
    _await_named(host)
    site.install(host, site.newer_deb)
    _await_named(host)
    # As a power cut leaves it, the number is that of a process which has nothing to do with it.
    host.shut_down()
    host.write(PID_FILE, "1\n")
    host.boot()
    _await_named(host)
    assert _loncron(host).splitlines()[-1] == "lonc running"
    _assert_no_perl_lonc(host)
    assert ask(host, "echo:hello", sockets=SOCKETS) == ["hello"]


@scenario
def loncron_without_its_process(site):
    """Without lonc-usr1 `check` warns, killall as www ends no instance, and the stand-in starts no second lonc."""
    host = _classic(site)
    host.systemctl("stop", USR1)
    before = _processes(host)
    checked = host.run("loncctl", "check", check=False)
    assert checked.returncode != 0 and f"{PID_FILE}: names no process" in checked.stdout, checked.stdout
    assert f"systemctl restart {USR1}" in checked.stdout, checked.stdout
    assert f"{PERL_LONC}: is the Perl lonc" in checked.stdout, checked.stdout
    for signal in ("-TERM", "-9"):
        killed = host.run(*as_www("killall", signal, "lonc"), check=False)
        assert "no process found" in killed.stderr, killed
    assert _processes(host) == before
    assert ask(host, "echo:hello", sockets=SOCKETS) == ["hello"]

    _put_in_place(host)
    assert "is the Perl lonc" not in host.run("loncctl", "check", check=False).stdout
    for arguments in ([], ["--justcheckdaemons"]):
        said = _loncron(host, *arguments)
        assert f"to be started by root: systemctl start {USR1}" in said, said
    assert _processes(host) == before
    _assert_no_perl_lonc(host)
    assert ask(host, "echo:hello", sockets=SOCKETS) == ["hello"]
    # Where it may, it has all of it started.
    said = host.run(PERL_LONC).stdout
    assert said.count("\n") == 1 and "lonc.target is active" in said, said
    _await_named(host)
    assert _loncron(host).splitlines()[-1] == "lonc running"
    host.systemctl("stop", "lonc.target")
    assert "lonc.target is active" in host.run(PERL_LONC).stdout
    _await_named(host)
    assert ask(host, "echo:hello", sockets=SOCKETS) == ["hello"]


@scenario
def perl_lonc_beside(site):
    """A Perl lonc that loncron started is named by `check`, and lonc-usr1 waits for its end."""
    host = _classic(site)
    host.systemctl("stop", USR1)
    before = _processes(host)
    assert _loncron(host).splitlines()[-1] == "lonc restarted"
    assert _processes(host) == before, "the instances live"
    parent = host.run("cat", PID_FILE).stdout.strip()
    checked = host.run("loncctl", "check", check=False).stdout
    assert f"{PID_FILE}: process {parent}, a Perl lonc" in checked, checked
    assert f"Perl lonc: runs: {parent} (lonc: Parent keeping the flock)" in checked, checked
    host.systemctl("start", USR1)
    assert f"process {parent} is a Perl lonc, waiting for its end" in host.show(USR1, "StatusText")
    assert host.run("cat", PID_FILE).stdout.strip() == parent
    host.run("sh", "-c", f"kill {parent}")
    _await_named(host)


def _classic(site):
    """LON-CAPA's directories, its daemons' imitations, and lonc with the drop-ins of the example, linked to one of two peers."""
    guests = {"perl-lonc": PERL_LONC, "loncron.pl": f"{DAEMONS}/loncron"}
    host = classic_host(site, guests, msul3=network.NOBODY)
    site.install(host, site.deb)
    host.systemctl("stop", "lonc.target")
    host.set_key("loncapa_conf", f'["{CONF}"]')
    host.set_key("loncron_log", f'"{LOG}"')
    put_drop_ins(host)
    host.systemctl("daemon-reload")
    host.systemctl("start", "lonc.target")
    _await_named(host)
    for peer in PEERS:
        until(f"{peer}'s socket listens", lambda unit=f"lonc@{peer}.socket": host.is_active(unit))
        host.systemctl("start", f"lonc@{peer}.service")
    wait_until_up(host)
    return host


def _put_in_place(host):
    host.run("mv", PERL_LONC, PUT_ASIDE)
    host.run("ln", "-s", STAND_IN, PERL_LONC)


def _loncron(host, *arguments):
    """As the system's cron runs it; all that it said."""
    return host.run(*as_www(f"{DAEMONS}/loncron", *arguments), timeout=120).stdout


def _processes(host):
    """The instances, which are www's: their numbers, by their names in the process table."""
    found = {}
    for peer in PEERS:
        pid = host.main_pid(f"lonc@{peer}.service")
        assert pid != 0, f"the instance of {peer} is gone"
        name = host.run("cat", f"/proc/{pid}/comm").stdout.strip()
        assert name == f"lonc@{peer}", name
        assert host.run("stat", "-c", "%U", f"/proc/{pid}").stdout.strip() == "www"
        found[name] = pid
    return found


def _await_named(host):
    def named():
        pid = host.main_pid(USR1)
        return pid != 0 and host.run("cat", PID_FILE, check=False).stdout == f"{pid}\n"

    until(f"{PID_FILE} names {USR1}", named)


def _assert_files_of_lonc_pid(host):
    """Of the user that loncron is, for all to read, nothing but the number."""
    assert host.run("stat", "-c", "%U:%G %a", PID_FILE).stdout.strip() == "www:www 644"
    left = host.run("sh", "-c", f"ls {DAEMONS}/logs").stdout.split()
    assert [name for name in left if name.startswith("lonc.pid")] == ["lonc.pid"], left


def _assert_log_is_shown(page):
    """Lines of both instances, counted by their grades."""
    for words in ("[msul1] [lonc]: <font color=\"green\">INFO: ", "[msul3] [lonc]: <font color=\"blue\">WARNING: "):
        assert words in page, page
    lines = page.splitlines()
    for grade in ("INFO", "WARNING", "CRITICAL"):
        number = next(line for line in lines if line.startswith(f"{grade} ")).split()[1]
        assert int(number) == sum(f">{grade}: " in line for line in lines), page


def _assert_no_perl_lonc(host):
    checked = host.run("loncctl", "check", check=False).stdout
    assert "Perl lonc: runs" not in checked, checked
    assert host.run("sh", "-c", "cat /proc/[0-9]*/cmdline | tr '\\0' '\\n' | grep '^lonc: '", check=False).stdout == ""
