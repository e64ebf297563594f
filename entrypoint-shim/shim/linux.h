/* The few names of the kernel's interface that are the same on every processor. */
typedef unsigned long long u64;

/* call(close, fd): a system call by its name; arguments may be pointers, and those left out are 0. */
#define call(...) CALL_PADDED(__VA_ARGS__, 0, 0, 0, 0, 0, 0)
#define CALL_PADDED(name, a, b, c, d, e, ...) sys(SYS_##name, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e))

enum { ENOENT = 2, EINTR = 4, ENOEXEC = 8, ECHILD = 10, EAGAIN = 11, EACCES = 13, ENOTDIR = 20 };
enum { F_OK = 0, X_OK = 1, AT_CWD = -100, AT_SECURE = 23 };
enum { O_WRONLY = 01, O_NOCTTY = 0400, O_APPEND = 02000, O_NONBLOCK = 04000, O_CLOEXEC = 02000000 };
enum { SIGKILL = 9, SIGCHLD = 17, SIG_BLOCK = 0, SIG_SETMASK = 2, SI_KERNEL = 0x80, WNOHANG = 1 };
enum { PR_SET_PDEATHSIG = 1, PR_SET_DUMPABLE = 4, PR_SET_NAME = 15, PR_SET_NO_NEW_PRIVS = 38 };

/* struct linux_dirent64, of which `size` bytes are there. */
struct entry { u64 inode, offset; unsigned short size; char type, name[16]; };

/* struct clone_args, version 0 to 2. */
struct clone_args { u64 flags, others[10]; };
#define CLONE_AUTOREAP (1ULL << 34)

/* struct timespec of ppoll and rt_sigtimedwait, struct pollfd, struct iovec, the first words of siginfo_t, what rt_sigaction writes. */
struct duration { long seconds, nanoseconds; };
struct watched { int fd; short events, happened; };
struct piece { const char *base; long size; };
struct received { int number, error, code, others[29]; };
struct disposition { unsigned long handler, others[15]; };
