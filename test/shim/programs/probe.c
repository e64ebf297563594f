/* Prints everything a program can see of the state it was started in: one fact a line, so that two starts can be compared. */
#define _GNU_SOURCE
#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

static void hex(const char *label, const char *bytes)
{
    printf("%s ", label);
    for (; *bytes; bytes++) isgraph((unsigned char)*bytes) ? putchar(*bytes) : printf("\\x%02x", (unsigned char)*bytes);
    putchar('\n');
}

/* Lines of a /proc file whose names begin with one of the words. */
static void lines(const char *path, const char *const *words)
{
    char line[4096];
    FILE *file = fopen(path, "re");
    while (file && fgets(line, sizeof line, file))
        for (const char *const *word = words; *word; word++)
            if (!strncmp(line, *word, strlen(*word))) printf("%s: %s", path, line);
    if (file) fclose(file);
}

static void descriptors(void)
{
    char path[64], target[4096];
    struct stat facts;
    for (int fd = 0; fd < 1024; fd++) {
        if (fcntl(fd, F_GETFD) < 0) continue;
        snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
        ssize_t n = readlink(path, target, sizeof target - 1);
        target[n < 0 ? 0 : n] = 0;
        if (target[0] != '/') *strchrnul(target, '[') = 0; /* the number of a pipe differs from run to run */
        fstat(fd, &facts);
        printf("fd %d %s type=%o flags=%x fdflags=%x\n", fd, target, facts.st_mode & S_IFMT, fcntl(fd, F_GETFL), fcntl(fd, F_GETFD));
    }
}

int main(int argc, char **argv, char **env)
{
    char text[4096] = "";
    int number = 0;
    struct itimerval timer;
    mode_t mask = umask(0);
    umask(mask);
    setvbuf(stdout, malloc(1 << 16), _IOFBF, 1 << 16);
    printf("argc %d pid1 %d leader %d group %d\n", argc, getpid() == 1, getsid(0) == getpid(), getpgid(0) == getpid());
    for (int i = 0; i < argc; i++) hex("arg", argv[i]);
    for (; *env; env++) hex("env", *env);
    hex("cwd", getcwd(text, sizeof text) ? text : "?");
    hex("execfn", (char *)getauxval(AT_EXECFN));
    prctl(PR_GET_NAME, text);
    hex("comm", text);
    prctl(PR_GET_PDEATHSIG, &number);
    getitimer(ITIMER_REAL, &timer);
    printf("umask %o nice %d dumpable %d pdeathsig %d itimer %d secure %lu\n", mask, getpriority(PRIO_PROCESS, 0), prctl(PR_GET_DUMPABLE), number,
           timer.it_value.tv_sec > 0, getauxval(AT_SECURE));
    prctl(PR_GET_CHILD_SUBREAPER, &number);
    printf("subreaper %d keepcaps %d securebits %d timerslack %d thp %d\n", number, prctl(PR_GET_KEEPCAPS), prctl(PR_GET_SECUREBITS), prctl(PR_GET_TIMERSLACK),
           prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0));
    lines("/proc/self/status", (const char *const[]){"SigPnd", "SigBlk", "SigIgn", "SigCgt", "ShdPnd", "NoNew", "Cap", "Seccomp", "Threads", "Groups", "Uid", "Gid", "Cpus_allowed:", NULL});
    lines("/proc/self/limits", (const char *const[]){"Max", NULL});
    lines("/proc/self/oom_score_adj", (const char *const[]){"", NULL});
    lines("/proc/self/coredump_filter", (const char *const[]){"", NULL});
    lines("/proc/self/personality", (const char *const[]){"", NULL});
    descriptors();
    return 0;
}
