/* chalk-shim: becomes the program, in this very process, and leaves behind a helper that reports and is never noticed.
 * Usage: shim [--mode=MODE] -- program [arguments...]. The process model and its reasons: ../README.md.
 * No libc, no heap, no writable static data (so one read-only segment, whatever the page size), nothing untrusted parsed. */
#include "shim.h"

__asm__(START);

static int access_to(const char *path, int how) { return call(faccessat, AT_CWD, path, how) == 0; }

static const char *known(const char *word, const char *otherwise) {
    static const char *const modes[] = {"exec", "heartbeat", "sync", "lambda", "init", "off", 0};
    const char *mode = first_of(modes, word, equal);
    return mode ? mode : otherwise;
}

/* CLONE_AUTOREAP is of Linux 7.1; before, clone3 is not even tried, because a seccomp profile may kill for it.
 * Where the report comes first (sync, lambda), this waits until the helper has let go of the gate, a second at most. */
static void start_helper(const struct start *s) {
    static const struct clone_args autoreap = {.flags = CLONE_AUTOREAP};
    struct duration cap = {1, 0};
    int gate[2];
    long child = -1;
    if (call(pipe2, gate, O_CLOEXEC) < 0) return;
    if (kernel_since(7, 1)) child = call(clone3, &autoreap, sizeof autoreap);
    if (child == 0) keep(s, gate, 0);
    if (child < 0 && (child = sys_clone(0)) == 0) keep(s, gate, 1);
    if (child < 0 || !reports_first(s)) return;
    struct watched held = {.fd = gate[1]};
    call(close, gate[0]);
    call(ppoll, &held, 1, &cap);
}

/* Returns why not, as runc would: the first executable file on PATH is the one, and if it does not start, no other is tried. */
long run(const struct start *s) {
    enum { PATH_SIZE = 4096 };
    const char *name = s->program[0], *dir = s->search;
    char path[PATH_SIZE];
    long size = length(name);
    for (const char *c = name; *c; c++) if (*c == '/') return -call(execve, name, s->program, s->env);
    for (int more = *dir && size; more; dir++) {
        long n = 0;
        for (; *dir && *dir != ':'; dir++) if (n + size < PATH_SIZE - 4) path[n++] = *dir;
        more = *dir;
        if (n + size >= PATH_SIZE - 4) continue;
        if (n && path[n - 1] != '/') path[n++] = '/';
        for (long i = 0; i <= size; i++) path[n + i] = name[i];
        long error = -call(execve, path, s->program, s->env);
        if (!access_to(path, X_OK)) continue;
        path[n + size] = '/', path[n + size + 1] = '.', path[n + size + 2] = 0;
        if (!access_to(path, F_OK)) return error; /* a file, not a directory */
    }
    return ENOENT;
}

/* One write, so that no line of the program's neighbours comes between. */
_Noreturn void complain(const char *name, long why) {
    const char *reason = why == ENOENT ? "not found\n" : why == EACCES ? "permission denied\n"
                       : why == ENOEXEC ? "exec format error\n" : "not executable\n";
    const char *parts[] = {"chalk-shim: cannot run ", name, ": ", reason};
    struct piece line[4];
    for (int i = 0; i < 4; i++) line[i] = (struct piece){parts[i], length(parts[i])};
    call(writev, 2, line, 4);
    leave(why == ENOENT || why == ENOTDIR ? 127 : 126);
}

__attribute__((used)) _Noreturn void shim_main(long *stack) {
    char **argv = (char **)(stack + 1), **env = argv + stack[0] + 1, **e = env;
    const char *wish = "", *usual = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
    long self = call(getpid), wanted = 0;
    struct start s = {argv + (stack[0] > 0), argv, env, usual, "exec", self, self};
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
