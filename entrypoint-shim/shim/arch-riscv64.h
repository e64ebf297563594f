/* riscv64: entry point, system call, numbers (include/uapi/asm-generic/unistd.h). */
#define START ".globl _start\n_start: mv a0, sp\n andi sp, sp, -16\n call shim_main\n ebreak\n"

static inline long sys(long number, long a, long b, long c, long d, long e)
{
    register long a7 __asm__("a7") = number;
    register long a0 __asm__("a0") = a;
    register long a1 __asm__("a1") = b;
    register long a2 __asm__("a2") = c;
    register long a3 __asm__("a3") = d;
    register long a4 __asm__("a4") = e;
    __asm__ volatile("ecall" : "+r"(a0) : "r"(a7), "r"(a1), "r"(a2), "r"(a3), "r"(a4) : "memory");
    return a0;
}

enum {
    SYS_dup3 = 24, SYS_faccessat = 48, SYS_chdir = 49, SYS_openat = 56, SYS_close = 57, SYS_pipe2 = 59,
    SYS_getdents64 = 61, SYS_read = 63, SYS_write = 64, SYS_writev = 66, SYS_ppoll = 73, SYS_exit_group = 94,
    SYS_rt_sigprocmask = 135, SYS_setpriority = 140, SYS_getpriority = 141, SYS_setsid = 157, SYS_uname = 160, SYS_prctl = 167,
    SYS_getpid = 172, SYS_getppid = 173, SYS_clone = 220, SYS_execve = 221, SYS_wait4 = 260, SYS_clone3 = 435,
    SYS_close_range = 436, SYS_kill = 129, SYS_rt_sigaction = 134, SYS_rt_sigtimedwait = 137,
};

static inline long sys_clone(long flags) { return sys(SYS_clone, flags, 0, 0, 0, 0); }
