#!/bin/sh
# systemd-run as far as loncctl takeover needs it: runs what is behind `--`.
while [ "$1" != -- ]; do shift; done
shift
exec "$@"
