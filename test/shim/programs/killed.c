/* killed: dies by a signal, whatever its arguments. */
#include <signal.h>
#include <unistd.h>

int main(void)
{
    raise(SIGKILL);
    return 0;
}
