#!/usr/bin/env python3
"""A web service with the classic leak: sessions that are remembered and never forgotten.

    SIGUSR1  writes a tracemalloc snapshot into --snapshot-dir, as snapshot-<pid>-<number>.tracemalloc
    SIGTERM  answers what is in flight and exits with 0

Both signals are blocked everywhere and waited for by threads that do nothing else. A Python signal handler runs in the
main thread between two of its instructions, which is late or never when that thread is the one that is short of memory.

Read a snapshot with:

    python3 -c 'import sys, tracemalloc as t
    print(*t.Snapshot.load(sys.argv[1]).statistics("lineno")[:3], sep="\\n")' FILE
"""

import argparse
import itertools
import os
import pickle
import signal
import sys
import threading
import time
import tracemalloc
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Sessions:
    """Keeps every session there ever was."""

    def __init__(self, size, hold_gil):
        self.size = size
        self.hold_gil = hold_gil
        self.zero = os.open("/dev/zero", os.O_RDONLY)
        self.kept = {}

    def remember_forever(self):
        """The leak: there is no function that forgets. The snapshot names the line that reads the body.

        A body arrives through read(2), which gives the interpreter lock up. So a thread that the kernel throttles for
        the memory it charges sleeps without the lock, and the others run on. Filling the memory from Python, as
        hold_gil does, keeps the lock, and one throttled thread stops them all.
        """
        if self.hold_gil:
            body = b"\1" * self.size
        else:
            body = os.read(self.zero, self.size)
        self.kept[len(self.kept) + 1] = body
        return len(self.kept)


class Snapshots:
    """Writes what tracemalloc knows, each time into a file of its own."""

    def __init__(self, directory):
        self.directory = directory
        self.numbers = itertools.count(1)
        self.writing = threading.Lock()
        # Once for nothing, so that no module is loaded and no buffer grown when memory is short.
        pickle.dumps(tracemalloc.take_snapshot(), pickle.HIGHEST_PROTOCOL)

    def write(self):
        name = "snapshot-%d-%d.tracemalloc" % (os.getpid(), next(self.numbers))
        path = os.path.join(self.directory, name)
        with self.writing:
            tracemalloc.take_snapshot().dump(path)
        say("snapshot: " + path)

    def write_on(self, signum):
        while True:
            signal.sigwait({signum})
            try:
                self.write()
            except (OSError, MemoryError) as error:
                say("snapshot: %s" % error)


class Handler(BaseHTTPRequestHandler):
    """POST /login opens a session, GET /count counts them, GET /healthz is for probes."""

    def do_GET(self):
        if self.path == "/healthz":
            self.answer(200, "ok")
        elif self.path == "/count":
            self.answer(200, "%d sessions" % len(self.server.sessions.kept))
        else:
            self.answer(404, "no such page")

    def do_POST(self):
        if self.path == "/login":
            self.answer(200, "session %d" % self.server.sessions.remember_forever())
        else:
            self.answer(404, "no such page")

    def answer(self, status, text):
        body = (text + "\n").encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        """Says nothing of single requests."""


def log_in_for_ever(sessions, rate, file):
    """Opens sessions at `rate` bytes a second, once the file is there; what was missed is not made up for."""
    while file and not os.path.exists(file):
        time.sleep(0.05)
    interval = sessions.size / rate
    due = time.monotonic()
    while True:
        sessions.remember_forever()
        due = max(due, time.monotonic() - 0.001) + interval
        time.sleep(max(0.0, due - time.monotonic()))


def start_thread(name, work, *arguments):
    threading.Thread(name=name, target=work, args=arguments, daemon=True).start()


def say(text):
    """One line on stderr in one write: several threads talk."""
    os.write(2, ("python-sessions: %s\n" % text).encode())


def parse_arguments():
    parser = argparse.ArgumentParser(description="A web service that forgets no session.")
    parser.add_argument("--port", type=int, default=0, help="on 127.0.0.1; 0 takes a free one (default)")
    parser.add_argument("--snapshot-dir", default="/var/tmp", help="where SIGUSR1 writes (default: %(default)s)")
    parser.add_argument("--leak", type=float, default=0.0, metavar="MB/S", help="open sessions by itself (10^6 bytes/s)")
    parser.add_argument("--leak-when", metavar="FILE", help="only once this file is there")
    parser.add_argument("--leak-threads", type=int, default=1, help="threads that share the leak")
    parser.add_argument("--session-kib", type=int, default=256, help="kept by a session (default: %(default)s)")
    parser.add_argument("--hold-gil", action="store_true", help="fill sessions with the interpreter lock held")
    return parser.parse_args()


def main():
    arguments = parse_arguments()
    # Before the first thread, so that all inherit it.
    stops = {signal.SIGTERM, signal.SIGINT}
    signal.pthread_sigmask(signal.SIG_BLOCK, stops | {signal.SIGUSR1})
    os.umask(0o077)  # a snapshot tells about the service's inside
    # One frame: a snapshot then costs some 100 bytes for each living block, and sessions are big blocks.
    tracemalloc.start(1)

    snapshots = Snapshots(arguments.snapshot_dir)
    server = ThreadingHTTPServer(("127.0.0.1", arguments.port), Handler)
    server.sessions = Sessions(arguments.session_kib * 1024, arguments.hold_gil)

    start_thread("snapshots", snapshots.write_on, signal.SIGUSR1)
    start_thread("server", server.serve_forever)
    say("listening on 127.0.0.1:%d" % server.server_address[1])
    if arguments.leak > 0:
        rate = arguments.leak * 1e6 / arguments.leak_threads
        for number in range(arguments.leak_threads):
            start_thread("load-%d" % number, log_in_for_ever, server.sessions, rate, arguments.leak_when)

    say("%s: stopping" % signal.Signals(signal.sigwait(stops)).name)
    server.shutdown()
    server.server_close()
    with snapshots.writing:
        say("stopped gracefully")
    # Not by way of the interpreter's end: it would take hundreds of megabytes apart only to give them back.
    sys.stderr.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
