/* Puts itself into an unusual state and becomes the program of its arguments, which gets one argument and one variable of all bytes more. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    char bytes[260] = "";
    sigset_t blocked;
    struct itimerval timer = {.it_value.tv_sec = 100};
    char **program = calloc((size_t)argc + 2, sizeof *program);
    for (int i = 1; i < 256; i++) bytes[i - 1] = (char)i;
    memcpy(program, argv + 1, ((size_t)argc - 1) * sizeof *program);
    program[argc - 1] = bytes;
    setenv("BYTES", bytes, 1);
    signal(SIGPIPE, SIG_IGN), signal(SIGHUP, SIG_IGN), signal(SIGUSR1, SIG_IGN);
    sigemptyset(&blocked), sigaddset(&blocked, SIGUSR2), sigaddset(&blocked, SIGCHLD), sigprocmask(SIG_SETMASK, &blocked, NULL);
    setpriority(PRIO_PROCESS, 0, 3);
    dup2(open("/dev/null", O_RDONLY | O_CLOEXEC), 7);
    setrlimit(RLIMIT_NOFILE, &(struct rlimit){64, 4000});
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    setitimer(ITIMER_REAL, &timer, NULL);
    umask(027);
    close(0);
    execv(program[0], program);
    return 124;
}
