/* One header per processor: `_start`, `sys()`, `sys_clone()` and the call numbers. Nothing else differs. */
#if defined(__x86_64__)
#include "arch-amd64.h"
#elif defined(__aarch64__)
#include "arch-arm64.h"
#else
#error "no arch header for this processor"
#endif
