/* Mode init: the shim stays, the program is its child. It reaps, forwards every signal, and when the program has ended waits
 * for the report that says how. For jobs too short for anything else; it is the one mode that a program can notice. */
#include "shim.h"

enum { TICK = 100000000, LONGEST = 60, GRACE = 10 }; /* 0.1 s; of the last report's own limits none is longer than 60 of them */

static const u64 every_signal = ~0ULL;

static int is_fault(long number, int code) {
    return code > 0 && (number == 4 || number == 5 || number == 7 || number == 8 || number == 11 || number == 31);
}

/* Reaps whoever has ended; returns how many of the two are still to come, and keeps the first one's status. */
static int reap(long *awaited, long *other, int *status) {
    int one;
    for (long n; (n = call(wait4, -1, &one, WNOHANG)) > 0 || n == -EINTR;) {
        if (n > 0 && n == *awaited) *awaited = 0, *status = one;
        if (n > 0 && n == *other) *other = 0;
    }
    return (*awaited > 0) + (*other > 0);
}

/* Signals of the terminal reach the program by themselves: it is in the same group. */
static void serve(long program, long *helper, int *status) {
    for (long awaited = program; awaited;) {
        struct received signal;
        long number = call(rt_sigtimedwait, &every_signal, &signal, 0, 8);
        if (number > 0 && !(number == SIGCHLD && signal.code > 0) && signal.code != SI_KERNEL && !is_fault(number, signal.code))
            call(kill, program, number);
        reap(&awaited, helper, status);
    }
}

/* The last report, and a second more for the first if it is still on its way. Whoever asks us to end meanwhile is obeyed at once. */
static void say_how(const struct start *s, long helper, int status) {
    struct duration tick = {0, TICK};
    int unused, gate[2];
    long reporter = sys_clone(SIGCHLD);
    if (reporter == 0) {
        u64 no_signals = 0;
        if (call(pipe2, gate, O_CLOEXEC) == 0) own_descriptors(gate);
        call(rt_sigprocmask, SIG_SETMASK, &no_signals, 0, 8);
        call(prctl, PR_SET_DUMPABLE);
        become_reporter(s, "exit", s->self, status);
    }
    for (int ticks = 0, end = LONGEST; ticks < end && reap(&reporter, &helper, &unused); ticks++) {
        struct received signal;
        if (reporter <= 0 && end > ticks + GRACE) end = ticks + GRACE;
        long number = call(rt_sigtimedwait, &every_signal, &signal, &tick, 8);
        if (number > 0 && number != SIGCHLD && signal.code != SI_KERNEL) return;
    }
}

/* Whether a process could look after a child at all: a seccomp profile may say no. */
static int can_stay(void) {
    static const struct duration now;
    static const u64 no_signals;
    int status;
    struct received signal;
    long child = call(wait4, -1, &status, WNOHANG);
    long waited = call(rt_sigtimedwait, &no_signals, &signal, &now, 8);
    return (child == 0 || child == -ECHILD) && waited == -EAGAIN;
}

/* Returns only where the program could not be given a process of its own. */
void start_init(struct start *s) {
    static const struct disposition plain;
    struct disposition before;
    u64 mask = 0;
    long helper = -1;
    int gate[2], status = 0;
    if (!can_stay() || call(pipe2, gate, O_CLOEXEC) < 0) return;
    call(rt_sigprocmask, SIG_BLOCK, &every_signal, &mask, 8);
    call(rt_sigaction, SIGCHLD, &plain, &before, 8); /* ignored, it would lose the exit status */
    s->pid = sys_clone(SIGCHLD);
    if (s->pid <= 0) {
        call(rt_sigaction, SIGCHLD, &before, 0, 8);
        call(rt_sigprocmask, SIG_SETMASK, &mask, 0, 8);
        if (s->pid == 0) complain(*s->program, run(s));
        s->pid = s->self;
        return;
    }
    helper = sys_clone(SIGCHLD);
    if (helper == 0) keep(s, gate, 0);
    call(close, gate[0]);
    call(close, gate[1]);
    serve(s->pid, &helper, &status);
    say_how(s, helper, status);
    leave(status & 0x7f ? 128 + (status & 0x7f) : status >> 8 & 0xff);
}
