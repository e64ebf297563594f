/* arm64: entry point, system call, numbers (include/uapi/asm-generic/unistd.h; riscv64 has the same numbers). */
#define START ".globl _start\n_start: mov x29, #0\n mov x30, #0\n mov x0, sp\n and x1, x0, #-16\n mov sp, x1\n bl shim_main\n brk #1\n"

static inline long sys(long number, long a, long b, long c, long d, long e)
{
    register long x8 __asm__("x8") = number;
    register long x0 __asm__("x0") = a;
    register long x1 __asm__("x1") = b;
    register long x2 __asm__("x2") = c;
    register long x3 __asm__("x3") = d;
    register long x4 __asm__("x4") = e;
    __asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4) : "memory");
    return x0;
}

enum {
    SYS_dup3 = 24, SYS_faccessat = 48, SYS_chdir = 49, SYS_openat = 56, SYS_close = 57, SYS_pipe2 = 59,
    SYS_getdents64 = 61, SYS_read = 63, SYS_write = 64, SYS_writev = 66, SYS_ppoll = 73, SYS_exit_group = 94,
    SYS_rt_sigprocmask = 135, SYS_setpriority = 140, SYS_getpriority = 141, SYS_setsid = 157, SYS_uname = 160, SYS_prctl = 167,
    SYS_getpid = 172, SYS_getppid = 173, SYS_clone = 220, SYS_execve = 221, SYS_wait4 = 260, SYS_clone3 = 435,
    SYS_close_range = 436, SYS_kill = 129, SYS_rt_sigaction = 134, SYS_rt_sigtimedwait = 137,
};

/* clone(flags, stack): the order of the two differs on s390x, hence here. */
static inline long sys_clone(long flags) { return sys(SYS_clone, flags, 0, 0, 0, 0); }
