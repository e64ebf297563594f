/* One header per processor: START (the entry point), `sys()`, `sys_clone()` and the call numbers. Nothing else differs. */
#if defined(__x86_64__)
#include "arch-amd64.h"
#elif defined(__aarch64__)
#include "arch-arm64.h"
#elif defined(__arm__)
#include "arch-arm.h"
#elif defined(__riscv) && __riscv_xlen == 64
#include "arch-riscv64.h"
#elif defined(__s390x__)
#include "arch-s390x.h"
#elif defined(__powerpc64__) && defined(__LITTLE_ENDIAN__)
#include "arch-ppc64le.h"
#else
#error "no arch header for this processor"
#endif
