// Alone in its file: with _GNU_SOURCE the system's headers define some types otherwise than in the modules.
#define _GNU_SOURCE
#include <fcntl.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <unistd.h>

int platform_spawn_closefrom(void *actions, int from) {
    return posix_spawn_file_actions_addclosefrom_np(actions, from);
}

int platform_pidfd_open(int pid) {
    return (int)syscall(SYS_pidfd_open, pid, 0);
}
