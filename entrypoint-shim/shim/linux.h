/* The few names of the kernel's interface that are the same on every processor. */
enum { ENOENT = 2, EINTR = 4, ENOEXEC = 8, EACCES = 13, ENOTDIR = 20 };
enum { F_OK = 0, X_OK = 1, AT_CWD = -100, AT_SECURE = 23 };
enum { O_WRONLY = 01, O_NOCTTY = 0400, O_APPEND = 02000, O_NONBLOCK = 04000, O_CLOEXEC = 02000000 };
enum { SIGKILL = 9, SIGCHLD = 17, SIG_SETMASK = 2 };
enum { PR_SET_PDEATHSIG = 1, PR_SET_DUMPABLE = 4, PR_SET_NAME = 15, PR_SET_NO_NEW_PRIVS = 38 };

/* struct linux_dirent64, of which `size` bytes are there. */
struct entry { unsigned long inode, offset; unsigned short size; char type, name[16]; };

/* struct clone_args, version 0 to 2. */
struct clone_args { unsigned long flags, others[10]; };
static const unsigned long CLONE_AUTOREAP = 1UL << 34;
