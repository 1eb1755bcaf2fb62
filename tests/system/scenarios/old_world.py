"""What is off by default: metrics and pages over HTTP, and SIGUSR1 for the lond of old."""

from harness.classic import as_www
from harness.registry import scenario
from harness.site import assert_served, wait_until_up
from harness.wait import until

# The guest's python is a small one, without http.
GET = ("import socket; s = socket.create_connection(('127.0.0.1', 15663), 20); "
       "s.sendall(b'GET /metrics HTTP/1.1\\r\\nHost: localhost\\r\\nConnection: close\\r\\n\\r\\n'); "
       "print(b''.join(iter(lambda: s.recv(65536), b'')).decode())")
UNIX = "socket.socket(socket.AF_UNIX); s.connect('/run/lonc-metrics')"
# Three hundred that are connected, and say nothing.
CROWD = "import socket; crowd = [socket.create_connection(('127.0.0.1', 15663), 20) for _ in range(300)]; "
PID_FILE = "/home/httpd/perl/logs/lonc.pid"


@scenario
def metrics_over_http(site):
    """The socket is off by default; what asks nothing keeps nobody out; the process ends when nobody asks any more."""
    site.lond()
    host = site.configured()
    assert not host.is_active("lonc-metrics.socket")
    assert host.run("systemctl", "is-enabled", "lonc-metrics.socket", check=False).stdout.strip() == "disabled"
    host.systemctl("enable", "--now", "lonc-metrics.socket")
    text = host.run("python3", "-c", GET).stdout
    assert 'lonc_instance_state{peer="msul1",state="not-started"} 1' in text, text
    assert not host.is_active("lonc@msul1.service"), "a question started the daemon"
    host.systemctl("start", "lonc@msul1.service")
    wait_until_up(host)
    # Within a second all are told the same; a daemon that is slow to answer is told to be.
    is_up = 'lonc_peer_state{peer="msul1",state="up"} 1'
    _await_page(host, GET, is_up)
    _await_page(host, GET.replace("/metrics", "/"), " 1 up")
    _await_page(host, GET.replace("/metrics", "/peer/msul1"), "msul1 is up, since ", "None is on disk.")
    _await_page(host, CROWD + GET, is_up)
    _await_page(host, GET.replace("socket.create_connection(('127.0.0.1', 15663), 20)", UNIX), is_up)
    assert host.run("stat", "-c", "%U:%G %a", "/run/lonc-metrics").stdout.strip() == "root:adm 660"
    until("no process stays", lambda: not host.is_active("lonc-metrics.service"), within=60)
    assert host.is_active("lonc-metrics.socket")


def _await_page(host, program, *parts):
    """Waits until the page says all of these."""

    def says():
        text = host.run("python3", "-c", program).stdout
        return all(part in text for part in parts)

    until(f"a page says {parts}", says)


@scenario
def signal_of_the_old_world(site):
    """What lond does as www makes the instance of a peer that is down try at once."""
    host = site.configured()
    host.run("useradd", "www")
    host.run("install", "-d", "-o", "www", "/home/httpd/perl/logs")
    host.systemctl("start", "lonc@msul1.service")
    host.systemctl("start", "lonc-usr1.service")
    assert host.run("cat", PID_FILE).stdout.strip() == str(host.main_pid("lonc-usr1.service"))
    site.lond()
    host.run(*as_www("sh", "-c", f"kill -USR1 $(cat {PID_FILE})"))
    until("it is passed on", lambda: "1 of 1 instances try again" in host.run(
        "journalctl", "--unit=lonc-usr1.service", "--no-pager").stdout)
    wait_until_up(host)
    assert_served(host)
    host.systemctl("stop", "lonc-usr1.service")
    assert host.run("test", "-e", PID_FILE, check=False).returncode != 0
    until("its socket goes with it", lambda: not host.is_active("lonc-reconnect.socket"))
