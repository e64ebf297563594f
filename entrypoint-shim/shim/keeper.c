/* The helper: a child that runs the reporter, forgets everything, and stays as long as the program does. */
#include "shim.h"

/* What the reporter may know of the environment; GODEBUG and its like are not among it. */
static int is_passed(const char *variable)
{
    static const char *const passed[] = {"CHALK_", "ECS_CONTAINER_METADATA_URI", "SSL_CERT_", "HTTP_PROXY=", "HTTPS_PROXY=",
        "NO_PROXY=", "http_proxy=", "https_proxy=", "no_proxy=", "AWS_", "KUBERNETES_SERVICE_", "POD_NAME", "NODE_NAME=",
        "K_SERVICE=", "K_REVISION=", "K_CONFIGURATION=", "CLOUD_RUN_", "CONTAINER_APP_", "Fabric_ApplicationName=",
        "Fabric_CodePackage", "Fabric_ServiceName="};
    for (unsigned i = 0; i < sizeof passed / sizeof *passed; i++) if (begins(variable, passed[i])) return 1;
    return 0;
}

/* What the program forgets, we must not remember; only heartbeats still need what is passed. */
static void wipe(char **strings, int keep_passed)
{
    for (; *strings; strings++)
        if (!keep_passed || !is_passed(*strings)) for (volatile char *c = *strings; *c; c++) *c = 0;
}

/* A descriptor at another number; failing that nothing there, for what is there is the program's. */
static void put(long fd, long at) { if (fd != at && sys(SYS_dup3, fd, at, 0, 0, 0) < 0) sys(SYS_close, at, 0, 0, 0, 0); }

/* The names under /proc/self/fd are decimal numbers, except "." and "..". */
static void close_listed(long from)
{
    const struct entry *entry;
    u64 buffer[128];
    long n, dir = sys(SYS_openat, AT_CWD, (long)"/proc/self/fd", O_CLOEXEC, 0, 0);
    if (dir < 0) for (long fd = from; fd < 1 << 20; fd++) sys(SYS_close, fd, 0, 0, 0, 0);
    while (dir >= 0 && (n = sys(SYS_getdents64, dir, (long)buffer, sizeof buffer, 0, 0)) > 0)
        for (const char *at = (const char *)buffer; at < (const char *)buffer + n; at += entry->size) {
            long fd = 0;
            entry = (const void *)at;
            for (const char *c = entry->name; *c >= '0' && *c <= '9'; c++) fd = fd * 10 + *c - '0';
            if (fd >= from && fd != dir) sys(SYS_close, fd, 0, 0, 0, 0);
        }
    sys(SYS_close, dir, 0, 0, 0, 0);
}

/* Descriptors of the helper: 0 the gate, 1 a new opening of the program's standard output (own file description: O_NONBLOCK
 * here never reaches the program), 2 the gate again. A 1 that cannot be opened is the gate too, which nothing can write to. */
static void own_descriptors(const int *gate)
{
    long out = -1;
    sys(SYS_close, gate[1], 0, 0, 0, 0);
    if (gate[0] != 1 && gate[1] != 1)
        out = sys(SYS_openat, AT_CWD, (long)"/proc/self/fd/1", O_WRONLY | O_APPEND | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0, 0);
    put(gate[0], 0);
    put(out < 0 ? 0 : out, 1);
    put(0, 2);
    if (sys(SYS_close_range, 3, ~0u, 0, 0, 0) < 0) close_listed(3);
}

static char *decimal(char *end, long value)
{
    unsigned int rest = (unsigned int)value; /* process numbers and wait statuses have 32 bits */
    *--end = 0;
    do *--end = (char)('0' + rest % 10); while (rest /= 10);
    return end;
}

