// A native service with the classic leak: sessions that are remembered and never forgotten.
//
//   LD_PRELOAD=libjemalloc.so.2 MALLOC_CONF=prof:true,lg_prof_sample:16 native-sessions RATE DIRECTORY [--leak-when FILE]
//
// RATE is in MB/s (10^6 bytes); it leaks while FILE is there, if one is named. Without the preloaded jemalloc, or with profiling off, it leaks all the same.
//
//   SIGUSR1  jemalloc writes the heap profile DIRECTORY/sessions-NUMBER.heap, by a thread that waits for nothing else.
//            Without profiling it says so and writes nothing.
//   SIGTERM  exits with 0.

#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { SESSION_SIZE = 64 * 1024, TICKS_A_SECOND = 100 };

// jemalloc's control interface.
typedef int mallctl_function(const char *name, void *old, size_t *old_size, void *new, size_t new_size);

struct session {
    struct session *previous;
    char profile[SESSION_SIZE];
};

static struct session *newest;

// The leak: there is no function that forgets.
__attribute__((noinline)) static void remember_session_forever(void) {
    struct session *session = malloc(sizeof *session);
    if (session == NULL) {
        perror("native-sessions");
        exit(1);
    }
    memset(session->profile, 1, sizeof session->profile);
    session->previous = newest;
    newest = session;
}

static void write_profile(const char *directory) {
    static int written;
    char path[4096];
    const char *name = path;
    // Looked up at run time: which allocator there is, is decided by who starts the service.
    mallctl_function *mallctl = (mallctl_function *)dlsym(RTLD_DEFAULT, "mallctl");
    snprintf(path, sizeof path, "%s/sessions-%d.heap", directory, ++written);
    if (mallctl == NULL || mallctl("prof.dump", NULL, NULL, &name, sizeof name) != 0)
        fprintf(stderr, "native-sessions: this allocator does not profile\n");
}

static sigset_t awaited(void) {
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGUSR1);
    sigaddset(&signals, SIGTERM);
    return signals;
}

static void *answer_signals(void *directory) {
    sigset_t signals = awaited();
    int signal;
    while (sigwait(&signals, &signal) == 0) {
        if (signal == SIGTERM) {
            fprintf(stderr, "native-sessions: stopped gracefully\n");
            exit(0);
        }
        write_profile(directory);
    }
    return NULL;
}

int main(int count, char **arguments) {
    const int waits = count == 5 && strcmp(arguments[3], "--leak-when") == 0;
    if (count != 3 && !waits) {
        fprintf(stderr, "usage: native-sessions RATE DIRECTORY [--leak-when FILE]\n");
        return 2;
    }
    // Blocked before the thread begins, which inherits it: only sigwait takes these signals.
    sigset_t signals = awaited();
    pthread_sigmask(SIG_BLOCK, &signals, NULL);
    pthread_t thread;
    if (pthread_create(&thread, NULL, answer_signals, arguments[2]) != 0) return 1;

    const struct timespec tick = {.tv_nsec = 1000000000 / TICKS_A_SECOND};
    const double bytes_a_tick = atof(arguments[1]) * 1e6 / TICKS_A_SECOND;
    for (double owed = 0;;) {
        if (!waits || access(arguments[4], F_OK) == 0) owed += bytes_a_tick;
        for (; owed >= SESSION_SIZE; owed -= SESSION_SIZE) remember_session_forever();
        nanosleep(&tick, NULL);
    }
}
