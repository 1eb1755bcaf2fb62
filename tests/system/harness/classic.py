"""A host of LON-CAPA's: its directories belong to www, and imitations stand for its daemons."""

import pathlib

from .site import HERE, HOSTS_TAB, table

CONF = "/etc/httpd/conf/loncapa.conf"
DAEMONS = "/home/httpd/perl"
SOCKETS = "/home/httpd/sockets"
LOG = f"{DAEMONS}/logs/lonc.log"
PERL_LONC = f"{DAEMONS}/lonc"


def classic_host(site, guests, **peers):
    """Without lonc as yet; `guests` are put into place, each file of `guest/` by its path."""
    site.lond()
    host = site.host()
    own_by_www(host)
    host.write(HOSTS_TAB, table(**peers))
    host.write(CONF, f"PerlSetVar lonHostID msul2\nPerlSetVar lonSockDir {SOCKETS}\nPerlSetVar lonDaemons {DAEMONS}\n")
    for guest, path in guests.items():
        host.write(path, pathlib.Path(HERE / "guest" / guest).read_bytes())
        host.run("chmod", "755", path)
    return host


def own_by_www(host):
    """Makes the user and its directories."""
    host.run("useradd", "www")
    for directory in (SOCKETS, f"{SOCKETS}/delayed", DAEMONS, f"{DAEMONS}/logs"):
        host.run("install", "-d", "-o", "www", "-g", "www", directory)


def as_www(*argv):
    """The command that does this as the user of the web server."""
    return ["setpriv", "--reuid=www", "--regid=www", "--clear-groups", *argv]


def put_drop_ins(host):
    """Those of the package for such a host."""
    host.run("sh", "-c", "cp -r /usr/share/doc/lonc/examples/classic/* /etc/systemd/system/")
