#include "platform.h"

#include <errno.h>
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

int platform_forbid_dumps(void) {
    const struct rlimit none = {0, 0};
    if (setrlimit(RLIMIT_CORE, &none) != 0) return -1;
    return prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}
