/* deny CALL PROGRAM ARGUMENTS...: becomes the program in a process for which one system call is "not implemented"; with !CALL
 * whoever makes it is killed. */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static const struct { const char *name; unsigned number; } calls[] = {
    {"clone", SYS_clone}, {"clone3", SYS_clone3}, {"close_range", SYS_close_range}, {"pipe2", SYS_pipe2}, {"prctl", SYS_prctl},
    {"setsid", SYS_setsid}, {"dup3", SYS_dup3}, {"chdir", SYS_chdir}, {"setpriority", SYS_setpriority}, {"uname", SYS_uname},
    {"getpriority", SYS_getpriority},
    {"rt_sigprocmask", SYS_rt_sigprocmask}, {"faccessat", SYS_faccessat}, {"openat", SYS_openat}, {"socket", SYS_socket},
    {"getppid", SYS_getppid}, {"wait4", SYS_wait4},
};

int main(int argc, char **argv)
{
    int kills = argc > 2 && argv[1][0] == '!';
    for (unsigned i = 0; argc > 2 && i < sizeof calls / sizeof *calls; i++) {
        if (strcmp(calls[i].name, argv[1] + kills)) continue;
        struct sock_filter code[] = {
            BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
            BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, calls[i].number, 0, 1),
            BPF_STMT(BPF_RET | BPF_K, kills ? SECCOMP_RET_KILL_PROCESS : SECCOMP_RET_ERRNO | ENOSYS),
            BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
        };
        struct sock_fprog program = {sizeof code / sizeof *code, code};
        if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program)) return 123;
        execv(argv[2], argv + 2);
        return 124;
    }
    return 125;
}
