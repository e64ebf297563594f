/* Start time of a program, direct and through a wrapper, in turn: start ROUNDS WRAPPER… --- PROGRAM…
 * Prints the medians in microseconds. From the fork until the exit of the process that was started. */
#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1e6 + t.tv_nsec / 1e3;
}

static double once(char **argv) {
  double start = now();
  pid_t child = vfork();
  if (child == 0) {
    execv(argv[0], argv);
    _exit(127);
  }
  int status;
  waitpid(child, &status, 0);
  double took = now() - start;
  if (status != 0) exit(1);
  /* The wrapper's helper outlives it and is ours now: it must not run into the next measurement. */
  for (pid_t left; (left = waitpid(-1, &status, __WALL | WNOHANG)) >= 0;)
    if (left == 0) usleep(200);
  return took;
}

static int ascending(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

int main(int argc, char **argv) {
  int rounds = atoi(argv[1]), split = 2;
  while (split < argc && strcmp(argv[split], "---") != 0) split++;
  argv[split] = NULL;
  prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
  double *wrapped = calloc(rounds, sizeof *wrapped), *direct = calloc(rounds, sizeof *direct);
  for (int i = -10; i < rounds; i++) {
    double a = once(argv + 2), b = once(argv + split + 1);
    if (i >= 0) wrapped[i] = a, direct[i] = b;
  }
  qsort(wrapped, rounds, sizeof *wrapped, ascending);
  qsort(direct, rounds, sizeof *direct, ascending);
  printf("%.0f %.0f\n", wrapped[rounds / 2], direct[rounds / 2]);
}
