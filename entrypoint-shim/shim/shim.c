/* chalk-shim: becomes the program, in this very process, and leaves behind a helper that reports once and is never noticed.
 * Usage: shim [options] -- program [arguments...]. The process model and its reasons: ../README.md.
 * No libc, no heap, no writable static data (so one read-only segment, whatever the page size), nothing untrusted parsed. */
#include "arch.h"
#include "linux.h"

struct start { char **program, **argv, **env; const char *search; long pid; int wanted; };

/* What the reporter may know of the environment; GODEBUG and its like are not among it. */
static const char *const passed[] = {"CHALK_", "ECS_CONTAINER_METADATA_URI", "SSL_CERT_", "HTTP_PROXY=", "HTTPS_PROXY=",
                                     "NO_PROXY=", "http_proxy=", "https_proxy=", "no_proxy="};

static _Noreturn void leave(int code) { for (;;) sys(SYS_exit_group, code, 0, 0, 0, 0); }
static long length(const char *s) { long n = 0; while (s[n]) n++; return n; }
static int begins(const char *s, const char *with) { while (*with) if (*s++ != *with++) return 0; return 1; }
static int equal(const char *a, const char *b) { return begins(a, b) && !a[length(b)]; }
static int access_to(const char *path, int how) { return sys(SYS_faccessat, AT_CWD, (long)path, how, 0, 0) == 0; }
static void wipe(char **strings) { for (; *strings; strings++) for (volatile char *c = *strings; *c; c++) *c = 0; }

/* A descriptor at another number; failing that nothing there, for what is there is the program's. */
static void put(long fd, long at) { if (fd != at && sys(SYS_dup3, fd, at, 0, 0, 0) < 0) sys(SYS_close, at, 0, 0, 0, 0); }

