/* What the parts of the shim share: shim.c is process 1 until it becomes the program, keeper.c the helper it leaves
 * behind, init.c process 1 in the one mode that stays. */
#include "arch.h"
#include "linux.h"

/* Program to run, the shim's own arguments and environment, PATH, one of the known modes, numbers of both processes. */
struct start { char **program, **argv, **env; const char *search, *mode; long self, pid; };

static inline long length(const char *s) { long n = 0; while (s[n]) n++; return n; }
static inline int begins(const char *s, const char *with) { while (*with) if (*s++ != *with++) return 0; return 1; }
static inline int equal(const char *a, const char *b) { return begins(a, b) && !a[length(b)]; }
static inline _Noreturn void leave(int code) { for (;;) sys(SYS_exit_group, code, 0, 0, 0, 0); }

_Noreturn void complain(const char *name, long why);
long run(const struct start *s);
_Noreturn void keep(const struct start *s, const int *gate, int stay);
_Noreturn void become_reporter(const struct start *s, const char *mode, long parent, long detail);
void start_init(struct start *s);
