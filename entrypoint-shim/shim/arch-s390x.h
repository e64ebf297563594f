/* s390x: entry point, system call, numbers (arch/s390/kernel/syscalls/syscall.tbl). The ABI wants 160 bytes below the stack pointer. */
#define START ".globl _start\n_start: lgr %r2, %r15\n nill %r15, 0xfff8\n aghi %r15, -160\n brasl %r14, shim_main\n j .+2\n"

static inline long sys(long number, long a, long b, long c, long d, long e)
{
    register long r1 __asm__("r1") = number;
    register long r2 __asm__("r2") = a;
    register long r3 __asm__("r3") = b;
    register long r4 __asm__("r4") = c;
    register long r5 __asm__("r5") = d;
    register long r6 __asm__("r6") = e;
    __asm__ volatile("svc 0" : "+d"(r2) : "d"(r1), "d"(r3), "d"(r4), "d"(r5), "d"(r6) : "memory");
    return r2;
}

enum {
    SYS_read = 3, SYS_write = 4, SYS_close = 6, SYS_execve = 11, SYS_chdir = 12, SYS_getpid = 20, SYS_kill = 37,
    SYS_getppid = 64, SYS_setsid = 66, SYS_getpriority = 96, SYS_setpriority = 97, SYS_wait4 = 114, SYS_clone = 120, SYS_uname = 122,
    SYS_writev = 146, SYS_prctl = 172, SYS_rt_sigaction = 174, SYS_rt_sigprocmask = 175, SYS_rt_sigtimedwait = 177,
    SYS_getdents64 = 220, SYS_exit_group = 248, SYS_openat = 288, SYS_faccessat = 300, SYS_ppoll = 302, SYS_pipe2 = 325,
    SYS_dup3 = 326, SYS_clone3 = 435, SYS_close_range = 436,
};

/* Here the stack comes first. */
static inline long sys_clone(long flags) { return sys(SYS_clone, 0, flags, 0, 0, 0); }
