"""Links over TLS, with the key passed by systemd."""

from harness import terminator
from harness.registry import scenario
from harness.site import PATIENT, ask, assert_served, load, wait_until_up
from harness.wait import until

from .security import MOST_EXPOSURE, exposure_of

SERVICE = "lonc@msul1.service"
CONFIG = "/etc/lonc/lonc.toml"
TLS = "/etc/lonc/tls"
# As docs/tls.md has it.
KEY_FILE = 'key = "/etc/lonc/tls/msul2.key"'
KEY_PASSED = 'key = "$CREDENTIALS_DIRECTORY/link.key"'


@scenario
def over_tls(site):
    """[link.tls] with LoadCredential=, as documented: requests, a peer that goes, renewal under load, what may be read."""
    site.lond()
    front = site.terminator()
    host = site.configured(backoff_max='"1s"')
    _set_up(host, front)
    checked = host.run("lonc", "--check", "msul1").stdout
    assert "is passed to the service alone" in checked, checked
    host.systemctl("start", SERVICE)
    wait_until_up(host)
    assert_served(host)
    assert ask(host, "encrypt:echo:secret", "critical:echo:2") == ["secret", "2"]
    assert "TLS 1.3; our certificate expires in" in _loncctl(host, "why", "msul1", *PATIENT)
    assert "1 daemon can read what secures the links" in _loncctl(host, "check", "msul1")
    level = exposure_of(host, SERVICE)
    assert level <= MOST_EXPOSURE, level
    site.figure(f"exposure with a credential: {level}")

    _only_its_own(host)
    _peer_goes_and_comes(host, front)
    _is_renewed(host, front)
    _cannot_be_read(host)
    _is_read_by_a_group(host)


def _set_up(host, front):
    for name in ("ca.pem", "msul2.pem", "msul2.key"):
        host.write(f"{TLS}/{name}", (front.directory / name).read_text())
    host.path(f"{TLS}/msul2.key").chmod(0o600)
    own = terminator.block("lonc").replace(KEY_FILE, KEY_PASSED) + 'server_name = "msul1.example.edu"\n'
    host.write(CONFIG, host.path(CONFIG).read_text() + own)
    host.write("/etc/systemd/system/lonc@.service.d/override.conf", terminator.block("unit"))
    host.systemctl("daemon-reload")


def _loncctl(host, *words):
    return host.run("loncctl", *words, check=False).stdout


def _only_its_own(host):
    """The daemon has the credential, and neither the file that it came from nor what other services have."""
    pid = host.main_pid(SERVICE)
    user = ["setpriv", "--reuid=lonc", "--regid=lonc", "--clear-groups"]
    assert host.run(*user, "cat", f"{TLS}/msul2.key", check=False).returncode != 0
    host.run(*user, "cat", f"{TLS}/msul2.pem")
    seen = host.run("find", f"/proc/{pid}/root/run/credentials", "-type", "f", check=False).stdout.split()
    assert [path.split("/run/")[1] for path in seen] == [f"credentials/{SERVICE}/link.key"], seen


def _peer_goes_and_comes(host, front):
    front.stop()
    until("con_lost is the answer", lambda: ask(host, "echo:x") == ["con_lost"])
    assert ask(host, "critical:put:later") == ["con_delayed"]
    front.start()
    wait_until_up(host)
    until("it is delivered", lambda: not _waiting(host))
    assert_served(host)


def _waiting(host):
    return host.run("find", "/var/spool/lonc/delayed", "-name", "*.msul1").stdout


def _is_renewed(host, front):
    """By another certificate for the same key at a reload, by another key at a restart; nothing is lost."""
    pid = host.main_pid(SERVICE)
    with load(host, 4) as counts:
        _install(host, front.sign(new_key=False))
        host.systemctl("reload", SERVICE)
        # systemd passes what it passed at the start: the certificate does not go with that.
        _install(host, front.sign(new_key=True))
        refused = host.run("systemctl", "reload", SERVICE, check=False)
        assert refused.returncode != 0
        said = [record["MESSAGE"] for record in host.journal(f"--unit={SERVICE}")]
        assert any("a credential is as it was when the service started" in message for message in said), said
        assert host.main_pid(SERVICE) == pid
        assert_served(host)
        host.systemctl("restart", SERVICE)
        wait_until_up(host)
        host.systemctl("reload", SERVICE)
    assert host.main_pid(SERVICE) != pid
    assert counts["replied"] > 0 and not any(counts[what] for what in ("con_lost", "wrong", "unanswered")), counts


def _install(host, files):
    for name, text in files.items():
        host.write(f"{TLS}/{name}", text)


def _cannot_be_read(host):
    """What root can read and the daemon cannot is told, before it is gone by and after."""
    config = host.path(CONFIG).read_text()
    # Of /root it sees an empty directory (252), or a closed one (257).
    for place, said in (("/root/tls", ("sees nothing of /root", "may not enter /root")), (f"{TLS}/closed", ("may not enter",))):
        host.run("bash", "-c", f"mkdir -m 700 {place} && cp {TLS}/msul2.key {place}/")
        host.write(CONFIG, config.replace(KEY_PASSED, f'key = "{place}/msul2.key"'))
        checked = _loncctl(host, "check", "msul1")
        assert f"{place}/msul2.key: " in checked, checked
        assert host.run("systemctl", "reload", SERVICE, check=False).returncode != 0
        assert_served(host)
        assert host.run("systemctl", "restart", SERVICE, check=False).returncode != 0
        # It tries again every two seconds, and says nothing while it does.
        until("it is told", lambda: _is_told_not_to_begin(host, said))
        host.write(CONFIG, config)
        until("it begins by itself", lambda: host.show(SERVICE, "StatusText").startswith("up"))
        assert_served(host)
    # And a credential that the unit does not pass.
    host.write(CONFIG, config.replace("/link.key", "/another.key"))
    assert "the unit passes no credential another.key" in _loncctl(host, "check", "msul1")
    host.write(CONFIG, config)


def _is_told_not_to_begin(host, said):
    why = " ".join(_loncctl(host, "why", "msul1").split())
    return "cannot begin" in why and any(words in why for words in said)


def _is_read_by_a_group(host):
    """What a group of the daemon's user may read is told to be readable before the daemon runs, and it is."""
    host.systemctl("stop", SERVICE)
    shared = f"{TLS}/shared"
    host.run("bash", "-c", f"groupadd keys && usermod -aG keys lonc && install -d -m 0710 -g keys {shared}")
    host.run("install", "-m", "0640", "-g", "keys", f"{TLS}/msul2.key", f"{shared}/link.key")
    config = host.path(CONFIG).read_text()
    host.write(CONFIG, config.replace(KEY_PASSED, f'key = "{shared}/link.key"'))
    for _ in ("before", "while"):
        checked = _loncctl(host, "check", "msul1")
        assert "1 daemon can read what secures the links" in checked, checked
        host.systemctl("start", SERVICE)
        wait_until_up(host)
    # Who is no member any more is none once it is started anew.
    host.run("gpasswd", "--delete", "lonc", "keys")
    host.systemctl("stop", SERVICE)
    checked = _loncctl(host, "check", "msul1")
    assert f"{shared}/link.key: " in checked and f"may not enter {shared}" in checked, checked
