/* 32-bit ARM, EABI, version 7: entry point, system call, numbers (arch/arm/tools/syscall.tbl). */
#define START ".arm\n.globl _start\n_start: mov fp, #0\n mov lr, #0\n mov r0, sp\n bic sp, sp, #7\n bl shim_main\n udf #0\n"

static inline long sys(long number, long a, long b, long c, long d, long e)
{
    register long r7 __asm__("r7") = number;
    register long r0 __asm__("r0") = a;
    register long r1 __asm__("r1") = b;
    register long r2 __asm__("r2") = c;
    register long r3 __asm__("r3") = d;
    register long r4 __asm__("r4") = e;
    __asm__ volatile("svc 0" : "+r"(r0) : "r"(r7), "r"(r1), "r"(r2), "r"(r3), "r"(r4) : "memory");
    return r0;
}

enum {
    SYS_read = 3, SYS_write = 4, SYS_close = 6, SYS_execve = 11, SYS_chdir = 12, SYS_getpid = 20, SYS_kill = 37,
    SYS_getppid = 64, SYS_setsid = 66, SYS_getpriority = 96, SYS_setpriority = 97, SYS_wait4 = 114, SYS_clone = 120, SYS_uname = 122,
    SYS_writev = 146, SYS_prctl = 172, SYS_rt_sigaction = 174, SYS_rt_sigprocmask = 175, SYS_rt_sigtimedwait = 177,
    SYS_getdents64 = 217, SYS_exit_group = 248, SYS_openat = 322, SYS_faccessat = 334, SYS_ppoll = 336, SYS_dup3 = 358,
    SYS_pipe2 = 359, SYS_clone3 = 435, SYS_close_range = 436,
};

static inline long sys_clone(long flags) { return sys(SYS_clone, flags, 0, 0, 0, 0); }
