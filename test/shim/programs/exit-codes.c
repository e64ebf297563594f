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

int main(int argc, char **argv)
{
    static const int lethal[] = {SIGHUP, SIGINT, SIGQUIT, SIGABRT, SIGKILL, SIGSEGV, SIGTERM, SIGPIPE, SIGALRM, SIGUSR1};
    const char *mode = getenv("CHALK_SHIM");
    int wrong = 0, stays = mode && !strcmp(mode, "init"); /* there the death by a signal is 128 and its number */
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
    for (unsigned i = 0; i < sizeof lethal / sizeof *lethal; i++) {
        int status = start(argv[1], "signal", lethal[i]);
        int died = stays ? WIFEXITED(status) && WEXITSTATUS(status) == 128 + lethal[i] : WIFSIGNALED(status) && WTERMSIG(status) == lethal[i];
        if (!died) wrong++, printf("signal %d came back as status %x\n", lethal[i], status);
    }
    printf("256 codes, %zu signals, %d wrong\n", sizeof lethal / sizeof *lethal, wrong);
    return wrong > 0;
}
