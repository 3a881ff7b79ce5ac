#!/usr/bin/env python3
"""A service that grows in one way, when told to:  grow.py KIND MIB [DIRECTORY]

Writes "calm", and after each line on its input grows or shrinks by one step and writes "done". Ends with its input.
"""

import mmap
import os
import socket
import sys

MIB = 1 << 20
PAGE = 4096
HUGE = 2 * MIB
kept = []


def touched(area, step=PAGE):
    for start in range(0, len(area), step):
        area[start] = 1
    return area


def area(mib, advice):
    # Room for a start at a multiple of 2 MiB, which the kernel chooses by itself from Linux 6.7 on.
    mapped = mmap.mmap(-1, mib * MIB + HUGE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    mapped.madvise(advice)
    return mapped


def anon(mib, _):
    """A heap that is written to page by page."""
    kept.append(touched(area(mib, mmap.MADV_NOHUGEPAGE)))
    yield


def dense(mib, _):
    """The same in huge pages, all of them full: nothing is wrong with those."""
    mapped = area(mib, mmap.MADV_HUGEPAGE)
    kept.append(mapped)
    for start in range(0, mib * MIB, MIB):
        mapped[start : start + MIB] = b"\x5a" * MIB
    yield


def sparse(mib, _):
    """One page of every 2 MiB is written to; the kernel makes each of them a huge one."""
    kept.append(touched(area(mib, mmap.MADV_HUGEPAGE), HUGE))
    yield


def burst(mib, _):
    """Takes memory and gives it back."""
    mapped = touched(area(mib, mmap.MADV_NOHUGEPAGE))
    yield
    mapped.close()
    yield


def shmem(mib, _):
    """A file on tmpfs."""
    file = os.open("/dev/shm", os.O_TMPFILE | os.O_RDWR)
    kept.append(file)
    for _ in range(mib):
        os.write(file, b"x" * MIB)
    yield


def mapped(mib, directory):
    """A file that is mapped and read through."""
    file = os.open(directory, os.O_TMPFILE | os.O_RDWR)
    os.ftruncate(file, mib * MIB)
    area = mmap.mmap(file, mib * MIB, flags=mmap.MAP_SHARED, prot=mmap.PROT_READ)
    kept.append((area, sum(area[start] for start in range(0, len(area), PAGE))))
    yield


def processes(mib, _):
    """Many small processes."""
    for _ in range(mib):
        read, write = os.pipe()
        if os.fork() == 0:
            kept.append(touched(bytearray(MIB)))
            os.write(write, b"x")
            # Until the parent is gone: it alone holds the other end.
            os.close(read)
            sys.stdin.read()
            os._exit(0)
        os.read(read, 1)
        os.close(read)
        os.close(write)
    yield


def sockets(mib, _):
    """Messages that nobody fetches."""
    waiting = 0
    while waiting < mib * MIB:
        pair = socket.socketpair()
        kept.append(pair)
        pair[0].setblocking(False)
        try:
            while True:
                waiting += pair[0].send(b"x" * 2048)
        except BlockingIOError:
            pass
    yield


def names(mib, directory):
    """Names that the kernel remembers: of files that do not exist, about half a KiB each."""
    for number in range(mib * 2048):
        os.access(f"{directory}/{number:0>200}", os.F_OK)
    yield


def main():
    kind, mib = sys.argv[1], int(sys.argv[2])
    steps = globals()[kind](mib, sys.argv[3] if len(sys.argv) > 3 else None)
    print("calm", flush=True)
    for _ in sys.stdin:
        next(steps)
        print("done", flush=True)


main()
