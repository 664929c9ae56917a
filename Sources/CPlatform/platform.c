#include "platform.h"

#include <errno.h>
#include <linux/filter.h>
#include <string.h>
#include <sys/prctl.h>

long long platform_raise_descriptor_limit(void) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return -errno;
    if (limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        if (setrlimit(RLIMIT_NOFILE, &limit) != 0) return -errno;
    }
    return limit.rlim_cur > 0x7fffffff ? 0x7fffffff : (long long)limit.rlim_cur;
}

void platform_name_thread(const char *name) {
    char kept[16] = {0};
    strncpy(kept, name, sizeof kept - 1);
    prctl(PR_SET_NAME, kept, 0, 0, 0);
}

int platform_is_connection_dead(int fd, unsigned int milliseconds) {
    struct tcp_info info;
    socklen_t length = sizeof info;
    if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &length) != 0) return 0;
    if (info.tcpi_state == TCP_CLOSE) return 1;
    // A first retransmission is nothing, and a window's probe is answered by whoever is there.
    int is_unanswered = (info.tcpi_unacked > 0 && info.tcpi_retransmits > 0) || info.tcpi_probes > 1;
    return is_unanswered && info.tcpi_last_ack_recv >= milliseconds;
}

int platform_forbid_dumps(void) {
    const struct rlimit none = {0, 0};
    if (setrlimit(RLIMIT_CORE, &none) != 0) return -1;
    return prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

int platform_go_deaf(int fd) {
    struct sock_filter drop_all[] = {BPF_STMT(BPF_RET | BPF_K, 0)};
    struct sock_fprog program = {.len = 1, .filter = drop_all};
    return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) == 0 ? 0 : -errno;
}
