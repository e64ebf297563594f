/* The one file of the distroless image: says hello, who it runs as, and its arguments. */
#include <stdio.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	printf("distroless pid=%d uid=%d", (int)getpid(), (int)getuid());
	for (int i = 1; i < argc; i++)
		printf(" %s", argv[i]);
	putchar('\n');
	return 0;
}
