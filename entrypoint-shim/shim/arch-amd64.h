/* x86-64: entry point, system call, numbers (arch/x86/entry/syscalls/syscall_64.tbl). */
#define START ".globl _start\n_start: xor %ebp, %ebp\n mov %rsp, %rdi\n and $-16, %rsp\n call shim_main\n hlt\n"

static inline long sys(long number, long a, long b, long c, long d, long e)
{
    long result;
    register long r10 __asm__("r10") = d;
    register long r8 __asm__("r8") = e;
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8)
                     : "rcx", "r11", "memory");
    return result;
}

enum {
    SYS_read = 0, SYS_write = 1, SYS_close = 3, SYS_rt_sigprocmask = 14, SYS_writev = 20, SYS_getpid = 39,
    SYS_clone = 56, SYS_execve = 59, SYS_wait4 = 61, SYS_uname = 63, SYS_chdir = 80, SYS_getppid = 110,
    SYS_setsid = 112, SYS_getpriority = 140, SYS_setpriority = 141, SYS_prctl = 157, SYS_getdents64 = 217, SYS_exit_group = 231,
    SYS_openat = 257, SYS_faccessat = 269, SYS_ppoll = 271, SYS_dup3 = 292, SYS_pipe2 = 293, SYS_clone3 = 435,
    SYS_close_range = 436, SYS_rt_sigaction = 13, SYS_kill = 62, SYS_rt_sigtimedwait = 128,
};

/* clone(flags, stack): the order of the two differs on s390x, hence here. */
static inline long sys_clone(long flags) { return sys(SYS_clone, flags, 0, 0, 0, 0); }