/* The names under /proc/self/fd are decimal numbers, except "." and "..". */
static void close_listed(long from)
{
    const struct entry *entry;
    unsigned long buffer[128];
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

/* Between fork and exec of the reporter: it dies with the keeper, and knows the pid of the program. */
static _Noreturn void become_reporter(const struct start *s, long keeper)
{
    char number[24] = "", *digit = number + sizeof number - 1, *env[64];
    int n = 0;
    for (long pid = s->pid; pid; pid /= 10) *--digit = (char)('0' + pid % 10);
    char *argv[] = {(char *)"/.chalk/reporter", digit, 0};
    env[n++] = (char *)"GOMAXPROCS=1";
    env[n++] = (char *)"GOGC=off";
    env[n++] = (char *)"GOMEMLIMIT=24MiB";
    for (char **e = s->env; *e && n < 63; e++)
        for (unsigned i = 0; i < sizeof passed / sizeof *passed; i++)
            if (begins(*e, passed[i]) && n < 63) env[n++] = *e;
    env[n] = 0;
    sys(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    if (sys(SYS_getppid, 0, 0, 0, 0, 0) == keeper) sys(SYS_execve, (long)argv[0], (long)argv, (long)env, 0, 0);
    leave(1);
}

/* The helper: a direct child with exit signal 0 that stays. So the program gets no SIGCHLD, no zombie, and wait() says ECHILD. */
static _Noreturn void keep(const struct start *s, const int *gate, int autoreap)
{
    unsigned long no_signals = 0;
    long n, child, byte;
    sys(SYS_setsid, 0, 0, 0, 0, 0);                              /* no terminal signals, not in kill(0, ...) */
    /* PID 1 takes us along in any case; asking for the signal there too would end us when its first thread ends. */
    if (s->pid != 1) sys(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    if (sys(SYS_getppid, 0, 0, 0, 0, 0) != s->pid) leave(0);     /* the program ended before the line above */
    own_descriptors(gate);
    n = sys(SYS_openat, AT_CWD, (long)"/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC, 0, 0);
    sys(SYS_write, n, (long)"1000", 4, 0, 0);                    /* before PR_SET_DUMPABLE: after it, root owns the file */
    sys(SYS_close, n, 0, 0, 0, 0);
    sys(SYS_prctl, PR_SET_DUMPABLE, 0, 0, 0, 0);
    sys(SYS_prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);            /* for us alone */
    sys(SYS_prctl, PR_SET_NAME, (long)"chalk-keeper", 0, 0, 0);
    sys(SYS_setpriority, 0, 0, 19, 0, 0);
    sys(SYS_rt_sigprocmask, SIG_SETMASK, (long)&no_signals, 0, 8, 0);
    sys(SYS_chdir, (long)"/", 0, 0, 0, 0);
    do n = sys(SYS_read, 0, (long)&byte, 1, 0, 0); while (n > 0 || n == -EINTR); /* end of file: the program was exec'd */
    child = sys(SYS_getpid, 0, 0, 0, 0, 0);
    n = sys_clone(SIGCHLD);
    if (n == 0) become_reporter(s, child);
    for (child = 0; child < 3; child++) sys(SYS_close, child, 0, 0, 0, 0);
    wipe(s->env), wipe(s->argv);                                 /* what the program forgets, we must not remember */
    while (n > 0 && sys(SYS_wait4, n, 0, 0, 0, 0) == -EINTR) ;
    while (!autoreap && sys(SYS_ppoll, 0, 0, 0, 0, 0) == -EINTR) ;
    leave(0);                                                    /* also where not even waiting is allowed */
}

/* CLONE_AUTOREAP is of Linux 7.1; earlier clone3 is not even tried, because a seccomp profile may kill for it. */
static int has_autoreap(void)
{
    char names[6][65], *c = names[2];
    int major = 0, minor = 0;
    if (sys(SYS_uname, (long)names, 0, 0, 0, 0) < 0) return 0;
    while (*c >= '0' && *c <= '9' && major < 1000) major = major * 10 + *c++ - '0';
    if (*c == '.') for (c++; *c >= '0' && *c <= '9' && minor < 1000; c++) minor = minor * 10 + *c - '0';
    return major > 7 || (major == 7 && minor >= 1);
}

static void start_helper(const struct start *s)
{
    struct clone_args autoreap = {.flags = CLONE_AUTOREAP};
    int gate[2];
    long child = -1;
    if (sys(SYS_pipe2, (long)gate, O_CLOEXEC, 0, 0, 0) < 0) return;
    if (has_autoreap()) child = sys(SYS_clone3, (long)&autoreap, sizeof autoreap, 0, 0, 0);
    if (child == 0) keep(s, gate, 1);
    if (child < 0 && sys_clone(0) == 0) keep(s, gate, 0);
}

/* Returns why not, as runc would: the first executable file on PATH is the one, and if it does not start, no other is tried. */
static long run(const struct start *s)
{
    const char *name = s->program[0], *dir = s->search;
    enum { PATH_SIZE = 4096 };
    char path[PATH_SIZE];
    long size = length(name), why = ENOENT;
    for (const char *c = name; *c; c++) if (*c == '/') return -sys(SYS_execve, (long)name, (long)s->program, (long)s->env, 0, 0);
    for (int more = *dir && size; more; dir++) {
        long n = 0;
        for (; *dir && *dir != ':'; dir++) if (n + size < PATH_SIZE - 4) path[n++] = *dir;
        more = *dir;
        if (n + size >= PATH_SIZE - 4) continue;
        if (n && path[n - 1] != '/') path[n++] = '/';
        for (long i = 0; i <= size; i++) path[n + i] = name[i];
        why = -sys(SYS_execve, (long)path, (long)s->program, (long)s->env, 0, 0);
        if (!access_to(path, X_OK)) { why = ENOENT; continue; }
        path[n + size] = '/', path[n + size + 1] = '.', path[n + size + 2] = 0;
        if (!access_to(path, F_OK)) return why; /* a file, not a directory */
        why = ENOENT;
    }
    return why;
}

static _Noreturn void complain(const char *name, long why)
{
    const char *reason = why == ENOENT ? "not found\n" : why == EACCES ? "permission denied\n"
                       : why == ENOEXEC ? "exec format error\n" : "not executable\n";
    const char *parts[] = {"chalk-shim: cannot run ", name, ": ", reason};
    struct { const char *base; long size; } pieces[4];
    for (int i = 0; i < 4; i++) pieces[i].base = parts[i], pieces[i].size = length(parts[i]);
    sys(SYS_writev, 2, (long)pieces, 4, 0, 0);
    leave(why == ENOENT || why == ENOTDIR ? 127 : 126);
}

__attribute__((used)) _Noreturn void shim_main(long *stack)
{
    struct start s = {.argv = (char **)(stack + 1), .program = (char **)(stack + 1) + (stack[0] > 0), .pid = sys(SYS_getpid, 0, 0, 0, 0, 0)};
    char **e = s.env = s.argv + stack[0] + 1;
    int off = 0;
    s.search = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
    for (; *e; e++) {
        if (begins(*e, "PATH=")) s.search = *e + 5;
        if (begins(*e, "CHALK_REPORT_")) s.wanted = 1;
        if (equal(*e, "CHALK_SHIM=off")) off = 1;
    }
    for (unsigned long *aux = (unsigned long *)(e + 1); *aux; aux += 2) if (*aux == AT_SECURE && aux[1]) off = 1;
    if (*s.program && **s.program == '-') while (*s.program && !equal(*s.program++, "--")) ;
    if (!*s.program) complain("nothing", ENOENT);
    if (!off && (s.wanted || access_to("/.chalk/runtime.json", F_OK))) start_helper(&s);
    complain(*s.program, run(&s));
}
