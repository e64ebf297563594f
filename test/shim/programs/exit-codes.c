/* exit-codes SHIM: starts itself through the shim for every exit code and for signals, and prints what came back different.
 * exit-codes exit N | signal N: what is started. */
#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static int start(char *shim, char *how, int n)
{
    char number[8];
    int status;
    snprintf(number, sizeof number, "%d", n);
    pid_t child = fork();
    if (child == 0) {
        char *argv[] = {shim, "--", "/proc/self/exe", how, number, NULL};
        argv[2] = realpath("/proc/self/exe", NULL);
        execv(shim, argv);
        _exit(200);
    }
    waitpid(child, &status, 0);
    return status;
}

/* Whether a signal ends a process that does nothing about it; those between SIGSYS and SIGRTMIN belong to libc. */
static int ends(int number)
{
    static const int harmless[] = {SIGCHLD, SIGCONT, SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU, SIGURG, SIGWINCH};
    for (unsigned i = 0; i < sizeof harmless / sizeof *harmless; i++) if (number == harmless[i]) return 0;
    return number <= SIGSYS || number >= SIGRTMIN;
}

int main(int argc, char **argv)
{
    const char *mode = getenv("CHALK_SHIM");
    int wrong = 0, signals = 0, stays = mode && !strcmp(mode, "init"); /* there the death by a signal is 128 and its number */
    if (argc == 3 && !strcmp(argv[1], "exit")) return atoi(argv[2]);
    if (argc == 3) {
        setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
        raise(atoi(argv[2]));
        return 100;
    }
    for (int code = 0; code < 256; code++) {
        int status = start(argv[1], "exit", code);
        if (!WIFEXITED(status) || WEXITSTATUS(status) != code) wrong++, printf("exit %d came back as status %x\n", code, status);
    }
    for (int number = 1; number <= SIGRTMAX; number++) {
        if (!ends(number)) continue;
        int status = start(argv[1], "signal", number);
        int died = stays ? WIFEXITED(status) && WEXITSTATUS(status) == 128 + number : WIFSIGNALED(status) && WTERMSIG(status) == number;
        signals++;
        if (!died) wrong++, printf("signal %d came back as status %x\n", number, status);
    }
    printf("256 codes, %d signals, %d wrong\n", signals, wrong);
    return wrong > 0;
}
