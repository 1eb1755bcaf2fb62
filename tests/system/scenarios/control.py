"""Operators at the control socket."""

import json

from harness.registry import scenario
from harness.site import WORKER, ask, assert_served, wait_until_up
from harness.wait import until

SERVICE = "lonc@msul1.service"
SOCKET = "lonc-control@msul1.socket"
CONTROL = "/run/lonc-control/msul1"
INTERFACE = "org.loncapa.lonc"


def call(host, method, user="root", **parameters):
    """The reply to a call by this user; nothing if the socket is not there, or not for that user."""
    message = json.dumps({"method": f"{INTERFACE}.{method}", "parameters": parameters})
    become = ["setpriv", f"--reuid={user}", f"--regid={user}", "--init-groups"]
    done = host.run(*become, "python3", WORKER, "call", 30, CONTROL, message, check=False)
    return json.loads(done.stdout) if done.returncode == 0 else None


def is_there(host):
    return host.run("test", "-e", CONTROL, check=False).returncode == 0


@scenario
def control_socket_lives_with_its_daemon(site):
    """It is there while the daemon runs or is restarted, and asking starts none."""
    site.lond()
    host = site.configured()
    host.systemctl("daemon-reload")
    host.systemctl("start", "lonc.target")
    assert host.is_active("lonc@msul1.socket")
    assert not is_there(host), "a control socket without a daemon"
    assert call(host, "GetStatus") is None
    assert not host.is_active(SERVICE), "a question started the daemon"

    assert_served(host)
    wait_until_up(host)
    assert call(host, "GetStatus")["parameters"]["status"]["state"] == "up"
    before = host.main_pid(SERVICE)
    host.systemctl("kill", "--kill-whom=main", "--signal=KILL", SERVICE)
    until("systemd starts it again", lambda: host.main_pid(SERVICE) not in (0, before))
    assert call(host, "GetStatus")["parameters"]["status"]["pid"] == host.main_pid(SERVICE)

    assert ask(host, "close_connection_exit") == ["ok"]
    until("it has ended", lambda: not host.is_active(SERVICE))
    until("its control socket, too", lambda: not is_there(host))
    assert_served(host)
    assert is_there(host)
    host.systemctl("stop", SERVICE)
    until("the control socket goes with it", lambda: not is_there(host))
    assert not host.is_active(SOCKET)


@scenario
def control_socket_is_for_its_group(site):
    """Who is in the group of the socket may read and not change, others neither."""
    site.lond()
    host = site.configured()
    for user, groups in {"operator1": "adm", "worker1": "lonc", "outsider1": "nogroup"}.items():
        host.run("useradd", f"--groups={groups}", user)
    host.systemctl("start", SERVICE)
    wait_until_up(host)
    assert call(host, "ListDelayed", "operator1")["parameters"]["total"] == 0
    denied = call(host, "Reload", "operator1")
    assert denied["error"] == "org.varlink.service.PermissionDenied", denied
    for user in ("worker1", "outsider1"):
        assert call(host, "GetStatus", user) is None, f"{user} may ask"
    for user in ("root", "lonc"):
        assert call(host, "Reload", user)["parameters"]["warnings"] == []


@scenario
def varlinkctl(site):
    """systemd's own tool works on it, where there is one."""
    site.lond()
    host = site.configured()
    host.systemctl("start", SERVICE)
    wait_until_up(host)
    if host.run("test", "-x", "/usr/bin/varlinkctl", check=False).returncode != 0:
        return
    address = f"unix:{CONTROL}"
    assert INTERFACE in host.run("varlinkctl", "info", address).stdout
    text = host.run("varlinkctl", "introspect", address, INTERFACE).stdout
    assert "method GetStatus" in text, text
    reply = host.run("varlinkctl", "call", "--json=short", address, f"{INTERFACE}.GetStatus", "{}").stdout
    assert json.loads(reply)["status"]["peer"] == "msul1", reply
