/* ppc64le, ELFv2: entry point (r2 must point to our TOC, r12 has our address), system call, numbers
 * (arch/powerpc/kernel/syscalls/syscall.tbl). A failed call sets the summary overflow bit and returns a positive error. */
#define START ".globl _start\n_start: bcl 20, 31, 1f\n1: mflr 2\n addis 2, 2, .TOC.-1b@ha\n addi 2, 2, .TOC.-1b@l\n" \
    " mr 3, 1\n clrrdi 1, 1, 4\n li 0, 0\n stdu 0, -112(1)\n mtlr 0\n bl shim_main\n nop\n trap\n"

static inline long sys(long number, long a, long b, long c, long d, long e)
{
    register long r0 __asm__("r0") = number;
    register long r3 __asm__("r3") = a;
    register long r4 __asm__("r4") = b;
    register long r5 __asm__("r5") = c;
    register long r6 __asm__("r6") = d;
    register long r7 __asm__("r7") = e;
    __asm__ volatile("sc\n bns+ 1f\n neg 3, 3\n1:"
                     : "+r"(r0), "+r"(r3), "+r"(r4), "+r"(r5), "+r"(r6), "+r"(r7)
                     :
                     : "r8", "r9", "r10", "r11", "r12", "cr0", "ctr", "xer", "memory");
    return r3;
}

enum {
    SYS_read = 3, SYS_write = 4, SYS_close = 6, SYS_execve = 11, SYS_chdir = 12, SYS_getpid = 20, SYS_kill = 37,
    SYS_getppid = 64, SYS_setsid = 66, SYS_getpriority = 96, SYS_setpriority = 97, SYS_wait4 = 114, SYS_clone = 120, SYS_uname = 122,
    SYS_writev = 146, SYS_prctl = 171, SYS_rt_sigaction = 173, SYS_rt_sigprocmask = 174, SYS_rt_sigtimedwait = 176,
    SYS_getdents64 = 202, SYS_exit_group = 234, SYS_ppoll = 281, SYS_openat = 286, SYS_faccessat = 298, SYS_dup3 = 316,
    SYS_pipe2 = 317, SYS_clone3 = 435, SYS_close_range = 436,
};

static inline long sys_clone(long flags) { return sys(SYS_clone, flags, 0, 0, 0, 0); }
