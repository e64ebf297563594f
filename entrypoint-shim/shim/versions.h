/* What differs from one version of the kernel to the next. */

/* Is the kernel of that version or a later one? */
static inline int kernel_since(long major, long minor) {
    char names[6][65];
    const char *release = names[2];
    if (call(uname, names) < 0) return 0;
    long x = number_at(&release), y = *release++ == '.' ? number_at(&release) : 0;
    return x > major || (x == major && y >= minor);
}

/* Closes every descriptor from that one on. close_range is of Linux 5.9 and profiles may refuse it; then the folder of
 * descriptors is read, where names are decimal numbers, "." and ".."; without that folder, as many as there may ever be. */
static inline void close_from(long from) {
    const struct entry *entry;
    u64 buffer[128];
    long n, dir;
    if (call(close_range, from, ~0u) == 0) return;
    dir = call(openat, AT_CWD, "/proc/self/fd", O_CLOEXEC);
    for (long fd = from; dir < 0 && fd < 1 << 20; fd++) call(close, fd);
    while (dir >= 0 && (n = call(getdents64, dir, buffer, sizeof buffer)) > 0)
        for (const char *at = (const char *)buffer; at < (const char *)buffer + n; at += entry->size) {
            entry = (const void *)at;
            const char *name = entry->name;
            long fd = number_at(&name);
            if (fd >= from && fd != dir) call(close, fd);
        }
    call(close, dir);
}