/* Between fork and exec of the reporter: it dies with its parent. */
_Noreturn void become_reporter(const struct start *s, const char *mode, long parent, long detail)
{
    char numbers[3][16], *env[64];
    int n = 0;
    char *argv[] = {(char *)"/.chalk/reporter", (char *)mode, decimal(numbers[0] + 16, s->pid), decimal(numbers[1] + 16, s->self),
                    decimal(numbers[2] + 16, detail), 0};
    env[n++] = (char *)"GOMAXPROCS=1";
    env[n++] = (char *)"GOGC=off";
    env[n++] = (char *)"GOMEMLIMIT=6MiB"; /* collects only where TLS would go beyond it */
    for (char **e = s->env; *e && n < 63; e++) if (is_passed(*e)) env[n++] = *e;
    env[n] = 0;
    sys(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    if (sys(SYS_getppid, 0, 0, 0, 0, 0) == parent) sys(SYS_execve, (long)argv[0], (long)argv, (long)env, 0, 0);
    leave(1);
}

/* Runs the reporter as often as its exit codes ask for it: from 100 to 219 it is due again in 2, 4, 6, ... seconds, from 220 in
 * 4, 6, 8, ... minutes. One that died is run again as the one before it had said. */
static void report(const struct start *s)
{
    long self = sys(SYS_getpid, 0, 0, 0, 0, 0);
    int heartbeat = *s->mode == 'h';
    struct duration pause = {0, 0};
    for (long round = 0; round == 0 || pause.seconds; round++) {
        int status = 0;
        if (round) sys(SYS_ppoll, 0, 0, (long)&pause, 0, 0);
        long n = sys_clone(SIGCHLD);
        if (n == 0) become_reporter(s, s->mode, self, round);
        for (int fd = 0; fd < 3 && !heartbeat; fd++) sys(SYS_close, fd, 0, 0, 0, 0);
        wipe(s->env, heartbeat), wipe(s->argv, 0);
        while (n > 0 && sys(SYS_wait4, n, (long)&status, 0, 0, 0) == -EINTR) ;
        int code = status & 0x7f ? 0 : status >> 8 & 0xff;
        if (heartbeat && code >= 100) pause.seconds = code < 220 ? (code - 99) * 2 : (code - 218) * 120;
        else if (n > 0 && !(status & 0x7f)) break;
    }
}

/* A direct child with exit signal 0 that stays: so the program gets no SIGCHLD, no zombie, and wait() says ECHILD. */
_Noreturn void keep(const struct start *s, const int *gate, int stay)
{
    u64 no_signals = 0;
    long n, byte;
    sys(SYS_setsid, 0, 0, 0, 0, 0);                              /* no terminal signals, not in kill(0, ...) */
    /* PID 1 takes us along in any case; asking for the signal there too would end us when its first thread ends. */
    if (s->self != 1) sys(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    if (sys(SYS_getppid, 0, 0, 0, 0, 0) != s->self) leave(0);    /* the program ended before the line above */
    own_descriptors(gate);
    n = sys(SYS_openat, AT_CWD, (long)"/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC, 0, 0);
    sys(SYS_write, n, (long)"1000", 4, 0, 0);                    /* before PR_SET_DUMPABLE: after it, root owns the file */
    sys(SYS_close, n, 0, 0, 0, 0);
    sys(SYS_prctl, PR_SET_DUMPABLE, 0, 0, 0, 0);
    sys(SYS_prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);            /* for us alone */
    sys(SYS_prctl, PR_SET_NAME, (long)"chalk-keeper", 0, 0, 0);
    sys(SYS_setpriority, 0, 0, 5, 0, 0);                         /* behind the program, but not behind everything */
    sys(SYS_rt_sigprocmask, SIG_SETMASK, (long)&no_signals, 0, 8, 0);
    sys(SYS_chdir, (long)"/", 0, 0, 0, 0);
    n = *s->mode == 's' || *s->mode == 'l' ? 0 : 1;              /* end of file: the program was exec'd */
    while (n > 0 || n == -EINTR) n = sys(SYS_read, 0, (long)&byte, 1, 0, 0);
    report(s);
    for (int fd = 0; fd < 3; fd++) sys(SYS_close, fd, 0, 0, 0, 0);
    wipe(s->env, 0);
    while (stay && sys(SYS_ppoll, 0, 0, 0, 0, 0) == -EINTR) ;
    leave(0);                                                    /* also where not even waiting is allowed */
}
