/* signals: prints "ready", then the number of every signal it gets; SIGTERM ends it with 3. What cannot be caught it does not wait for.
 * signals orphans: leaves two processes behind whose parent is gone, and tells after a while how many zombies it sees. */
#define _GNU_SOURCE
#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static int zombies(void)
{
    int found = 0;
    DIR *processes = opendir("/proc");
    for (struct dirent *entry; processes && (entry = readdir(processes));) {
        char path[300], state = 0;
        snprintf(path, sizeof path, "/proc/%s/stat", entry->d_name);
        FILE *file = fopen(path, "r");
        if (file && fscanf(file, "%*d (%*[^)]) %c", &state) == 1 && state == 'Z') found++;
        if (file) fclose(file);
    }
    return found;
}

static int orphans(void)
{
    for (int i = 0; i < 2; i++) {
        pid_t child = fork();
        if (child == 0) {
            if (fork() == 0) usleep(50000);
            _exit(0);
        }
        waitpid(child, NULL, 0);
    }
    usleep(300000);
    printf("zombies=%d\n", zombies());
    return 0;
}

int main(int argc, char **argv)
{
    sigset_t all;
    int number;
    if (argc > 1 && !strcmp(argv[1], "orphans")) return orphans();
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, NULL);
    printf("ready\n"), fflush(stdout);
    while ((number = sigwaitinfo(&all, NULL)) != SIGTERM) printf("%d\n", number), fflush(stdout);
    return 3;
}
