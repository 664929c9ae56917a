// What the Glibc module does not hand to Swift: functions behind _GNU_SOURCE (which would break debug builds if
// it were defined here: fd_set clashes) and macros that do not import.
#ifndef HAPROXYDB_PLATFORM_H
#define HAPROXYDB_PLATFORM_H

#include <errno.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/timex.h>
#include <sys/un.h>

/// posix_spawn_file_actions_addclosefrom_np(3); `actions` is a posix_spawn_file_actions_t.
int platform_spawn_closefrom(void *actions, int from);
/// pipe2(2)
int pipe2(int ends[2], int flags);
/// pidfd_open(2): a descriptor that becomes readable when the process ends.
int platform_pidfd_open(int pid);
int accept4(int fd, struct sockaddr *restrict address, socklen_t *restrict length, int flags);

enum {
    platform_sock_nonblock = SOCK_NONBLOCK,
    platform_sock_cloexec = SOCK_CLOEXEC,
    platform_msg_nosignal = MSG_NOSIGNAL,
    platform_sol_ip = SOL_IP,
    platform_ip_freebind = 15,  // IP_FREEBIND, <linux/in.h>: bind to an address that this host may get later
    platform_efd_nonblock = EFD_NONBLOCK,
    platform_efd_cloexec = EFD_CLOEXEC,
    platform_pollrdhup = 0x2000,  // POLLRDHUP: the peer has closed its side
};

/// What the kernel was told of its clock: microseconds that it may be wrong by at most; -1 where it is not synchronised,
/// -errno - 1 where it does not say.
static inline long long platform_clock_error(void) {
    struct timex clock = {.modes = 0};
    int state = adjtimex(&clock);
    if (state < 0) return -(long long)errno - 1;
    return state == TIME_ERROR || (clock.status & STA_UNSYNC) ? -1 : clock.maxerror;
}

/// Resource use of the whole process in microseconds of CPU (user + system).
static inline long long platform_cpu_microseconds(void) {
    struct rusage use;
    getrusage(RUSAGE_SELF, &use);
    return (long long)(use.ru_utime.tv_sec + use.ru_stime.tv_sec) * 1000000 + use.ru_utime.tv_usec
        + use.ru_stime.tv_usec;
}

/// Whether a TCP connection has failed (it is in state CLOSE), or its peer has left bytes, or probes of a window that it
/// had closed, unacknowledged for `milliseconds`. 0 for other sockets.
int platform_is_connection_dead(int fd, unsigned int milliseconds);

/// From now on the socket hears nothing: the kernel drops whatever comes for it. To its peer it has vanished. 0, or -errno.
int platform_go_deaf(int fd);

/// Raises the soft limit of open descriptors to the hard one. Returns what holds now, or -errno.
long long platform_raise_descriptor_limit(void);

/// No core files, and no other process of the same user that looks into this one. 0, or -1 with errno.
int platform_forbid_dumps(void);

/// Names the calling thread; the kernel keeps the first 15 bytes.
void platform_name_thread(const char *name);

#endif
