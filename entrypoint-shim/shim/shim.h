/* What the parts of the shim share: shim.c is process 1 until it becomes the program, keeper.c the helper it leaves
 * behind, init.c process 1 in the one mode that stays. */
#include "arch.h"
#include "linux.h"
#include "text.h"
#include "versions.h"

/* Program to run, the shim's own arguments and environment, PATH, one of the known modes, numbers of both processes. */
struct start { char **program, **argv, **env; const char *search, *mode; long self, pid; };

/* In these modes the program waits for the report, a second at most. */
static inline int reports_first(const struct start *s) { return *s->mode == 's' || *s->mode == 'l'; }
static inline _Noreturn void leave(int code) { for (;;) call(exit_group, code); }

_Noreturn void complain(const char *name, long why);
long run(const struct start *s);
_Noreturn void keep(const struct start *s, const int *gate, int stay);
void own_descriptors(const int *gate);
_Noreturn void become_reporter(const struct start *s, const char *mode, long parent, long detail);
void start_init(struct start *s);
