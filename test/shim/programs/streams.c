/* streams: a word on standard output and one on standard error. */
#include <stdio.h>

int main(void)
{
    puts("output");
    fputs("error\n", stderr);
    return 0;
}
