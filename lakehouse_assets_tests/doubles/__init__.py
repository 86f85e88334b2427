"""Stateful doubles of servers that tests talk to through the clients that the project uses."""
