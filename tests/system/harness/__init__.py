"""Containers with real systemd, and what a scenario needs to drive them."""
