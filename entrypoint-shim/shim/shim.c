/* chalk-shim: becomes the program, in this very process, and leaves behind a helper that reports and is never noticed.
 * Usage: shim [--mode=MODE] -- program [arguments...]. The process model and its reasons: ../README.md.
 * No libc, no heap, no writable static data (so one read-only segment, whatever the page size), nothing untrusted parsed. */
#include "shim.h"

__asm__(START);

static int access_to(const char *path, int how) { return sys(SYS_faccessat, AT_CWD, (long)path, how, 0, 0) == 0; }

static const char *known(const char *word, const char *otherwise)
{
    static const char *const modes[] = {"exec", "heartbeat", "sync", "lambda", "init", "off"};
    for (unsigned i = 0; i < sizeof modes / sizeof *modes; i++) if (equal(word, modes[i])) return modes[i];
    return otherwise;
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

/* Where the report comes first (sync, lambda), this waits until the helper has let go of the gate, a second at most. */
static void start_helper(const struct start *s)
{
    static const struct clone_args autoreap = {.flags = CLONE_AUTOREAP};
    struct duration cap = {1, 0};
    int gate[2];
    long child = -1;
    if (sys(SYS_pipe2, (long)gate, O_CLOEXEC, 0, 0, 0) < 0) return;
    if (has_autoreap()) child = sys(SYS_clone3, (long)&autoreap, sizeof autoreap, 0, 0, 0);
    if (child == 0) keep(s, gate, 0);
    if (child < 0 && (child = sys_clone(0)) == 0) keep(s, gate, 1);
    if (child < 0 || (*s->mode != 's' && *s->mode != 'l')) return;
    struct watched held = {.fd = gate[1]};
    sys(SYS_close, gate[0], 0, 0, 0, 0);
    sys(SYS_ppoll, (long)&held, 1, (long)&cap, 0, 0);
}

/* Returns why not, as runc would: the first executable file on PATH is the one, and if it does not start, no other is tried. */
long run(const struct start *s)
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

_Noreturn void complain(const char *name, long why)
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
    struct start s = {.argv = (char **)(stack + 1), .program = (char **)(stack + 1) + (stack[0] > 0), .self = sys(SYS_getpid, 0, 0, 0, 0, 0)};
    char **e = s.env = s.argv + stack[0] + 1;
    const char *wish = "";
    int wanted = 0;
    s.search = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", s.mode = "exec", s.pid = s.self;
    for (; *e; e++) {
        if (begins(*e, "PATH=")) s.search = *e + 5;
        if (begins(*e, "CHALK_REPORT_")) wanted = 1;
        if (begins(*e, "CHALK_SHIM=")) wish = *e + 11;
    }
    if (*s.program && **s.program == '-')
        for (; *s.program && !equal(*s.program++, "--");)
            if (begins(s.program[-1], "--mode=")) s.mode = known(s.program[-1] + 7, s.mode);
    s.mode = known(wish, s.mode);
    for (unsigned long *aux = (unsigned long *)(e + 1); *aux; aux += 2) if (*aux == AT_SECURE && aux[1]) s.mode = "off";
    if (!*s.program) complain("nothing", ENOENT);
    if (*s.mode != 'o' && (wanted || access_to("/.chalk/runtime.json", F_OK))) {
        if (*s.mode == 'i') start_init(&s);
        else start_helper(&s);
    }
    complain(*s.program, run(&s));
}
