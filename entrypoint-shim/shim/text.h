/* The little a C library would be needed for: words and decimal numbers. */

static inline long length(const char *s) { long n = 0; while (s[n]) n++; return n; }
static inline int begins(const char *s, const char *with) { while (*with) if (*s++ != *with++) return 0; return 1; }
static inline int equal(const char *a, const char *b) { return begins(a, b) && !a[length(b)]; }

/* The first of the words that matches, or 0; `words` ends with 0. */
static inline const char *first_of(const char *const *words, const char *s, int (*matches)(const char *, const char *)) {
    while (*words && !matches(s, *words)) words++;
    return *words;
}

/* The number at `*text`, which is moved behind it; 0 where there is none. What is too large for anything here stays below a billion. */
static inline long number_at(const char **text) {
    long value = 0;
    for (; **text >= '0' && **text <= '9'; ++*text) if (value < 100000000) value = value * 10 + **text - '0';
    return value;
}

/* Writes a number so that it ends before `end`, with the zero behind it, and returns where it begins. 11 bytes are enough. */
static inline char *decimal(char *end, long value) {
    unsigned int rest = (unsigned int)value; /* process numbers and wait statuses have 32 bits */
    *--end = 0;
    do *--end = (char)('0' + rest % 10); while (rest /= 10);
    return end;
}
