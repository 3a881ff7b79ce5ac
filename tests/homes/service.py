"""A service that talks to systemd: takes its socket from it, says when it is ready, how it is and that it lives.

It serves one connection after the other: a line with a word in, a line with its process id out. "grow" makes it keep
20 MiB more, "hang" makes it stop serving, and "socket" has it say how it got its socket. On SIGUSR1 it writes a dump to the file in $DUMP and is silent for $DUMP_TAKES
seconds. It is ready once the file $READY_WHEN is there.
"""

import os
import signal
import socket
import time


def notify(text):
    address = os.environ.get("NOTIFY_SOCKET")
    if address:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as way:
            way.sendto(text.encode(), address)


def dump(*_):
    time.sleep(float(os.environ.get("DUMP_TAKES", "0")))
    with open(os.environ["DUMP"], "wb") as file:
        file.write(b"what grew")


def stop(*_):
    global running
    running = False


def serve(connection):
    word = connection.makefile("rb").readline().strip()
    if word == b"grow":
        hoard.append(b"x" * (20 << 20))
    if word == b"hang":
        notify("STATUS=hanging")
        time.sleep(100_000)
    if word == b"socket":
        return connection.sendall(b"%s, %s\n" % (os.environb[b"LISTEN_FDNAMES"], b"waits" if waits else b"does not wait"))
    connection.sendall(b"%d\n" % os.getpid())


running = True
hoard = []
assert os.environ["LISTEN_PID"] == str(os.getpid()), "these sockets are for somebody else"
waits = os.get_blocking(3)
listener = socket.socket(fileno=3)
listener.settimeout(0.5)
signal.signal(signal.SIGTERM, stop)
signal.signal(signal.SIGUSR1, dump)
while not os.path.exists(os.environ.get("READY_WHEN", "/")):
    time.sleep(0.1)
notify("READY=1\nSTATUS=serving")
while running:
    notify("WATCHDOG=1")
    try:
        connection, _ = listener.accept()
    except TimeoutError:
        continue
    with connection:
        serve(connection)
notify("STOPPING=1")
