/* The helper: a child that runs the reporter, forgets everything, and stays as long as the program does. */
#include "shim.h"

/* What the reporter may know of the environment; GODEBUG and its like are not among it. */
static const char *const passed[] = {"CHALK_", "ECS_CONTAINER_METADATA_URI", "SSL_CERT_", "HTTP_PROXY=", "HTTPS_PROXY=", "NO_PROXY=",
    "http_proxy=", "https_proxy=", "no_proxy=", "AWS_", "KUBERNETES_SERVICE_", "POD_NAME", "NODE_NAME=", "K_SERVICE=", "K_REVISION=",
    "K_CONFIGURATION=", "CLOUD_RUN_", "CONTAINER_APP_", "Fabric_ApplicationName=", "Fabric_CodePackage", "Fabric_ServiceName=", 0};

static void wipe(char *word) { for (volatile char *c = word; *c; c++) *c = 0; }

/* What the program forgets, we must not remember; heartbeats still need descriptors and what is passed. */
static void forget(const struct start *s, int everything) {
    for (char **word = s->argv; *word; word++) wipe(*word);
    for (char **variable = s->env; *variable; variable++) if (everything || !first_of(passed, *variable, begins)) wipe(*variable);
    for (int fd = 0; fd < 3 && everything; fd++) call(close, fd);
}

/* A descriptor at another number; failing that nothing there, for what is there is the program's. */
static void put(long fd, long at) { if (fd != at && call(dup3, fd, at) < 0) call(close, at); }

/* Descriptors of a helper: 0 the gate, 1 a new opening of the program's standard output (own file description: O_NONBLOCK
 * here never reaches the program), 2 the gate again. A 1 that cannot be opened is the gate too, which nothing can write to. */
void own_descriptors(const int *gate) {
    long out = -1;
    call(close, gate[1]);
    if (gate[0] != 1 && gate[1] != 1)
        out = call(openat, AT_CWD, "/proc/self/fd/1", O_WRONLY | O_APPEND | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    put(gate[0], 0);
    put(out < 0 ? 0 : out, 1);
    put(0, 2);
    close_from(3);
}

/* Between fork and exec of the reporter: it dies with its parent. */
_Noreturn void become_reporter(const struct start *s, const char *mode, long parent, long detail) {
    /* GOMEMLIMIT: collects only where TLS would go beyond it. */
    static const char *const settings[] = {"GOMAXPROCS=1", "GOGC=off", "GOMEMLIMIT=6MiB"};
    char numbers[3][16];
    const char *argv[] = {"/.chalk/reporter", mode, decimal(numbers[0] + 16, s->pid), decimal(numbers[1] + 16, s->self),
                          decimal(numbers[2] + 16, detail), 0};
    const char *env[64];
    int n = 0;
    for (; n < 3; n++) env[n] = settings[n];
    for (char **e = s->env; *e && n < 63; e++) if (first_of(passed, *e, begins)) env[n++] = *e;
    env[n] = 0;
    call(prctl, PR_SET_PDEATHSIG, SIGKILL);
    if (call(getppid) == parent) call(execve, argv[0], argv, env);
    leave(1);
}

/* Runs the reporter as often as its exit codes ask for it: from 100 to 219 it is due again in 2, 4, 6, ... seconds, from 220 in
 * 4, 6, 8, ... minutes. One that died or could not be started is run again as the one before it had said. */
static void report(const struct start *s) {
    long self = call(getpid);
    int heartbeat = *s->mode == 'h', status = 0;
    struct duration pause = {0, 0};
    for (long round = 0; round == 0 || pause.seconds; round++) {
        if (round) call(ppoll, 0, 0, &pause);
        long child = sys_clone(SIGCHLD);
        if (child == 0) become_reporter(s, s->mode, self, round);
        forget(s, !heartbeat);
        while (child > 0 && call(wait4, child, &status) == -EINTR) ;
        if (child < 0 || status & 0x7f) continue;
        int code = status >> 8 & 0xff;
        if (!heartbeat || code < 100) return;
        pause.seconds = code < 220 ? (code - 99) * 2 : (code - 218) * 120;
    }
}

/* A direct child with exit signal 0 that stays: so the program gets no SIGCHLD, no zombie, and wait() says ECHILD. */
_Noreturn void keep(const struct start *s, const int *gate, int stay) {
    u64 no_signals = 0;
    long n, byte;
    call(setsid);                                   /* no terminal signals, not in kill(0, ...) */
    /* PID 1 takes us along in any case; asking for the signal there too would end us when its first thread ends. */
    if (s->self != 1) call(prctl, PR_SET_PDEATHSIG, SIGKILL);
    if (call(getppid) != s->self) leave(0);         /* the program ended before the line above */
    own_descriptors(gate);
    n = call(openat, AT_CWD, "/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
    call(write, n, "1000", 4);                      /* before PR_SET_DUMPABLE: after it, root owns the file */
    call(close, n);
    call(prctl, PR_SET_DUMPABLE, 0);
    call(prctl, PR_SET_NO_NEW_PRIVS, 1);            /* for us alone */
    call(prctl, PR_SET_NAME, "chalk-keeper");
    call(setpriority, 0, 0, 20 - call(getpriority) + 5); /* 5 behind the program; the kernel answers 20 less what is set */
    call(rt_sigprocmask, SIG_SETMASK, &no_signals, 0, 8);
    call(chdir, "/");
    n = reports_first(s) ? 0 : 1;
    while (n > 0 || n == -EINTR) n = call(read, 0, &byte, 1); /* end of file: the program was exec'd */
    report(s);
    forget(s, 1);
    while (stay && call(ppoll) == -EINTR) ;
    leave(0);                                       /* also where not even waiting is allowed */
}
